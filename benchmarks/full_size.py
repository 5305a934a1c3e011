"""Networks of the real size: dancegen's way of painting beside diffusers' own pipeline, on a CPU.

    python benchmarks/full_size.py [--size 128x192] [--frames 16] [--steps 2] [--scratch FOLDER] [--json]
    python benchmarks/full_size.py --width 0.1     a tenth of the width: to see that it runs

Stable Diffusion 1.5's UNet and text encoder, a VAE, AnimateDiff's motion modules and ControlNet are made from their
published configurations in `dancegen/renderers/animatediff/sd15`, with random weights of a seed, and saved as
repositories are, in a scratch folder (7.5 GB). Each way loads them in a process of its own, one after the other, and
paints one window of frames from the same noise: dancegen as `render` does, at two levels of memory, and diffusers'
AnimateDiffControlNetPipeline. Said of each: how far its latents and pictures are from the pipeline's, what it took, and
the most that was resident while networks were loaded and while the film was painted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import (
    command,
    forget_peak,
    in_fresh_process,
    peak_mb,
    sd15_config,
    show,
    synthetic_dance,
    table,
    timed,
    use_cores,
)

PEER = "diffusers"
SEED, PROMPT, AGAINST = 7, "a dancer in a red dress", "blurry"
ROLES = ("base", "vae", "motion_adapter", "controlnet")
ROOM_GB = 13.0
"""Free memory that the full width needs: the pipeline has some weights twice while it is put together."""


def write_models(folder: str, width: float) -> dict[str, float]:
    """Every network as a directory; returns how many parameters each has."""
    import torch
    from diffusers import AutoencoderKL, ControlNetModel, MotionAdapter, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    def text_encoder(config: dict[str, Any]) -> CLIPTextModel:
        small = {"num_hidden_layers": 1, "vocab_size": 64} if width < 1 else {}
        return CLIPTextModel(CLIPTextConfig(**config | small))

    kinds: Mapping[str, tuple[Any, str]] = {
        "unet": (UNet2DConditionModel.from_config, "base/unet"),
        "text_encoder": (text_encoder, "base/text_encoder"),
        "vae": (AutoencoderKL.from_config, "vae"),
        "motion_adapter": (MotionAdapter.from_config, "motion_adapter"),
        "controlnet": (ControlNetModel.from_config, "controlnet"),
    }
    found: dict[str, float] = {}
    for number, (part, (make, place)) in enumerate(kinds.items()):
        torch.manual_seed(SEED + number)
        network = make(sd15_config(part, width))
        with torch.no_grad():  # ControlNets and motion modules begin as if they were not there
            for parameter in network.parameters():
                if not parameter.any():
                    parameter.normal_(0, 0.02)
        network.save_pretrained(Path(folder) / place)
        found[part] = float(sum(parameter.numel() for parameter in network.parameters()))
        del network
    write_tokenizer(Path(folder) / "base" / "tokenizer")
    return found


def write_tokenizer(folder: Path) -> None:
    """CLIP's tokenizer that knows single letters: the published vocabulary is not a part of the configuration."""
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    vocab, merges = folder / "vocab.json", folder / "merges.txt"
    vocab.write_text(json.dumps({token: number for number, token in enumerate(tokens)}), encoding="utf-8")
    merges.write_text("#version: 0.2\n", encoding="utf-8")
    CLIPTokenizer(str(vocab), str(merges), model_max_length=77).save_pretrained(folder)


def measure(way: str, folder: str, options: dict) -> dict[str, float]:
    """What one way takes, in this process; its latents and pictures stay in the folder, under its name."""
    import numpy as np

    from dancegen.hub import quiet_libraries

    settings = settings_of(folder, options, None if way == PEER else way)
    with quiet_libraries():
        with timed() as loading:
            loaded = load_published(folder, settings) if way == PEER else load_ours(settings)
        loading_mb = peak_mb()
        forget_peak()
        with timed() as painting:
            paint = paint_published if way == PEER else paint_ours
            latents, pictures = paint(loaded, settings, options, Path(folder) / way)
    np.savez(Path(folder) / f"{way}.npz", latents=latents, pictures=pictures)
    return {
        "load_s": loading.wall_s, "load_mb": loading_mb, "paint_s": painting.wall_s, "paint_cpu_s": painting.cpu_s,
        "paint_mb": peak_mb(),
    }  # fmt: skip


def settings_of(folder: str, options: dict, vram: str | None):
    """What is painted, as `render` would have it from its options."""
    from dancegen.renderers.animatediff.settings import Settings

    models = {role: str(Path(folder) / role) for role in ROLES}
    named = {} if vram is None else {"vram": vram}
    return Settings(
        **models, **named, steps=options["steps"], negative_prompt=AGAINST, window=options["frames"]
    ).completed()  # fmt: skip


def load_published(folder: str, settings):
    """The pipeline as its documentation puts it together, with the sampler that dancegen takes."""
    from diffusers import (
        AnimateDiffControlNetPipeline,
        AutoencoderKL,
        ControlNetModel,
        MotionAdapter,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextModel, CLIPTokenizer

    from dancegen.renderers.animatediff.loading import make_scheduler

    base = Path(folder) / "base"
    pipeline = AnimateDiffControlNetPipeline(
        vae=AutoencoderKL.from_pretrained(settings.vae),
        text_encoder=CLIPTextModel.from_pretrained(base / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(base / "tokenizer"),
        unet=UNet2DConditionModel.from_pretrained(base / "unet"),
        motion_adapter=MotionAdapter.from_pretrained(settings.motion_adapter),
        controlnet=ControlNetModel.from_pretrained(settings.controlnet),
        scheduler=make_scheduler(settings.sampler),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def paint_published(pipeline, settings, options: dict, folder: Path):
    """((F, 4, h, w) latents, (F, H, W, 3) uint8 pictures) of one call."""
    import torch
    from PIL import Image

    width, height = sides(options["size"])
    with torch.inference_mode():
        found = pipeline(
            PROMPT, negative_prompt=AGAINST, num_frames=options["frames"], width=width, height=height,
            num_inference_steps=settings.steps, guidance_scale=settings.guidance,
            latents=noise(pipeline, options).permute(1, 0, 2, 3)[None],
            conditioning_frames=[Image.fromarray(pose) for pose in poses(options)], output_type="latent",
        ).frames  # fmt: skip
        (pictures,) = pipeline.video_processor.postprocess_video(pipeline.decode_latents(found), output_type="np")
    return found[0].permute(1, 0, 2, 3).numpy(), (pictures * 255).round().astype("uint8")


def load_ours(settings):
    """What `render` paints with."""
    from dancegen.hub import locate
    from dancegen.renderers.animatediff.backend import BACKEND
    from dancegen.renderers.film.tiers import tier_named
    from dancegen.weights import Models

    models = Models(tuple(locate(ref, offline=True) for ref in BACKEND.references(settings)))
    return BACKEND.load(models, settings, "cpu", tier_named(settings.vram))


def paint_ours(painter, settings, options: dict, folder: Path):
    """The same of one segment, whose latents are in the file that an interrupted film goes on from."""
    import numpy as np

    from dancegen.renderers.film.backend import Scene
    from dancegen.renderers.film.resume import LATENTS, load_latents

    shown, frames = poses(options), {}
    scene = Scene(0, shown, (PROMPT,), np.ones((len(shown), 1), np.float32), SEED)
    painter.film(scene, frames.__setitem__, resume=folder)
    latents, _ = load_latents(folder / LATENTS, painter.pipeline.scheduler, "cpu")
    return latents.numpy(), np.stack([frames[place] for place in range(len(shown))])


def noise(pipeline, options: dict):
    """(F, 4, h, w) that a film of this seed begins with."""
    from dancegen.renderers.animatediff.windows import frame_noise

    width, height = (side // pipeline.vae_scale_factor for side in sides(options["size"]))
    return frame_noise(SEED, 0, options["frames"], (4, height, width), window=options["frames"])


def poses(options: dict):
    """(F, H, W, 3) uint8: a dancer drawn for ControlNet."""
    import numpy as np

    from dancegen.pose.drawing import draw_openpose

    size = sides(options["size"])
    keypoints = synthetic_dance(options["frames"] / 10, 10).keypoints * [size[0] / 512, size[1] / 512, 1]
    return np.stack([draw_openpose(pose, size) for pose in keypoints])


def compared(folder: Path, options: dict, levels: Sequence[str]) -> list[dict]:
    """The peer, then ours at each level, beside how far its latents and pictures are from the peer's."""
    import numpy as np

    rows = []
    for way in (PEER, *levels):
        found = in_fresh_process(measure, way, folder, options)
        print(json.dumps({way: found}), file=sys.stderr, flush=True)  # who breaks it off keeps what was measured
        made = np.load(folder / f"{way}.npz")
        latents, pictures = made["latents"], made["pictures"].astype(int)
        if way == PEER:
            theirs, shown, peer = latents, pictures, found
        rows.append(
            {
                "way": way if way == PEER else f"dancegen --vram {way}",
                **{name: found[name] for name in ("load_s", "load_mb", "paint_s", "paint_cpu_s", "paint_mb")},
                "ratio": found["paint_cpu_s"] / peer["paint_cpu_s"],
                "latents": float(np.abs(theirs).max()), "latents_off": float(np.abs(latents - theirs).max()),
                "pictures_off": int(np.abs(pictures - shown).max()),
            }
        )  # fmt: skip
    return rows


def as_text(parameters: Mapping[str, float], rows: list[dict], options: dict) -> str:
    titles = (
        "", "latents off by", "pictures off by", "loading, s", "painting, s", "CPU s", f"ratio to {PEER}",
        "peak loading, GB", "peak painting, GB",
    )  # fmt: skip
    cells = [
        (
            row["way"], "-" if row["way"] == PEER else f"{row['latents_off']:.1e}",
            "-" if row["way"] == PEER else row["pictures_off"], f"{row['load_s']:.0f}", f"{row['paint_s']:.0f}",
            f"{row['paint_cpu_s']:.0f}", f"{row['ratio']:.2f}", f"{row['load_mb'] / 1e3:.1f}",
            f"{row['paint_mb'] / 1e3:.1f}",
        )
        for row in rows
    ]  # fmt: skip
    sizes = ", ".join(f"{part} {count / 1e6:.0f}" for part, count in parameters.items())
    return (
        f"{options['frames']} frames of {options['size']}, {options['steps']} steps, in float32. Millions of "
        f"parameters: {sizes}. Latents reach {rows[0]['latents']:.1f}; pictures are off by levels of 255.\n\n"
        f"{table(titles, cells)}"
    )


def sides(size: str) -> tuple[int, int]:
    width, height = (int(side) for side in size.split("x"))
    return width, height


def free_gb() -> float:
    """Memory that is free, where the system says so."""
    about = Path("/proc/meminfo")
    lines = dict(line.split(":", 1) for line in about.read_text().splitlines()) if about.exists() else {}
    return int(lines["MemAvailable"].split()[0]) * 1024 / 1e9 if "MemAvailable" in lines else float("inf")


def main(arguments: list[str] | None = None) -> None:
    parser = command(__doc__)
    parser.add_argument("--size", default="128x192")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--vram", default="24,8", help="levels of memory, as render has them")
    parser.add_argument("--width", type=float, default=1.0, help="share of the networks' channels")
    parser.add_argument("--scratch", type=Path, help="where the networks are kept for a moment; 7.5 GB")
    options = parser.parse_args(arguments)
    if options.width == 1 and free_gb() < ROOM_GB:
        sys.exit(f"{free_gb():.1f} GB of memory are free, and the full width needs {ROOM_GB:.0f}: try --width 0.5")
    use_cores(options.cores)
    os.environ["HF_HUB_OFFLINE"] = "1"  # all is here, and transformers would ask the hub about a tokenizer all the same
    with TemporaryDirectory(dir=options.scratch) as scratch:
        chosen = {name: getattr(options, name) for name in ("size", "frames", "steps")}
        parameters = in_fresh_process(write_models, scratch, options.width)
        parameters.pop("peak_mb")
        rows = compared(Path(scratch), chosen, options.vram.split(","))
    found: dict[str, Any] = {"parameters": parameters, "rows": rows}
    show(found, as_text(parameters, rows, chosen), as_json=options.json)


if __name__ == "__main__":
    main()
