"""The rotations of a source's own bones: they lead back to the joints, hold twist, and follow the joints in time."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.body import AT, NAMES, TURNING, BodyMotion
from dancegen.motion.export.bvh import write_bvh as export_bvh
from dancegen.motion.readers.registry import load_motion
from dancegen.motion.retarget import measure_body, retarget
from dancegen.motion.rotations import rotation
from dancegen.pose.skeleton import BODY, FACE
from helpers.stick_figure import MIXAMO, write_bvh

FRAMES = 90


@pytest.fixture
def waves(tmp_path):
    """A dancer whose every joint swings, left forearm and head turning about their own length, too."""
    phase = np.linspace(0, 4 * np.pi, FRAMES)
    turns = {
        role: np.stack([12 * np.sin(phase + i), 9 * np.sin(0.7 * phase + 2 * i), 15 * np.sin(phase - i)], 1)
        for i, role in enumerate(MIXAMO)
    }
    turns["l_knee"] = turns["r_knee"] = np.stack([0 * phase, 0 * phase, 30 - 20 * np.cos(phase)], 1)
    turns["l_elbow"] = np.stack([0 * phase, 0 * phase, 70 * np.sin(phase)], 1)
    return load_motion(write_bvh(tmp_path / "waves.bvh", MIXAMO, turns, frames=FRAMES))


def away_mm(motion):
    """(T, 13) how far forward kinematics ends from the joints of the body."""
    again = BodyMotion.of(motion).motion()
    return 1000 * np.linalg.norm(again.joints3d - motion.joints3d, axis=-1)[:, BODY]


def test_forward_kinematics_leads_back_to_the_joints(waves):
    assert away_mm(waves).max() < 0.1
    again = BodyMotion.of(waves).motion()
    np.testing.assert_allclose(again.head_forward, waves.head_forward, atol=1e-4)
    np.testing.assert_allclose(again.ends, waves.ends, atol=1e-4)
    faces = np.linalg.norm(again.joints3d - waves.joints3d, axis=-1)[:, list(FACE)]
    assert faces.max() < 0.03  # a head nods on its neck, and ears with it


def test_a_standing_t_pose_has_no_rotations(tmp_path):
    motion = load_motion(write_bvh(tmp_path / "still.bvh", MIXAMO, {}))
    local = dict(zip((NAMES[index] for index in TURNING), motion.rotations.local[0], strict=True))
    for name in ("pelvis", "spine2", "l_shoulder", "r_elbow", "l_hip", "r_knee"):
        np.testing.assert_allclose(local[name], np.eye(3), atol=1e-5, err_msg=name)


def test_twist_that_joints_do_not_show_is_kept(tmp_path):
    turns = {"l_elbow": np.tile([0.0, 0.0, 40.0], (30, 1))}  # about the forearm's own length
    still, twisted = (
        load_motion(write_bvh(tmp_path / f"{name}.bvh", MIXAMO, given))
        for name, given in (("still", {}), ("twisted", turns))
    )
    np.testing.assert_allclose(twisted.joints3d, still.joints3d, atol=1e-6)
    elbow = TURNING.index(AT["l_elbow"])
    np.testing.assert_allclose(twisted.rotations.local[0, elbow], rotation("x", np.array(40.0)), atol=1e-5)
    guessed = retarget(twisted, measure_body([twisted])).rotations[0, elbow]
    np.testing.assert_allclose(guessed, np.eye(3), atol=1e-4)


@pytest.mark.parametrize("fps", [24.0, 60.0])
def test_rotations_are_warped_in_time_with_the_joints(waves, fps):
    warped = waves.at(np.linspace(0.2, 2.4, round(2.0 * fps)) ** 1.1 / 1.2, fps)
    assert len(warped.rotations.root) == len(warped)
    assert away_mm(warped).max() < 2.0
    part = waves.turned(130).slice(0.5, 1.0)
    assert away_mm(part).max() < 0.1 and len(part.rotations.root) == len(part) == 30


@pytest.mark.parametrize("axes", [[[1, 0, 0], [0, 0, -1], [0, 1, 0]], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]])
def test_files_in_other_axes_and_mirrored_ones_have_rotations_too(tmp_path, axes):
    turns = {"l_elbow": np.tile([50.0, 0.0, 30.0], (30, 1)), "r_hip": np.tile([0.0, 10.0, -25.0], (30, 1))}
    motion = load_motion(write_bvh(tmp_path / "a.bvh", MIXAMO, turns, axes=axes))
    assert away_mm(motion).max() < 0.1


def test_a_file_written_from_rotations_reads_as_the_same_rotations(waves, tmp_path):
    dance = BodyMotion.of(waves)
    export_bvh(dance, tmp_path / "again.bvh")
    again = load_motion(tmp_path / "again.bvh").rotations
    limbs = [TURNING.index(AT[f"{side}_{joint}"]) for side in "lr" for joint in ("shoulder", "elbow", "hip", "knee")]
    np.testing.assert_allclose(again.local[:, limbs], dance.rotations[:, limbs], atol=0.01)


def test_rotations_come_back_from_a_file_as_a_body_that_can_be_exported(waves, tmp_path):
    waves.save(tmp_path / "motion.npz")
    dance = BodyMotion.load(tmp_path / "motion.npz")
    np.testing.assert_array_equal(dance.rotations, waves.rotations.local)
    assert dance.fps == waves.fps and dance.body.height_m == pytest.approx(waves.height_m)


def test_real_takes_have_rotations_that_lead_to_their_joints(shared_data):
    for name in ("cmu-salsa/60_01_scaled.bvh", "cmu-modern/05_07.amc", "bvh-misc/jesse_dance.bvh"):
        motion = load_motion(shared_data / name)
        assert away_mm(motion).max() < 1.0, name
        again = away_mm(motion.resample(30.0))
        assert np.percentile(again, 99) < 2.0 and np.median(again) < 0.2, name
    repaired = load_motion(shared_data / "cmu-modern" / "05_05.amc")  # jumps that were bridged, knees that flipped
    assert np.percentile(away_mm(repaired.resample(30.0)), 99) < 20.0


@pytest.mark.parametrize("take", ["bvh-misc/jesse_dance.bvh", "cmu-breakdance/85_03.bvh", "cmu-misc/55_01.bvh"])
def test_a_rest_pose_along_one_line_does_not_turn_limbs_inside_out(shared_data, take):
    """Such files had thighs that faced backwards all along, and bodies whose spine lay on its side at rest."""
    motion = load_motion(shared_data / take)
    own, untwisted = BodyMotion.of(motion), retarget(motion, measure_body([motion]))
    for side in "lr":
        for joint in ("hip", "knee", "shoulder", "elbow"):
            ahead, usual = (dance.orientations[:, AT[f"{side}_{joint}"], :, 2] for dance in (own, untwisted))
            assert np.median((ahead * usual).sum(axis=1)) > 0.7, f"{side}_{joint}"
    for name in ("spine2", "spine3", "neck"):
        x, y, z = own.body.offsets[AT[name]]
        assert y >= 3 * max(abs(x), abs(z)) or np.linalg.norm((x, y, z)) < 0.02, name
