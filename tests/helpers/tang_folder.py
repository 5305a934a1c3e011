"""A dance made here as Tang et al. published theirs: a folder with skeletons, their place in a song, and the song."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dancegen.motion.readers.tang import POINTS
from helpers.songs import write_click

STANDING = {
    "l_head": (6, 160, 0), "r_head": (-6, 160, 0), "torso": (0, 115, 0), "l_shoulder": (18, 140, 0),
    "l_elbow": (22, 113, 0), "l_forearm": (23, 100, 2), "l_finger": (24, 72, 8), "r_shoulder": (-18, 140, 0),
    "r_elbow": (-22, 113, 0), "r_forearm": (-23, 100, 2), "r_finger": (-24, 72, 8), "l_hip": (9, 91, 0),
    "l_knee": (10, 49, 2), "l_ankle": (10, 8, 0), "l_heel": (10, 3, -5), "l_toe": (11, 3, 14), "r_hip": (-9, 91, 0),
    "r_knee": (-10, 49, 2), "r_ankle": (-10, 8, 0), "r_heel": (-10, 3, -5), "r_toe": (-11, 3, 14),
}  # fmt: skip
"""Centimetres, y up, right-handed: who faces z has the left side along x."""
WRISTS = {"l_wrist": (24, 88, 4), "r_wrist": (-24, 88, 4)}


def dancer(frames: int) -> np.ndarray:
    """(T, 23, 3): somebody who faces z, sways sideways and lifts the left foot, in a room with a right hand."""
    at = {name: np.array(place, float) for name, place in (STANDING | WRISTS).items()}
    at["l_hand"] = (at["l_wrist"] + at["l_finger"]) / 2
    at["r_hand"] = (at["r_forearm"] + at["r_wrist"]) / 2
    points = np.tile([at[name] for name in POINTS], (frames, 1, 1))
    time = np.arange(frames) / 25
    points[:, :, 0] += 15 * np.sin(3 * time)[:, None]
    for part in ("ankle", "heel", "toe", "knee"):
        points[:, POINTS.index(f"l_{part}"), 1] += 12 * np.maximum(np.sin(6 * time), 0)
    return points


def write_tang(folder: Path, frames: int = 190, begin: int = 20, end: int | None = None, drift: float = 0.0) -> list:
    """The three files in a folder. drift: centimetres by which the whole dance rises from its start to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    end = begin + frames + 5 if end is None else end
    points = dancer(frames)
    points[:, :, 1] += np.linspace(0, drift, frames)[:, None]
    points[..., 2] *= -1  # left-handed
    center = points.mean(axis=1)
    found = {
        "length": frames,
        "center": np.round(center, 3).tolist(),
        "skeletons": np.round(points - center[:, None], 3).tolist(),
    }
    (folder / "skeletons.json").write_text(json.dumps(found))
    (folder / "config.json").write_text(json.dumps({"start_position": begin, "end_position": end}))
    write_click(folder / "audio.wav", 120, seconds=end / 25 + 2)
    return [folder / name for name in ("skeletons.json", "config.json", "audio.wav")]
