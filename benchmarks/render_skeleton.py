"""How fast a skeleton video is drawn and encoded, as a share of its playing time.

    python benchmarks/render_skeleton.py [--size 1280x720] [--fps 30] [--seconds 10] [--cores 2]

Draws a synthetic dance to a synthetic song, with sound, in each style, and writes a real MP4. Below 1 is faster than
real time. CPU time over playing time is printed as well: it says how many cores real time takes, whatever else the
machine is doing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from dancegen.pose.sequence import PoseSequence
from dancegen.renderers import STYLES, get_renderer
from dancegen.renderers.skeleton.audio_envelope import N_BANDS, AudioEnvelope
from dancegen.video import VideoWriter

# A person facing the camera on a 512 px canvas, in the order of `dancegen.pose.skeleton.JOINTS`.
STANDING = np.array(
    [
        [256, 118], [256, 150], [230, 152], [215, 200], [205, 245], [282, 152], [297, 200], [307, 245], [241, 245],
        [238, 320], [236, 395], [271, 245], [274, 320], [276, 395], [250, 112], [262, 112], [242, 115], [270, 115],
    ]
)  # fmt: skip
SWING = np.array([2, 2, 3, 14, 40, 3, 14, 40, 2, 8, 14, 2, 8, 14, 2, 2, 2, 2])  # pixels each joint moves


def synthetic_dance(seconds: float, fps: float) -> PoseSequence:
    """Arms and legs swing at 120 BPM while the dancer sways across the floor."""
    times = np.arange(round(seconds * fps)) / fps
    joints = np.arange(18)
    swing = np.sin(2 * np.pi * times[:, None] + joints * 0.7) * SWING
    bounce = np.abs(np.sin(2 * np.pi * times[:, None] + joints * 0.9)) * SWING * 0.5
    keypoints = np.ones((len(times), 18, 3), np.float32)
    keypoints[..., 0] = STANDING[:, 0] + swing + 60 * np.sin(0.7 * times)[:, None]
    keypoints[..., 1] = STANDING[:, 1] - bounce
    return PoseSequence(keypoints, fps)


def synthetic_envelope(seconds: float) -> AudioEnvelope:
    """120 BPM with every envelope moving."""
    beats = np.arange(0, seconds, 0.5)
    times = np.arange(round(seconds * 90)) / 90
    wave = (0.5 + 0.5 * np.cos(4 * np.pi * times)).astype(np.float32)
    bands = np.stack([np.roll(wave, band) for band in range(N_BANDS)], axis=1)
    return AudioEnvelope(beats, np.ones(len(beats), np.float32), 120.0, 90.0, wave, wave, bands)


def write_song(path: Path, seconds: float) -> None:
    """A chord, in stereo."""
    import soundfile

    times = np.arange(round(seconds * 44_100)) / 44_100
    chord = sum(np.sin(2 * np.pi * pitch * times) for pitch in (220, 277.2, 329.6)) / 6
    soundfile.write(path, np.stack([chord, chord], axis=1).astype(np.float32), 44_100)


def measure(style: str, size: tuple[int, int], fps: float, seconds: float, folder: Path) -> tuple[float, float]:
    """Wall and CPU time of one video, over its playing time."""
    dance, envelope = synthetic_dance(seconds, fps), synthetic_envelope(seconds)
    write_song(folder / "song.wav", seconds)
    wall, cpu = time.perf_counter(), time.process_time()
    with VideoWriter(folder / f"{style}.mp4", size, fps, audio=folder / "song.wav") as video:
        for frame in get_renderer(style).frames(dance, envelope, size=size, fps=fps):
            video.write(frame)
    return (time.perf_counter() - wall) / seconds, (time.process_time() - cpu) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--cores", type=int, default=2, help="how many cores to use, where the system can limit them")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    width, height = (int(side) for side in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        measure("openpose", (64, 64), 10, 0.5, Path(folder))  # the first video pays for the imports
        for style in STYLES:
            wall, cpu = measure(style, (width, height), options.fps, options.seconds, Path(folder))
            print(
                f"{style:9s} {width}x{height} {options.fps:g} fps: {wall:.2f} x playing time, {cpu:.2f} x in CPU time"
            )


if __name__ == "__main__":
    main()
