"""A pose whose joints are moved by hand: the limbs keep their lengths, and what nobody moved stays near where it was.

Each joint turns what hangs on it, so that how far a turn moves another joint is a cross product: damped least squares
on all turns at once, as of Buss, "Introduction to Inverse Kinematics" (2004). What is moved counts most, then the
feet that stand, then the rest of the body, and each turn is held to what it was as firmly as `lifting` holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dancegen.errors import PoseError
from dancegen.motion.body import AT, FEET, NAMES, PARENTS, TURNING, Body, BodyMotion
from dancegen.motion.lifting import EDIT
from dancegen.motion.motion import FARTHEST_M
from dancegen.motion.rotations import skew, turn_about
from dancegen.text import read_json

STEPS, LONGEST_STEP = 60, 0.3
"""Gauss-Newton steps, and the most radians or metres of one."""
DAMPING = 1e-3
MOVED_M, STANDING_M, OTHERS_M = 0.003, 0.01, 0.2
"""Metres by which a joint may miss its place: one that is moved, one of a foot, and any other."""
LEAN_M = 0.15
"""How far the trunk leans for an arm that is too short."""
ROOTED = ("pelvis", "l_hip", "r_hip")
"""Who moves one of these moves the dancer's place; else it stays, and the trunk or a leg does what it can."""
_TRUNK = (*ROOTED, "spine1", "spine2", "spine3", "l_collar", "r_collar", "l_shoulder", "r_shoulder")
JOINTS = "joints"
"""The key of a JSON of joints in space."""
_FILE = "JSON of joints in space"
_LIMBS = {
    "l_shoulder": ("l_elbow", "l_wrist", "l_hand"),
    "r_shoulder": ("r_elbow", "r_wrist", "r_hand"),
    "l_hip": ("l_knee", "l_ankle", "l_toe"),
    "r_hip": ("r_knee", "r_ankle", "r_toe"),
}
"""Joints by where their limb begins, from which they can be no farther than it is long."""


def _hanging(joint: int) -> list[int]:
    """What hangs on a joint, the joint itself left out."""
    found: list[int] = []
    for other in range(joint + 1, len(NAMES)):
        if PARENTS[other] == joint or PARENTS[other] in found:
            found.append(other)
    return found


_HANGING = {joint: _hanging(joint) for joint in range(len(NAMES))}


def moved_joints(pose: BodyMotion, targets: Mapping[str, Sequence[float]]) -> BodyMotion:
    """The first frame of `pose` with joints, by their names in NAMES, moved to places (x, y, z) in metres, y up.

    What cannot be reached is approached. Raises PoseError for a joint that there is not, and for what is no place.
    """
    wanted = {AT[name]: place for name, place in _checked(targets).items()}
    pose = pose.slice(0, 1)
    rooted = any(name in targets for name in ROOTED)
    if rooted:
        pose = _laid_over(pose, wanted)
    start = pose.positions[0]
    weights, goal = _weights(wanted), start.copy()
    stiffness = _stiffness()
    free = np.ones(len(stiffness), bool)
    free[:6] = rooted  # the root's place and its turn
    gone = np.zeros(len(stiffness))
    for _ in range(STEPS):
        positions = pose.positions[0]
        goal[list(wanted)] = [_in_reach(joint, place, pose) for joint, place in wanted.items()]
        slopes = _slopes(positions) * weights[:, None]
        errors = (goal - positions).ravel() * weights
        matrix = slopes.T @ slopes + np.diag(stiffness**2 + DAMPING)
        step = np.zeros(len(stiffness))
        step[free] = np.linalg.solve(matrix[np.ix_(free, free)], (slopes.T @ errors - stiffness**2 * gone)[free])
        step *= min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), 1e-9))
        gone += step
        pose = _stepped(pose, step)
        if np.abs(step).max() < 1e-6:
            break
    return pose


def read_joints(path: Path) -> dict[str, tuple[float, float, float]]:
    """The places of a file {"joints": {"l_wrist": [x, y, z], ...}}, in metres. Raises PoseError for another."""
    found = read_json(path, _FILE, PoseError)
    places = found.get(JOINTS) if isinstance(found, dict) else None
    if not isinstance(places, dict) or not places:
        raise PoseError(f'{path} is not a {_FILE}: write {{"{JOINTS}": {{"l_wrist": [x, y, z]}}}}, in metres, y up')
    try:
        return {name: (place[0], place[1], place[2]) for name, place in _checked(places).items()}
    except PoseError as error:
        raise PoseError(f"{path}: {error}") from None


def is_joint_file(path: str | Path) -> bool:
    """Whether a file is a JSON of joints in space, and not one of OpenPose."""
    path = Path(path)
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    found = read_json(path, _FILE, PoseError)
    return isinstance(found, dict) and JOINTS in found


def standing(body: Body, fps: float = 30.0) -> BodyMotion:
    """One frame of the body in its rest pose: upright in the middle of the room, the arms stretched out."""
    root = np.array([[0.0, body.leg + body.floor_heights[0], 0.0]])
    return BodyMotion(body, root, np.broadcast_to(np.eye(3), (1, len(TURNING), 3, 3)), fps)


def _checked(targets: Mapping[str, Sequence[float]]) -> dict[str, np.ndarray]:
    found = {}
    for name, place in targets.items():
        if name not in AT:
            raise PoseError(f"there is no joint {name}; there are {', '.join(NAMES)}")
        try:
            values = np.asarray(place, np.float64)
        except (TypeError, ValueError):
            values = np.empty(0)
        if values.shape != (3,) or not (np.abs(values) < FARTHEST_M).all():
            raise PoseError(f"{name} is at no place in a room: write [x, y, z] in metres, y up")
        found[name] = values
    return found


def _stiffness() -> np.ndarray:
    """(63,) one over the metres and radians by which the root may move, and each joint turn."""
    spreads = [EDIT.spreads[NAMES[joint].removeprefix("l_").removeprefix("r_")] for joint in TURNING]
    return 1 / np.concatenate([EDIT.root_m, np.repeat(spreads, 3)])


def _weights(wanted: Mapping[int, np.ndarray]) -> np.ndarray:
    """(72,) how much each coordinate counts; what hangs on a moved joint goes with it."""
    spreads = np.full(len(NAMES), OTHERS_M)
    spreads[list(FEET)] = STANDING_M
    for joint in wanted:
        if NAMES[joint] not in ROOTED:
            spreads[_HANGING[joint]] = np.inf
    spreads[list(wanted)] = MOVED_M
    return np.repeat(1 / spreads, 3)


def _in_reach(joint: int, place: np.ndarray, pose: BodyMotion) -> np.ndarray:
    """The place, or where it is just within reach from where its limb begins now."""
    for begins, limb in _LIMBS.items():
        if NAMES[joint] in limb:
            chain = [AT[name] for name in limb[: limb.index(NAMES[joint]) + 1]]
            long = float(np.linalg.norm(pose.body.offsets[chain], axis=1).sum())
            lean = LEAN_M if begins.endswith("shoulder") else 0.0
            origin = pose.positions[0, AT[begins]]
            away = float(np.linalg.norm(place - origin))
            return origin + (place - origin) * min(1.0, (long + lean) / max(away, 1e-9))
    return place


def _slopes(positions: np.ndarray) -> np.ndarray:
    """(72, 63): how the joints (24, 3) move with the root's place and with turns about the axes of the room."""
    slopes = np.zeros((len(NAMES), 3, 3 + 3 * len(TURNING)))
    slopes[:, :, :3] = np.eye(3)
    for column, joint in enumerate(TURNING):
        below = _HANGING[joint]
        slopes[below, :, 3 + 3 * column : 6 + 3 * column] = -skew(positions[below] - positions[joint])
    return slopes.reshape(3 * len(NAMES), -1)


def _stepped(pose: BodyMotion, step: np.ndarray) -> BodyMotion:
    """The pose with its root moved and its joints turned, about the axes of the room."""
    rotations = pose.rotations[0].astype(np.float64)
    for column, joint in enumerate(TURNING):
        turn = step[3 + 3 * column : 6 + 3 * column]
        angle = float(np.linalg.norm(turn))
        if angle < 1e-12:
            continue
        above = np.eye(3) if PARENTS[joint] < 0 else pose.orientations[0, PARENTS[joint]]
        rotations[column] = turn_about(above.T @ (turn / angle), angle) @ rotations[column]
    return replace(pose, root=pose.root + step[:3], rotations=_upright(rotations)[None])


def _upright(rotations: np.ndarray) -> np.ndarray:
    """The rotations (N, 3, 3) nearest to matrices that rounding has bent: limbs keep their lengths."""
    left, _, right = np.linalg.svd(rotations)
    return left @ right


def _laid_over(pose: BodyMotion, wanted: Mapping[int, np.ndarray]) -> BodyMotion:
    """The pose turned and moved as a whole so that its trunk is nearest to where it is wanted (Kabsch, 1976)."""
    trunk = [joint for joint in wanted if NAMES[joint] in _TRUNK]
    if len(trunk) < 3:
        return pose
    there, here = np.array([wanted[joint] for joint in trunk]), pose.positions[0, trunk]
    left, _, right = np.linalg.svd((here - here.mean(0)).T @ (there - there.mean(0)))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(right.T @ left.T))])
    turned = right.T @ flip @ left.T
    rotations = pose.rotations.copy()
    rotations[0, 0] = turned @ rotations[0, 0]
    return replace(pose, root=(there.mean(0) + turned @ (pose.root[0] - here.mean(0)))[None], rotations=rotations)
