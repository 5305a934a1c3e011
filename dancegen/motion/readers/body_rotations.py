"""Body rotations: what a file's own skeleton says beyond its joints, such as the twist of a forearm.

Skeletons differ in their joints and rest poses. Here each bone's rotation is brought into one convention, SMPL's (see
`motion.body`): relative to a T-pose, the dancer upright, looking along +z. A bone that rests in another direction, as
arms do in an A-pose, is first turned into the T-pose by the smallest rotation. A rest pose that is no figure at all,
with all bones along one line, says nothing of the T-pose: there the trunk is upright, and limbs are without twist, on
average over the take. The bones keep their own lengths, so forward kinematics leads back to the joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.arrays import unit
from dancegen.motion.body import AT, HAND, NAMES, PARENTS, TOE_DROP, TOE_REACH, TURNING, Body, BodyMotion
from dancegen.motion.cleaning import Cleaned
from dancegen.motion.kinematics import Armature
from dancegen.motion.motion import ENDS, Rotations
from dancegen.motion.readers.joint_names import BodyJoints
from dancegen.motion.readers.person import Dancer, tip_of, torso_axes
from dancegen.motion.retarget import DOWN, FOOT, LEFT
from dancegen.motion.rotations import frame, swing, turn_about, twist_about
from dancegen.pose.skeleton import INDEX

SPINE = ("spine1", "spine2", "spine3")
TOLERANCE_M = 0.02
"""Rotations that lead farther from the joints than this, at the median of a take, are not kept."""


def find_rotations(armature: Armature, names: BodyJoints, dancer: Dancer, cleaned: Cleaned) -> Rotations | None:
    """The rotations behind a cleaned dance; None where the skeleton's bones are not connected as a person's are."""
    source = _Source(armature, names, dancer)
    hips, chest = (source.common(f"l_{joint}", f"r_{joint}") for joint in ("hip", "shoulder"))
    head = names["head"]
    if hips is None or chest is None or not source.carries(hips, chest) or not source.carries(chest, head):
        return None
    return _Solver(source, dancer, cleaned, hips, chest).solve()


class _Source:
    """A file's skeleton in a dancer's axes and metres."""

    def __init__(self, armature: Armature, names: BodyJoints, dancer: Dancer) -> None:
        self.armature, self.names = armature, names
        self._axes, self._scale = dancer.axes, dancer.scale
        self.rest = armature.rest @ dancer.axes.T
        self.ancestors = [self._ancestors(joint) for joint in range(len(armature.parents))]

    def _ancestors(self, joint: int) -> list[int]:
        """From the root to the joint itself."""
        found = []
        while joint >= 0:
            found.append(joint)
            joint = self.armature.parents[joint]
        return found[::-1]

    def common(self, one: str, other: str) -> int | None:
        """The lowest joint that carries two others; None where they share none."""
        shared = set(self.ancestors[self.names[one]]) & set(self.ancestors[self.names[other]])
        return max(shared, default=None)

    def carries(self, ancestor: int, joint: int) -> bool:
        """Whether a joint hangs on another, or is it."""
        return ancestor in self.ancestors[joint]

    def between(self, ancestor: int, joint: int) -> list[int]:
        """The joints below `ancestor` on the way to `joint`, which is the last."""
        way = self.ancestors[joint]
        return way[way.index(ancestor) + 1 :]

    def turned(self, joint: int) -> np.ndarray:
        """(T, 3, 3): how the bone that starts at a joint is turned in the room, identity at rest."""
        return self._axes @ self.armature.rotations[:, joint] @ self._axes.T

    def position(self, joint: int) -> np.ndarray:
        """(T, 3) metres, up to a shift that all joints share."""
        return self.armature.positions[:, joint] @ self._axes.T * self._scale


@dataclass(frozen=True)
class _Station:
    """A joint of the spine: where it is (T, 3), and which joint of the file turns what is above it."""

    position: np.ndarray
    joint: int


class _Solver:
    """World rotations of SMPL's joints, from the trunk outwards, and the bones between them.

    The trunk's rotations are the file's own; limbs are, besides, pointed along the cleaned joints.
    """

    def __init__(self, source: _Source, dancer: Dancer, cleaned: Cleaned, hips: int, chest: int) -> None:
        self.source, self.cleaned, self.height_m = source, cleaned, dancer.height_m
        self.hips, self.chest = hips, chest
        self.at = {name: cleaned.joints[:, index].astype(np.float64) for name, index in INDEX.items()}
        self.own = dancer.own
        self.rest_axes = self._rest_axes()
        self.world: dict[str, np.ndarray] = {}
        self.offsets = np.zeros((len(AT), 3))

    def solve(self) -> Rotations | None:
        self._trunk()
        for side, sign in (("l", 1.0), ("r", -1.0)):
            self._arm(side, sign)
            self._leg(side)
        root = (self.at["l_hip"] + self.at["r_hip"]) / 2
        found = Rotations(self.offsets, root, self._local())
        return found if self._error(found) < TOLERANCE_M else None

    def _rest_axes(self) -> np.ndarray | None:
        """(3, 3): the body's left, up and forward in the rest pose; None where that is no figure."""
        if self.own:
            return np.eye(3)
        axes = torso_axes(self.source.rest[None], self.source.names)
        if axes is None:
            return None
        forward, up = axes
        return frame(unit(np.cross(up, forward)), up)[0]

    def _axes_of(self, joint: int) -> np.ndarray:
        """(3, 3): how the upright body's axes lie in those of a joint of the trunk; by the whole dance if need be."""
        if self.rest_axes is not None:
            return self.rest_axes
        across, hips = self.at["l_hip"] - self.at["r_hip"], (self.at["l_hip"] + self.at["r_hip"]) / 2
        torso = frame(unit(across), (self.at["l_shoulder"] + self.at["r_shoulder"]) / 2 - hips)
        mean = np.einsum("tji,tjk->ik", self.source.turned(joint), torso)
        left, _, right = np.linalg.svd(mean)
        return left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right

    def _trunk(self) -> None:
        """Pelvis, spine, neck and head. Spine joints that a file lacks are points of a rigid bone."""
        source = self.source
        pelvis = self._set("pelvis", self.hips)
        hips = (source.position(source.names["l_hip"]) + source.position(source.names["r_hip"])) / 2
        for side in "lr":
            self.offsets[AT[f"{side}_hip"]] = _mean_in(
                pelvis, source.position(source.names[f"{side}_hip"]) - hips, self._good
            )
        before, carrier, place = "pelvis", pelvis, hips
        for name, station in zip(SPINE, self._stations(), strict=True):
            offset = _mean_in(carrier, station.position - place, self._good)
            if before != "pelvis":
                carrier = self.world[before] = _pointed(carrier, offset, station.position - place)
            self.offsets[AT[name]] = offset
            carrier, place, before = self._set(name, station.joint), station.position, name
        self._neck(place)
        for side in "lr":
            self._collar(side, place)

    def _stations(self) -> list[_Station]:
        chain = self.source.between(self.hips, self.chest)
        if not chain:  # a trunk of one rigid bone
            low = self.source.position(self.hips)
            high = self._shoulders()
            return [_Station(low + (high - low) * share, self.hips) for share in (0.25, 0.5, 0.75)]
        picked = [chain[round(index)] for index in np.linspace(0, len(chain) - 1, min(len(chain), len(SPINE)))]
        missing = len(SPINE) - len(picked)
        low, high = self.source.position(self.hips), self.source.position(picked[0])
        rigid = [_Station(low + (high - low) * i / (missing + 1), self.hips) for i in range(1, missing + 1)]
        return rigid + [_Station(self.source.position(joint), joint) for joint in picked]

    def _shoulders(self) -> np.ndarray:
        names = self.source.names
        return (self.source.position(names["l_shoulder"]) + self.source.position(names["r_shoulder"])) / 2

    def _neck(self, chest: np.ndarray) -> None:
        """The neck, from its first joint to the point between the ears, and the head."""
        source = self.source
        way = source.between(self.chest, source.names["head"])
        start = source.position(way[0]) if way else self._shoulders()
        self.offsets[AT["neck"]] = _mean_in(self.world["spine3"], start - chest, self._good)
        turns = source.armature.parents[source.names["head"]] if len(way) > 1 else self.chest
        neck = self._set("neck", turns)
        ears = (self.at["l_ear"] + self.at["r_ear"]) / 2 - self.at["neck"] + self._shoulders()
        offset = _mean_in(neck, ears - start, self._good)
        self.offsets[AT["head"]] = offset
        self.world["neck"] = _pointed(neck, offset, ears - start)
        up = unit(self.cleaned.head_up.astype(np.float64))
        self.world["head"] = frame(unit(np.cross(up, self.cleaned.head_forward)), up)

    def _collar(self, side: str, chest: np.ndarray) -> None:
        source = self.source
        shoulder = source.names[f"{side}_shoulder"]
        way, place = source.between(self.chest, shoulder), source.position(shoulder)
        has_collar = len(way) > 1
        start = source.position(way[0]) if has_collar else (chest + place) / 2
        self.offsets[AT[f"{side}_collar"]] = _mean_in(self.world["spine3"], start - chest, self._good)
        collar = self._set(f"{side}_collar", source.armature.parents[shoulder] if has_collar else self.chest)
        offset = _mean_in(collar, place - start, self._good)
        self.offsets[AT[f"{side}_shoulder"]] = offset
        self.world[f"{side}_collar"] = _pointed(collar, offset, place - start)

    def _arm(self, side: str, sign: float) -> None:
        along = sign * LEFT
        self._bone(side, "shoulder", "elbow", along)
        self._bone(side, "elbow", "wrist", along)
        self._end(side, "wrist", "hand", along, along * HAND * self.height_m)

    def _leg(self, side: str) -> None:
        self._bone(side, "hip", "knee", DOWN)
        self._bone(side, "knee", "ankle", DOWN)
        self._end(side, "ankle", "toe", FOOT, np.array([0.0, -TOE_DROP, TOE_REACH]) * self.height_m)

    def _bone(self, side: str, joint: str, child: str, along: np.ndarray) -> None:
        """A limb's bone: the rotation of the joint that moves its lower end, pointed along the cleaned joints."""
        names, rest = self.source.names, self.source.rest
        start, end = names[f"{side}_{joint}"], names[f"{side}_{child}"]
        towards = self.at[f"{side}_{child}"] - self.at[f"{side}_{joint}"]
        turned = self._turned(self.source.armature.parents[end], along, rest[end] - rest[start])
        if joint in ("hip", "knee"):
            turned = self._hinged(side, turned)
        self.world[f"{side}_{joint}"] = self._rolled(side, joint, _pointed(turned, along, towards), along)
        length = float(np.median(np.linalg.norm(towards, axis=-1)))
        self.offsets[AT[f"{side}_{child}"]] = along * length

    def _hinged(self, side: str, turned: np.ndarray) -> np.ndarray:
        """A leg's bone (T, 3, 3) in the frames whose knee was put right: its left axis along the knee's hinge.

        The knee was swung half a turn round the line from hip to ankle, and the bones with it, unless the file's solver
        had left them as they were.
        """
        frames = self.cleaned.flipped_knees[side]
        hip, knee, ankle = (self.at[f"{side}_{joint}"][frames] for joint in ("hip", "knee", "ankle"))
        line, hinge = unit(ankle - hip), np.cross(knee - hip, ankle - knee)
        half_turn = 2 * line[:, :, None] * line[:, None] - np.eye(3)
        against = np.einsum("ti,ti->t", turned[frames, :, 0], hinge) < 0
        mended = turned.copy()
        mended[frames] = np.where(against[:, None, None], half_turn @ turned[frames], turned[frames])
        return mended

    def _end(self, side: str, joint: str, tip: str, along: np.ndarray, offset: np.ndarray) -> None:
        """A hand or a foot."""
        start = self.source.names[f"{side}_{joint}"]
        end = tip_of(self.source.armature, start)
        resting = self.source.rest[start if end is None else end] - self.source.rest[start]
        turned = self._turned(start, along, resting)
        if self.cleaned.ends is not None:
            turned = _pointed(turned, along, self.cleaned.ends[:, ENDS.index(f"{side}_{tip}")].astype(np.float64))
        self.world[f"{side}_{joint}"] = self._rolled(side, joint, turned, along)
        self.offsets[AT[f"{side}_{tip}"]] = offset

    def _rolled(self, side: str, joint: str, turned: np.ndarray, along: np.ndarray) -> np.ndarray:
        """A limb's bone (T, 3, 3) whose rest pose does not say what is no twist: there it has none on average."""
        if self.rest_axes is not None:
            return turned
        parent = self.world[NAMES[PARENTS[AT[f"{side}_{joint}"]]]]
        untwisted = _pointed(parent, along, turned @ along)
        twist = twist_about(along, np.swapaxes(untwisted, -1, -2) @ turned)[self._good]
        return turned @ turn_about(along, -np.angle(np.exp(1j * twist).mean()))

    def _set(self, name: str, joint: int) -> np.ndarray:
        """A joint of the trunk turned as one of the file's, from the upright body on."""
        self.world[name] = self._bridged(self.source.turned(joint) @ self._axes_of(joint))
        return self.world[name]

    def _turned(self, joint: int, along: np.ndarray, resting: np.ndarray) -> np.ndarray:
        """(T, 3, 3) from the T-pose, where a bone points `along`, by way of the rest pose, where it is `resting`."""
        in_rest = self._axes_of(self.hips)
        if np.linalg.norm(resting) > 0:
            in_rest = in_rest @ swing(along, in_rest.T @ unit(resting))
        return self._bridged(self.source.turned(joint) @ in_rest)

    @property
    def _good(self) -> np.ndarray:
        return ~self.cleaned.bridged if not self.cleaned.bridged.all() else np.ones_like(self.cleaned.bridged)

    def _bridged(self, rotations: np.ndarray) -> np.ndarray:
        """Rotations (T, 3, 3) with the frames whose joints were bridged filled by slerp."""
        if not self.cleaned.bridged.any() or self.cleaned.bridged.all():
            return rotations
        from scipy.spatial.transform import Rotation, Slerp

        known = np.flatnonzero(~self.cleaned.bridged)
        times = np.clip(np.arange(len(rotations)), known[0], known[-1])
        return Slerp(known, Rotation.from_matrix(rotations[known]))(times).as_matrix()

    def _local(self) -> np.ndarray:
        """(T, 20, 3, 3) relative to the parents."""
        local = []
        for index in TURNING:
            own, parent = self.world[NAMES[index]], PARENTS[index]
            local.append(own if parent < 0 else np.swapaxes(self.world[NAMES[parent]], -1, -2) @ own)
        return np.stack(local, 1)

    def _error(self, found: Rotations) -> float:
        """How far, in metres, forward kinematics ends from the joints of the limbs, at the median."""
        limbs = [f"{side}_{joint}" for side in "lr" for joint in ("elbow", "wrist", "knee", "ankle")]
        positions = BodyMotion(Body(found.offsets, self.height_m), found.root, found.local, fps=1.0).positions
        away = [np.linalg.norm(positions[:, AT[limb]] - self.at[limb], axis=-1) for limb in limbs]
        return float(np.median(away))


def _mean_in(rotations: np.ndarray, vectors: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(3,): the mean of vectors (T, 3) over some frames, in the axes of rotations (T, 3, 3)."""
    return np.einsum("tji,tj->ti", rotations[frames], vectors[frames]).mean(axis=0)


def _pointed(rotations: np.ndarray, along: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3) turned by the least that brings their direction `along` (3,) to point `towards` (T, 3)."""
    wanted = unit(np.einsum("tji,tj->ti", rotations, towards))
    return rotations @ swing(unit(along), wanted)
