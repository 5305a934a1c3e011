"""Floor moves are told from all that is danced on the feet, low as it may be."""

from __future__ import annotations

import pytest

from dancegen.motion.floor_moves import APART_S, AWAY_S, FloorMoves, carried_by_more_than_feet
from dancegen.motion.readers.registry import load_motion
from helpers.posed_body import one_after_another, posed

STAND = {"l_shoulder": (0, 0, -80), "r_shoulder": (0, 0, 80)}
ON_FEET = {
    "standing": STAND,
    "arms up": {"l_shoulder": (0, 0, 85), "r_shoulder": (0, 0, -85)},
    "a squat": {"l_hip": (-110, 0, 0), "r_hip": (-110, 0, 0), "l_knee": (140, 0, 0), "r_knee": (140, 0, 0)},
    "on one knee": {"l_hip": (-90, 0, 0), "l_knee": (90, 0, 0), "r_knee": (90, 0, 0), "r_ankle": (60, 0, 0)},
    "hands to the toes": {"spine1": (110, 0, 0), "l_shoulder": (0, -90, 0), "r_shoulder": (0, 90, 0)},
    "a kick over the head": {"l_hip": (-130, 0, 0), **STAND},
    "an arabesque": {"spine1": (60, 0, 0), "l_hip": (80, 0, 0)},
}
UP_OVER = {"l_shoulder": (0, 0, 88), "r_shoulder": (0, 0, -88)}
PALMS_FLAT = {"l_wrist": (0, 0, 90), "r_wrist": (0, 0, -90)}
ON_THE_FLOOR = {
    "a handstand": {"pelvis": (180, 0, 0), **UP_OVER},
    "a handstand with bent legs": {"pelvis": (170, 0, 0), "l_hip": (-60, 0, 0), "r_knee": (90, 0, 0), **UP_OVER},
    "a headstand": {"pelvis": (180, 0, 0)},
    "lying on the back": {"pelvis": (-90, 0, 0)},
    "lying on the side": {"pelvis": (0, 0, 90), "l_shoulder": (0, 0, 80), "r_shoulder": (0, 0, 80)},
    "sitting": {"l_hip": (-90, 0, 0), "r_hip": (-90, 0, 0), **STAND},
    "on all fours": {
        "pelvis": (80, 0, 0), "l_hip": (-80, 0, 0), "r_hip": (-80, 0, 0), "l_knee": (85, 0, 0), "r_knee": (85, 0, 0),
        "l_shoulder": (0, -90, 0), "r_shoulder": (0, 90, 0), "l_ankle": (60, 0, 0), "r_ankle": (60, 0, 0), **PALMS_FLAT,
    },
    "a crab": {
        "pelvis": (-80, 0, 0), "l_hip": (-10, 0, 0), "r_hip": (-10, 0, 0), "l_knee": (90, 0, 0), "r_knee": (90, 0, 0),
        "l_shoulder": (0, 90, 0), "r_shoulder": (0, -90, 0), **PALMS_FLAT,
    },
}  # fmt: skip


@pytest.mark.parametrize("pose", ON_FEET)
def test_who_stands_squats_or_kneels_is_on_the_feet(pose):
    assert not carried_by_more_than_feet(posed(ON_FEET[pose]).motion()).any()


@pytest.mark.parametrize("pose", ON_THE_FLOOR)
def test_who_is_carried_by_hands_head_back_or_seat_is_on_the_floor(pose):
    assert carried_by_more_than_feet(posed(ON_THE_FLOOR[pose]).motion()).all()


def test_a_move_has_a_way_down_and_a_way_up_and_swallows_what_is_short():
    fps = 30
    up, down = posed(STAND, 90), posed(ON_THE_FLOOR["a handstand"], 30)
    short, touch = posed(STAND, round(fps * APART_S)), posed(ON_THE_FLOOR["a handstand"], 2)
    found = FloorMoves.of(one_after_another([up, down, short, down, up, touch, up]).motion())
    away = round(fps * AWAY_S)
    assert found.spans == ((90 - away, 180 + away),), "two moves a second apart are one; a touch of two frames is none"
    assert found.between(60) == [(0, 90 - away), (180 + away, len(found.frames))]
    assert found.between(91) == [(180 + away, len(found.frames))]
    assert FloorMoves.of(up.motion()).between(90) == [(0, 90)]


BREAKDANCE = {"85_03": (0.0, 0.0), "85_04": (13.0, 15.0), "85_12": (15.5, 17.5)}
"""Least and most seconds of floor moves, as contact sheets show them: none in the upright sequence."""


@pytest.mark.parametrize("take", BREAKDANCE)
def test_of_real_breakdance_the_floor_moves_are_found(shared_data, take):
    motion = load_motion(shared_data / f"cmu-breakdance/{take}.bvh")
    found = FloorMoves.of(motion)
    least, most = BREAKDANCE[take]
    assert least <= found.frames.sum() / motion.fps <= most
    if take == "85_12":
        assert found.between(round(3 * motion.fps)) == [(0, pytest.approx(15.7 * motion.fps, abs=8))]


LOW = (
    "cmu-salsa/60_01_scaled.bvh", "cmu-salsa/61_14_scaled.bvh", "cmu-indian/indian_07.bvh", "cmu-misc/131_01.bvh",
)  # fmt: skip
"""The lowest of what is danced on the feet: kneeling, a dip, Indian dance's deepest squats."""


@pytest.mark.parametrize("take", LOW)
def test_real_dance_on_low_feet_holds_no_floor_move(shared_data, take):
    assert not FloorMoves.of(load_motion(shared_data / take)).spans
