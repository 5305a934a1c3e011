"""A dance written as BVH is the same dance when it is read."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.body import AT, NAMES, TIPS
from dancegen.motion.export.bvh import BONES, write_bvh
from dancegen.motion.readers.bvh import read_bvh
from dancegen.motion.readers.registry import load_motion
from helpers.tiny_diffusion import BODY, FPS, stepping


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
