"""Floor moves by characters of other proportions: hands, knees, hips and head stay above the floor, and rest on it."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.body import AT, Body, BodyMotion
from dancegen.motion.characters.fitting import fit
from dancegen.motion.characters.floor import NEAR, heights_of, heights_of_character
from dancegen.motion.characters.glb import read_glb_character, write_glb_character
from dancegen.motion.floor_moves import FloorMoves
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.readers.registry import load_motion
from dancegen.motion.retarget import measure_body, retarget
from helpers.characters import SHORT, Rig, write_character
from helpers.gltf_reader import Played
from helpers.posed_body import LENGTHS, moved, one_after_another, posed

APE = Body.of({**LENGTHS, "upper_arm": 0.42, "forearm": 0.36, "thigh": 0.36, "shank": 0.36}, 1.75)
STILTS = Body.of({**LENGTHS, "upper_arm": 0.22, "forearm": 0.2, "trunk": 0.4, "thigh": 0.5, "shank": 0.52}, 1.85)
RIGS = {
    "long arms": Rig("mixamo", body=APE, arms_down=45, axes="bones"),
    "short arms, long legs": Rig("unreal", body=STILTS, armature=True),
    "a child": Rig("vrm", body=SHORT, facing=90.0),
}
MOVES = {
    "handstand": {"pelvis": (175, 0, 0), "l_shoulder": (0, 0, 80), "r_shoulder": (0, 0, -80)},
    "on hands and feet": {
        "pelvis": (70, 0, 0), "l_shoulder": (0, -85, 0), "r_shoulder": (0, 85, 0), "l_hip": (-45, 0, 0),
        "r_hip": (-45, 0, 0), "l_knee": (20, 0, 0), "r_knee": (20, 0, 0),
    },
    "kneeling": {"l_knee": (95, 0, 0), "r_knee": (95, 0, 0), "l_ankle": (60, 0, 0), "r_ankle": (60, 0, 0)},
    "on a shoulder": {"pelvis": (130, 30, 0), "l_hip": (-70, 0, 0), "l_shoulder": (0, -40, -60)},
    "sitting, legs up": {"pelvis": (-40, 0, 0), "l_hip": (-80, 0, 0), "r_hip": (-95, 0, 0), "l_elbow": (0, -60, 0)},
}  # fmt: skip


def lying_on_its_skin(dance: BodyMotion) -> BodyMotion:
    """The dance with the lowest point of the dancer's skin on the floor."""
    skin, _ = Mannequin.of(dance.body).posed(dance.positions[0], dance.orientations[0])
    return moved(dance, np.array([[0.0, -skin[:, 1].min(), 0.0]]))


def on(rig: Rig, dance: BodyMotion, folder) -> tuple[dict, dict, Played]:
    """Heights (T,) of the dancer and of the character, and the file that was written."""
    dance = dance.placed(-np.deg2rad(rig.facing), (0.0, 0.0))
    found = read_glb_character(write_character(folder / "hero.glb", rig), {})
    fitted = fit(found.character, dance)
    write_glb_character(found, fitted, folder / "dances.glb", {})
    return dict(heights_of(dance)), dict(heights_of_character(fitted, dance)), Played(folder / "dances.glb")


@pytest.mark.parametrize("kind", RIGS)
def test_what_the_dancer_has_above_the_floor_is_above_it(kind, tmp_path):
    dance = one_after_another([lying_on_its_skin(posed(move, 20)) for move in MOVES.values()])
    own, its, played = on(RIGS[kind], dance, tmp_path)
    for name, height in its.items():
        assert (height > np.minimum(own[name], 0.0) - 0.01).all(), name
    at = [10, 30, 50, 70, 90]
    skin = played.skinned(at)[..., 1].min(axis=1) / RIGS[kind].body.leg
    dancer = Mannequin.of(dance.body).placed(dance.positions[at], dance.orientations[at])
    own_skin = dancer[..., 1].min(axis=1) / dance.body.leg
    assert (skin > np.minimum(own_skin, 0.0) - 0.06).all(), (skin, own_skin)


@pytest.mark.parametrize("kind", RIGS)
def test_who_stands_on_hands_neither_sinks_nor_hovers(kind, tmp_path):
    dance = posed(MOVES["handstand"], 20)
    own, its, _ = on(RIGS[kind], dance, tmp_path)
    lowest, its_lowest = (min(each[f"{side}_hand"][10] for side in "lr") for each in (own, its))
    assert abs(lowest - its_lowest) < 0.01 and lowest < NEAR


def test_feet_that_stand_stay_though_hands_are_too_long(tmp_path):
    dance = posed(MOVES["on hands and feet"], 20)
    found = read_glb_character(write_character(tmp_path / "hero.glb", RIGS["long arms"]), {})
    fitted = fit(found.character, dance)
    at, its = fitted.legs.positions[10], heights_of_character(fitted, dance)
    assert its["l_hand"][10] > -0.005
    assert abs(at[AT["l_ankle"], 1] - dance.positions[10, AT["l_ankle"], 1]) < 0.05


@pytest.mark.parametrize("kind", RIGS)
def test_a_real_breakdance_stays_above_the_floor(shared_data, kind, tmp_path):
    motion = load_motion(shared_data / "cmu-breakdance" / "85_12.bvh")
    spans = FloorMoves.of(motion).spans
    assert spans
    first, last = max(spans, key=lambda span: span[1] - span[0])
    dance = retarget(motion, measure_body([motion])).slice(first, min(last, first + 240))
    own, its, _ = on(RIGS[kind], dance, tmp_path)
    for name, height in its.items():
        assert (height > np.minimum(own[name], 0.0) - 0.01).all(), (name, (height - np.minimum(own[name], 0)).min())
    rise = np.diff(its["l_hip"] - own["l_hip"]) * dance.fps
    assert np.abs(rise).max() < 3.0  # metres a second: nothing jumps for it
