"""A plain mannequin round the bones of a body: the mesh that is drawn, and that a glTF file takes along as its skin.

It is made of closed parts. Each is a tube of rings with a pole at either end, round one bone: where two meet, both end
in the same ball, so that a joint is closed however it is bent. The trunk alone bends in itself. Sizes are shares of
the body's height, after the tables of NASA's Anthropometric Source Book (1978) for how broad and deep people are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dancegen.arrays import unit
from dancegen.motion.anatomy import ANKLE_HEIGHT
from dancegen.motion.body import AT, MIRROR, NAMES, PARENTS, Body

MOST_JOINTS = 4
"""That move one vertex, as a skin in glTF has them."""
HAND, FOOT = 0.105, 0.120
"""Shares of height: from wrist to fingertips, and from below the ankle to the toes."""

_LEFT, _UP, _AHEAD = np.eye(3)
_CAP = np.deg2rad([22.5, 45, 67.5, 90])
"""Where the rings of half a ball lie, from its pole."""
_FLIP = np.array([-1.0, 1.0, 1.0])

# Tubes along a bone: rows of (share of the bone's length, half the width, depth to the front, depth to the back).
_THIGH = ((0.0, 0.050, 0.052, 0.052), (0.25, 0.048, 0.052, 0.050), (0.6, 0.040, 0.044, 0.040),
          (0.88, 0.034, 0.036, 0.032), (1.0, 0.032, 0.032, 0.032))  # fmt: skip
_SHANK = ((0.0, 0.032, 0.032, 0.032), (0.12, 0.031, 0.031, 0.035), (0.32, 0.033, 0.027, 0.042),
          (0.62, 0.025, 0.023, 0.028), (0.9, 0.019, 0.021, 0.021), (1.0, 0.0195, 0.0195, 0.0195))  # fmt: skip
_UPPER_ARM = ((0.0, 0.034, 0.034, 0.034), (0.25, 0.030, 0.031, 0.031), (0.55, 0.027, 0.029, 0.029),
              (0.88, 0.0235, 0.024, 0.024), (1.0, 0.023, 0.023, 0.023))  # fmt: skip
_FOREARM = ((0.0, 0.023, 0.023, 0.023), (0.25, 0.0235, 0.026, 0.026), (0.6, 0.019, 0.022, 0.022),
            (0.9, 0.0145, 0.0185, 0.0185), (1.0, 0.0155, 0.0155, 0.0155))  # fmt: skip
_NECK = ((0.0, 0.033, 0.033, 0.033), (0.45, 0.030, 0.031, 0.031), (1.0, 0.029, 0.029, 0.029))

# Rings across an upright axis: rows of (height, half the width, middle to the front, half the depth).
_TRUNK = ((-0.17, 0.052, 0.000, 0.048), (-0.10, 0.084, -0.002, 0.064), (0.0, 0.098, -0.004, 0.071),
          (0.14, 0.097, -0.003, 0.068), (0.30, 0.083, 0.002, 0.060), (0.44, 0.073, 0.004, 0.054),
          (0.60, 0.081, 0.004, 0.059), (0.76, 0.095, 0.004, 0.067), (0.90, 0.098, 0.000, 0.064),
          (1.0, 0.090, -0.004, 0.052), (1.07, 0.068, -0.006, 0.042), (1.13, 0.042, -0.006, 0.036))  # fmt: skip
"""Heights are shares of the way from the hips to the shoulders."""
_SKULL = ((-0.064, 0.013, 0.025, 0.014), (-0.058, 0.021, 0.020, 0.027), (-0.044, 0.030, 0.013, 0.038),
          (-0.025, 0.0375, 0.006, 0.047), (0.0, 0.0415, 0.002, 0.053), (0.02, 0.0435, 0.000, 0.056),
          (0.04, 0.042, -0.003, 0.053), (0.058, 0.033, -0.005, 0.042), (0.069, 0.020, -0.006, 0.025))  # fmt: skip
"""Heights are above the middle between the ears."""
_LIFTED = 0.7
"""How much of the outermost chest goes with the collar bone."""
CROWN = 0.0745
"""Of the body's height: how far the top of the head is above the middle between the ears."""
_CHIN, _TOP = (-0.067, 0.027), (CROWN, -0.006)
_NOSE, _NOSE_HALF = (0.0, -0.012, 0.055), (0.0065, 0.017, 0.0105)
_EAR, _EAR_HALF = (0.043, -0.004, -0.003), (0.005, 0.017, 0.010)

# The foot: rows of (way ahead of the ankle, half the width, height of the instep).
_FOOT = ((-0.034, 0.012, 0.020), (-0.022, 0.0195, 0.038), (0.0, 0.0215, 0.050), (0.03, 0.0225, 0.044),
         (0.065, 0.027, 0.029), (0.09, 0.0275, 0.021), (0.108, 0.021, 0.016), (0.1165, 0.012, 0.012))  # fmt: skip
_HEEL = -0.0375

# The hand: rows of (way from the wrist, half the breadth, half the thickness), and fingers from the index on.
_PALM = ((0.0, 0.0145, 0.0135), (0.012, 0.0185, 0.0125), (0.03, 0.0225, 0.0115), (0.046, 0.0225, 0.0095),
         (0.053, 0.018, 0.0065))  # fmt: skip
_FINGERS = ((0.0165, 0.040, 0.10), (0.0057, 0.046, 0.03), (-0.0055, 0.043, -0.04), (-0.0163, 0.033, -0.13))
"""Rows of (place across the palm to the thumb's side, length, spread)."""
_KNUCKLES, _FINGER, _CURL = 0.046, 0.0062, 0.28
_THUMB, _THUMB_WAY, _THUMB_LENGTH = (0.012, 0.0155), (0.80, 0.58, -0.12), 0.044


@dataclass(frozen=True, eq=False)
class Mannequin:
    """A body's mesh in its rest pose, which stands on the floor: metres, y up, facing +z, the pelvis over the origin.

    vertices, normals: (V, 3) float32. faces: (F, 3) int32, counterclockwise as seen from outside. joints: (V, 4) uint8
    and weights: (V, 4) float32, which joints of `motion.body` move a vertex, and by how much of 1; the largest weight
    first, unused ones 0. part: (V,) uint8, the number of the closed part. rest: (24, 3) the joints' places.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    part: np.ndarray
    rest: np.ndarray

    @classmethod
    def of(cls, body: Body) -> Mannequin:
        """The mannequin of a body of any measures; the same body always gives the same one."""
        rest = _standing(body)
        mirrored = rest[list(MIRROR)] * _FLIP
        tubes = [
            *_middle(rest, body.height_m), *_left(rest, body.height_m),
            *(tube.mirrored() for tube in _left(mirrored, body.height_m)),
        ]  # fmt: skip
        counts = [len(tube.vertices) for tube in tubes]
        starts = np.cumsum(counts) - counts
        joints, weights = _strongest(np.concatenate([tube.bound for tube in tubes]))
        return cls(
            np.concatenate([tube.vertices for tube in tubes]).astype(np.float32),
            np.concatenate([tube.normals for tube in tubes]).astype(np.float32),
            np.concatenate([tube.faces + start for tube, start in zip(tubes, starts, strict=True)]).astype(np.int32),
            joints, weights, np.repeat(np.arange(len(tubes)), counts).astype(np.uint8), rest,
        )  # fmt: skip

    def posed(self, positions: np.ndarray, orientations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices and normals (V, 3) float32 with joints at (24, 3) that are turned by (24, 3, 3) in the room.

        Linear blend skinning: each joint carries a vertex along, and their weighted mean is where it is.
        """
        turns = orientations.astype(np.float32)
        moves = (positions - np.einsum("jab,jb->ja", orientations, self.rest)).astype(np.float32)
        vertices, normals = np.empty_like(self.vertices), np.empty_like(self.normals)
        for joint, own in self._rigid:
            vertices[own] = self.vertices[own] @ turns[joint].T + moves[joint]
            normals[own] = self.normals[own] @ turns[joint].T
        bent = self._bent
        carried = np.concatenate([turns, moves[..., None]], axis=2).reshape(len(NAMES), 12)
        blended = (self._dense[bent] @ carried).reshape(-1, 3, 4)
        vertices[bent] = (blended[..., :3] @ self.vertices[bent, :, None])[..., 0] + blended[..., 3]
        normals[bent] = unit((blended[..., :3] @ self.normals[bent, :, None])[..., 0])
        return vertices, normals

    def placed(self, positions: np.ndarray, orientations: np.ndarray) -> np.ndarray:
        """The vertices (T, V, 3) in many poses: joints at (T, 24, 3), turned by (T, 24, 3, 3)."""
        found = np.zeros((len(positions), len(self.vertices), 3), np.float32)
        for joint in np.unique(self.joints[self.weights > 0]):
            weight = self._dense[:, joint]
            moved = np.flatnonzero(weight)
            from_joint = self.vertices[moved] - self.rest[joint].astype(np.float32)
            turned = from_joint @ np.swapaxes(orientations[:, joint], 1, 2).astype(np.float32)
            found[:, moved] += weight[moved, None] * (turned + positions[:, None, joint].astype(np.float32))
        return found

    def outermost(self) -> Mannequin:
        """The vertices alone that stick out farthest of what a joint moves, in 26 directions; no faces."""
        ways = np.array([way for way in np.ndindex(3, 3, 3) if way != (1, 1, 1)]) - 1.0
        kept = set()
        for joint in np.unique(self.joints[:, 0]):
            own = np.flatnonzero(self.joints[:, 0] == joint)
            kept |= set(own[(self.vertices[own] @ unit(ways).T).argmax(axis=0)].tolist())
        some = np.array(sorted(kept))
        return replace(
            self, vertices=self.vertices[some], normals=self.normals[some], faces=np.zeros((0, 3), np.int32),
            joints=self.joints[some], weights=self.weights[some], part=self.part[some],
        )  # fmt: skip

    @cached_property
    def _rigid(self) -> list[tuple[int, np.ndarray]]:
        """Joints, and the vertices that each of them moves alone."""
        alone = self.weights[:, 0] == 1
        return [(int(joint), np.flatnonzero(alone & (self.joints[:, 0] == joint))) for joint in np.unique(self.joints)]

    @cached_property
    def _bent(self) -> np.ndarray:
        """The vertices that several joints move."""
        return np.flatnonzero(self.weights[:, 0] < 1)

    @cached_property
    def _dense(self) -> np.ndarray:
        """(V, 24) float32: the weight of every joint."""
        dense = np.zeros((len(self.vertices), len(NAMES)), np.float32)
        np.add.at(dense, (np.arange(len(dense))[:, None], self.joints), self.weights)
        return dense


@dataclass(frozen=True, eq=False)
class _Tube:
    """A closed part: vertices, normals (N, 3), faces (M, 3), and the weights (N, 24) of the joints that move it."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    bound: np.ndarray

    def mirrored(self) -> _Tube:
        """The same on the other side of the body."""
        return replace(
            self, vertices=self.vertices * _FLIP, normals=self.normals * _FLIP, faces=self.faces[:, ::-1],
            bound=self.bound[:, list(MIRROR)],
        )  # fmt: skip


def _standing(body: Body) -> np.ndarray:
    """(24, 3) metres: the joints at rest, the lower ankle as high as it is when the body stands."""
    places = np.zeros((len(NAMES), 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        places[joint] = places[parent] + body.offsets[joint]
    lower = min(places[AT["l_ankle"], 1], places[AT["r_ankle"], 1])
    places[:, 1] += ANKLE_HEIGHT * body.height_m - lower
    return places


def _middle(at: np.ndarray, tall: float) -> Iterator[_Tube]:
    """Trunk, neck and head with its nose: alike on both sides."""
    hips, shoulders = ((at[AT[f"l_{name}"]] + at[AT[f"r_{name}"]]) / 2 for name in ("hip", "shoulder"))
    yield _trunk(at, hips, shoulders, tall)
    head = at[AT["head"]]
    yield _limb(at[AT["neck"]], head, _scaled(_NECK, tall), _AHEAD, 20, _rigid("neck"))
    rows = tall * _fine(_SKULL, 17)
    centres = head + rows[:, :1] * _UP + rows[:, 2:3] * _AHEAD
    ends = [head + tall * (height * _UP + ahead * _AHEAD) for height, ahead in (_CHIN, _TOP)]
    yield _tube(centres, rows[:, 1], rows[:, 3], rows[:, 3], _LEFT, _AHEAD, 32, _rigid("head"), ends)
    yield _ball(head + tall * np.array(_NOSE), tall * np.array(_NOSE_HALF), _rigid("head"))


def _left(at: np.ndarray, tall: float) -> Iterator[_Tube]:
    """Arm, leg, hand, foot and ear of the left side."""
    hip, knee, ankle = (at[AT[f"l_{name}"]] for name in ("hip", "knee", "ankle"))
    shoulder, elbow, wrist = (at[AT[f"l_{name}"]] for name in ("shoulder", "elbow", "wrist"))
    yield _limb(hip, knee, _scaled(_THIGH, tall), _AHEAD, 26, _rigid("l_hip"))
    yield _limb(knee, ankle, _scaled(_SHANK, tall), _AHEAD, 22, _rigid("l_knee"))
    yield _limb(shoulder, elbow, _scaled(_UPPER_ARM, tall), _AHEAD, 22, _rigid("l_shoulder"))
    yield _limb(elbow, wrist, _scaled(_FOREARM, tall), _AHEAD, 20, _rigid("l_elbow"))
    yield _foot(ankle, at[AT["l_toe"]], tall)
    yield from _hand(wrist, at[AT["l_hand"]], tall)
    yield _ball(at[AT["head"]] + tall * np.array(_EAR), tall * np.array(_EAR_HALF), _rigid("head"))


Binding = Callable[[np.ndarray], np.ndarray]
"""From vertices (N, 3) to the weights (N, 24) of the joints that move them."""


def _rigid(name: str) -> Binding:
    def bound(vertices: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(len(NAMES))[AT[name]], (len(vertices), 1))

    return bound


def _trunk(at: np.ndarray, hips: np.ndarray, shoulders: np.ndarray, tall: float) -> _Tube:
    """From the crotch to the neck. It bends evenly from one joint of the spine to the next, and the shoulders lift it
    at the sides."""
    rows = _fine(_TRUNK, 26)
    # Broad where this body's joints are: hips and shoulders need not be in proportion to its height.
    broad = [abs(at[AT[f"l_{name}"], 0] - at[AT[f"r_{name}"], 0]) / 2 for name in ("hip", "shoulder")]
    usual = np.array([0.0588, 0.1]) * tall
    wider = np.interp(rows[:, 0], [0.1, 0.9], np.array(broad) - usual) * np.interp(rows[:, 0], [-0.17, 0], [0.5, 1])
    wide = np.maximum(rows[:, 1] * tall + 0.6 * wider * np.interp(rows[:, 0], [1.0, 1.1], [1, 0]), 0.02 * tall)
    way, deep = shoulders - hips, rows[:, 3] * tall
    centres = hips + rows[:, :1] * way + rows[:, 2:3] * tall * _AHEAD
    ends = [centres[0] - 0.016 * tall * _UP, centres[-1] + 0.012 * tall * _UP]
    spine = [AT[name] for name in ("pelvis", "spine1", "spine2", "spine3")]
    heights = at[spine, 1]
    reach = max(float(at[AT["l_shoulder"], 0]), 1e-3)

    def bound(vertices: np.ndarray) -> np.ndarray:
        weights = np.zeros((len(vertices), len(NAMES)))
        # Half by each of two joints where the upper one is; a share of the chest goes with the shoulders.
        over = np.ones((len(vertices), len(spine) + 1)) * ([1] * len(spine) + [0])
        over[:, 1:-1] = np.clip((vertices[:, 1:2] - heights[1:]) / np.maximum(np.diff(heights), 1e-6) + 0.5, 0, 1)
        weights[:, spine] = np.clip(-np.diff(over, axis=1), 0, 1)
        up = np.clip((vertices[:, 1] - heights[-1]) / max(float(shoulders[1] - heights[-1]), 1e-6), 0, 1)
        lifted = _LIFTED * up**2 * np.clip(np.abs(vertices[:, 0]) / reach, 0, 1)
        weights *= (1 - lifted)[:, None]
        weights[:, AT["l_collar"]] = lifted * (vertices[:, 0] > 0)
        weights[:, AT["r_collar"]] = lifted * (vertices[:, 0] < 0)
        return weights / weights.sum(1, keepdims=True)

    return _tube(centres, wide, deep, deep, _LEFT, _AHEAD, 36, bound, ends, square=2.25)


def _foot(ankle: np.ndarray, toe: np.ndarray, tall: float) -> _Tube:
    """A sole on the floor of the rest pose, from the heel to the toes, and an instep."""
    ahead = unit((toe - ankle) * (1, 0, 1)) if np.linalg.norm((toe - ankle) * (1, 0, 1)) > 1e-6 else _AHEAD
    rows = _fine(_FOOT, 12)
    longer = max(1.0, float((toe - ankle) @ ahead) / (FOOT * tall))
    way = np.where(rows[:, 0] > 0, rows[:, 0] * longer, rows[:, 0]) * tall
    floor = ankle - ANKLE_HEIGHT * tall * _UP
    half = rows[:, 2] * tall / 2
    centres = floor + way[:, None] * ahead + half[:, None] * _UP
    ends = [
        floor + _HEEL * tall * ahead + 0.010 * tall * _UP,
        floor + FOOT * longer * tall * ahead + 0.006 * tall * _UP,
    ]
    across = unit(np.cross(_UP, ahead))
    return _tube(centres, rows[:, 1] * tall, half, half, across, _UP, 20, _rigid("l_ankle"), ends, square=2.6)


def _hand(wrist: np.ndarray, tip: np.ndarray, tall: float) -> Iterator[_Tube]:
    """Palm, four fingers that are a little bent, and the thumb; the palm looks down in the rest pose."""
    along = unit(tip - wrist) if np.linalg.norm(tip - wrist) > 1e-6 else _LEFT
    thumb = unit(_AHEAD - (_AHEAD @ along) * along)
    back = np.cross(thumb, along)
    back = back if back @ _UP > 0 else -back
    rows = _fine(_PALM, 9) * tall
    ends = [wrist - 0.011 * tall * along, wrist + 0.0555 * tall * along]
    bound = _rigid("l_wrist")
    yield _tube(wrist + rows[:, :1] * along, rows[:, 1], rows[:, 2], rows[:, 2], thumb, back, 20, bound, ends, 2.4)
    for across, length, spread in _FINGERS:
        start = wrist + tall * (_KNUCKLES * along + across * thumb)
        way = unit(along + spread * thumb)
        yield _finger(start, way, back, length * tall, _FINGER * tall, bound)
    ahead, aside = _THUMB
    start = wrist + tall * (ahead * along + aside * thumb)
    way = unit(_THUMB_WAY[0] * along + _THUMB_WAY[1] * thumb + _THUMB_WAY[2] * back)
    yield _finger(start, way, back, _THUMB_LENGTH * tall, 1.15 * _FINGER * tall, bound)


def _finger(start: np.ndarray, way: np.ndarray, back: np.ndarray, length: float, thick: float, bound: Binding) -> _Tube:
    """A bent tube, thinner at its tip: an arc of a circle from `start` on."""
    back = unit(back - (back @ way) * way)
    shares = np.array([0.0, 0.3, 0.6, 0.85])
    bent = _CURL * shares
    centres = start + length * (shares * np.cos(bent))[:, None] * way - length * (shares * np.sin(bent))[:, None] * back
    radii = thick * np.array([1.0, 0.98, 0.9, 0.76])
    tip = centres[-1] + 0.8 * thick * unit(centres[-1] - centres[-2])
    last = centres[-1] + 0.5 * (tip - centres[-1])
    centres, radii = np.vstack([centres, last]), np.append(radii, 0.55 * thick)
    return _tube(centres, radii, radii, radii, np.cross(back, way), back, 10, bound, [start - thick * way, tip])


def _limb(start: np.ndarray, end: np.ndarray, rows: np.ndarray, front: np.ndarray, sides: int, bound: Binding) -> _Tube:
    """A tube from joint to joint, with half a ball over either end."""
    way = end - start
    length = float(np.linalg.norm(way))
    along = way / length if length > 1e-6 else -_UP
    front = unit(front - (front @ along) * along)
    inner = _fine(rows, max(8, round(length / (rows[:, 1].mean() * 0.5)) // 2))
    first, last = inner[0, 1], inner[-1, 1]
    places = np.concatenate([-first * np.cos(_CAP[:-1]), inner[:, 0] * length, length + last * np.cos(_CAP[-2::-1])])

    def capped(values: np.ndarray) -> np.ndarray:
        return np.concatenate([first * np.sin(_CAP[:-1]), values, last * np.sin(_CAP[-2::-1])])

    wide, deep, deep_behind = (capped(each) for each in inner[:, 1:].T)
    centres, ends = start + places[:, None] * along, [start - first * along, end + last * along]
    return _tube(centres, wide, deep, deep_behind, np.cross(front, along), front, sides, bound, ends)


def _ball(centre: np.ndarray, half: np.ndarray, bound: Binding) -> _Tube:
    """An ellipsoid whose axes are those of the room."""
    angles = np.linspace(0, np.pi, 9)[1:-1]
    centres = centre - (half[1] * np.cos(angles))[:, None] * _UP
    round_ = np.sin(angles)
    ends = [centre - half[1] * _UP, centre + half[1] * _UP]
    return _tube(centres, half[0] * round_, half[2] * round_, half[2] * round_, _LEFT, _AHEAD, 12, bound, ends)


def _tube(
    centres: np.ndarray, wide: np.ndarray, front: np.ndarray, back: np.ndarray, across: np.ndarray, ahead: np.ndarray,
    sides: int, bound: Binding, ends: Sequence[np.ndarray], square: float = 2.0,
) -> _Tube:  # fmt: skip
    """Rings (R) round centres (R, 3), closed by a pole before the first and one behind the last.

    A ring is as wide as `wide` to both sides along `across`, and reaches as far as `front` and `back` along `ahead`:
    a superellipse with the exponent `square`, of which 2 is an ellipse.
    """
    angles = 2 * np.pi * np.arange(sides) / sides
    sine, cosine = (np.sign(each) * np.abs(each) ** (2 / square) for each in (np.sin(angles), np.cos(angles)))
    deep = np.where(np.cos(angles) >= 0, front[:, None], back[:, None]) * cosine
    rings = centres[:, None] + (wide[:, None] * sine)[..., None] * across + deep[..., None] * ahead
    vertices = np.concatenate([rings.reshape(-1, 3), *(np.asarray(end)[None] for end in ends)])
    faces = _wound(len(centres), sides)
    corners = vertices[faces]
    if np.einsum("fa,fa->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0:  # its volume, inside out
        faces = faces[:, ::-1]
    return _Tube(vertices, _normals(vertices, faces), faces, bound(vertices))


def _wound(rings: int, sides: int) -> np.ndarray:
    """(F, 3): the triangles of rings one behind the other, and of the poles, which are numbered last."""
    here = np.arange(rings * sides).reshape(rings, sides)
    beside = np.roll(here, -1, axis=1)
    a, b, c, d = here[:-1], beside[:-1], beside[1:], here[1:]
    walls = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], -2).reshape(-1, 3)
    before, behind = rings * sides, rings * sides + 1
    first = np.stack([beside[0], here[0], np.full(sides, before)], -1)
    last = np.stack([here[-1], beside[-1], np.full(sides, behind)], -1)
    return np.concatenate([walls, first, last])


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(N, 3): of each vertex the mean of the faces round it, by their area."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    return unit(normals)


def _strongest(bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The joints (N, 4) uint8 with the largest weights (N, 24), and these weights (N, 4) float32, 1 in sum."""
    order = np.argsort(-bound, axis=1, kind="stable")[:, :MOST_JOINTS]
    weights = np.take_along_axis(bound, order, axis=1)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return np.where(weights > 0, order, 0).astype(np.uint8), weights


def _fine(rows: Sequence[Sequence[float]] | np.ndarray, count: int) -> np.ndarray:
    """(count, C): a smooth curve through rows (R, C) of which the first column rises; it never overshoots them."""
    from scipy.interpolate import PchipInterpolator

    rows = np.asarray(rows, np.float64)
    at = np.linspace(0, len(rows) - 1, count)
    return PchipInterpolator(np.arange(len(rows)), rows, axis=0)(at)


def _scaled(rows: Sequence[Sequence[float]], tall: float) -> np.ndarray:
    """Rows whose first column is a share of a bone, the others of the body's height."""
    return np.asarray(rows) * np.array([1.0, tall, tall, tall])
