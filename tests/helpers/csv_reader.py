"""A motion reader of the tests' own: joints in a CSV file, one row for each frame, with the song beside it if any."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dancegen.motion.motion import Motion
from dancegen.motion.readers.databases import TakeInfo
from dancegen.motion.readers.protocol import Hints, Reader, suffix
from dancegen.progress import Progress

RATE = 30.0


def write_joints(path: Path, joints: np.ndarray) -> Path:
    """(T, 18, 3) metres."""
    np.savetxt(path, joints.reshape(len(joints), -1), delimiter=",")
    return path


def _read(path: Path, hints: Hints, progress: Progress) -> Motion:
    joints = np.loadtxt(path, delimiter=",").reshape(-1, 18, 3)
    ahead, up = np.tile([0.0, 0.0, 1.0], (len(joints), 1)), np.tile([0.0, 1.0, 0.0], (len(joints), 1))
    return Motion(joints, ahead, up, hints.fps or RATE, 1.7, path.stem, path)


def _describe(path: Path) -> TakeInfo:
    """From names like "waltz_anna_3_val.csv": genre, performer, number, and a split of the database's own."""
    genre, performer, number, split = path.stem.split("_")
    song = path.with_suffix(".wav")
    return TakeInfo(
        f"{performer} {number}", split, genre, performer, song=song if song.is_file() else None, song_start_s=1.0
    )


READER = Reader(about="joints as CSV (.csv)", claims=suffix(".csv"), read=_read, describe=_describe)
