"""Draws a sheet of what a model dances: a strip a genre, a pose every beat or so, each dancer where she stands.

python docs/pictures/genres.py assets/models/diffusion -o docs/pictures/genres.webp
python docs/pictures/genres.py 3f2a9c41 --song song.mp3 --start 30 --seed 2 -o sheet.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer

POSES, EVERY_BEATS = 14, 1.5
"""Poses of a strip, and the beats from one to the next: on a beat and between two in turn."""
CELL = (118, 172)
LABEL = 112
"""Pixels before a strip, for its name."""
USUAL_BPM = 110.0


def strip(dancer: DiffusionChoreographer, song: SongFeatures, genre: str, seed: int) -> np.ndarray:
    """(H, W, 3) uint8: the poses of a genre's dance to a song, each in the middle of its cell."""
    from dancegen.choreographers import DanceControls
    from dancegen.motion.cameras import project
    from dancegen.pose.drawing import draw_poses
    from dancegen.pose.sequence import PoseSequence

    seen = project(dancer.dance(song, DanceControls(genre=genre), seed=seed).motion(), 20.0)
    beats = song.beats.times_s if len(song.beats.times_s) > 1 else np.arange(0, song.seconds, 60 / USUAL_BPM)
    moments = np.interp(2 + EVERY_BEATS * np.arange(POSES), np.arange(len(beats)), beats)
    keypoints = seen.keypoints[np.clip(np.rint(moments * seen.fps).astype(int), 0, len(seen) - 1)].copy()
    for pose in keypoints:
        there = pose[:, 2] > 0
        pose[there, 0] += seen.size[0] / 2 - pose[there, 0].mean()
    large = PoseSequence(keypoints, seen.fps, seen.size).fitted(CELL, margin=0.06)
    return np.concatenate(list(draw_poses(large.keypoints, CELL, stroke=1 / 55)), axis=1)


def sheet(dancer: DiffusionChoreographer, song: SongFeatures, seed: int) -> np.ndarray:
    """(H, W, 3) uint8: the strips of all genres, each with its name."""
    from PIL import Image, ImageDraw, ImageFont

    rows = []
    for genre in dancer.model.styles:
        label = Image.new("RGB", (LABEL, CELL[1]))
        where = (10, CELL[1] // 2)
        ImageDraw.Draw(label).text(where, genre, (235, 235, 245), ImageFont.load_default(19), anchor="lm")
        rows.append(np.concatenate([np.asarray(label), strip(dancer, song, genre, seed)], axis=1))
    return np.concatenate(rows)


def main() -> None:
    from PIL import Image

    from dancegen.assets import asset
    from dancegen.audio.song import analyse
    from dancegen.choreographers import find_model
    from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
    from dancegen.store import open_store

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--song", type=Path, help="the bundled one by default")
    parser.add_argument("--start", type=float, default=8.0)
    parser.add_argument("--seconds", type=float, default=18.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quality", type=int, default=80)
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen = parser.parse_args()
    dancer = DiffusionChoreographer(find_model(chosen.model, open_store()))
    song = analyse(chosen.song or asset("demo.ogg"), start_s=chosen.start, seconds=chosen.seconds)
    picture = Image.fromarray(sheet(dancer, song, chosen.seed))
    picture.save(chosen.output, quality=chosen.quality)
    print(f"{chosen.output}: {picture.width}x{picture.height}, {chosen.output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
