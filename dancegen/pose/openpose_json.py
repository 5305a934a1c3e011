"""OpenPose's JSON, in and out: one file for a dance, as ControlNet's editors read it, or OpenPose's file a frame.

A frame is ``{"people": [{"pose_keypoints_2d": [x, y, confidence, ...]}], "canvas_width": 512, "canvas_height": 512}``;
a dance is a list of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.cleaning import track_dancer
from dancegen.pose.openpose_people import BODY_KEY, FACE_KEY, FACE_POINTS, HAND_KEYS, HAND_POINTS, Person, read_person
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import N_JOINTS
from dancegen.text import read_json

_CANVAS_KEYS = (("canvas_width", "canvas_height"), ("width", "height"))
LARGEST_SIDE = 100_000
"""Pixels of a canvas."""
_WHAT = "JSON file of OpenPose"
_NUMBERED = re.compile(r"^(.*)_(\d{12})_keypoints\.json$")
"""How OpenPose calls its files: after the video, by the number of the frame."""
MOST_LACKING = 10
"""Frames for each file there is, beyond which numbers are not those of frames."""

#: Coordinates of a whole file below this are shares of the canvas, as some editors write them, and not pixels.
_LARGEST_SHARE = 2.0


@dataclass(frozen=True)
class _Frame:
    people: list[Person]
    size: tuple[int, int] | None


def write_openpose_json(sequence: PoseSequence, path: str | Path) -> None:
    """Write a dance as one JSON file: a list of frames, each with its canvas and, unless it is empty, one person.

    The format has no place for the frame rate and the start in the song: tell them to read_openpose_json.
    """
    frames = (_as_text(_frame_as_json(sequence, index)) for index in range(len(sequence)))
    Path(path).write_text(f"[{','.join(frames)}]", encoding="utf-8")


def write_frame_json(sequence: PoseSequence, folder: Path, name: str = "dance") -> None:
    """Write a dance as OpenPose does into a folder that is there: NAME_000000000000_keypoints.json a frame."""
    for index in range(len(sequence)):
        frame = _as_text(_frame_as_json(sequence, index))
        (folder / f"{name}_{index:012d}_keypoints.json").write_text(frame, encoding="utf-8")


def _as_text(frame: dict) -> str:
    return json.dumps(frame, allow_nan=False, separators=(",", ":"))  # `json.dump` is several times slower


def read_openpose_json(
    path: str | Path,
    *,
    fps: float = 30.0,
    size: tuple[int, int] | None = None,
    start_s: float = 0.0,
    say: Callable[[str], None] | None = None,
) -> PoseSequence:
    """Read a dance from a list of frames, from a single frame, or from a directory of one frame a file.

    Of a directory the ``*_keypoints.json`` files count, else all its ``*.json`` files, in their natural order.

    A joint whose confidence or both coordinates are 0, or that is null, is missing. Where a frame shows several people,
    one is followed through all of them (`cleaning.track_dancer`); a frame without people is one without joints.
    `read_person` says which layouts are understood. The canvas of one frame is that of all; frames may call it width
    and height.

    size: the canvas (width, height) of files that do not say; without it, the smallest that holds the poses. say: is
    told where several people are seen.
    Raises PoseError with the file's name for anything else.
    """
    path = Path(path)
    frames = _read_directory(path) if path.is_dir() else _read_file(path)
    canvas = _common_size(frames, path) or size
    people = _dancers(frames)
    _tell_of_others(frames, path, say)
    keypoints = np.stack([person.body if person else np.zeros((N_JOINTS, 3), np.float32) for person in people])
    hands = _stack([person and person.hands for person in people], (2, HAND_POINTS, 3))
    face = _stack([person and person.face for person in people], (FACE_POINTS, 3))
    if _in_shares(keypoints):
        if canvas is None:
            raise PoseError(
                f"{path} gives positions as shares of a canvas, and not the canvas: say it in pixels, by "
                '--json-canvas 1280x720 or by writing "canvas_width": 1280, "canvas_height": 720 into one of its frames'
            )
        _to_pixels(canvas, keypoints, hands, face)
    try:
        return PoseSequence(keypoints, fps, canvas or _smallest_canvas(keypoints), start_s, hands=hands, face=face)
    except PoseError as error:
        raise PoseError(f"{path}: {error}") from error


def _frame_as_json(sequence: PoseSequence, index: int) -> dict:
    person = {BODY_KEY: _flat(sequence.keypoints[index])}
    if sequence.face is not None:
        person[FACE_KEY] = _flat(sequence.face[index])
    if sequence.hands is not None:
        person.update(zip(HAND_KEYS, map(_flat, sequence.hands[index]), strict=True))
    seen = (sequence.keypoints[index][:, 2] > 0).any()
    width, height = sequence.size
    return {"people": [person] if seen else [], "canvas_width": width, "canvas_height": height}


def _flat(keypoints: np.ndarray) -> list[float]:
    # Six significant digits: a ten-thousandth of a pixel, and a small confidence does not become 0.
    return [float(f"{value:.7g}") for value in keypoints.ravel().tolist()]


def frame_step(path: Path) -> int:
    """Of which of the video's frames a folder of OpenPose's has files: 1 for each, 2 for every other."""
    numbers = _numbers(_files(path)) if path.is_dir() else None
    return 1 if numbers is None else _step(numbers)


def _read_directory(folder: Path) -> list[_Frame]:
    files = _files(folder)
    if not files:
        raise PoseError(f"{folder} holds no JSON files, as OpenPose writes them, one a frame")
    takes = sorted({match[1] for file in files if (match := _NUMBERED.match(file.name))})
    if len(takes) > 1:
        raise PoseError(f"{folder} holds the frames of several videos, {takes[0]} and {takes[1]}: give each its folder")
    frames = []
    for file in files:
        document = read_json(file, _WHAT, PoseError)
        if not isinstance(document, dict):
            raise PoseError(f"{file} is not a single OpenPose frame")
        frames.append(_frame(document, str(file)))
    return _in_their_places(frames, _numbers(files))


def _files(folder: Path) -> list[Path]:
    found = list(folder.glob("*_keypoints.json")) or list(folder.glob("*.json"))
    return sorted((file for file in found if not file.name.startswith(".")), key=_frame_number)


def _numbers(files: list[Path]) -> list[int] | None:
    """The numbers of the video's frames that OpenPose wrote into the names of its files; None of other names."""
    matches = [_NUMBERED.match(file.name) for file in files]
    numbers = [int(match[2]) for match in matches if match]
    if len(numbers) < len(files) or any(a >= b for a, b in pairwise(numbers)):
        return None
    count = (numbers[-1] - numbers[0]) // _step(numbers) + 1
    return numbers if count <= MOST_LACKING * len(files) else None


def _step(numbers: list[int]) -> int:
    return gcd(*(b - a for a, b in pairwise(numbers))) or 1


def _in_their_places(frames: list[_Frame], numbers: list[int] | None) -> list[_Frame]:
    """The frames with one that shows nobody for each number that lacks between them, so that none comes too early."""
    if numbers is None:
        return frames
    step = _step(numbers)
    placed = [_Frame([], None) for _ in range(numbers[0], numbers[-1] + 1, step)]
    for number, frame in zip(numbers, frames, strict=True):
        placed[(number - numbers[0]) // step] = frame
    return placed


def _frame_number(file: Path) -> list:
    """Sorts frame 10 behind frame 9, with or without leading zeros."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", file.name)]


def _read_file(path: Path) -> list[_Frame]:
    document = read_json(path, _WHAT, PoseError)
    if isinstance(document, dict):
        return [_frame(document, str(path))]
    if not isinstance(document, list) or not document:
        raise PoseError(f"{path} is neither an OpenPose frame nor a list of them")
    return [_frame(frame, f"{path}, frame {index}") for index, frame in enumerate(document)]


def _frame(document: Any, where: str) -> _Frame:
    """A frame. The old OpenPose editor for Stable Diffusion's web UI calls its people "keypoints"."""
    people = (document.get("people") or document.get("keypoints") or []) if isinstance(document, dict) else None
    if not isinstance(people, list) or not ("people" in document or "keypoints" in document):
        raise PoseError(f'{where}: no list "people", so this is not an OpenPose frame')
    return _Frame([read_person(person, where) for person in people], _canvas_size(document, where))


def _canvas_size(document: dict, where: str) -> tuple[int, int] | None:
    for keys in _CANVAS_KEYS:
        width, height = (document.get(key) for key in keys)
        if width is None and height is None:
            continue
        if not (_is_side(width) and _is_side(height)):
            raise PoseError(f"{where}: a canvas of {width} x {height} pixels")
        return int(width), int(height)
    return None


def _is_side(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= LARGEST_SIDE


def _common_size(frames: list[_Frame], path: Path) -> tuple[int, int] | None:
    sizes = {frame.size for frame in frames if frame.size is not None}
    if len(sizes) > 1:
        raise PoseError(f"{path} mixes canvases of several sizes: {sorted(sizes)}")
    return sizes.pop() if sizes else None


def _dancers(frames: list[_Frame]) -> list[Person | None]:
    """The one person of each frame who dances."""
    chosen = track_dancer([person.body for person in frame.people] for frame in frames)
    return [None if index is None else frame.people[index] for frame, index in zip(frames, chosen, strict=True)]


def _tell_of_others(frames: list[_Frame], path: Path, say: Callable[[str], None] | None) -> None:
    several = sum(sum(bool((person.body[:, 2] > 0).any()) for person in frame.people) > 1 for frame in frames)
    if say is not None and several:
        say(
            f"{path.name}: {several} of {len(frames)} frames show several people; one is followed, whoever is "
            "largest, moves most and is there longest"
        )


def _stack(arrays: list[np.ndarray | None], shape: tuple[int, ...]) -> np.ndarray | None:
    if all(array is None for array in arrays):
        return None
    return np.stack([np.zeros(shape, np.float32) if array is None else array for array in arrays])


def _in_shares(keypoints: np.ndarray) -> bool:
    return bool(keypoints.any()) and float(np.abs(keypoints[..., :2]).max()) <= _LARGEST_SHARE


def _to_pixels(size: tuple[int, int], *arrays: np.ndarray | None) -> None:
    for array in arrays:
        if array is not None:
            array[..., :2] *= np.array(size, np.float32)


def _smallest_canvas(keypoints: np.ndarray) -> tuple[int, int]:
    right, bottom = keypoints[..., :2].reshape(-1, 2).max(axis=0)
    return max(1, int(np.ceil(right)) + 1), max(1, int(np.ceil(bottom)) + 1)
