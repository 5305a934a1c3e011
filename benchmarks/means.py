"""What tiled decoding, channels_last and torch.compile give: CPU time and memory beside the plain way.

    python benchmarks/means.py [--width 1] [--size 128x192] [--frames 2] [--json]
    python benchmarks/means.py --count [--size 512x768]     nothing runs: the peak of decoding, tiled and not, counted

The VAE decodes frames, and the UNet with its motion modules sees one window of them, with random weights in the shapes
of Stable Diffusion 1.5, in float32. Each way is measured in a process of its own; its first run, in which torch.compile
compiles, is not counted. Said of each: CPU time beside the plain way's, the most memory beyond the weights, and how far
its numbers are from the plain way's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness import command, forget_peak, in_fresh_process, peak_mb, sd15_config, show, table, timed, use_cores

PLAIN, TILED, LAST, COMPILED = "plain", "tiled", "channels_last", "torch.compile"
WAYS = {"decoder": (PLAIN, TILED, LAST, COMPILED), "unet": (PLAIN, LAST, COMPILED)}
TILE_SHARE = 2 / 3
"""Side of a tile as a share of the shorter side of the picture, about: so that there are some."""
OVERLAP = 4
"""A quarter of a tile overlaps the next: sides in latents are multiples of this, or pictures come out larger."""


def prepared(network: str, way: str, width: float, size: Sequence[int], frames: int) -> tuple[Any, Callable[[], Any]]:
    """The network, and one run of it, which gives a tensor."""
    import torch
    from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel, UNetMotionModel

    from dancegen.renderers.animatediff.loading import motion_unet

    torch.manual_seed(0)
    height, across = size[1] // 8, size[0] // 8
    if network == "decoder":
        made: Any = AutoencoderKL.from_config(sd15_config("vae", width))
        latents = torch.randn(frames, 4, height, across)
        if way == TILED:
            made.enable_tiling()
            made.tile_latent_min_size = int(min(size) * TILE_SHARE / 8) // OVERLAP * OVERLAP
            made.tile_sample_min_size = made.tile_latent_min_size * 8
        call = lambda: made.decode(latents).sample  # noqa: E731
    else:
        flat = UNet2DConditionModel.from_config(sd15_config("unet", width))
        made = motion_unet(flat, MotionAdapter.from_config(sd15_config("motion_adapter", width)))
        assert isinstance(made, UNetMotionModel)
        sample, words = torch.randn(1, 4, frames, height, across), torch.randn(frames, 77, 768)
        call = lambda: made(sample, 500, encoder_hidden_states=words).sample  # noqa: E731
    made.requires_grad_(False).eval()
    if way == LAST:
        made.to(memory_format=torch.channels_last)
    if way == COMPILED:
        for part in [made.decoder] if network == "decoder" else [made]:
            part.compile()
    return made, call


def measure(network: str, way: str, folder: str, options: dict) -> dict[str, float]:
    """CPU and wall seconds of one run, and the memory that it took beyond what was there before the first."""
    import numpy as np
    import torch

    _, run = prepared(network, way, options["width"], options["size"], options["frames"])
    before = resident_mb()
    with torch.inference_mode():
        with timed() as first:
            run()
        forget_peak()
        costs = []
        for _ in range(options["rounds"]):
            with timed() as cost:
                found = run()
            costs.append(cost)
    np.save(Path(folder) / f"{network}-{way}.npy", found.numpy())
    best = min(costs, key=lambda cost: cost.cpu_s)
    return {
        "cpu_s": best.cpu_s, "wall_s": best.wall_s, "first_cpu_s": first.cpu_s, "mb": max(0.0, peak_mb() - before)
    }  # fmt: skip


def resident_mb() -> float:
    """What is resident in this process now."""
    import resource

    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def measured_rows(options: dict, networks: Sequence[str], ways: Sequence[str]) -> list[dict]:
    """The plain way of every network, and beside it those that are asked for."""
    import numpy as np

    rows = []
    with TemporaryDirectory() as folder:
        for network in networks:
            for way in (each for each in WAYS[network] if each == PLAIN or each in ways):
                found = in_fresh_process(measure, network, way, folder, options)
                made = np.load(Path(folder) / f"{network}-{way}.npy")
                if way == PLAIN:
                    plain, peer = made, found
                rows.append(
                    {
                        "network": network, "way": way, **found, "ratio": found["cpu_s"] / peer["cpu_s"],
                        "off": float(np.abs(made - plain).max() / np.abs(plain).max()),
                    }
                )  # fmt: skip
    return rows


def as_text(rows: list[dict]) -> str:
    titles = (
        "",
        "CPU s",
        f"ratio to {PLAIN}",
        "beyond the weights, MB",
        "first run, CPU s",
        "numbers off by, of the largest",
    )
    cells = [
        (
            f"{row['network']}, {row['way']}", f"{row['cpu_s']:.1f}", f"{row['ratio']:.2f}", f"{row['mb']:.0f}",
            f"{row['first_cpu_s']:.0f}", f"{row['off']:.0e}",
        )
        for row in rows
    ]  # fmt: skip
    return table(titles, cells)


def counted_rows(size: tuple[int, int]) -> list[dict]:
    """Bytes at most of decoding frames at once, in half precision: all of a frame, and in diffusers' tiles."""
    import torch
    from diffusers import AutoencoderKL

    from dancegen.renderers.film.counting import count

    with torch.device("meta"):
        vae: Any = AutoencoderKL.from_config(sd15_config("vae")).to(torch.float16).requires_grad_(False)
    rows = []
    for frames in (1, 2, 8, 16):
        latents = (frames, 4, size[1] // 8, size[0] // 8)
        found = {}
        for way in (PLAIN, TILED):
            vae.use_tiling = way == TILED
            cost = count(lambda shape=latents: vae.decode(torch.zeros(shape, dtype=torch.float16)))
            found[way] = {"gb": cost.peak / 1e9, "tflop": cost.operations / frames / 1e12}
        rows.append({"frames": frames, **found})
    return rows


def counted_as_text(rows: list[dict], size: str) -> str:
    titles = ("frames at once", "plain, GB", "tiled, GB", "plain, TFLOP a frame", "tiled, TFLOP a frame")
    cells = [
        (
            row["frames"], *(f"{row[way]['gb']:.2f}" for way in (PLAIN, TILED)),
            *(f"{row[way]['tflop']:.1f}" for way in (PLAIN, TILED)),
        )
        for row in rows
    ]  # fmt: skip
    return f"Decoding {size} in half precision, counted, weights aside.\n\n{table(titles, cells)}"


def sides(size: str) -> tuple[int, int]:
    width, height = (int(side) for side in size.split("x"))
    return width, height


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--size", default="128x192")
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--width", type=float, default=1.0, help="share of the networks' channels")
    parser.add_argument("--networks", default=",".join(WAYS))
    parser.add_argument("--ways", default=",".join((TILED, LAST, COMPILED)))
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    if options.count:
        rows = counted_rows(sides(options.size))
        show({"counted": rows}, counted_as_text(rows, options.size), as_json=options.json)
        return
    use_cores(options.cores)
    chosen = {name: getattr(options, name) for name in ("frames", "rounds", "width")} | {"size": sides(options.size)}
    rows = measured_rows(chosen, options.networks.split(","), options.ways.split(","))
    show({"rows": rows}, as_text(rows), as_json=options.json)


if __name__ == "__main__":
    main()
