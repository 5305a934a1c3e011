"""Poses from anywhere: a poses.npz, an OpenPose JSON or a folder of them, and the dance of the store they came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.errors import DancegenError, InputError, PoseError
from dancegen.stages.dance_files import GENERATED, POSES
from dancegen.store import MANIFEST, Artifact, Input, Store

if TYPE_CHECKING:
    from dancegen.pose.sequence import PoseSequence

JSON_FPS = 30.0
"""Frames a second of OpenPose JSON of which nothing is known."""
SUFFIXES = (".npz", ".json")
SAME_PX, SAME_SHARE = 1.5, 0.5
"""Pixels of a canvas of 512 by which a joint that nobody moved may differ, some editors write whole ones; and the share
of joints of a dance that nobody moved, from which on it is the same dance."""
FILLED_S = 0.5
"""Seconds without anybody in the picture that are filled in between the frames around."""


@dataclass(frozen=True)
class PoseFile:
    """Poses that a person gave. input: the bytes of the files. origin: the dance in the store that they were made from,
    however they were edited since. states_time: whether the file itself says where in the song it begins.
    """

    path: Path
    sequence: PoseSequence
    input: Input
    origin: Artifact | None
    states_time: bool
    remarks: tuple[str, ...] = ()


def is_pose_file(reference: str | Path) -> bool:
    """Whether a person means a file or folder of poses, and not an artifact or a motion."""
    path = Path(reference)
    if path.is_dir():
        return not (path / MANIFEST).is_file() and ((path / POSES).is_file() or any(path.glob("*.json")))
    if path.suffix.lower() == ".npz" and path.is_file():
        return not is_motion_file(path)
    return path.suffix.lower() in SUFFIXES or path.is_file()


def read_pose_file(
    reference: str | Path, store: Store, *, json_fps: float | None = None, canvas: tuple[int, int] | None = None
) -> PoseFile:
    """The poses of a file or folder, ready to be filmed.

    json_fps: frames a second of OpenPose JSON, which states none: by default those of the dance in the store that it
    was made from, else JSON_FPS. canvas: of JSON that states none. A span of frames that shows nobody is filled in
    where it is short. Raises PoseError, InputError for what is no poses.
    """
    from dancegen.pose.openpose_json import read_openpose_json
    from dancegen.pose.sequence import PoseSequence

    path = store.checked_path(reference)
    if path.is_dir() and (path / POSES).is_file():
        path /= POSES
    if path.suffix.lower() == ".npz" and not path.is_dir():
        sequence = PoseSequence.load(path)
        if json_fps is not None:
            raise InputError(f"--json-fps: {path} states its own rate, {sequence.fps:g} frames a second")
        origin = find_origin(sequence, store)
        return _checked(PoseFile(path, sequence, Input.file("poses", path), origin, True))
    if not path.is_dir() and path.suffix.lower() != ".json":
        raise InputError(f"{path} holds no poses: give a poses.npz, an OpenPose JSON or a folder of them, or a digest")
    content = Input.directory("poses", path, "*.json") if path.is_dir() else Input.file("poses", path)
    remarks: list[str] = []
    sequence = read_openpose_json(path, fps=json_fps or JSON_FPS, size=canvas, say=remarks.append)
    origin = find_origin(sequence, store, rate_known=json_fps is not None)
    if origin is not None:
        rate = json_fps or float(origin.params["fps"])
        sequence = replace(sequence, fps=rate, start_s=float(origin.params["start"]))
    return _checked(PoseFile(path, sequence, content, origin, False, tuple(remarks)))


def poses_of(dance: Artifact, store: Store) -> PoseFile:
    """The poses of a dance in the store."""
    from dancegen.pose.sequence import PoseSequence

    sequence = PoseSequence.load(dance.file(POSES))
    return PoseFile(dance.path, sequence, Input.artifact("poses", dance), find_origin(sequence, store), True)


def find_origin(sequence: PoseSequence, store: Store, *, rate_known: bool = True) -> Artifact | None:
    """The dance of the store of which most joints are where these are; None where there is none.

    Of several it is the likest, of those as like the oldest: what is made of the poses later changes nothing. A dance
    that keeps parts of another comes last: it may have been made of these very poses.
    """
    found = []
    for age, artifact in enumerate(store.artifacts(GENERATED)):
        if artifact.summary.get("frames") != len(sequence) or not {"fps", "start"} <= artifact.params.keys():
            continue
        if rate_known and float(artifact.params["fps"]) != sequence.fps:
            continue
        if (share := _share_of(sequence, artifact)) >= SAME_SHARE:
            edits = any(item.role == "edit" for item in artifact.inputs)
            found.append(((edits, -round(share, 1), age), artifact))
    return store.find(min(found, key=lambda each: each[0])[1].path) if found else None


def untouched(keypoints: np.ndarray, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(T, 18) bool: which joints of (T, 18, 3) keypoints are still at (T, 18, 2) pixels of the same canvas."""
    apart = np.linalg.norm(keypoints[..., :2] - points, axis=-1)
    return (keypoints[..., 2] > 0) & (apart <= SAME_PX * max(size) / 512)


def _share_of(sequence: PoseSequence, artifact: Artifact) -> float:
    """The share of joints that are where they are in a dance of the store; 0 where that has another canvas."""
    from dancegen.pose.sequence import PoseSequence

    try:
        made = PoseSequence.load(artifact.file(POSES))
    except DancegenError:
        return 0.0
    if made.size != sequence.size or len(made) != len(sequence):
        return 0.0
    there = (sequence.keypoints[..., 2] > 0) & (made.keypoints[..., 2] > 0)
    same = untouched(sequence.keypoints, made.keypoints[..., :2], sequence.size) & there
    return float(same.sum()) / max(int(there.sum()), 1)


def _checked(found: PoseFile) -> PoseFile:
    """With its short gaps filled, and what has to be said of the rest. PoseError where nobody is shown at all."""
    from dancegen.pose.cleaning import fill_gaps

    sequence = found.sequence
    shown = np.asarray(sequence.keypoints[..., 2].max(axis=1) > 0)
    if not shown.any():
        raise PoseError(f"{found.path} shows nobody in any of its {len(sequence)} frames")
    if shown.all():
        return found
    filled = fill_gaps(sequence.keypoints, max(1, round(FILLED_S * sequence.fps)))
    keypoints = np.where(shown[:, None, None], sequence.keypoints, filled)
    left = int((~(keypoints[..., 2] > 0).any(axis=1)).sum())
    remark = f"{found.path.name}: {int((~shown).sum())} of {len(shown)} frames show nobody; "
    remark += "the pose before leads into the one after" if not left else f"{left} of them stay empty"
    return replace(found, sequence=replace(sequence, keypoints=keypoints), remarks=(*found.remarks, remark))


def is_motion_file(path: Path) -> bool:
    """Whether a .npz holds a body's motion and not poses."""
    from dancegen.files import arrays_in

    names = arrays_in(path)
    return "rotations" in names and "keypoints" not in names
