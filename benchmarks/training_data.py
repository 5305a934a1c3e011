"""What it costs to make what a training reads: a drawn frame, its heatmaps, a synthesised song.

    python benchmarks/training_data.py [--size 64] [--frames 512]

The peer is controlnet-aux, whose drawing of the same poses at the same size is timed in the same run: every figure of a
frame is printed as a share of it too. Synthesis is compared with the song's playing time. CPU time of one process, the
best of five.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from render_skeleton import synthetic_dance

from dancegen.audio.synth.song_maker import random_spec, synthesise
from dancegen.pose.drawing import draw_poses
from dancegen.pose.geometry import to_canvas
from dancegen.pose.heatmaps import decode_heatmaps, draw_heatmaps

BATCH = 8  # frames that are decoded at once


def cpu_s(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of CPU time that `work` takes, the best of so many times after one that pays for the imports."""
    work()
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def drawn_by_the_peer(poses: np.ndarray, side: int) -> list[np.ndarray]:
    """(N, 18, 3) poses in pixels as controlnet-aux draws them, each on a black canvas of `side` pixels."""
    from controlnet_aux.open_pose.body import Keypoint
    from controlnet_aux.open_pose.util import draw_bodypose

    people = [[Keypoint(x / side, y / side) if seen else None for x, y, seen in pose] for pose in poses]
    return [draw_bodypose(np.zeros((side, side, 3), np.uint8), person) for person in people]


def measure_frames(side: int, frames: int) -> dict[str, float]:
    """Seconds a frame of `side` pixels takes, by what is done to it; "peer" is controlnet-aux's drawing."""
    poses = to_canvas(synthetic_dance(frames / 30, 30).keypoints, (512, 512), (side, side))
    maps = draw_heatmaps(poses[:BATCH], (side, side))
    return {
        "peer": cpu_s(lambda: drawn_by_the_peer(poses, side)) / frames,
        "draw": cpu_s(lambda: draw_poses(poses, (side, side))) / frames,
        "draw heatmaps": cpu_s(lambda: draw_heatmaps(poses, (side, side))) / frames,
        "decode heatmaps": cpu_s(lambda: decode_heatmaps(maps)) / BATCH,
    }


def measure_synthesis(seconds: float) -> float:
    """How many times faster than it plays a song is synthesised."""
    return seconds / cpu_s(lambda: synthesise(random_spec(1, seconds=seconds)), times=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64, help="side of a frame in pixels")
    parser.add_argument("--frames", type=int, default=512)
    options = parser.parse_args()
    found = measure_frames(options.size, options.frames)
    for name, seconds in found.items():
        label = "controlnet-aux" if name == "peer" else name
        print(f"{label:16s} {seconds * 1e3:6.3f} ms a frame, {seconds / found['peer']:.2f} x controlnet-aux")
    print(f"{'synthesis':16s} {measure_synthesis(60):.0f} times faster than the song plays")


if __name__ == "__main__":
    main()
