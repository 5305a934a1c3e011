"""Joints that are dragged get where they can, limbs keep their lengths, and the rest of the body stays."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.motion.body import AT, FEET, NAMES, PARENTS
from dancegen.motion.inverse_kinematics import is_joint_file, moved_joints, read_joints, standing
from dancegen.motion.rotations import turn_about
from helpers.tiny_diffusion import BODY, stepping


def lengths(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[1:] - positions[list(PARENTS[1:])], axis=-1)


POSE = stepping().slice(40, 41)
AT_FIRST = POSE.positions[0]
REACHED = {
    "l_wrist": (-0.15, 0.3, 0.2), "r_wrist": (0.05, 0.25, 0.2), "l_elbow": (-0.1, 0.1, 0.1), "r_ankle": (0.0, 0.1, 0.2),
"head": (0.04, -0.03, 0.08), "pelvis": (0.1, -0.1, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", REACHED)
def test_a_joint_gets_where_it_is_dragged_and_the_rest_stays_near(name):
    wanted = AT_FIRST[AT[name]] + REACHED[name]
    made = moved_joints(POSE, {name: wanted}).positions[0]
    assert np.linalg.norm(made[AT[name]] - wanted) < 0.01
    assert np.abs(lengths(made) - lengths(AT_FIRST)).max() < 1e-4
    limb = {name, *({"l_wrist": ["l_hand", "l_elbow"], "r_wrist": ["r_hand", "r_elbow"], "r_ankle": ["r_knee", "r_toe"],
                     "l_elbow": ["l_wrist", "l_hand"], "l_knee": ["l_ankle", "l_toe"]}.get(name, ()))}  # fmt: skip
    others = [joint for joint, other in enumerate(NAMES) if other not in limb]
    apart = np.linalg.norm(made - AT_FIRST, axis=1)
    feet = [joint for joint in FEET if joint in others]
    assert apart[feet].max() < 0.02
    if name != "pelvis":
        assert apart[others].max() < 0.12 and apart[AT["pelvis"]] < 1e-6


def test_a_knee_is_turned_out_and_its_foot_stays():
    hip, knee, ankle = (AT_FIRST[AT[f"l_{joint}"]] for joint in ("hip", "knee", "ankle"))
    turn = turn_about((ankle - hip) / np.linalg.norm(ankle - hip), 0.6)
    wanted = hip + turn @ (knee - hip)
    assert np.linalg.norm(wanted - knee) > 0.05
    made = moved_joints(POSE, {"l_knee": wanted}).positions[0]
    assert np.linalg.norm(made[AT["l_knee"]] - wanted) < 0.01


@pytest.mark.parametrize("away", [(3.0, 0.5, 0.0), (0.0, 2.0, 0.5), (-2.0, 0.0, -1.0)])
def test_a_place_out_of_reach_is_approached_by_a_straight_arm(away):
    wanted = AT_FIRST[AT["l_wrist"]] + away
    made = moved_joints(POSE, {"l_wrist": wanted}).positions[0]
    assert np.abs(lengths(made) - lengths(AT_FIRST)).max() < 1e-4
    shoulder, wrist = made[AT["l_shoulder"]], made[AT["l_wrist"]]
    long = np.linalg.norm(BODY.offsets[[AT["l_elbow"], AT["l_wrist"]]], axis=1).sum()
    assert np.linalg.norm(wrist - shoulder) > 0.97 * long
    way = (wanted - shoulder) / np.linalg.norm(wanted - shoulder)
    assert (wrist - shoulder) @ way > 0.93 * long
    assert np.linalg.norm(made[list(FEET)] - AT_FIRST[list(FEET)], axis=1).max() < 0.02


def test_a_whole_pose_is_found_from_nothing_but_its_joints():
    other = stepping().slice(75, 76).placed(2.0, (0.7, -0.4))
    places = dict(zip(NAMES, other.positions[0], strict=True))
    made = moved_joints(standing(BODY), places)
    assert np.linalg.norm(made.positions[0] - other.positions[0], axis=1).max() < 0.01


def test_a_file_of_joints_is_told_from_others_and_read(tmp_path):
    path = tmp_path / "pose.json"
    path.write_text(json.dumps({"joints": {"l_wrist": [0.1, 1.2, 0.3]}}))
    assert is_joint_file(path) and read_joints(path) == {"l_wrist": (0.1, 1.2, 0.3)}
    (tmp_path / "open.json").write_text(json.dumps({"people": []}))
    assert not is_joint_file(tmp_path / "open.json") and not is_joint_file(tmp_path / "none.json")
    wrong = ({"tail": [0, 0, 0]}, "no joint tail"), ({"head": [0, 1]}, "head is at no place"), ({}, "not a JSON of")
    for joints, said in (*wrong, ({"head": ["a", 1, 2]}, "head is at no place"), ({"head": [0, 1e9, 0]}, "no place")):
        path.write_text(json.dumps({"joints": joints}))
        with pytest.raises(PoseError, match=f"{path.name}.*{said}"):
            read_joints(path)
