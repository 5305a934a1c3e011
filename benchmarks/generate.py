"""How fast the bundled GAN dances, beside the published generator, and what memory a long song takes.

    python benchmarks/generate.py [--minutes 1 10 60] [--cores 2] [--json]

First the choreography alone, frame by frame with the memory that the ConvLSTM carries, as `generate-poses` dances: the
bundled model, and the published architecture, which is `dancegen train --preset original` (169 million parameters, 256
px, 30 frames a second), with random weights: what a frame costs does not depend on their values. Ours paints ten frames
a second, and a spline through its poses gives 30. Then the whole of `generate-poses`, preview video and all, on songs
of so many minutes. Each row is measured in a process of its own, on the CPU; the peak is the most memory that was
resident in it. The bar is three times faster than real time on two cores. CPU time is printed as well: it says how much
work there was, whatever else the machine is doing. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The rows import what they need themselves: a process starts with the peak memory of the one it was forked from.

BAR = 3.0
"""Times faster than real time that a choreography has to be, on two cores."""
FPS = 30.0
BUSY = 1.25
"""Wall time over CPU time beyond which the clock measured how long the program waited for a core."""
PIECE_S = 300.0
"""A long song is made of random songs of this length, one after the other: one alone would take gigabytes to mix."""


def write_song(path: Path, minutes: float) -> None:
    """A FLAC file of synthetic songs of all tempi, as a DJ would play them."""
    import soundfile

    from dancegen.audio.synth.instruments import RATE
    from dancegen.audio.synth.song_maker import random_spec, synthesise

    left, seed = 60 * minutes, 0
    with soundfile.SoundFile(path, "w", RATE, 2, subtype="PCM_16") as file:
        while left >= 1:
            file.write(synthesise(random_spec(seed, min(PIECE_S, left))).samples)
            left, seed = left - PIECE_S, seed + 1


def write_untrained(folder: Path, preset: str) -> Path:
    """A model of a preset's architecture with random weights, and the bundled model's start poses on its canvas."""
    import torch

    from dancegen.assets import asset
    from dancegen.choreographers.gan.config import PRESETS
    from dancegen.choreographers.gan.generator import UNetGenerator
    from dancegen.choreographers.gan.model import Model, StartPoses, load_model, save_model
    from dancegen.pose.geometry import to_canvas

    torch.manual_seed(0)
    config, bundled = PRESETS[preset], load_model(asset("models/gan"))
    sides = (bundled.config.image.size, config.image.size)
    poses = to_canvas(bundled.starts.keypoints, *((side, side) for side in sides))
    save_model(folder, Model(config, UNetGenerator(config), StartPoses(poses, bundled.starts.energy)))
    return folder


def measure_frames(model: Path, song: Path, most: int) -> dict[str, float]:
    """What a frame of the choreography costs from the second on: everything between one image and the next.

    most: frames to dance at most. A chunk of windows of the song is heard at once, and before the first image: of a
    dance that is shorter than a chunk this counts the images alone.
    """
    from dataclasses import replace

    from dancegen.audio.song import analyse
    from dancegen.choreographers.gan.choreographer import GanChoreographer

    dancer, features = GanChoreographer(model, "cpu"), analyse(song)
    rate = dancer.config.image.fps
    painted: list[tuple[float, float]] = []
    dancer.model.generator.register_forward_hook(
        lambda *_: painted.append((time.perf_counter(), time.process_time()))  # returns None: the image stays
    )
    for _ in dancer.choreograph(replace(features, seconds=min(features.seconds, most / rate)), fps=FPS):
        pass
    wall, cpu = ((last - first) / (len(painted) - 1) for first, last in zip(painted[0], painted[-1], strict=True))
    return {
        "parameters": sum(p.numel() for p in dancer.model.generator.parameters()),
        "model_fps": rate,
        "frames": len(painted),
        "s_per_frame": wall,
        "cpu_s_per_frame": cpu,
        "times_real_time": 1 / (wall * rate),
    }


def measure_song(model: str, song: Path, store: Path) -> dict[str, float]:
    """The whole of `generate-poses`, from the song's file to poses, OpenPose JSON and preview video."""
    from dancegen import generate_poses

    wall, cpu = time.perf_counter(), time.process_time()
    seconds = generate_poses(song, model=model, fps=FPS, device="cpu", store=store).summary["seconds"]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"seconds": seconds, "wall_s": wall, "cpu_s": cpu, "times_real_time": seconds / wall}


def peak_mb() -> float:
    """The most memory that was ever resident in this process."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def in_a_process(options: argparse.Namespace, *row: object) -> dict[str, float]:
    """A row's figures from a process of its own; what it says goes to stderr."""
    print(f"measuring {' '.join(str(part) for part in row)} ...", file=sys.stderr, flush=True)
    threads = {name: str(options.cores) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    ran = subprocess.run(
        [sys.executable, __file__, "--cores", str(options.cores), "--row", *map(str, row)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | threads,
    )
    if ran.returncode:
        sys.exit(ran.returncode)
    return json.loads(ran.stdout.splitlines()[-1])


def run_row(kind: str, *arguments: str) -> dict[str, float]:
    """What `in_a_process` asks for, in that process."""
    if kind == "song":
        write_song(Path(arguments[0]), float(arguments[1]))
        return {}
    if kind == "untrained":
        write_untrained(Path(arguments[0]), arguments[1])
        return {}
    if kind == "frames":
        found = measure_frames(Path(arguments[0]), Path(arguments[1]), int(arguments[2]))
    else:
        found = measure_song(arguments[0], Path(arguments[1]), Path(arguments[2]))
    return found | {"peak_mb": peak_mb()}


def measure(options: argparse.Namespace) -> dict:
    """Everything, as --json prints it."""
    from dancegen.choreographers import find_model
    from dancegen.store import open_store

    model = find_model(options.model, open_store())
    with tempfile.TemporaryDirectory() as folder:
        songs = {minutes: Path(folder) / f"{minutes:g}-minutes.flac" for minutes in sorted(set(options.minutes))}
        for minutes, song in songs.items():
            in_a_process(options, "song", song, minutes)
        shortest, peer = next(iter(songs.values())), Path(folder) / "peer"
        in_a_process(options, "untrained", peer, options.peer)
        ours = in_a_process(options, "frames", model, shortest, options.frames)
        theirs = in_a_process(options, "frames", peer, shortest, options.peer_frames)
        whole = [
            {"minutes": minutes, **in_a_process(options, "generate", model, song, Path(folder) / f"store{minutes:g}")}
            for minutes, song in songs.items()
        ]
    return {
        "model": options.model,
        "cores": options.cores,
        "bar": BAR,
        "ours": ours,
        "peer": {"preset": options.peer, **theirs},
        "ratio_per_frame": theirs["s_per_frame"] / ours["s_per_frame"],
        "ratio_per_second": ours["times_real_time"] / theirs["times_real_time"],
        "songs": whole,
    }


def as_text(found: dict) -> str:
    """The tables, and what they mean."""
    rows = [("bundled GAN" if found["model"] == "gan" else found["model"], found["ours"])]
    rows.append((f"preset {found['peer']['preset']}, untrained", found["peer"]))
    lines = [f"{'choreography alone':28s} parameters  frames/s   s a frame       CPU s  x real time  peak MB"]
    for name, row in rows:
        lines.append(
            f"{name:28s} {row['parameters'] / 1e6:8.1f} M  {row['model_fps']:8g}  {row['s_per_frame']:10.4f}"
            f"  {row['cpu_s_per_frame']:10.4f}  {row['times_real_time']:11.3f}  {row['peak_mb']:7.0f}"
        )
    lines += ["", f"{'generate-poses as a whole':28s}                             s       CPU s  x real time  peak MB"]
    for row in found["songs"]:
        lines.append(
            f"{row['minutes']:g} minutes of song".ljust(48) + f" {row['wall_s']:12.1f}  {row['cpu_s']:10.1f}"
            f"  {row['times_real_time']:11.2f}  {row['peak_mb']:7.0f}"
        )
    return "\n".join([*lines, "", *_meaning(found)])


def _meaning(found: dict) -> list[str]:
    """In words: the ratios, the bar, how memory grows, and whether the machine was too busy to tell."""
    ours, peer, songs = found["ours"], found["peer"], found["songs"]
    said = [
        f"A frame costs 1/{found['ratio_per_frame']:.0f} of one of preset {peer['preset']}, a second of dance "
        f"1/{found['ratio_per_second']:.0f}. On {found['cores']} core(s) the choreography alone comes at "
        f"{ours['times_real_time']:.1f} times real time.",
    ]
    for row in songs:
        busy = row["wall_s"] > BUSY * row["cpu_s"]
        verdict = "keeps" if row["times_real_time"] >= BAR else "cannot be held to" if busy else "MISSES"
        said.append(
            f"{row['minutes']:g} minutes: {row['times_real_time']:.1f} times real time {verdict} the bar, {BAR:g} "
            f"times on two cores; {row['seconds'] / row['cpu_s']:.1f} times, had one core done nothing else."
        )
    if len(songs) > 1:
        growth = (songs[-1]["peak_mb"] - songs[0]["peak_mb"]) / (songs[-1]["minutes"] - songs[0]["minutes"])
        said.append(f"Memory grows by {growth:.1f} MB a minute of song.")
    if any(row["wall_s"] > BUSY * row["cpu_s"] for row in songs):
        said.append("The machine was busy with something else: trust the CPU time, and measure again.")
    return said


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--minutes", type=float, nargs="+", default=[1, 10], help="lengths of songs, 1 and 10; 60 takes a while"
    )
    parser.add_argument("--cores", type=int, default=2, help="threads, and cores where the system can limit them")
    parser.add_argument("--model", default="gan", help="a bundled model's name, a directory or a training's digest")
    parser.add_argument("--frames", type=int, default=600, help="of the choreography alone")
    parser.add_argument("--peer", default="original", help="the preset to compare with, untrained")
    parser.add_argument("--peer-frames", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--row", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if min(options.minutes) * 60 < 2 or min(options.frames, options.peer_frames) < 2:
        parser.error("a song takes at least two seconds, a measurement at least two frames")
    return options


def main() -> None:
    options = parse()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    if options.row:
        print(json.dumps(run_row(*options.row)))
        return
    found = measure(options)
    print(json.dumps(found, indent=1) if options.json else as_text(found))


if __name__ == "__main__":
    main()
