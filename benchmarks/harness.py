"""What the benchmarks share: timing beside a peer, fresh processes, the machine, tables, flags, songs, dances.

Every figure that is claimed is a ratio to a named peer that was measured in the same run. `compare` takes turns with
the peer, so that whatever else the machine does falls on both; `in_fresh_process` gives a piece of work a Python of its
own, and says the most memory that was resident in it.

This module imports nothing heavy: a process that measures memory must begin small.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence

PIECE_S = 300.0
"""A long song is made of random songs of this length, one after the other: one alone would take gigabytes to mix."""
BUSY = 1.25
"""Wall time over CPU time beyond which the clock measured how long the program waited for a core."""
PACKAGES = ("numpy", "torch")
"""Whose versions the machine's description names, beside dancegen's own."""


# --- time and memory -------------------------------------------------------------------------------------------------


@dataclass
class Cost:
    """What a piece of work took, in seconds: by the clock, and of CPU time in all threads of this process."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether other programs had the cores meanwhile; says nothing of work that waits for a disk or a GPU."""
        return self.wall_s > BUSY * self.cpu_s


@contextmanager
def timed() -> Iterator[Cost]:
    """The cost of what is done inside, filled in at the end."""
    cost = Cost()
    wall, cpu = time.perf_counter(), time.process_time()
    yield cost
    cost.wall_s, cost.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


@dataclass(frozen=True)
class Compared:
    """One piece of work beside its peer. `ratio`: its cheapest round over the peer's; `median_ratio`: round by round.

    All by CPU time; `wall_s` and `cpu_s` are those of the cheapest round.
    """

    wall_s: float
    cpu_s: float
    ratio: float
    median_ratio: float


def compare(works: Mapping[str, Callable[[], object]], *, peer: str, rounds: int = 5) -> dict[str, Compared]:
    """The cost of each piece of work, taking turns, after a first round that only warms up."""
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            with timed() as cost:
                work()
            if number:
                costs[name].append(cost)
    cheapest = {name: min(found, key=lambda cost: cost.cpu_s) for name, found in costs.items()}
    return {
        name: Compared(
            cheapest[name].wall_s,
            cheapest[name].cpu_s,
            cheapest[name].cpu_s / cheapest[peer].cpu_s,
            median(ours.cpu_s / theirs.cpu_s for ours, theirs in zip(found, costs[peer], strict=True)),
        )
        for name, found in costs.items()
    }


def peak_mb() -> float:
    """The most memory that was resident in this process, ever or since `forget_peak`, in units of 1e6 bytes."""
    if Path("/proc/self/status").exists():  # rusage also counts what the parent held when it forked
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["VmHWM"].split()[0]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def forget_peak() -> None:
    """Let `peak_mb` begin anew, where the system can: on Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


# --- processes -------------------------------------------------------------------------------------------------------


def use_cores(count: int, *, ask: bool = True) -> None:
    """Keep this process, and those that it starts, to so many cores, where the system can.

    ask: whether they are also told to use as many threads, and not as many as they find best.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if ask else ():
        os.environ[name] = str(count)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def in_fresh_process(function: Callable[..., Mapping[str, Any] | None], *arguments: object) -> dict[str, Any]:
    """What a function of a benchmark returns in a Python of its own, and the `peak_mb` of that process.

    function: at the top of its file; takes and returns what JSON can hold, paths as text. What it says goes to stderr.
    Ends this program where that one fails.
    """
    module = Path(inspect.getfile(function)).stem
    words = [str(each) if isinstance(each, Path) else each for each in arguments]
    said = " ".join(str(word) for word in words if not isinstance(word, dict))
    print(f"{function.__name__.replace('_', ' ')} {said} ...", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, module, function.__name__, json.dumps(words)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        sys.exit(ran.returncode)
    return json.loads(ran.stdout.splitlines()[-1])


def _run_in_this_process(module: str, function: str, arguments: str) -> None:
    """The other end of `in_fresh_process`."""
    found = getattr(importlib.import_module(module), function)(*json.loads(arguments)) or {}
    print(json.dumps({**found, "peak_mb": peak_mb()}))


# --- flags and results -----------------------------------------------------------------------------------------------


def command(description: str | None, *, cores: bool = True) -> argparse.ArgumentParser:
    """The flags that benchmarks have in common. The description, with its example, is the script's docstring."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    if cores:
        parser.add_argument("--cores", type=int, default=2, help="threads, and cores where the system can limit them")
    return parser


def show(found: Mapping[str, Any], text: str, *, as_json: bool, device: str = "cpu") -> None:
    """Print the result, as JSON or for people, with the machine that it was measured on."""
    here = machine(device)
    if as_json:
        print(json.dumps({**found, "machine": here}, indent=1))
        return
    print(f"{text.rstrip()}\n\nMeasured {', '.join(f'{name} {value}' for name, value in here.items())}.")


def machine(device: str = "cpu") -> dict[str, str]:
    """Date, processor, cores and versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {"on": time.strftime("%Y-%m-%d"), "cores": str(cores), "of": _processor(), "system": platform.system()}
    if device == "cuda":
        import torch

        found["gpu"] = torch.cuda.get_device_name()
    import dancegen

    found |= {"python": platform.python_version(), "dancegen": dancegen.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def table(titles: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table whose columns are as wide as what is in them: the first to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in (titles, *rows)]
    widths = [max(3, *(len(row[place]) for row in cells)) for place in range(len(titles))]

    def line(row: Sequence[str]) -> str:
        first, *others = zip(row, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return "\n".join([line(cells[0]), f"|{rule}|", *map(line, cells[1:])])


# --- what is measured with -------------------------------------------------------------------------------------------

# A person facing the camera on a 512 px canvas, in the order of `dancegen.pose.skeleton.JOINTS`.
_STANDING = (
    (256, 118), (256, 150), (230, 152), (215, 200), (205, 245), (282, 152), (297, 200), (307, 245), (241, 245),
    (238, 320), (236, 395), (271, 245), (274, 320), (276, 395), (250, 112), (262, 112), (242, 115), (270, 115),
)  # fmt: skip
_SWING = (2, 2, 3, 14, 40, 3, 14, 40, 2, 8, 14, 2, 8, 14, 2, 2, 2, 2)
"""Pixels that each joint moves."""


def sd15_config(part: str, width: float = 1.0) -> dict[str, Any]:
    """The published configuration of Stable Diffusion 1.5's or a companion's network, with a share of its channels."""
    from dancegen.renderers.animatediff.loading import SD15

    config = json.loads((SD15 / part / "config.json").read_text())
    if width < 1:
        channels = config.get("block_out_channels", [])
        config |= {"block_out_channels": [max(8, round(each * width / 8) * 8) for each in channels]} if channels else {}
        config |= {name: 8 for name in ("norm_num_groups", "motion_norm_num_groups") if name in config}
    return config


def synthetic_dance(seconds: float, fps: float) -> PoseSequence:
    """Arms and legs swing at 120 BPM while the dancer sways across the floor; on a canvas of 512 pixels."""
    import numpy as np

    from dancegen.pose.sequence import PoseSequence

    times = np.arange(round(seconds * fps)) / fps
    standing, joints = np.array(_STANDING), np.arange(18)
    swing = np.sin(2 * np.pi * times[:, None] + joints * 0.7) * _SWING
    bounce = np.abs(np.sin(2 * np.pi * times[:, None] + joints * 0.9)) * _SWING * 0.5
    keypoints = np.ones((len(times), 18, 3), np.float32)
    keypoints[..., 0] = standing[:, 0] + swing + 60 * np.sin(0.7 * times)[:, None]
    keypoints[..., 1] = standing[:, 1] - bounce
    return PoseSequence(keypoints, fps)


def write_song(path: Path | str, seconds: float, seed: int = 0) -> None:
    """A synthetic song as FLAC or WAV; one longer than `PIECE_S` is several, of all tempi, as a DJ would play them."""
    import soundfile

    from dancegen.audio.synth.instruments import RATE
    from dancegen.audio.synth.song_maker import random_spec, synthesise

    left = seconds
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_16") as file:
        while left >= 1:
            file.write(synthesise(random_spec(seed, min(PIECE_S, left))).samples)
            left, seed = left - PIECE_S, seed + 1


def write_songs(folder: Path, count: int, seconds: float) -> Path:
    """A folder of synthetic songs, the same ones every time."""
    folder.mkdir()
    for seed in range(count):
        write_song(folder / f"synth_{seed}.flac", seconds, seed)
    return folder


def drawn_by_controlnet_aux(poses: np.ndarray, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Each of (N, 18, 3) poses in pixels as controlnet-aux draws it on a black canvas: the peer of all drawing."""
    import numpy as np
    from controlnet_aux.open_pose.body import Keypoint
    from controlnet_aux.open_pose.util import draw_bodypose

    width, height = size
    for pose in poses:
        person = [Keypoint(x / width, y / height) if seen else None for x, y, seen in pose]
        yield draw_bodypose(np.zeros((height, width, 3), np.uint8), person)


if __name__ == "__main__":
    _run_in_this_process(*sys.argv[1:])
