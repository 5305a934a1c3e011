"""What a painted film costs: seconds a frame and peak memory, of the published way and of dancegen's.

    python benchmarks/render.py [--device cuda] [--size 384x512] [--frames 32,128,512]
    python benchmarks/render.py --reduced          a tenth of the width, small frames, a third of the steps: for a CPU
    python benchmarks/render.py --count            nothing runs: operations and bytes of the full size, counted

The networks have the shapes of Stable Diffusion 1.5 and its companions, from the configurations in
`dancegen/renderers/animatediff/sd15`, and random weights: what they cost does not depend on their values. The published
way is one call of diffusers' AnimateDiffControlNetPipeline on 32 frames, 20 steps. Each row is measured in a process
of its own; the result is a table in Markdown. On a GPU the peak is what CUDA allocated at most; on a CPU, what the
process took beyond its weights.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from dancegen.renderers.animatediff.loading import SD15, make_scheduler
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.thrift import Thrift, thrift_on
from dancegen.renderers.film.loading import quiet_libraries
from dancegen.renderers.film.segments import cut
from dancegen.renderers.film.tiers import TIERS, tier_named

PUBLISHED, OURS, FAST = "published", "dancegen", "dancegen --fast"
PUBLISHED_FRAMES = 32


def make_pipeline(device: str, dtype, sampler: str, width: float):
    """The pipeline with random weights; `width` is the share of the channels that it has."""
    import torch
    from diffusers import AnimateDiffControlNetPipeline, AutoencoderKL, ControlNetModel, MotionAdapter
    from diffusers import UNet2DConditionModel as UNet
    from transformers import CLIPTextConfig, CLIPTextModel

    def network(kind, part: str):
        config = json.loads((SD15 / part / "config.json").read_text())
        config["block_out_channels"] = [
            max(8, round(channels * width / 8) * 8) for channels in config["block_out_channels"]
        ]
        if width < 1:
            config |= {name: 8 for name in ("norm_num_groups", "motion_norm_num_groups") if name in config}
        return kind.from_config(config)

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
    import torch

    from dancegen.renderers.animatediff.painter import AnimateDiffPainter
    from dancegen.renderers.film.backend import Scene

    painter = AnimateDiffPainter(pipeline, settings, tier_named(tier), str(pipeline.device))
    words = torch.randn(77, 768, device=pipeline.device, dtype=pipeline.unet.dtype)
    painter.text_embeds = {"a dancer": words, settings.negative_prompt: words}  # there is no tokenizer here
    for piece in cut(frames, [], longest=settings.segment, overlap=settings.overlap, shortest=settings.window):
        poses = np.zeros((len(piece), size[1], size[0], 3), np.uint8)
        scene = Scene(piece.first, poses, ("a dancer",), np.ones((len(piece), 1), np.float32))
        painter.film(scene, lambda place, frame: None)


def measure(way: str, frames: int, options: argparse.Namespace) -> dict[str, float]:
    """Seconds a frame and peak bytes of one way at one length, in this process."""
    import resource

    import torch

    size = tuple(int(side) for side in options.size.split("x"))
    settings = Settings(fast=way == FAST, steps=options.steps).completed()
    if options.steps is None:
        settings = replace(settings, steps=max(1, round(settings.steps * options.steps_share)))
    dtype = torch.float32 if options.device == "cpu" else torch.float16
    pipeline = make_pipeline(options.device, dtype, settings.sampler, options.width)
    on_gpu = options.device == "cuda"
    before = 0 if on_gpu else _resident()
    started, worked = time.perf_counter(), time.process_time()
    if way == PUBLISHED:
        paint_published(pipeline, settings, size, frames)
    else:
        paint_ours(pipeline, settings, size, frames, options.vram)
    if on_gpu:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "steps": settings.steps, "seconds": seconds / frames, "cpu_s": (time.process_time() - worked) / frames,
        "peak": float(max(0, peak - before)),
    }  # fmt: skip


def _resident() -> int:
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def count(size: tuple[int, int]) -> None:
    """Operations a frame and peak bytes at full size and half precision, without running anything."""
    import torch

    from dancegen.renderers.animatediff.costs import Networks
    from dancegen.renderers.film.weights import Located, ModelRef, Models

    roles = ("base", "vae", "motion-adapter", "controlnet")
    models = Models(tuple(Located(ModelRef(role, role), None, (), "random", 0.0) for role in roles))
    networks = Networks.of(models, torch.float16, size)
    print(f"{size[0]}x{size[1]}, half precision, counted: weights and tensors, without what allocators keep")
    whole = Settings(window=PUBLISHED_FRAMES, stride=PUBLISHED_FRAMES).completed()
    at_once = Thrift(True, True, control_frames=2 * PUBLISHED_FRAMES, decode_frames=16)
    _row(PUBLISHED, networks, whole, at_once, PUBLISHED_FRAMES, beside=False)
    for way in (OURS, FAST):
        for tier in TIERS:
            settings = Settings(fast=way == FAST).completed()
            _row(f"{way} --vram {tier.name}", networks, settings, thrift_on(tier), 128)


def _row(name: str, networks, settings: Settings, thrift: Thrift, frames: int, *, beside: bool = True) -> None:
    work = networks.operations(settings, frames) / frames / 1e12
    peak = networks.peak(settings, thrift, beside=beside) / 1e9
    print(f"{name:28s} {frames:4d} frames  {work:6.1f} TFLOP a frame  {peak:5.1f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "mps"))
    parser.add_argument("--size", default="384x512")
    parser.add_argument("--frames", default="32,128,512")
    parser.add_argument("--steps", type=int, help="instead of each way's own number")
    parser.add_argument("--steps-share", type=float, default=1.0, help="of each way's own number")
    parser.add_argument("--width", type=float, default=1.0, help="share of the networks' channels")
    parser.add_argument("--vram", default="24", choices=[tier.name for tier in TIERS])
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reduced:
        options.size, options.width, options.steps_share, options.vram = "64x96", 0.1, 1 / 3, "16"
    if options.count:
        count(tuple(int(side) for side in options.size.split("x")))
        return
    if options.row:
        way, frames = options.row.split(":")
        print(json.dumps(measure(way, int(frames), options)))
        return
    print(
        "| | frames | steps | seconds a frame | CPU seconds a frame | peak, MB |\n|---|---|---|---|---|---|", flush=True
    )
    lengths = [int(length) for length in options.frames.split(",")]
    for way, frames in [(PUBLISHED, PUBLISHED_FRAMES), *((way, length) for way in (OURS, FAST) for length in lengths)]:
        ran = subprocess.run([sys.executable, *sys.argv, "--row", f"{way}:{frames}"], capture_output=True, text=True)
        if ran.returncode:
            print(f"{way}, {frames} frames: {ran.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            continue
        found = json.loads(ran.stdout.splitlines()[-1])
        cells = (found["steps"], f"{found['seconds']:.3f}", f"{found['cpu_s']:.3f}", f"{found['peak'] / 1e6:.0f}")
        print("|", " | ".join(map(str, (way, frames, *cells))), "|", flush=True)


if __name__ == "__main__":
    main()
