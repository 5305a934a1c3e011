"""Lifting: a body's motion is moved until a camera sees its joints where keypoints in pixels are.

Limbs keep their lengths, and what the keypoints do not ask for stays as near as it can to the motion that one begins
with: a dance of which a picture was edited, or a first guess. Every joint is a sum of its limbs, each turned in the
room, so the problem is one of least squares whose derivatives are cross products: Gauss-Newton steps over all frames at
once, each solved by conjugate gradients, for only neighbouring frames know of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dancegen.motion.anatomy import FACE
from dancegen.motion.body import AT, FEET, NAMES, PARENTS, TURNING, Body, BodyMotion
from dancegen.motion.cameras import Lens, axes
from dancegen.motion.limb_depths import reached
from dancegen.pose.skeleton import INDEX, JOINTS

STEPS, SOLVER_STEPS, ACCURATE = 12, 30, 1e-5
"""Gauss-Newton steps, and steps of conjugate gradients for each, or as many as leave so little of the error."""
LONGEST_STEP = 0.4
"""Radians or metres of one step."""
SPAN, OVERLAP = 900, 60
"""Frames that are moved at once, and by how many two spans overlap: memory does not grow with the dance."""
SEEN_M, FAR_OFF = 0.004, 4.0
"""Metres by which a joint may be seen beside its keypoint; from so many of them on an error counts linearly (Huber):
a limb that is drawn longer than it is must not tear at the rest."""
FILLED = 0.3
"""The weight of a joint that was filled in against that of one that was seen."""
FLOOR_M = 0.01
"""Metres by which a foot may be under the floor, or off it where it stands."""
HANDS = tuple((TURNING.index(AT[f"{side}_elbow"]), TURNING.index(AT[f"{side}_wrist"])) for side in "lr")
"""Hands go with the forearm: no keypoint shows how they are turned."""
SEEN = slice(0, len(JOINTS))
TURNS = 3 * len(TURNING)


@dataclass(frozen=True)
class Holding:
    """How firmly a motion is held while it is moved.

    spreads: radians by which a joint may turn, by its name without the side. root_m: metres along x, y and z. turn:
    radians, and metres, by which what is changed may differ from frame to frame. bend: radians, and metres, by which
    a turn and the root may leave a steady course from frame to frame, at 30 a second; None: as they like.
    """

    spreads: dict[str, float]
    root_m: tuple[float, float, float]
    turn: float
    bend: float | None = None


EDIT = Holding(
    {"pelvis": 0.1, "hip": 1.0, "spine1": 0.1, "knee": 1.0, "spine2": 0.15, "ankle": 0.3, "spine3": 0.15, "neck": 0.3,
     "collar": 0.15, "head": 0.4, "shoulder": 1.5, "elbow": 1.5, "wrist": 1.5},
    (0.1, 0.1, 0.05), 0.1,
)  # fmt: skip
"""Of a dance of which a picture was edited: limbs follow easily, trunk and place reluctantly."""
GUESS = Holding(
    {"pelvis": 0.6, "hip": 1.0, "spine1": 0.3, "knee": 1.0, "spine2": 0.3, "ankle": 0.5, "spine3": 0.3, "neck": 0.5,
     "collar": 0.3, "head": 0.8, "shoulder": 1.5, "elbow": 1.5, "wrist": 1.5},
    (0.5, 0.5, 0.3), 0.6, 0.04,
)  # fmt: skip
"""Of a dance of which pictures are all there is."""


def lift(
    motion: BodyMotion,
    keypoints: np.ndarray,
    lens: Lens,
    holding: Holding,
    standing: np.ndarray | None = None,
    advance: Callable[[int], None] = lambda frames: None,
) -> BodyMotion:
    """The motion with its joints moved to where (T, 18, 3) keypoints are seen through the lens.

    standing: (T, 2) bool, whether the left and the right foot stand on the floor; None: feet come no deeper than they
    are. `advance` gets the numbers of frames done.
    """
    first_try = reached(motion, keypoints, lens)
    stands = np.zeros((len(motion), 2)) if standing is None else standing.astype(float)
    floor = np.tile(motion.body.floor_heights, (len(motion), 1))
    if standing is None:
        floor = np.minimum(floor, motion.positions[:, FEET, 1])
    turned = np.empty((len(motion), len(TURNING), 3, 3))
    root = np.empty((len(motion), 3))
    for first in range(0, len(motion), SPAN):
        last = min(first + SPAN, len(motion))
        begin, end = max(0, first - OVERLAP), min(len(motion), last + OVERLAP)
        span = slice(begin, end)
        problem = _Problem.of(motion.slice(begin, end), keypoints[span], lens[span], holding, floor[span], stands[span])
        problem.turned = first_try.orientations[span, TURNING]
        for _ in range(STEPS):
            problem.step()
        own = slice(first - begin, last - begin)
        turned[first:last], root[first:last] = problem.turned[own], problem.root[own]
        advance(last - first)
    return BodyMotion.turned_in_room(motion.body, root, turned, motion.fps, motion.start_s)


def seen_apart(motion: BodyMotion, keypoints: np.ndarray, lens: Lens) -> np.ndarray:
    """(T, 18) pixels between (T, 18, 3) keypoints and where the lens sees the motion's joints; NaN for missing ones."""
    apart = np.linalg.norm(lens.pixels(motion.motion().joints3d) - keypoints[..., :2], axis=-1)
    return np.where(keypoints[..., 2] > 0, apart, np.nan)


@dataclass(eq=False)
class _Problem:
    """A motion while it is moved, and all that it is held to, in metres.

    joints: (18 + 4, 20, 3), each joint of the picture and of FEET in the axes of the turns it hangs on. view: right,
    down and ahead of the camera (T, 3, 3). wanted: (T, 18, 2), where joints should be seen, in metres across the view.
    floor: (T, 4) metres, how deep the joints of FEET may come.
    """

    joints: np.ndarray
    start: np.ndarray
    start_root: np.ndarray
    eye: np.ndarray
    view: np.ndarray
    distance: np.ndarray
    wanted: np.ndarray
    weight: np.ndarray
    hold: np.ndarray
    floor: np.ndarray
    standing: np.ndarray
    turn: float
    bend: float
    turned: np.ndarray = field(init=False)
    root: np.ndarray = field(init=False)

    @classmethod
    def of(
        cls,
        motion: BodyMotion,
        keypoints: np.ndarray,
        lens: Lens,
        holding: Holding,
        floor: np.ndarray,
        standing: np.ndarray,
    ) -> _Problem:
        confidence = keypoints[..., 2]
        weight = np.where(confidence >= 0.5, 1.0, np.where(confidence > 0, FILLED, 0.0))
        spreads = [holding.spreads[NAMES[joint].removeprefix("l_").removeprefix("r_")] for joint in TURNING]
        hold = 1 / np.concatenate([np.repeat(spreads, 3), holding.root_m]) ** 2
        bend = 0.0 if holding.bend is None else (holding.bend * (30 / motion.fps) ** 2) ** -2
        return cls(
            _hung_on(motion.body), motion.orientations[:, TURNING], motion.root.astype(float), lens.eye,
            axes(lens.eye, lens.target), lens.distance,
            (keypoints[..., :2] - lens.offset[:, None]) / lens.scale[:, None, None], weight, hold,
            floor, standing, holding.turn**-2, bend,
        )  # fmt: skip

    def __post_init__(self) -> None:
        self.turned, self.root = self.start.copy(), self.start_root.copy()

    def step(self) -> None:
        """One step of Gauss and Newton: as if all joints moved in straight lines."""
        limbs = np.einsum("tkab,jkb->tjka", self.turned, self.joints)
        places = limbs.sum(2) + self.root[:, None]
        moves = _derivatives(limbs)
        blocks = np.zeros((len(places), TURNS + 3, TURNS + 3))
        slope = np.zeros((len(places), TURNS + 3))
        for error, moved, weight in (self._seen(places, moves), self._feet(places, moves)):
            weighted = moved * weight[..., None]
            blocks += np.swapaxes(weighted, 1, 2) @ moved
            slope += np.einsum("trp,tr->tp", weighted, error)
        left = self._left_start()
        slope += self.hold * left
        blocks += np.diag(self.hold)
        slope += self.turn * _across_frames(left, 1)
        if self.bend:
            slope += self.bend * _bent(self._course())
        self._move(_solved(blocks, -slope, self.turn, self.bend))

    def _seen(self, places: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Errors (T, 36) of the joints in the picture, their derivatives, and their weights."""
        seen = np.einsum("tij,tkj->tki", self.view, places[:, SEEN] - self.eye[:, None])
        ahead = np.maximum(seen[..., 2:], 0.1)
        error = (self.distance[:, None, None] * seen[..., :2] / ahead - self.wanted) / SEEN_M
        weight = self.weight * np.minimum(1, FAR_OFF / np.maximum(np.linalg.norm(error, axis=-1), 1e-9))
        view = self.view[:, None, :2] - (seen[..., :2] / ahead)[..., None] * self.view[:, None, 2:]
        moved = (self.distance[:, None, None, None] / ahead[..., None] / SEEN_M * view) @ moves[:, SEEN]
        count = len(places)
        return error.reshape(count, -1), moved.reshape(count, -1, TURNS + 3), np.repeat(weight, 2, axis=1)

    def _feet(self, places: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Errors (T, 4) of feet under the floor, or off it while they stand, their derivatives, and their weights."""
        error = (places[:, SEEN.stop :, 1] - self.floor) / FLOOR_M
        pairs = error.reshape(-1, 2, 2)
        lower = (pairs == pairs.min(axis=2, keepdims=True)) * self.standing[..., None]
        weight = np.where(error < 0, 1.0, lower.reshape(-1, 4))
        weight = weight * np.minimum(1, FAR_OFF / np.maximum(np.abs(error), 1e-9))
        return error, moves[:, SEEN.stop :, 1] / FLOOR_M, weight

    def _course(self) -> np.ndarray:
        """(T - 1, 63): how turns and root change from frame to frame."""
        return np.concatenate([_vectors(self.turned[:-1], self.turned[1:]), np.diff(self.root, axis=0)], axis=1)

    def _left_start(self) -> np.ndarray:
        """(T, 63): rotation vectors and metres by which the motion has left the one it began with."""
        return np.concatenate([_vectors(self.start, self.turned), self.root - self.start_root], axis=1)

    def _move(self, by: np.ndarray) -> None:
        from scipy.spatial.transform import Rotation

        by = by * np.minimum(1, LONGEST_STEP / np.maximum(np.abs(by).max(axis=1, keepdims=True), 1e-9))
        turns = by[:, :TURNS].reshape(len(by), -1, 3)
        for elbow, wrist in HANDS:
            turns[:, wrist] = turns[:, elbow]
        rotations = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(*turns.shape, 3)
        self.turned = rotations @ self.turned
        self.root = self.root + by[:, TURNS:]


def _hung_on(body: Body) -> np.ndarray:
    """(18 + 4, 20, 3): each joint of the picture, then each of FEET, in the axes of every turn that moves it."""
    parts = np.zeros((len(NAMES), len(TURNING), 3))
    for joint in range(1, len(NAMES)):
        parts[joint] = parts[PARENTS[joint]]
        parts[joint, TURNING.index(PARENTS[joint])] += body.offsets[joint]
    rows = np.zeros((len(JOINTS), len(TURNING), 3))
    for name, row in INDEX.items():
        if name in AT and name != "neck":
            rows[row] = parts[AT[name]]
    rows[INDEX["neck"]] = (parts[AT["r_shoulder"]] + parts[AT["l_shoulder"]]) / 2
    for point, (right, up, forward) in FACE.items():
        rows[INDEX[point]] = parts[AT["head"]]
        rows[INDEX[point], TURNING.index(AT["head"])] += body.height_m * np.array([-right, up, forward])
    return np.concatenate([rows, parts[list(FEET)]])


def _derivatives(limbs: np.ndarray) -> np.ndarray:
    """(T, J, 3, 63): how joints move as each joint turns about x, y and z, and as the root moves.

    limbs: (T, J, 20, 3), what of each joint's place hangs on each turn. A turn moves it across itself and the axis.
    """
    x, y, z = np.moveaxis(limbs, -1, 0)
    zero = np.zeros_like(x)
    across = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*limbs.shape, 3)  # (.., axis, component)
    turns = np.moveaxis(across, -1, 2).reshape(*limbs.shape[:2], 3, TURNS)
    root = np.broadcast_to(np.eye(3), (*limbs.shape[:2], 3, 3))
    return np.concatenate([turns, root], axis=-1)


def _vectors(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(T, 60): the rotation vectors that lead from turns (T, 20, 3, 3) to others."""
    apart = end @ np.swapaxes(start, -1, -2)
    axis = np.stack([apart[..., a, b] - apart[..., b, a] for a, b in ((2, 1), (0, 2), (1, 0))], -1) / 2
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    cosine = (np.trace(apart, axis1=-2, axis2=-1)[..., None] - 1) / 2
    return (axis * np.arctan2(sine, cosine) / np.maximum(sine, 1e-9)).reshape(len(apart), TURNS)


def _across_frames(values: np.ndarray, order: int) -> np.ndarray:
    """(T, N): the slope of half the squared differences of an order between frames."""
    return _bent(np.diff(values, axis=0)) if order == 2 else -_spread(np.diff(values, axis=0))


def _bent(course: np.ndarray) -> np.ndarray:
    """(T, N): the slope of half the squared changes of a course (T - 1, N) from frame to frame."""
    return _spread(_spread(np.diff(course, axis=0)) if len(course) else course)


def _spread(differences: np.ndarray) -> np.ndarray:
    """(T + 1, N): what (T, N) differences between frames are to the frames: the adjoint of `diff`, with its sign."""
    return np.diff(np.pad(differences, ((1, 1), (0, 0))), axis=0)


def _solved(blocks: np.ndarray, wanted: np.ndarray, turn: float, bend: float) -> np.ndarray:
    """(T, 63): the step, by conjugate gradients, preconditioned by each frame's own block."""
    blocks, rest = blocks.astype(np.float32), wanted.astype(np.float32)
    inverse = np.linalg.inv(blocks + np.float32(2 * turn + 6 * bend) * np.eye(TURNS + 3, dtype=np.float32))

    def applied(step: np.ndarray) -> np.ndarray:
        result = (blocks @ step[..., None])[..., 0] + np.float32(turn) * _across_frames(step, 1)
        return result + np.float32(bend) * _across_frames(step, 2) if bend else result

    step, ahead = np.zeros_like(rest), (inverse @ rest[..., None])[..., 0]
    direction, size = ahead, float((rest * ahead).sum())
    enough = ACCURATE * size
    for _ in range(SOLVER_STEPS):
        if size <= enough:
            break
        image = applied(direction)
        far = np.float32(size / float((direction * image).sum()))
        step, rest = step + far * direction, rest - far * image
        ahead = (inverse @ rest[..., None])[..., 0]
        before, size = size, float((rest * ahead).sum())
        direction = ahead + np.float32(size / before) * direction
    return step.astype(np.float64)
