"""How fast the bundled GAN dances, beside the published generator, and what memory a long song takes.

    python benchmarks/generate.py [--minutes 1 10 60] [--cores 2] [--json]

First the choreography alone, frame by frame with the memory that the ConvLSTM carries, as `generate-poses` dances: the
bundled model, and its peer, the published architecture, which is `dancegen train --preset original` (169 million
parameters, 256 px, 30 frames a second), with random weights: what a frame costs does not depend on their values. Ours
paints ten frames a second, and a spline through its poses gives 30. Then the whole of `generate-poses`, preview video
and all, on songs of so many minutes. Each row is measured in a process of its own, on the CPU; the peak is the most
memory that was resident in it. The bar is three times faster than real time on two cores. CPU time is printed as well:
it says how much work there was, whatever else the machine is doing. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from harness import Cost, command, in_fresh_process, show, table, timed, use_cores, write_song

BAR = 3.0
"""Times faster than real time that a choreography has to be, on two cores."""
FPS = 30.0


def write_untrained(folder: Path | str, preset: str) -> None:
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
    save_model(Path(folder), Model(config, UNetGenerator(config), StartPoses(poses, bundled.starts.energy)))


def measure_frames(model: Path | str, song: Path | str, most: int) -> dict[str, float]:
    """What a frame of the choreography costs from the second on: everything between one image and the next.

    most: frames to dance at most. A chunk of windows of the song is heard at once, and before the first image: of a
    dance that is shorter than a chunk this counts the images alone.
    """
    from dataclasses import replace

    from dancegen.audio.song import analyse
    from dancegen.choreographers.gan.choreographer import GanChoreographer

    dancer, features = GanChoreographer(Path(model), "cpu"), analyse(Path(song))
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


def measure_song(model: str, song: Path | str, store: Path | str) -> dict[str, float]:
    """The whole of `generate-poses`, from the song's file to poses, OpenPose JSON and preview video."""
    from dancegen import generate_poses

    with timed() as cost:
        seconds = generate_poses(song, model=model, fps=FPS, device="cpu", store=store).summary["seconds"]
    return {
        "seconds": seconds, "wall_s": cost.wall_s, "cpu_s": cost.cpu_s, "times_real_time": seconds / cost.wall_s,
    }  # fmt: skip


def measure(options: argparse.Namespace) -> dict:
    """Everything, as --json prints it."""
    from dancegen.choreographers import find_model
    from dancegen.store import open_store

    model = find_model(options.model, open_store())
    with tempfile.TemporaryDirectory() as folder:
        songs = {minutes: Path(folder) / f"{minutes:g}-minutes.flac" for minutes in sorted(set(options.minutes))}
        for minutes, song in songs.items():
            in_fresh_process(write_song, song, 60 * minutes)
        shortest, peer = next(iter(songs.values())), Path(folder) / "peer"
        in_fresh_process(write_untrained, peer, options.peer)
        ours = in_fresh_process(measure_frames, model, shortest, options.frames)
        theirs = in_fresh_process(measure_frames, peer, shortest, options.peer_frames)
        whole = [
            {"minutes": minutes, **in_fresh_process(measure_song, model, song, Path(folder) / f"store{minutes:g}")}
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
    alone = table(
        ("choreography alone", "parameters", "frames/s", "s a frame", "CPU s a frame", "x real time", "peak MB"),
        [
            (
                name, f"{row['parameters'] / 1e6:.1f} M", f"{row['model_fps']:g}", f"{row['s_per_frame']:.4f}",
                f"{row['cpu_s_per_frame']:.4f}", f"{row['times_real_time']:.3f}", f"{row['peak_mb']:.0f}",
            )
            for name, row in rows
        ],
    )  # fmt: skip
    whole = table(
        ("generate-poses as a whole", "s", "CPU s", "x real time", "peak MB"),
        [
            (
                f"{row['minutes']:g} minutes of song", f"{row['wall_s']:.1f}", f"{row['cpu_s']:.1f}",
                f"{row['times_real_time']:.2f}", f"{row['peak_mb']:.0f}",
            )
            for row in found["songs"]
        ],
    )  # fmt: skip
    return "\n".join([alone, "", whole, "", *_meaning(found)])


def _meaning(found: dict) -> list[str]:
    """In words: the ratios, the bar, how memory grows, and whether the machine was too busy to tell."""
    ours, peer, songs = found["ours"], found["peer"], found["songs"]
    said = [
        f"A frame costs 1/{found['ratio_per_frame']:.0f} of one of preset {peer['preset']}, a second of dance "
        f"1/{found['ratio_per_second']:.0f}. On {found['cores']} core(s) the choreography alone comes at "
        f"{ours['times_real_time']:.1f} times real time.",
    ]
    for row in songs:
        busy = Cost(row["wall_s"], row["cpu_s"]).busy
        verdict = "keeps" if row["times_real_time"] >= BAR else "cannot be held to" if busy else "MISSES"
        said.append(
            f"{row['minutes']:g} minutes: {row['times_real_time']:.1f} times real time {verdict} the bar, {BAR:g} "
            f"times on two cores; {row['seconds'] / row['cpu_s']:.1f} times, had one core done nothing else."
        )
    if len(songs) > 1:
        growth = (songs[-1]["peak_mb"] - songs[0]["peak_mb"]) / (songs[-1]["minutes"] - songs[0]["minutes"])
        said.append(f"Memory grows by {growth:.1f} MB a minute of song.")
    if any(Cost(row["wall_s"], row["cpu_s"]).busy for row in songs):
        said.append("The machine was busy with something else: trust the CPU time, and measure again.")
    return said


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = command(__doc__)
    parser.add_argument(
        "--minutes", type=float, nargs="+", default=[1, 10], help="lengths of songs, 1 and 10; 60 takes a while"
    )
    parser.add_argument("--model", default="gan", help="a bundled model's name, a directory or a training's digest")
    parser.add_argument("--frames", type=int, default=600, help="of the choreography alone")
    parser.add_argument("--peer", default="original", help="the preset to compare with, untrained")
    parser.add_argument("--peer-frames", type=int, default=12)
    options = parser.parse_args(arguments)
    if min(options.minutes) * 60 < 2 or min(options.frames, options.peer_frames) < 2:
        parser.error("a song takes at least two seconds, a measurement at least two frames")
    return options


def main() -> None:
    options = parse()
    use_cores(options.cores)
    found = measure(options)
    show(found, as_text(found), as_json=options.json)


if __name__ == "__main__":
    main()
