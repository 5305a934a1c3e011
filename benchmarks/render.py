"""What a painted film costs: seconds a frame and peak memory, of the published way and of dancegen's.

    python benchmarks/render.py [--device cuda] [--size 512x768] [--frames 32,128,512] [--json]
    python benchmarks/render.py --reduced          a tenth of the width, small frames, a third of the steps: for a CPU
    python benchmarks/render.py --count            nothing runs: operations and bytes of the full size, counted

The networks have the shapes of Stable Diffusion 1.5 and its companions, from the configurations in
`dancegen/renderers/animatediff/sd15`, and random weights: what they cost does not depend on their values. The peer is
the published way: one call of diffusers' AnimateDiffControlNetPipeline on 32 frames, 20 steps. Each row is measured in
a process of its own, beside its ratio to the peer. On a GPU the peak is what CUDA allocated at most; on a CPU, what the
process took beyond its weights.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import command, in_fresh_process, peak_mb, sd15_config, show, table, timed, use_cores

if TYPE_CHECKING:
    from dancegen.renderers.animatediff.costs import Networks
    from dancegen.renderers.animatediff.settings import Settings
    from dancegen.renderers.animatediff.thrift import Thrift

PUBLISHED, OURS, FAST = "published", "dancegen", "dancegen --fast"
PUBLISHED_FRAMES, COUNTED_FRAMES = 32, 128


def make_pipeline(device: str, dtype, sampler: str, width: float):
    """The pipeline with random weights; `width` is the share of the channels that it has."""
    import torch
    from diffusers import AnimateDiffControlNetPipeline, AutoencoderKL, ControlNetModel, MotionAdapter
    from diffusers import UNet2DConditionModel as UNet
    from transformers import CLIPTextConfig, CLIPTextModel

    from dancegen.hub import quiet_libraries
    from dancegen.renderers.animatediff.loading import make_scheduler

    def network(kind, part: str):
        return kind.from_config(sd15_config(part, width))

    text = CLIPTextConfig(hidden_size=768, num_hidden_layers=1, num_attention_heads=12, vocab_size=1000)
    with quiet_libraries(), torch.device(device):
        pipeline = AnimateDiffControlNetPipeline(
            vae=network(AutoencoderKL, "vae"),
            text_encoder=CLIPTextModel(text),
            tokenizer=None,
            unet=network(UNet, "unet"),
            motion_adapter=network(MotionAdapter, "motion_adapter"),
            controlnet=network(ControlNetModel, "controlnet"),
            scheduler=make_scheduler(sampler),
        ).to(device, dtype)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def paint_published(pipeline, settings: Settings, size: tuple[int, int], frames: int) -> None:
    """One call for all frames."""
    import torch
    from PIL import Image

    width, height = size
    words = torch.randn(1, 77, 768, device=pipeline.device, dtype=pipeline.unet.dtype)
    pipeline(
        prompt_embeds=words, negative_prompt_embeds=words, num_frames=frames, width=width, height=height,
        num_inference_steps=settings.steps, guidance_scale=settings.guidance, output_type="np",
        conditioning_frames=[Image.new("RGB", size)] * frames,
    )  # fmt: skip


def paint_ours(pipeline, settings: Settings, size: tuple[int, int], frames: int, tier: str) -> None:
    """Segment by segment, as `render` does it."""
    import numpy as np
    import torch

    from dancegen.renderers.animatediff.painter import AnimateDiffPainter
    from dancegen.renderers.film.backend import Scene
    from dancegen.renderers.film.segments import cut
    from dancegen.renderers.film.tiers import tier_named

    painter = AnimateDiffPainter(pipeline, settings, tier_named(tier), str(pipeline.device))
    words = torch.randn(77, 768, device=pipeline.device, dtype=pipeline.unet.dtype)
    painter.texts.known = {"a dancer": words, settings.negative_prompt: words}  # there is no tokenizer here
    for piece in cut(frames, [], [], longest=settings.segment, overlap=settings.overlap, shortest=settings.window):
        poses = np.zeros((len(piece), size[1], size[0], 3), np.uint8)
        scene = Scene(piece.first, poses, ("a dancer",), np.ones((len(piece), 1), np.float32))
        painter.film(scene, lambda place, frame: None)


def measure(way: str, frames: int, options: dict) -> dict[str, float]:
    """Seconds a frame and peak bytes of one way at one length, in this process."""
    import torch

    from dancegen.renderers.animatediff.settings import Settings

    size, device = sides(options["size"]), options["device"]
    settings = Settings(fast=way == FAST, steps=options["steps"]).completed()
    if options["steps"] is None:
        settings = replace(settings, steps=max(1, round(settings.steps * options["steps_share"])))
    dtype = torch.float32 if device == "cpu" else torch.float16
    pipeline = make_pipeline(device, dtype, settings.sampler, options["width"])
    on_gpu = device == "cuda"
    before = 0.0 if on_gpu else _resident_mb()
    with timed() as cost:
        if way == PUBLISHED:
            paint_published(pipeline, settings, size, frames)
        else:
            paint_ours(pipeline, settings, size, frames, options["vram"])
        if on_gpu:
            torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() / 1e6 if on_gpu else peak_mb()
    return {
        "steps": settings.steps, "s_per_frame": cost.wall_s / frames, "cpu_s_per_frame": cost.cpu_s / frames,
        "painting_mb": max(0.0, peak - before),
    }  # fmt: skip


def _resident_mb() -> float:
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measured_rows(options: argparse.Namespace) -> list[dict]:
    """The peer, then ours; a row that fails, of memory for instance, is left out, and its reason is on stderr.

    Seconds a frame are also given as a share of the peer's: of the clock on a GPU, of CPU time without.
    """
    lengths = [int(length) for length in options.frames.split(",")]
    rows = []
    for way, frames in [(PUBLISHED, PUBLISHED_FRAMES), *((way, length) for way in (OURS, FAST) for length in lengths)]:
        try:
            found = in_fresh_process(measure, way, frames, vars(options))
        except SystemExit:
            print(f"{way}, {frames} frames: failed", file=sys.stderr)
            continue
        rows.append({"way": way, "frames": frames, **found})
    clock = "s_per_frame" if options.device == "cuda" else "cpu_s_per_frame"
    peer = rows[0] if rows and rows[0]["way"] == PUBLISHED else None
    return [row | {"ratio": row[clock] / peer[clock] if peer else None} for row in rows]


def as_text(rows: list[dict]) -> str:
    titles = ("", "frames", "steps", "s a frame", "CPU s a frame", f"ratio to {PUBLISHED}", "peak, MB")
    cells = [
        (
            row["way"], row["frames"], row["steps"], f"{row['s_per_frame']:.3f}", f"{row['cpu_s_per_frame']:.3f}",
            "-" if row["ratio"] is None else f"{row['ratio']:.2f}", f"{row['painting_mb']:.0f}",
        )
        for row in rows
    ]  # fmt: skip
    return table(titles, cells)


def counted_rows(size: tuple[int, int]) -> list[dict]:
    """Operations a frame and peak bytes at full size and half precision, without running anything."""
    import torch

    from dancegen.renderers.animatediff.costs import Networks
    from dancegen.renderers.animatediff.settings import Settings
    from dancegen.renderers.animatediff.thrift import Thrift, thrift_on
    from dancegen.renderers.film.tiers import TIERS
    from dancegen.weights import Located, ModelRef, Models

    roles = ("base", "vae", "motion-adapter", "controlnet")
    models = Models(tuple(Located(ModelRef(role, role), None, (), "random", 0.0) for role in roles))
    networks = Networks.of(models, torch.float16, size)
    whole = Settings(window=PUBLISHED_FRAMES, stride=PUBLISHED_FRAMES).completed()
    at_once = Thrift(True, True, control_frames=2 * PUBLISHED_FRAMES, decode_frames=16)
    peer = _counted(PUBLISHED, networks, whole, at_once, PUBLISHED_FRAMES, beside=False)
    rows = [peer]
    for way in (OURS, FAST):
        for tier in TIERS:
            settings = Settings(fast=way == FAST).completed()
            rows.append(_counted(f"{way} --vram {tier.name}", networks, settings, thrift_on(tier), COUNTED_FRAMES))
    return [row | {"ratio": row["tflop_per_frame"] / peer["tflop_per_frame"]} for row in rows]


def _counted(
    way: str, networks: Networks, settings: Settings, thrift: Thrift, frames: int, *, beside: bool = True
) -> dict:
    return {
        "way": way, "frames": frames, "tflop_per_frame": networks.operations(settings, frames) / frames / 1e12,
        "peak_gb": networks.peak(settings, thrift, beside=beside) / 1e9,
    }  # fmt: skip


def counted_as_text(rows: list[dict], size: str) -> str:
    cells = [
        (row["way"], row["frames"], f"{row['tflop_per_frame']:.1f}", f"{row['ratio']:.2f}", f"{row['peak_gb']:.1f}")
        for row in rows
    ]
    titles = ("", "frames", "TFLOP a frame", f"ratio to {PUBLISHED}", "peak, GB")
    said = f"{size}, half precision, counted: weights and tensors, without what allocators keep"
    return f"{said}\n\n{table(titles, cells)}"


def sides(size: str) -> tuple[int, int]:
    width, height = (int(side) for side in size.split("x"))
    return width, height


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "mps"))
    parser.add_argument("--size", default="512x768")
    parser.add_argument("--frames", default="32,128,512")
    parser.add_argument("--steps", type=int, help="instead of each way's own number")
    parser.add_argument("--steps-share", type=float, default=1.0, help="of each way's own number")
    parser.add_argument("--width", type=float, default=1.0, help="share of the networks' channels")
    parser.add_argument("--vram", default="24", help="the memory plan, as render has it")
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    if options.reduced:
        options.size, options.width, options.steps_share, options.vram = "64x96", 0.1, 1 / 3, "16"
    if options.count:
        rows = counted_rows(sides(options.size))
        show({"counted": rows}, counted_as_text(rows, options.size), as_json=options.json)
        return
    use_cores(options.cores)
    rows = measured_rows(options)
    show({"rows": rows}, as_text(rows), as_json=options.json, device=options.device)


if __name__ == "__main__":
    main()
