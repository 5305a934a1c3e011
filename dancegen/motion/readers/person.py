"""From a file's own skeleton to a person: metres, y up, feet on the floor, a face on the head.

The body is measured by bones that every capture has, never by a pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.arrays import unit
from dancegen.errors import MocapError
from dancegen.motion.anatomy import ANKLE_HEIGHT, EAR_ABOVE_SHOULDERS, FACE, LIMBS, body_height
from dancegen.motion.kinematics import Armature
from dancegen.motion.readers.joint_names import BodyJoints
from dancegen.motion.readers.own_skeleton import is_own_skeleton, own_height
from dancegen.pose.skeleton import INDEX, N_JOINTS

BODY_HEIGHT_M = 1.7  # given to a dancer whose file says no unit
PLAUSIBLE_HEIGHT_M = (1.2, 2.2)  # a file's own unit is believed inside this range
TINIEST_BODY, LARGEST_BODY = 1e-4, 1e7  # in any unit that a file may be in
FLOOR_PERCENTILE = 5
LEVEL_PITCH_DEG = -5.0  # where people look who look straight ahead
FLAT_PITCH_DEG = -15.0  # from the ankle to the toes of a foot that stands
STANDS = 0.1  # of the trunk's length squared: knees of a figure at rest are below its hips by more, along the trunk
FLAT_PERCENTILE = 30  # share of a take in which an ankle counts as low
MOST_NOD_DEG = 35.0  # beyond this the dancer looks down, not the skeleton


@dataclass(frozen=True)
class Dancer:
    """`joints` (T, 18, 3) in metres; `head_forward`, `head_up` (T, 3) unit vectors; `height_m` of the body.

    `mirrored`: the file's left and right were swapped (a left-handed file) and have been put right.
    `turned_up`: the file's own axis that pointed up, where that was not +y.
    `axes` (3, 3), `scale`: a place p of the file is at `scale * axes @ p` metres, up to its height above the floor.
    `ends` (T, 4, 3): unit vectors from wrists to finger tips and from ankles to toes (right hand, left hand, right
    foot, left foot); None where the file has no joints or bone ends there.
    `own`: dancegen wrote the file, so nothing is guessed, and nothing needs mending.
    """

    joints: np.ndarray
    head_forward: np.ndarray
    head_up: np.ndarray
    height_m: float
    mirrored: bool
    turned_up: str | None
    ends: np.ndarray | None
    axes: np.ndarray
    scale: float
    own: bool = False


def measure(armature: Armature, body: BodyJoints) -> Dancer:
    """The person in an armature. Raises MocapError where the bones have no length, or no sensible one."""
    if is_own_skeleton(armature):
        return _as_written(armature, body)
    turn, turned_up = _upright(armature, body)
    positions = armature.positions @ turn.T
    forward, up = (unit(axis @ turn.T) for axis in _head_axes(armature, body))
    forward, up = _level_head(forward, up, positions, body)
    mirrored = _is_mirrored(positions, body)
    if mirrored:
        positions, forward, up = (values * np.array([-1.0, 1.0, 1.0]) for values in (positions, forward, up))
    ends = _ends(armature, positions, body)
    units = body_height(_limbs(positions, body))
    if not TINIEST_BODY < units < LARGEST_BODY:
        raise MocapError(f"a body {units:g} units tall is none: the bones have no length, or one that nobody has")
    scale = metres_per_unit(units, armature.metres_per_unit)
    positions = positions * scale
    height = units * scale
    positions = positions - np.array([0.0, _floor(positions, body, height), 0.0])
    joints = _limbs(positions, body)
    joints[:, INDEX["neck"]] = (joints[:, INDEX["r_shoulder"]] + joints[:, INDEX["l_shoulder"]]) / 2
    _add_face(joints, positions[:, body["head"]], forward, up, height)
    axes = np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0]) @ turn
    return Dancer(joints.astype(np.float32), forward, up, height, mirrored, turned_up, ends, axes, scale)


def _as_written(armature: Armature, body: BodyJoints) -> Dancer:
    """The person whose skeleton dancegen wrote: upright, on the floor, with feet and face where they are."""
    units = own_height(armature)
    scale = metres_per_unit(units, 1.0)
    positions = armature.positions * scale
    turned = armature.rotations[:, body["head"]]
    joints = _limbs(positions, body)
    joints[:, INDEX["neck"]] = (joints[:, INDEX["r_shoulder"]] + joints[:, INDEX["l_shoulder"]]) / 2
    forward, up = turned[..., 2], turned[..., 1]
    _put_face(joints, positions[:, body["head"]], forward, up, units * scale)
    ends = [
        unit(positions[:, tip_of(armature, body[f"{side}_{joint}"])] - positions[:, body[f"{side}_{joint}"]])
        for joint in ("wrist", "ankle")
        for side in "rl"
    ]
    return Dancer(
        joints.astype(np.float32), forward, up, units * scale, mirrored=False, turned_up=None, ends=np.stack(ends, 1),
        axes=np.eye(3), scale=scale, own=True,
    )  # fmt: skip


def metres_per_unit(height_units: float, stated: float | None) -> float:
    """The scale: the file's own where it states one that makes a person, otherwise the body is 1.7 m tall."""
    if stated is not None and PLAUSIBLE_HEIGHT_M[0] <= height_units * stated <= PLAUSIBLE_HEIGHT_M[1]:
        return stated
    return BODY_HEIGHT_M / height_units


def _limbs(positions: np.ndarray, body: BodyJoints) -> np.ndarray:
    joints = np.zeros((len(positions), N_JOINTS, 3))
    for name in LIMBS:
        joints[:, INDEX[name]] = positions[:, body[name]]
    return joints


def _upright(armature: Armature, body: BodyJoints) -> tuple[np.ndarray, str | None]:
    """The rotation that turns the file's up axis to y: dancers have their heads above their feet most of the time."""
    ankles = (armature.positions[:, body["r_ankle"]] + armature.positions[:, body["l_ankle"]]) / 2
    mean = (armature.positions[:, body["head"]] - ankles).mean(axis=0)
    axis = int(np.abs(mean).argmax())
    sign = 1.0 if mean[axis] >= 0 else -1.0
    if axis == 1 and sign > 0:
        return np.eye(3), None
    turn = np.zeros((3, 3))
    if axis == 1:
        np.fill_diagonal(turn, (1.0, -1.0, -1.0))
    else:
        others = [(axis + 1) % 3, (axis + 2) % 3]
        turn[1, axis] = sign
        turn[2, others[0]] = 1.0  # (z', x', up) keeps the cyclic order, so the turn is a rotation
        turn[0, others[1]] = sign
    return turn, f"{'+' if sign > 0 else '-'}{'xyz'[axis]}"


def _is_mirrored(positions: np.ndarray, body: BodyJoints) -> bool:
    """Whether the toes point where the back should be."""
    across = positions[:, body["l_hip"]] - positions[:, body["r_hip"]]
    forward = unit(np.stack([-across[:, 2], np.zeros(len(across)), across[:, 0]], axis=1))
    votes = 0.0
    for side in "rl":
        ankle = positions[:, body[f"{side}_ankle"]]
        tips = [joint for joint in body.feet[side] if joint != body[f"{side}_ankle"]]
        for tip in tips[-1:]:
            votes += float(np.median(np.einsum("ti,ti->t", forward, unit(positions[:, tip] - ankle))))
    return votes < -0.6  # of -2: dancers turn their feet out, but not by more than a right angle for a whole take


def _floor(positions: np.ndarray, body: BodyJoints, height: float) -> float:
    """How high the floor is: under the lower ankle when it is low.

    The ankle, because captures place toes badly (real takes have them 11 cm under the floor), and a percentile,
    because even ankles sink where a capture loses a marker.
    """
    ankles = positions[:, [body["r_ankle"], body["l_ankle"]], 1]
    return float(np.percentile(ankles.min(axis=1), FLOOR_PERCENTILE)) - ANKLE_HEIGHT * height


def _head_axes(armature: Armature, body: BodyJoints) -> tuple[np.ndarray, np.ndarray]:
    """Where the face looks and where the crown points, (T, 3) each, in the file's axes.

    The head's own axes are the body's in the rest pose, where that is a figure that stands upright; otherwise (all
    bones along one axis, as some exporters leave them) they are those that look along with the torso on average.
    """
    turned = armature.rotations[:, body["head"]]
    axes = torso_axes(armature.rest[None], body)
    if axes is not None:
        forward, up = axes[0][0], axes[1][0]
    else:
        torso = torso_axes(armature.positions, body)
        if torso is None:
            raise AssertionError("a moving body has a torso")
        up = unit(np.einsum("tji,tj->ti", turned, torso[1]).mean(axis=0))
        forward = np.einsum("tji,tj->ti", turned, torso[0]).mean(axis=0)
        forward = unit(forward - (forward @ up) * up)
    return turned @ forward, turned @ up


def _level_head(
    forward: np.ndarray, up: np.ndarray, positions: np.ndarray, body: BodyJoints
) -> tuple[np.ndarray, np.ndarray]:
    """The head nodded by one angle for the take, so that an upright dancer mostly looks straight ahead.

    Skeletons disagree on how the neck leans at rest: real takes look 30 degrees down or 16 up, all take long.
    """
    hips = positions[:, body["r_hip"]] + positions[:, body["l_hip"]]
    shoulders = positions[:, body["r_shoulder"]] + positions[:, body["l_shoulder"]]
    upright = unit(shoulders - hips)[:, 1] > 0.85
    if upright.mean() < 0.1:
        return forward, up
    pitch = float(np.rad2deg(np.arcsin(np.clip(np.median(forward[upright, 1]), -1.0, 1.0))))
    nod = np.deg2rad(np.clip(LEVEL_PITCH_DEG - pitch, -MOST_NOD_DEG, MOST_NOD_DEG))
    return np.cos(nod) * forward + np.sin(nod) * up, np.cos(nod) * up - np.sin(nod) * forward


def torso_axes(positions: np.ndarray, body: BodyJoints) -> tuple[np.ndarray, np.ndarray] | None:
    """Forward and up (T, 3) of the torso; None where it has no extent (a rest pose with all bones in one line)."""
    hips = (positions[:, body["r_hip"]] + positions[:, body["l_hip"]]) / 2
    shoulders = (positions[:, body["r_shoulder"]] + positions[:, body["l_shoulder"]]) / 2
    knees = (positions[:, body["r_knee"]] + positions[:, body["l_knee"]]) / 2
    up = shoulders - hips
    across = positions[:, body["l_hip"]] - positions[:, body["r_hip"]]
    forward = np.cross(across, up)
    size = np.linalg.norm(up, axis=-1)
    flat = np.linalg.norm(across, axis=-1) < 0.05 * size
    folded = np.einsum("ti,ti->t", up, hips - knees) <= STANDS * size**2
    thin = np.linalg.norm(forward, axis=-1) < 0.05 * size**2
    if len(positions) == 1 and (flat | folded | thin).any():
        return None
    return unit(forward), unit(up)


def _ends(armature: Armature, positions: np.ndarray, body: BodyJoints) -> np.ndarray | None:
    """Where hands and feet point, (T, 4, 3); feet levelled as `_level_foot` does. None where one has no tip."""
    bones = [(f"{s}_{joint}", s) for joint in ("wrist", "ankle") for s in "rl"]
    tips = [tip_of(armature, body[joint]) for joint, _ in bones]
    if None in tips:
        return None
    found = [unit(positions[:, tip] - positions[:, body[joint]]) for (joint, _), tip in zip(bones, tips, strict=True)]
    for index, side in ((2, "r"), (3, "l")):
        shank = unit(positions[:, body[f"{side}_ankle"]] - positions[:, body[f"{side}_knee"]])
        found[index] = _level_foot(found[index], shank, positions[:, body[f"{side}_ankle"], 1])
    return np.stack(found, axis=1)


def tip_of(armature: Armature, joint: int) -> int | None:
    """The joint or bone end below a joint that is farthest from it at rest; None where nothing hangs on it."""
    below = [joint]
    for candidate in range(joint + 1, len(armature.parents)):
        if armature.parents[candidate] in below:
            below.append(candidate)
    reach = np.linalg.norm(armature.rest[below] - armature.rest[joint], axis=-1)
    return below[int(reach.argmax())] if reach.max() > 0 else None


def _level_foot(foot: np.ndarray, shank: np.ndarray, height: np.ndarray) -> np.ndarray:
    """The foot (T, 3) pitched by one angle for the take, so that it mostly lies flat when it is low.

    Captures place toes badly: real takes have them 11 cm under the floor, all take long.
    """
    low = height <= np.percentile(height, FLAT_PERCENTILE)
    pitch = np.median(np.arcsin(np.clip(foot[low, 1], -1.0, 1.0)))
    angle = np.clip(np.deg2rad(FLAT_PITCH_DEG) - pitch, -np.deg2rad(MOST_NOD_DEG), np.deg2rad(MOST_NOD_DEG))
    upward = -unit(shank - np.einsum("ti,ti->t", shank, foot)[:, None] * foot)
    return np.cos(angle) * foot + np.sin(angle) * upward


def _add_face(joints: np.ndarray, head: np.ndarray, forward: np.ndarray, up: np.ndarray, height: float) -> None:
    """Nose, eyes and ears in their places on the head.

    Files put the head joint anywhere from the nape to the skull; the ears are put at their usual height above the
    shoulders, one shift along the head's own axis for the whole clip.
    """
    above = np.einsum("ti,ti->t", head - joints[:, INDEX["neck"]], up)
    shift = float(np.clip(EAR_ABOVE_SHOULDERS * height - np.median(above), -0.05 * height, 0.15 * height))
    _put_face(joints, head + shift * up, forward, up, height)


def _put_face(joints: np.ndarray, centre: np.ndarray, forward: np.ndarray, up: np.ndarray, height: float) -> None:
    """Nose, eyes and ears round the point between the ears (T, 3)."""
    right = np.cross(forward, up)
    for name, (across, upward, outward) in FACE.items():
        joints[:, INDEX[name]] = centre + height * (across * right + upward * up + outward * forward)
