"""A dance written as BVH is the same dance when it is read."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
from dancegen.motion.body import AT, ENDS, NAMES, TIPS, TURNING, BodyMotion
from dancegen.motion.export.bvh import BONES, write_bvh
from dancegen.motion.readers.bvh import read_bvh
from dancegen.motion.readers.registry import load_motion
from dancegen.motion.retarget import measure_body, retarget_limbs
from helpers.posed_body import one_after_another, posed
from helpers.tiny_diffusion import BODY, FPS, saved_model, song, stepping


def test_what_is_read_back_lies_within_a_tenth_of_a_millimetre(tmp_path):
    dance = stepping().placed(2.5, (1.0, -0.5))
    write_bvh(dance, tmp_path / "dance.bvh")
    back = read_bvh(tmp_path / "dance.bvh")
    assert back.fps == pytest.approx(FPS, rel=1e-6)
    for joint, name in enumerate(NAMES):
        if joint not in TIPS:
            found = back.positions[:, back.names.index(BONES[name])]
            assert np.abs(found - dance.positions[:, joint]).max() < 1e-4, name
    parent = back.names.index("LeftHand")
    tip = back.parents.index(parent)
    assert back.names[tip] is None and np.abs(back.positions[:, tip] - dance.positions[:, AT["l_hand"]]).max() < 1e-4


def test_the_rest_pose_is_mixamos_t(tmp_path):
    write_bvh(stepping(), tmp_path / "dance.bvh")
    back = read_bvh(tmp_path / "dance.bvh")
    assert set(BONES.values()) == {name for name in back.names if name}
    at = {name: back.rest[joint] - back.rest[0] for joint, name in enumerate(back.names) if name}
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        arm, fore, hand = (at[f"{side}{bone}"] for bone in ("Arm", "ForeArm", "Hand"))
        assert np.sign(arm[0]) == sign
        for way in (fore - arm, hand - fore):
            assert way[0] * sign > 0.2 and np.abs(way[1:]).max() < 1e-6  # straight out to the side
        hip, knee, foot = (at[f"{side}{bone}"] for bone in ("UpLeg", "Leg", "Foot"))
        for way in (knee - hip, foot - knee):
            assert way[1] < -0.3 and np.abs(way[[0, 2]]).max() < 1e-6  # straight down
        ends = [joint for joint, parent in enumerate(back.parents) if back.names[parent] == f"{side}Foot"]
        assert (back.rest[ends[0]] - back.rest[0] - foot)[2] > 0.1  # toes ahead
    assert at["Head"][1] > at["Neck"][1] > at["Spine2"][1] > at["Spine"][1] > 0
    assert back.positions.shape[0] == len(stepping())


def test_an_independent_reader_sees_the_same_joints(tmp_path):
    bvhio = pytest.importorskip("bvhio")
    dance = stepping().placed(2.5, (1.0, -0.5))
    write_bvh(dance, tmp_path / "dance.bvh")
    assert bvhio.readAsBvh(str(tmp_path / "dance.bvh")).FrameTime == pytest.approx(1 / FPS, rel=1e-6)
    skeleton = bvhio.readAsHierarchy(str(tmp_path / "dance.bvh"))
    numbers = {BONES[name]: joint for joint, name in enumerate(NAMES) if joint not in TIPS}
    for frame in (0, 77, len(dance) - 1):
        skeleton.loadPose(frame)
        seen = {joint.Name: np.array(joint.PositionWorld) for joint, _, _ in skeleton.layout()}
        assert set(numbers) <= set(seen)
        for name, joint in numbers.items():
            assert np.abs(seen[name] - dance.positions[frame, joint]).max() < 1e-3, name


def test_prepare_knows_the_skeleton_and_finds_the_same_dancer(tmp_path):
    dance = stepping()
    write_bvh(dance, tmp_path / "dance.bvh")
    motion = load_motion(tmp_path / "dance.bvh")
    bone = np.linalg.norm(motion.joints3d[:, 3] - motion.joints3d[:, 2], axis=-1).mean()
    scale = np.linalg.norm(BODY.offsets[AT["r_elbow"]]) / bone
    found, wanted = motion.joints3d * scale, dance.motion().joints3d
    shift = wanted[0, 8] - found[0, 8]
    assert np.abs(found[:, 1:14] + shift - wanted[:, 1:14]).max() < 0.002


def test_angles_do_not_jump_when_the_dancer_turns_and_turns(tmp_path):
    from dataclasses import replace

    from dancegen.motion.rotations import about

    dance = stepping(3.0)
    turns = about(1, np.linspace(0, 6 * np.pi, len(dance)))
    rotations = dance.rotations.copy()
    rotations[:, 0] = turns
    write_bvh(replace(dance, rotations=rotations), tmp_path / "turns.bvh")
    rows = [line.split() for line in (tmp_path / "turns.bvh").read_text().split("Frame Time:")[1].splitlines()[1:]]
    angles = np.array(rows, float)[:, 3:]
    assert np.abs(np.diff(angles, axis=0)).max() < 60


def test_angles_do_not_jump_in_a_kick_over_the_head_or_with_arms_straight_up(tmp_path):
    from dataclasses import replace

    from dancegen.motion.body import TURNING
    from dancegen.motion.rotations import about

    dance = stepping(3.0)
    rotations = dance.rotations.copy()
    swing = np.sin(np.linspace(0, 4 * np.pi, len(dance)))
    rotations[:, TURNING.index(AT["l_hip"])] = about(2, np.full(len(dance), 0.2)) @ about(0, -1.0 - 1.0 * swing)
    rotations[:, TURNING.index(AT["l_shoulder"])] = about(2, 1.6 * swing)
    kicking = replace(dance, rotations=rotations)
    write_bvh(kicking, tmp_path / "kick.bvh")
    rows = [line.split() for line in (tmp_path / "kick.bvh").read_text().split("Frame Time:")[1].splitlines()[1:]]
    assert np.abs(np.diff(np.array(rows, float)[:, 3:], axis=0)).max() < 20
    back = read_bvh(tmp_path / "kick.bvh")
    foot = back.positions[:, back.names.index(BONES["l_ankle"])]
    assert np.abs(foot - kicking.positions[:, AT["l_ankle"]]).max() < 1e-4


def apart(one: BodyMotion, other: BodyMotion) -> np.ndarray:
    """(20,) most degrees between how two dances turn each joint in the room."""
    here, there = (dance.orientations[:, TURNING].astype(float) for dance in (one, other))
    between = Rotation.from_matrix((np.swapaxes(here, -1, -2) @ there).reshape(-1, 3, 3)).magnitude()
    return np.rad2deg(between).reshape(len(one), -1).max(axis=0)


def read_back(dance: BodyMotion, path) -> BodyMotion:
    write_bvh(dance, path)
    motion = load_motion(path)
    again = BodyMotion.of(motion)
    assert again is not None
    ends = [
        dance.positions[:, AT[end]] - dance.positions[:, AT[joint]]
        for end, joint in zip(ENDS, _WRISTS_ANKLES, strict=True)
    ]
    for index, end in enumerate(ends):
        end = end / np.linalg.norm(end, axis=1, keepdims=True)
        assert np.abs(motion.ends[:, index] - end).max() < 1e-4, ENDS[index]
    return again


_WRISTS_ANKLES = ("r_wrist", "l_wrist", "r_ankle", "l_ankle")
_TURNED = {
    "l_shoulder": (70, 20, -60), "l_elbow": (80, -40, 0), "l_wrist": (-60, 30, 40), "r_shoulder": (-50, 0, 40),
    "r_elbow": (-80, 60, 0), "r_wrist": (70, -20, 10), "l_hip": (-30, 40, 10), "l_knee": (50, 20, 0),
    "l_ankle": (50, 0, 30), "r_hip": (-10, -45, 0), "r_knee": (20, -10, 0), "r_ankle": (55, 0, -30),
    "head": (35, 20, 5), "neck": (20, 0, 0), "spine2": (10, 20, 5),
}  # fmt: skip
"""On tiptoe, looking down, forearms and thighs turned about their own length: what captures hardly ever show."""
DANCES = {
    "turned limbs on tiptoe": lambda: posed(_TURNED, 30),
    "upside down": lambda: posed({**_TURNED, "pelvis": (180, 30, 0)}, 30),
    "knees that jump": lambda: one_after_another([posed({"l_hip": (sign * 50, 0, 0), "l_knee": (-sign * 90, 0, 0)}, 6)
                                                  for sign in (-1, 1) * 3]),
    "a T-pose, then a leap": lambda: one_after_another([posed({}, 20), posed({"pelvis": (0, 180, 0), **_TURNED}, 20)]),
}  # fmt: skip


@pytest.mark.parametrize("kind", DANCES)
def test_every_joint_turns_in_a_file_that_is_read_back_as_it_did_before(kind, tmp_path):
    dance = DANCES[kind]()
    again = read_back(dance, tmp_path / "dance.bvh")
    found = dict(zip((NAMES[index] for index in TURNING), apart(dance, again), strict=True))
    assert max(found.values()) < 0.1, found
    assert np.abs(again.positions - dance.positions).max() < 2e-4
    assert again.body.height_m == pytest.approx(dance.body.height_m, rel=1e-4)


def test_a_generated_dance_keeps_wrists_and_ankles_through_a_file(tmp_path):
    dance = DiffusionChoreographer(saved_model(tmp_path / "model")).dance(song(4.0), seed=3)
    assert np.ptp(dance.rotations[:, [TURNING.index(AT[joint]) for joint in _WRISTS_ANKLES]], axis=0).max() > 0.05
    assert apart(dance, read_back(dance, tmp_path / "dance.bvh")).max() < 0.1


REAL = ("cmu-salsa/60_03_scaled.bvh", "cmu-modern/05_20.amc", "bvh-misc/jesse_dance.bvh", "cmu-breakdance/85_12.bvh",
        "cmu-misc/55_01.bvh", "aistpp/motions/transflower_generated.pkl")  # fmt: skip


@pytest.mark.parametrize("take", REAL)
def test_real_takes_keep_their_twist_in_another_body_and_through_a_file(shared_data, take, tmp_path):
    motion = load_motion(shared_data / take).slice(0, 4)
    own = BodyMotion.of(motion)
    danced = retarget_limbs(motion, measure_body([motion]))
    joints = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    limbs = [TURNING.index(AT[f"{side}_{joint}"]) for side in "lr" for joint in joints]
    assert apart(own, danced)[limbs].max() < 1
    for dance in (own, danced):
        assert apart(dance, read_back(dance, tmp_path / "dance.bvh")).max() < 1
