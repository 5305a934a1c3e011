"""lift-poses: poses in a picture become a body's motion, of which generate-poses can keep a part.

Where they were edited from a dance of the store, or have joints in three dimensions, only what was edited is moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.context import Context
from dancegen.errors import PoseError
from dancegen.stages.dance_files import BEATS, FEATURES, MOTION
from dancegen.stages.pose_files import SAME_PX, SAME_SHARE, PoseFile, untouched
from dancegen.store import Artifact, Input, Recipe

if TYPE_CHECKING:
    from dancegen.choreographers import ChosenModel
    from dancegen.motion.body import Body, BodyMotion
    from dancegen.motion.cameras import Lens
    from dancegen.motion.motion import Motion
    from dancegen.pose.sequence import PoseSequence
    from dancegen.progress import Progress

STAGE, VERSION = "lift-poses", 2
BESIDE_PX = 5.0
"""Pixels of a canvas of 512 beside its keypoint from which on a joint is said not to have got there."""


def lift_poses(found: PoseFile, model: ChosenModel, context: Context) -> Path:
    """The motion.npz of a model's body that is seen where the poses are.

    Raises PoseError where the poses' size cannot be told, InputError for a model that moves no body.
    """
    for remark in found.remarks:
        context.progress.warn(remark)
    sequence, origin = found.sequence, _with_motion(found.origin)
    recipe = Recipe(
        STAGE, VERSION,
        {"fps": sequence.fps, "size": list(sequence.size), "start": sequence.start_s},
        (found.input, *model.inputs, *([] if origin is None else [Input.artifact("dance", origin)])),
    )  # fmt: skip

    def build(directory: Path) -> dict[str, Any]:
        body = model.body()
        known = _known(sequence, origin, body)
        if known is None:
            motion, lens = _guessed(found, body, context.progress)
            changed = len(sequence)
        else:
            motion, lens, changed = _edited(sequence, known, context.progress)
        motion.save(directory / MOTION)
        return {"guessed": known is None, "changed": changed, **_fit(motion, lens, sequence)}

    artifact = context.step(force=False).obtain(recipe, build)
    _tell(found, artifact, context.progress)
    return artifact.file(MOTION)


@dataclass(frozen=True, eq=False)
class _Known:
    """A dance in space of which pictures were edited, and the lens that it was seen through."""

    motion: BodyMotion
    lens: Lens


def _with_motion(origin: Artifact | None) -> Artifact | None:
    return origin if origin is not None and any(entry.path == MOTION for entry in origin.files) else None


def _known(sequence: PoseSequence, origin: Artifact | None, body: Body) -> _Known | None:
    """The dance that the poses were edited from, if it is known in space and most of them are still seen there."""
    from dancegen.motion.body import BodyMotion
    from dancegen.motion.cameras import lens_of

    for seen in _seen(sequence, origin, body):
        motion = seen.own.motion() if isinstance(seen.own, BodyMotion) else seen.own
        lens = lens_of(motion, seen.camera, size=sequence.size, bars_s=seen.bars_s, lasting=seen.lasting)
        there = sequence.keypoints[..., 2] > 0
        same = untouched(sequence.keypoints, lens.pixels(motion.joints3d), sequence.size)
        if same.sum() >= SAME_SHARE * there.sum():
            return _Known(replace(_by(body, seen.own), start_s=sequence.start_s), lens)
    return None


@dataclass(frozen=True, eq=False)
class _Seen:
    """A dance that the poses may have been edited from, and how it may have been filmed."""

    own: BodyMotion | Motion
    camera: str
    bars_s: np.ndarray | None = None
    lasting: bool = False


def _seen(sequence: PoseSequence, origin: Artifact | None, body: Body) -> Iterator[_Seen]:
    """The dance in the store, through its own camera; else the joints that the poses bring along, through any."""
    from dancegen.audio.beats import bar_lines
    from dancegen.audio.song import SongFeatures
    from dancegen.motion.anatomy import body_height
    from dancegen.motion.body import BodyMotion
    from dancegen.motion.cameras import CAMERAS
    from dancegen.motion.motion import Motion

    if origin is not None:
        song = SongFeatures.load(origin.file(FEATURES), origin.file(BEATS))
        made = BodyMotion.load(origin.file(MOTION)).resample(sequence.fps, len(sequence))
        for lasting in (True, False):  # dances of earlier versions were fitted into their pictures
            yield _Seen(made, str(origin.params["camera"]), bar_lines(song.beats, song.mel), lasting)
    elif sequence.joints3d is not None:
        for height_m in (body.height_m, body_height(sequence.joints3d)):
            joints = Motion.of_joints(sequence.joints3d, sequence.fps, height_m)
            yield from (_Seen(joints, camera, lasting=each) for camera in CAMERAS for each in (True, False))


def _by(body: Body, dance: BodyMotion | Motion) -> BodyMotion:
    """The dance by a model's body, with the twist of its limbs where that is known."""
    from dancegen.motion.body import BodyMotion
    from dancegen.motion.retarget import retarget_limbs

    if not isinstance(dance, BodyMotion):
        return retarget_limbs(dance, body)
    same = dance.body.offsets.shape == body.offsets.shape and np.allclose(dance.body.offsets, body.offsets, atol=1e-4)
    return replace(dance, body=body) if same else retarget_limbs(dance.motion(), body)


def _edited(sequence: PoseSequence, known: _Known, progress: Progress) -> tuple[BodyMotion, Lens, int]:
    """The dance with those frames moved in which joints are not where it has them; and how many these are."""
    from dancegen.motion.body import BodyMotion
    from dancegen.motion.lifting import EDIT, lift, seen_apart

    apart = seen_apart(known.motion, sequence.keypoints, known.lens)
    changed = np.flatnonzero((np.nan_to_num(apart) > SAME_PX * max(sequence.size) / 512).any(axis=1))
    root, rotations = known.motion.root.copy(), known.motion.rotations.copy()
    with progress.task("lifting the poses", len(changed)) as advance:
        for run in np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1):
            if len(run):
                part = slice(int(run[0]), int(run[-1]) + 1)
                moved = lift(
                    known.motion.slice(part.start, part.stop), sequence.keypoints[part], known.lens[part], EDIT,
                    advance=advance,
                )  # fmt: skip
                root[part], rotations[part] = moved.root, moved.rotations
    motion = BodyMotion(known.motion.body, root, rotations, sequence.fps, sequence.start_s)
    return motion, known.lens, len(changed)


def _guessed(found: PoseFile, body: Body, progress: Progress) -> tuple[BodyMotion, Lens]:
    """The dance of poses of which nothing else is known."""
    from dancegen.motion.from_pictures import guess
    from dancegen.motion.lifting import GUESS, lift

    sequence = found.sequence
    try:
        first, lens, standing = guess(sequence.keypoints, body, sequence.fps, sequence.start_s, sequence.size)
    except PoseError as error:
        raise PoseError(f"{found.path}: {error}") from error
    with progress.task("lifting the poses", len(sequence)) as advance:
        return lift(first, sequence.keypoints, lens, GUESS, standing, advance), lens


def _fit(motion: BodyMotion, lens: Lens, sequence: PoseSequence) -> dict[str, Any]:
    """How near the motion is to the poses, in pixels of a canvas of 512."""
    from dancegen.motion.lifting import seen_apart

    apart = np.nan_to_num(seen_apart(motion, sequence.keypoints, lens)) * 512 / max(sequence.size)
    return {
        "frames": len(sequence),
        "error_px": round(float(np.median(apart.max(axis=1))), 2),
        "most_px": round(float(apart.max()), 2),
        "frames_beside": int((apart.max(axis=1) > BESIDE_PX).sum()),
    }


def _tell(found: PoseFile, lifted: Artifact, progress: Progress) -> None:
    said, name = lifted.summary, found.path.name
    if said["guessed"]:
        progress.say(f"{name}: nothing but its pictures is known, so how deep it dances is a guess")
    else:
        progress.say(f"{name}: {said['changed']} of {said['frames']} frames were edited; the rest stays as it is")
    if said["frames_beside"]:
        progress.warn(
            f"{name}: in {said['frames_beside']} frames a limb is drawn longer than the dancer's, or bent as none "
            f"bends: it comes as near as it can, to {said['most_px']:g} pixels"
        )
