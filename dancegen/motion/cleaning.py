"""Cleaning of motion capture: knees that flip, bodies that jump, a wrong rate.

Each is a known artefact of optical capture. A clean take comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dancegen.arrays import smooth, unit
from dancegen.motion.anatomy import body_height
from dancegen.pose.skeleton import BODY, INDEX

USUAL_HEIGHT_M = 1.7

# The fastest feet in 40 real takes (ballet kicks) do 10 m/s; what jumps in them does 12 to 44.
JUMP_M_S = 11.5
LONGEST_JUMP_S = 0.5  # a longer span has no true frames near enough to be filled from
JOIN_S = 0.15  # jumps this near belong to one disturbance
PAD_S = 0.05  # a disturbance starts before it jumps

BACKWARD_COST = 4.0  # m² a second for a knee that bends backwards, against the squared jump that a flip makes
TURNED_OUT = 0.25  # cosine: dancers turn knees to the side and a little beyond, which is not backwards
FLIP_M = 0.15  # a longer step costs no more than this one: it is a flip, however far
BENT_M = 0.05  # off the line from hip to ankle: a leg that is straighter has no side to bend to
DOUBT_COST = 0.01  # m² a second for not believing the file

SMOOTH_S = 0.04  # takes the capture's noise out, which would count as movement

# Swings a second times metres a second squared. Of 107 real takes (salsa, breakdance, whirls, ballroom) the hastiest
# has 13.4; the 24 of CMU's salsa at double speed have 20.6 or more, and 97 of all 107 at double speed more than this.
MOST_HASTE = 16.6
LEAST_SPEED = 0.05  # metres a second: below it there is only noise to measure
# Of 78 real takes the slowest that swings has 0.77, and the one that moves least 0.46 m/s; 76 of them at a fifth of
# their speed have less than one of these.
SLOWEST_HZ = 0.6
SLOWEST_M_S = 0.45
STILL_M_S = 0.03  # a person who stands sways by less
BUSY_PERCENTILE = 95


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A captured dance that was mended.

    joints (T, 18, 3), head_forward and head_up (T, 3), ends (T, 4, 3) or None. flipped_knees: by side ("r", "l"), (T,)
    bool, frames whose knee was put right. bridged: (T,) bool, frames filled from their neighbours.
    """

    joints: np.ndarray
    head_forward: np.ndarray
    head_up: np.ndarray
    ends: np.ndarray | None
    flipped_knees: Mapping[str, np.ndarray]
    bridged: np.ndarray

    @property
    def flipped(self) -> int:
        """Knee frames that were put right."""
        return sum(int(np.count_nonzero(frames)) for frames in self.flipped_knees.values())

    @property
    def mended(self) -> int:
        """Frames filled from their neighbours."""
        return int(np.count_nonzero(self.bridged))


def clean(
    joints: np.ndarray, head_forward: np.ndarray, head_up: np.ndarray, fps: float, ends: np.ndarray | None = None
) -> Cleaned:
    """A captured dance (T, 18, 3) in metres without its artefacts. A clean one comes back as it was."""
    joints = joints.astype(np.float64)
    flipped = {side: _straighten_knee(joints, side, fps) for side in "rl"}
    directions = [head_forward[:, None], head_up[:, None], *([] if ends is None else [ends])]
    tracks = np.concatenate([joints, *directions], axis=1)
    speed = np.linalg.norm(np.diff(joints[:, BODY], axis=0), axis=-1).max(axis=1) * fps
    bridged = np.zeros(len(joints), bool)
    for start, end in _disturbances(speed, fps):
        if start >= 2 and end <= len(joints) - 2 and end - start <= LONGEST_JUMP_S * fps:
            _bridge(tracks, start, end)
            bridged[start:end] = True
    face = joints.shape[1]
    return Cleaned(
        joints=tracks[:, :face],
        head_forward=unit(tracks[:, face]),
        head_up=unit(tracks[:, face + 1]),
        ends=None if ends is None else unit(tracks[:, face + 2 :]),
        flipped_knees=flipped,
        bridged=bridged,
    )


def as_it_is(
    joints: np.ndarray, head_forward: np.ndarray, head_up: np.ndarray, fps: float, ends: np.ndarray | None = None
) -> Cleaned:
    """A dance that was not captured, and has no artefacts of that: as it is, at any `fps`."""
    unmended = np.zeros(len(joints), bool)
    return Cleaned(joints.astype(np.float64), head_forward, head_up, ends, {"r": unmended, "l": unmended}, unmended)


def _disturbances(speed: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """Spans of frames [start, end) in which a joint moves as no body does; speed (T - 1,) is the fastest joint's."""
    pad = max(round(PAD_S * fps), 1)
    spans: list[list[int]] = []
    for step in np.flatnonzero(speed > JUMP_M_S):
        if spans and step - spans[-1][1] <= JOIN_S * fps:
            spans[-1][1] = int(step)
        else:
            spans.append([int(step), int(step)])
    return [(max(first - pad + 1, 0), min(last + pad + 1, len(speed) + 1)) for first, last in spans]


def _bridge(tracks: np.ndarray, start: int, end: int) -> None:
    """Fills frames [start, end) with cubics (Hermite) that leave and arrive with the speeds on either side."""
    before, after = tracks[start - 1], tracks[end]
    span = end - start + 1
    leaving = (tracks[start - 1] - tracks[start - 2]) * span
    arriving = (tracks[end + 1] - tracks[end]) * span if end + 1 < len(tracks) else np.zeros_like(leaving)
    s = (np.arange(1, span) / span)[:, None, None]
    tracks[start:end] = (
        (2 * s**3 - 3 * s**2 + 1) * before
        + (s**3 - 2 * s**2 + s) * leaving
        + (3 * s**2 - 2 * s**3) * after
        + (s**3 - s**2) * arriving
    )


def _straighten_knee(joints: np.ndarray, side: str, fps: float) -> np.ndarray:
    """Puts a knee that flips across the line from hip to ankle back to its own side; returns in which frames it did.

    A solver that loses a knee's marker can swing it round that line from one frame to the next. Both places keep the
    bones' lengths; the dance is the path through them that jumps least and bends knees forwards (Viterbi, two states).
    The result is (T,) bool.
    """
    hip, knee, ankle = (joints[:, INDEX[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
    line = unit(ankle - hip)
    aside = (knee - hip) - np.einsum("ti,ti->t", knee - hip, line)[:, None] * line
    across = unit(joints[:, INDEX["l_hip"]] - joints[:, INDEX["r_hip"]])
    bend = np.einsum("ti,ti->t", unit(np.cross(aside, line)), across)  # cosine between the knee and straight ahead
    places = np.stack([knee, knee - 2 * aside])
    bent = np.minimum(np.linalg.norm(aside, axis=1) / BENT_M, 1.0)
    backward = np.stack([np.maximum(-bend - TURNED_OUT, 0.0), np.maximum(bend - TURNED_OUT, 0.0)]) * bent
    cost = (BACKWARD_COST * backward + [[0.0], [DOUBT_COST]]) / fps
    state = _cheapest_path(places, cost)
    joints[:, INDEX[f"{side}_knee"]] = np.where(state[:, None] == 1, places[1], places[0])
    return state == 1


def _cheapest_path(places: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Which of two places (2, T, 3) to be at in each frame: least squared steps plus cost (2, T)."""
    frames = places.shape[1]
    steps = ((places[:, None, :-1] - places[None, :, 1:]) ** 2).sum(axis=-1).clip(max=FLIP_M**2)  # (from, to, T - 1)
    total = cost[:, 0].copy()
    origin = np.zeros((2, frames), dtype=np.int8)
    for frame in range(1, frames):
        through = total[:, None] + steps[:, :, frame - 1]
        origin[:, frame] = through.argmin(axis=0)
        total = through.min(axis=0) + cost[:, frame]
    state = np.empty(frames, dtype=np.int8)
    state[-1] = total.argmin()
    for frame in range(frames - 1, 0, -1):
        state[frame - 1] = origin[state[frame], frame]
    return state


def swing_hz(joints: np.ndarray, fps: float) -> float:
    """How often limbs swing back and forth, per second, over a take (T, 18, 3) in metres; 0 if hardly anything moves.

    Mean acceleration over mean speed, which for a swing is its angular frequency whatever its width: large and small
    dancers and movements compare. Geometric mean of the wrists about the hips and the feet's rise and fall.
    """
    if len(joints) < 3:
        return 0.0
    steady = smooth(joints.astype(np.float64), SMOOTH_S * fps)
    hips = steady[:, [INDEX["r_hip"], INDEX["l_hip"]]].mean(axis=1, keepdims=True)
    wrists = steady[:, [INDEX["r_wrist"], INDEX["l_wrist"]]] - hips
    feet = steady[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1:2]
    return float(np.sqrt(_swing_hz(wrists, fps) * _swing_hz(feet, fps)))


def moves_too_fast(joints: np.ndarray, fps: float) -> bool:
    """Whether a body is hastier than dancers are: most likely the stated rate is too high."""
    return haste(joints, fps) > MOST_HASTE


def haste(joints: np.ndarray, fps: float) -> float:
    """How hasty a body is: how often its limbs swing, times how hard its hips are pushed sideways.

    Breakdancers swing their limbs as often as salsa at double speed does, and dancers who travel push their hips as
    hard; nobody does both, since it takes feet that hold the floor at every step. With a rate, the first grows in
    proportion and the second with its square. Hz times metres a second squared, of a body 1.7 m tall: the 95th
    percentile over a take (T, 18, 3).
    """
    height = body_height(joints)
    if len(joints) < 3 or not height > 0:
        return 0.0
    steady = smooth(joints[:, [INDEX["r_hip"], INDEX["l_hip"]]].astype(np.float64).mean(axis=1), SMOOTH_S * fps)
    push = np.linalg.norm(np.diff(steady[:, (0, 2)], 2, axis=0), axis=1) * fps**2
    return swing_hz(joints, fps) * float(np.percentile(push, BUSY_PERCENTILE)) * USUAL_HEIGHT_M / height


def moves_too_slowly(joints: np.ndarray, fps: float) -> bool:
    """Whether the limbs swing slower than dancers' do: most likely the stated rate is too low.

    Where the feet hardly rise, the speed of the quicker movements decides.
    """
    swing = swing_hz(joints, fps)
    return swing < SLOWEST_HZ if swing > 0 else _busy_speed(joints, fps) < SLOWEST_M_S


def stands_still(joints: np.ndarray, fps: float) -> bool:
    """Whether nobody moves in a take (T, 18, 3) in metres."""
    return _busy_speed(joints, fps) < STILL_M_S


def _busy_speed(joints: np.ndarray, fps: float) -> float:
    """Metres a second of the body's joints when they move quickly, without the capture's noise."""
    if len(joints) < 2:
        return 0.0
    steady = smooth(joints[:, BODY].astype(np.float64), SMOOTH_S * fps)
    speed = np.linalg.norm(np.diff(steady, axis=0), axis=-1) * fps
    return float(np.percentile(speed, BUSY_PERCENTILE))


def _swing_hz(points: np.ndarray, fps: float) -> float:
    velocity = np.diff(points, axis=0) * fps
    acceleration = np.diff(velocity, axis=0) * fps
    speed = np.linalg.norm(velocity, axis=-1).mean()
    if speed < LEAST_SPEED:
        return 0.0
    return float(np.linalg.norm(acceleration, axis=-1).mean() / speed / (2 * np.pi))
