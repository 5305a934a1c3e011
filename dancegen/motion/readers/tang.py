"""Reads the ballroom dances of "Dance with Melody" (Tang et al., ACM MM 2018): a folder a dance, with its own song.

    DANCE_C_1/audio.ogg         the song, whole
    DANCE_C_1/skeletons.json    {"length": T, "center": (T, 3), "skeletons": (T, 23, 3)}, centimetres, y up, left-handed
    DANCE_C_1/config.json       {"start_position": f, "end_position": g}: where in the song, in frames at 25 a second

A joint stands at its place in `skeletons` plus the frame's `center`. The skeletons have up to 30 frames less than their
span of the song: they are spread over it evenly. The dances were captured in short units, which were stretched and put
together for the songs; all dances of one kind are made of the same ones, so one performance.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.arrays import smooth, unit
from dancegen.audio import AUDIO_SUFFIXES
from dancegen.errors import MocapError, reading
from dancegen.motion.anatomy import ANKLE_HEIGHT, FACE, body_height
from dancegen.motion.motion import Motion
from dancegen.motion.readers.databases import TakeInfo
from dancegen.motion.readers.person import FLOOR_PERCENTILE, metres_per_unit
from dancegen.motion.readers.protocol import JOINTS_RANK, Hints, Reader
from dancegen.pose.skeleton import INDEX, N_JOINTS
from dancegen.progress import Progress
from dancegen.text import read_json

SKELETONS, CONFIG = "skeletons.json", "config.json"
FPS, CENTIMETRE = 25.0, 0.01
POINTS = (
    "l_head", "r_head", "torso", "l_shoulder", "l_elbow", "l_forearm", "l_hand", "l_hip", "l_knee", "l_ankle", "l_heel",
    "l_toe", "r_shoulder", "r_elbow", "r_hand", "r_finger", "r_hip", "r_knee", "r_ankle", "r_heel", "r_toe",
    "r_forearm", "l_finger",
)  # fmt: skip
"""`l_hand` is half-way from the left wrist to the finger, `r_hand` half-way from the right forearm to the wrist."""
GENRES = {"C": "cha-cha", "R": "rumba", "W": "waltz", "T": "tango"}
MOST_SHORTER = 60
"""Frames that a dance may have less than its span of the song, or more; with any more they do not belong together."""
FEWEST_FRAMES = 4
LONGEST_SONG = 1e6
"""Frames: eleven hours."""
FLOOR_S, FLOOR_SMOOTH_S = 3.0, 1.0
DOWN_PERCENTILE = 20
_NAME = re.compile(r"^DANCE_([A-Z])_\d+")


@dataclass(frozen=True)
class TangDance:
    """points: (T, 23, 3) centimetres as the file has them. start_s: where in the song; fps: T frames over its span."""

    points: np.ndarray
    start_s: float
    fps: float


def read_tang(folder: str | Path) -> TangDance:
    """A folder's dance. Raises MocapError with the file that is damaged, or where the two do not belong together."""
    folder = Path(folder)
    begin, end = _span(folder / CONFIG)
    path = folder / SKELETONS
    found = read_json(path, "skeleton file", MocapError)
    with reading(path, "skeleton file", MocapError):
        if not isinstance(found, dict) or not {"center", "skeletons"} <= found.keys():
            raise MocapError(f"{path} should have center and skeletons")
        center, points = (np.asarray(found[name], np.float64) for name in ("center", "skeletons"))
    frames = len(points)
    if points.shape != (frames, len(POINTS), 3) or center.shape != (frames, 3):
        raise MocapError(
            f"{path}: skeletons of shape {points.shape} and centers of shape {center.shape}; they should be (T, "
            f"{len(POINTS)}, 3) and (T, 3)"
        )
    if frames < FEWEST_FRAMES:
        raise MocapError(f"{path} has {frames} frames: that is a pose, not a motion")
    if not (np.isfinite(points).all() and np.isfinite(center).all()):
        raise MocapError(f"{path}: a place in it is no number")
    if found.get("length", frames) != frames:
        raise MocapError(f"{path} says it has {found['length']} frames, but there are {frames}: the file is cut off")
    if abs(end - begin - frames) > MOST_SHORTER:
        raise MocapError(
            f"{path} has {frames} frames, and {CONFIG} says {end - begin:g}: they do not belong to one dance"
        )
    return TangDance(points + center[:, None], begin / FPS, frames * FPS / (end - begin))


def _span(path: Path) -> tuple[float, float]:
    """First frame of the song that is danced to, and the one after the last, at 25 a second."""
    found = read_json(path, "file of a dance's place in its song", MocapError)
    if not isinstance(found, dict):
        raise MocapError(f"{path} should have the numbers start_position and end_position")
    begin, end = (_frame(found.get(name), path) for name in ("start_position", "end_position"))
    if not 0 <= begin < end:
        raise MocapError(f"{path}: no dance lasts from frame {begin:g} to {end:g} of its song")
    return begin, end


def _frame(value: object, path: Path) -> float:
    if not (isinstance(value, int | float) and abs(value) < LONGEST_SONG):
        raise MocapError(f"{path} should have the numbers start_position and end_position")
    return float(value)


def _read(folder: Path, hints: Hints, progress: Progress) -> Motion:
    dance = read_tang(folder)
    at = dict(zip(POINTS, np.moveaxis(dance.points * (1.0, 1.0, -1.0), 1, 0), strict=True))
    at |= {"l_wrist": 2 * at["l_hand"] - at["l_finger"], "r_wrist": 2 * at["r_hand"] - at["r_forearm"]}
    body = np.zeros((len(dance.points), N_JOINTS, 3))
    for name in (name for name in INDEX if name in at):
        body[:, INDEX[name]] = at[name]
    body[:, INDEX["neck"]] = (at["r_shoulder"] + at["l_shoulder"]) / 2
    units = body_height(body)
    scale = metres_per_unit(units, CENTIMETRE)
    height = units * scale
    forward, up = _head_axes(at)
    head = (at["l_head"] + at["r_head"]) / 2
    for name, (across, upward, outward) in FACE.items():
        body[:, INDEX[name]] = head + units * (across * np.cross(forward, up) + upward * up + outward * forward)
    body *= scale
    body[..., 1] -= scale * _floor(at, dance.fps)[:, None]
    lower = body[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1].min(axis=1)
    body[..., 1] -= np.percentile(lower, FLOOR_PERCENTILE) - ANKLE_HEIGHT * height
    tips = (("r_wrist", "r_finger"), ("l_wrist", "l_finger"), ("r_ankle", "r_toe"), ("l_ankle", "l_toe"))
    ends = np.stack([unit(at[tip] - at[joint]) for joint, tip in tips], axis=1)
    return Motion(body, forward, up, hints.fps or dance.fps, height, folder.name, folder, ends)


def _floor(at: dict[str, np.ndarray], fps: float) -> np.ndarray:
    """(T,) how high the lowest part of the feet stands, most of the time around each frame.

    The published places drift upwards by up to half a metre within a dance; in ballroom dances a foot is always down.
    """
    feet = [at[f"{side}_{part}"][:, 1] for side in "lr" for part in ("ankle", "heel", "toe")]
    half = round(FLOOR_S * fps / 2)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(np.min(feet, axis=0), half, mode="edge"), 2 * half + 1)
    return smooth(np.percentile(around, DOWN_PERCENTILE, axis=1), FLOOR_SMOOTH_S * fps)


def _head_axes(at: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Where the face looks and the crown points, (T, 3) each: across by the two markers on the head."""
    across = unit(at["l_head"] - at["r_head"])
    neck = (at["r_shoulder"] + at["l_shoulder"]) / 2
    raised = (at["l_head"] + at["r_head"]) / 2 - neck
    up = unit(raised - np.einsum("ti,ti->t", raised, across)[:, None] * across)
    return np.cross(across, up), up


def _song(folder: Path) -> Path | None:
    found = sorted(path for path in folder.glob("audio.*") if path.suffix.lower() in AUDIO_SUFFIXES)
    return found[0] if found else None


def _describe(folder: Path) -> TakeInfo:
    match = _NAME.match(folder.name)
    letter = match[1] if match else ""
    start_s = 0.0
    with suppress(MocapError):  # which reading it will tell
        start_s = _span(folder / CONFIG)[0] / FPS
    return TakeInfo(
        performance=f"DANCE_{letter}" if match else folder.name,
        genre=GENRES.get(letter),
        song=_song(folder),
        song_start_s=start_s,
    )


def _claims(folder: Path) -> bool:
    if not folder.is_dir() or not (folder / SKELETONS).is_file():
        return False
    return (folder / CONFIG).is_file() or _song(folder) is not None


READER = Reader(
    "folders of Tang 2018 (skeletons.json, config.json, audio)", _claims, _read, _describe, rank=JOINTS_RANK
)
