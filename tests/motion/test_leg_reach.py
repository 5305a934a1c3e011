"""Legs whose feet are moved: knees do not pop, bones keep their twist, feet their places."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancegen.arrays import smooth
from dancegen.choreographers.diffusion.feet import fix_foot_contacts
from dancegen.metrics.physics import knee_pops
from dancegen.motion.body import AT, FEET, BodyMotion
from dancegen.motion.leg_reach import MISSED_M, moved_leg
from dancegen.motion.readers.registry import load_motion
from dancegen.motion.retarget import measure_body, retarget_limbs
from dancegen.motion.rotations import swing
from helpers.posed_body import BODY, moved, posed

FPS, FRAMES = 30.0, 180
LEG = ("hip", "knee", "ankle")
BEND = {"hip": -4, "knee": 8, "ankle": -4}
NEARLY_STRAIGHT = {f"{side}_{joint}": (degrees, 0, 0) for side in "lr" for joint, degrees in BEND.items()}
STANDING = np.ones((FRAMES, 4), bool)


def drift(seed: int, size: tuple[float, float, float]) -> np.ndarray:
    """(T, 3) metres by which a root wanders that a choreographer has not quite placed; its standard deviations."""
    wander = smooth(np.random.default_rng(seed).standard_normal((FRAMES, 3)), 8)
    return wander / wander.std(axis=0) * size


def pops(dance: BodyMotion) -> float:
    return knee_pops(dance.motion().joints3d, dance.fps)


def sliding(dance: BodyMotion) -> float:
    """Metres a second, ankles and toes, sideways."""
    return float(np.linalg.norm(np.diff(dance.positions[:, FEET][..., (0, 2)], axis=0), axis=-1).mean() * dance.fps)


def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Degrees between rotations (..., 3, 3)."""
    return np.rad2deg(Rotation.from_matrix((np.swapaxes(one, -1, -2) @ other).reshape(-1, 3, 3)).magnitude())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_knees_of_straight_legs_do_not_pop_while_their_feet_are_held(seed):
    dance = moved(posed({}, FRAMES, FPS), drift(seed, (0.03, 0.01, 0.03)))
    planted = fix_foot_contacts(dance, STANDING)
    assert pops(dance) == 0 and pops(planted) == 0
    assert sliding(planted) < 0.35 * sliding(dance)


def test_the_knee_of_a_leg_kicked_forward_stays_in_front_of_it():
    """The pelvis looks along the leg then, so it does not say where the knee goes."""
    lift = np.linspace(60, 120, FRAMES)
    dance = posed({}, FRAMES, FPS)
    rotations = dance.rotations.copy()
    rotations[:, 1] = Rotation.from_euler("x", -lift[:, None], degrees=True).as_matrix()  # the left hip
    kicks = BodyMotion(BODY, dance.root, rotations, FPS)
    shift = np.zeros((FRAMES, 3))
    shift[:, 2], shift[:, 1] = -0.02, 0.004 * np.sin(np.arange(FRAMES))
    local = rotations.copy()
    local[:, [1, 4, 7]] = moved_leg(kicks, "l", shift)
    made = BodyMotion(BODY, dance.root, local, FPS)
    hip, knee, ankle = (made.positions[:, AT[f"l_{joint}"]] for joint in LEG)
    bend = knee - (hip + ankle) / 2
    front = kicks.orientations[:, AT["l_hip"], :, 2]
    out = (bend * front).sum(axis=1)
    assert out.min() > 0.04, "2 cm less from hip to ankle put the knee out, ahead of the thigh"
    assert np.linalg.norm(bend - out[:, None] * front, axis=1).max() < 0.01


def test_feet_are_where_they_are_moved_to_or_next_to_it():
    dance = posed(NEARLY_STRAIGHT, FRAMES, FPS)
    shift = drift(1, (0.01, 0.0, 0.01))
    shift[:, 1] = np.abs(shift[:, 0]) + 0.005
    local = dance.rotations.copy()
    local[:, [1, 4, 7]] = moved_leg(dance, "l", shift)
    made = BodyMotion(BODY, dance.root, local, FPS)
    missed = made.positions[:, AT["l_ankle"]] - dance.positions[:, AT["l_ankle"]] - shift
    assert np.linalg.norm(missed, axis=1).max() < 0.75 * MISSED_M
    assert (made.positions[:, AT["r_ankle"]] == dance.positions[:, AT["r_ankle"]]).all()


def test_legs_that_are_turned_in_and_rolled_feet_stay_so():
    turns = {
        "l_hip": (-40, 35, 0), "l_knee": (60, 10, 0), "l_ankle": (-20, 0, 25), "r_hip": (-30, -30, 5),
        "r_knee": (50, 0, 0), "r_ankle": (-20, 0, -20),
    }  # fmt: skip
    dance = posed(turns, FRAMES, FPS)
    planted = fix_foot_contacts(moved(dance, drift(2, (0.02, 0.004, 0.02))), STANDING)
    for side in "lr":
        ankle = AT[f"{side}_ankle"]
        assert apart(dance.orientations[:, ankle], planted.orientations[:, ankle]).max() < 0.01
        for joint, child in (("hip", "knee"), ("knee", "ankle")):
            before, after = (each.orientations[:, AT[f"{side}_{joint}"]] for each in (dance, planted))
            bone = after[..., :, 1] * -1  # legs hang along -y
            least = before @ swing(np.array([0.0, -1.0, 0.0]), np.einsum("tji,tj->ti", before, bone))
            assert apart(least, after).max() < 0.01, f"{joint} to {child}"
            assert apart(before, after).max() > 1


def test_a_foot_that_is_up_for_a_moment_stays_where_it_stands():
    """Contacts that flicker would else put it down anew each time, a hand's breadth away."""
    slide = np.zeros((FRAMES, 3))
    slide[:, 0] = np.linspace(0, 0.16, FRAMES)
    dance, standing = moved(posed({"l_hip": (-30, 0, 0), "l_knee": (60, 0, 0)}, FRAMES, FPS), slide), STANDING.copy()
    standing[40:42], standing[41:140:20] = False, False
    planted = fix_foot_contacts(dance, standing).positions[:, AT["l_ankle"]]
    assert np.ptp(planted[:, 0]) < 0.002
    standing[80:90] = False
    planted = fix_foot_contacts(dance, standing).positions[:, AT["l_ankle"]]
    assert 0.05 < np.ptp(planted[:, 0]) < 0.12, "a step of a third of a second is one"


def test_what_is_not_moved_stays_as_it_was():
    dance = moved(posed(NEARLY_STRAIGHT, FRAMES, FPS), drift(3, (0.02, 0.0, 0.02)))
    shift = np.zeros((FRAMES, 3))
    shift[100:] = (0, 0.01, 0)
    changed = apart(dance.rotations[:, [1, 4, 7]], moved_leg(dance, "l", shift)).reshape(FRAMES, 3)
    assert changed[:80].max() < 1e-3 and changed[110:, :2].min() > 1


@pytest.mark.parametrize("take", ["g1-moves/J_Dance0_StepTouch.bvh", "g1-moves/J_Dance22_Thrilling.bvh"])
def test_real_dances_on_straight_legs_pop_no_more_once_their_feet_are_held(shared_data, take):
    motion = load_motion(shared_data / take).resample(FPS)
    dance = retarget_limbs(motion, measure_body([motion]))
    planted = fix_foot_contacts(dance, dance.contacts)
    assert pops(planted) <= pops(dance)
    feet = [AT["l_ankle"], AT["r_ankle"]]
    assert apart(dance.orientations[:, feet], planted.orientations[:, feet]).max() < 0.01
