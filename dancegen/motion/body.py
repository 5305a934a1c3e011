"""The body that a choreographer in joint space moves: 24 joints on limbs of constant length, turned by rotations.

The joints and their tree are SMPL's (Loper et al., 2015), so that motion in that model needs no retargeting. The rest
pose is a T: the dancer stands upright, looks along +z, and stretches the arms out to the sides, left along +x.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from pathlib import Path

import numpy as np

from dancegen.arrays import unit
from dancegen.errors import MocapError, reading
from dancegen.files import load_arrays
from dancegen.motion.anatomy import ANKLE_HEIGHT, FACE
from dancegen.motion.kinematics import forward_kinematics
from dancegen.motion.motion import ENDS, FARTHEST_M, Motion, Rotations, check_measures, named
from dancegen.motion.rotations import about
from dancegen.pose.skeleton import INDEX, N_JOINTS

TREE = (
    ("pelvis", None),
    ("l_hip", "pelvis"),
    ("r_hip", "pelvis"),
    ("spine1", "pelvis"),
    ("l_knee", "l_hip"),
    ("r_knee", "r_hip"),
    ("spine2", "spine1"),
    ("l_ankle", "l_knee"),
    ("r_ankle", "r_knee"),
    ("spine3", "spine2"),
    ("l_toe", "l_ankle"),
    ("r_toe", "r_ankle"),
    ("neck", "spine3"),
    ("l_collar", "spine3"),
    ("r_collar", "spine3"),
    ("head", "neck"),
    ("l_shoulder", "l_collar"),
    ("r_shoulder", "r_collar"),
    ("l_elbow", "l_shoulder"),
    ("r_elbow", "r_shoulder"),
    ("l_wrist", "l_elbow"),
    ("r_wrist", "r_elbow"),
    ("l_hand", "l_wrist"),
    ("r_hand", "r_wrist"),
)
NAMES = tuple(name for name, _ in TREE)
AT = {name: index for index, name in enumerate(NAMES)}
PARENTS = tuple(-1 if parent is None else AT[parent] for _, parent in TREE)
TIPS = tuple(AT[name] for name in ("l_toe", "r_toe", "l_hand", "r_hand"))
TURNING = tuple(index for index in range(len(NAMES)) if index not in TIPS)
"""The joints that have a rotation: all but the tips of hands and feet, which only end a bone."""
FEET = tuple(AT[name] for name in ("l_ankle", "l_toe", "r_ankle", "r_toe"))
"""The joints that can be in contact with the floor, in the order of `contacts`."""
GROUPS = {
    "root": ("pelvis",),
    "legs": ("l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle"),
    "trunk": ("spine1", "spine2", "spine3", "neck", "head"),
    "arms": ("l_collar", "r_collar", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist"),
}
"""Turning joints by the part of the body they move; the root's place in the room belongs to the first."""

# Of body height: Drillis and Contini's table (Winter), for what a motion does not tell.
TOE_DROP, TOE_REACH, HAND = 0.030, 0.110, 0.095
STANDING_SPEED = 0.3  # metres a second under which a foot at the floor stands
STANDING_HEIGHT = 0.05  # metres above its place in the rest pose at which it still does


def _mirrored(name: str) -> str:
    return {"l_": "r_", "r_": "l_"}.get(name[:2], name[:2]) + name[2:]


MIRROR = tuple(AT[_mirrored(name)] for name in NAMES)


@dataclass(frozen=True, eq=False)
class Body:
    """A dancer's measures. offsets: (24, 3) metres, each joint from its parent in the rest pose; height_m: standing."""

    offsets: np.ndarray
    height_m: float

    @classmethod
    def of(cls, lengths: dict[str, float], height_m: float) -> Body:
        """A body of given lengths in metres: hips, shoulders (widths), trunk, neck, thigh, shank, upper_arm, forearm.

        Left and right are alike. The spine's three joints share the trunk evenly; the collar bones meet at its top.
        """
        offsets = np.zeros((len(NAMES), 3))
        quarter = lengths["trunk"] / 4
        for name in ("spine1", "spine2", "spine3", "neck", "l_collar", "r_collar"):
            offsets[AT[name], 1] = quarter
        offsets[AT["head"], 1] = lengths["neck"]
        for side, sign in (("l", 1.0), ("r", -1.0)):
            offsets[AT[f"{side}_hip"], 0] = sign * lengths["hips"] / 2
            offsets[AT[f"{side}_knee"], 1] = -lengths["thigh"]
            offsets[AT[f"{side}_ankle"], 1] = -lengths["shank"]
            offsets[AT[f"{side}_toe"]] = 0.0, -TOE_DROP * height_m, TOE_REACH * height_m
            offsets[AT[f"{side}_shoulder"], 0] = sign * lengths["shoulders"] / 2
            offsets[AT[f"{side}_elbow"], 0] = sign * lengths["upper_arm"]
            offsets[AT[f"{side}_wrist"], 0] = sign * lengths["forearm"]
            offsets[AT[f"{side}_hand"], 0] = sign * HAND * height_m
        return cls(offsets, float(height_m))

    @property
    def leg(self) -> float:
        """Hip to ankle of a straight leg, metres."""
        return -float(self.offsets[AT["l_knee"], 1] + self.offsets[AT["l_ankle"], 1])

    @property
    def floor_heights(self) -> np.ndarray:
        """(4,) metres: how high the joints of FEET are above the floor when the body stands."""
        ankle = ANKLE_HEIGHT * self.height_m
        toe = ankle + self.offsets[AT["l_toe"], 1]
        return np.array([ankle, toe, ankle, toe])


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """A body in motion: it can be filmed from any side, exported, kept in part, and danced on from.

    root: (T, 3) float32, the pelvis in metres, y up, floor at 0. rotations: (T, 20, 3, 3) float32, of the joints
    TURNING relative to their parents. fps: frames a second. start_s: of the song, where the first frame belongs.
    Raises MocapError where the arrays are not that.
    """

    body: Body
    root: np.ndarray
    rotations: np.ndarray
    fps: float
    start_s: float = 0.0

    def __post_init__(self) -> None:
        for name, shape in (("root", (3,)), ("rotations", (len(TURNING), 3, 3))):
            values = np.asarray(getattr(self, name), np.float32)
            there = values.shape[1:] == shape and len(values) == len(self.root) > 0
            if not there or not (np.abs(values) < FARTHEST_M).all():
                raise MocapError(f"a body's {name} should be finite numbers of shape (frames, *{shape})")
            object.__setattr__(self, name, values)

    @classmethod
    def of(cls, motion: Motion) -> BodyMotion | None:
        """The dance on the dancer's own bones, where the motion's source has rotations."""
        if motion.rotations is None:
            return None
        body = Body(motion.rotations.offsets, motion.height_m)
        return cls(body, motion.rotations.root, motion.rotations.local, motion.fps)

    @classmethod
    def turned_in_room(
        cls, body: Body, root: np.ndarray, turned: np.ndarray, fps: float, start_s: float = 0.0
    ) -> BodyMotion:
        """The motion of joints that are turned so (T, 20, 3, 3) in the room, and not relative to their parents."""
        parents = [TURNING.index(PARENTS[joint]) for joint in TURNING[1:]]
        local = turned.copy()
        local[:, 1:] = np.swapaxes(turned[:, parents], -1, -2) @ turned[:, 1:]
        return cls(body, root, local, fps, start_s)

    def __len__(self) -> int:
        return len(self.root)

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    @cached_property
    def _posed(self) -> tuple[np.ndarray, np.ndarray]:
        local = np.broadcast_to(np.eye(3), (len(self), len(NAMES), 3, 3)).copy()
        local[:, TURNING] = self.rotations
        offsets = np.repeat(self.body.offsets[None].astype(np.float64), len(self), 0)
        offsets[:, 0] = self.root
        return forward_kinematics(PARENTS, offsets, local)

    @property
    def positions(self) -> np.ndarray:
        """(T, 24, 3) metres, by forward kinematics."""
        return self._posed[0]

    @property
    def orientations(self) -> np.ndarray:
        """(T, 24, 3, 3): how each joint is turned in the room."""
        return self._posed[1]

    @cached_property
    def contacts(self) -> np.ndarray:
        """(T, 4) bool: which joints of FEET stand on the floor: low, and slow over the two steps round a frame."""
        feet = self.positions[:, FEET]
        speed = np.linalg.norm(np.gradient(feet, axis=0) if len(self) > 1 else np.zeros_like(feet), axis=-1) * self.fps
        return (speed < STANDING_SPEED) & (feet[..., 1] < self.body.floor_heights + STANDING_HEIGHT)

    def slice(self, start: int, stop: int | None = None) -> BodyMotion:
        """Frames start to stop, as Python counts them."""
        first, last, _ = slice(start, stop).indices(len(self))
        moved = self.start_s + first / self.fps
        return replace(self, root=self.root[first:last], rotations=self.rotations[first:last], start_s=moved)

    def mirror(self) -> BodyMotion:
        """The dance as a mirror shows it, left and right swapped."""
        order = [TURNING.index(MIRROR[joint]) for joint in TURNING]
        flip = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)
        return replace(self, root=self.root @ flip, rotations=flip @ self.rotations[:, order] @ flip)

    def placed(self, turn: float, shift: tuple[float, float]) -> BodyMotion:
        """The dance turned by radians about the vertical through the origin, then moved by (x, z) metres."""
        turned = about(1, np.asarray(turn)).astype(np.float32)
        rotations = self.rotations.copy()
        rotations[:, 0] = turned @ rotations[:, 0]
        root = self.root @ turned.T + np.array([shift[0], 0.0, shift[1]], np.float32)
        return replace(self, root=root, rotations=rotations)

    def resample(self, fps: float, frames: int | None = None) -> BodyMotion:
        """The same dance at another rate: cubic splines through the root and the rotations' six numbers.

        frames: how many, as many as fit by default; what lies behind the end is its last pose.
        """
        count = max(1, round(len(self) * fps / self.fps)) if frames is None else frames
        if fps == self.fps and count == len(self):
            return self
        return replace(self.at(np.arange(count) / fps), fps=float(fps))

    def at(self, times_s: np.ndarray) -> BodyMotion:
        """The poses at seconds (T,) from the first frame, as `resample` finds them; its rate stays what it was."""
        if len(self) < 4:
            kept = np.clip((times_s * self.fps).round(), 0, len(self) - 1).astype(int)
            return replace(self, root=self.root[kept], rotations=self.rotations[kept])
        from scipy.interpolate import CubicSpline

        from dancegen.motion.rotations import from_6d, to_6d

        own = np.arange(len(self)) / self.fps
        times = np.minimum(times_s, own[-1])
        rotations = from_6d(CubicSpline(own, to_6d(self.rotations.astype(np.float64)))(times))
        return replace(self, root=CubicSpline(own, self.root)(times), rotations=rotations)

    def motion(self, name: str = "dance") -> Motion:
        """The same dance as the 18 joints of OpenPose, the face on the head; with the rotations of its bones."""
        positions, turned = self.positions, self.orientations
        joints = np.zeros((len(self), N_JOINTS, 3))
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            for side in "rl":
                joints[:, INDEX[f"{side}_{joint}"]] = positions[:, AT[f"{side}_{joint}"]]
        joints[:, INDEX["neck"]] = (joints[:, INDEX["r_shoulder"]] + joints[:, INDEX["l_shoulder"]]) / 2
        right, up, forward = (turned[:, AT["head"], :, axis] * sign for axis, sign in ((0, -1), (1, 1), (2, 1)))
        for point, (across, upward, outward) in FACE.items():
            place = across * right + upward * up + outward * forward
            joints[:, INDEX[point]] = positions[:, AT["head"]] + self.body.height_m * place
        ends = [unit(positions[:, AT[end]] - positions[:, PARENTS[AT[end]]]) for end in ENDS]
        own = Rotations(self.body.offsets, self.root, self.rotations)
        return Motion(joints, forward, up, self.fps, self.body.height_m, name, ends=np.stack(ends, 1), rotations=own)

    def save(self, path: str | Path) -> None:
        """Write as .npz, no pickle."""
        with Path(path).open("wb") as file:
            np.savez_compressed(
                file, root=self.root, rotations=self.rotations, fps=self.fps, start_s=self.start_s,
                offsets=self.body.offsets, height_m=self.body.height_m,
            )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> BodyMotion:
        """Read what `save` wrote. Raises MocapError where the file is missing, damaged or something else."""
        arrays = load_arrays(path, _FILE, MocapError, needed=(*_ARRAYS, *_FIGURES))
        with reading(path, _FILE, MocapError), named(Path(path)):
            offsets, root, rotations = (arrays[name] for name in _ARRAYS)
            height_m, fps, start_s = (float(arrays[name]) for name in _FIGURES)
            check_measures(fps, height_m)
            if offsets.shape != (len(NAMES), 3) or not (np.abs(offsets) < FARTHEST_M).all() or not isfinite(start_s):
                raise MocapError(f"it holds no body of {len(NAMES)} joints")
            return cls(Body(offsets, height_m), root, rotations, fps, start_s)


_FILE = "body's motion that dancegen wrote (motion.npz)"
_ARRAYS, _FIGURES = ("offsets", "root", "rotations"), ("height_m", "fps", "start_s")
