"""Motion: files of many makers become one kind of dancer, in metres, upright, on the floor, at the right pace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.anatomy import facing
from dancegen.motion.motion import Motion
from dancegen.motion.readers.registry import load_motion
from dancegen.pose.skeleton import INDEX
from dancegen.progress import Silent
from helpers.stick_figure import FIGURE, MIXAMO, write_bvh


class Listener(Silent):
    def __init__(self):
        self.said: list[str] = []
        self.warned: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def warn(self, message: str) -> None:
        self.warned.append(message)


def renamed(pattern: dict[str, str], **others: str) -> dict[str, str]:
    sides = {"l": "Left", "r": "Right"}
    limbs = {
        f"{s}_{role}": name.format(s=s, S=s.upper(), side=side, Side=side)
        for s, side in sides.items()
        for role, name in pattern.items()
    }
    return {"hips": "Hips", "spine": "Spine", "neck": "Neck", "head": "Head"} | limbs | others


POSER = renamed(
    dict(shoulder="{s}Shldr", elbow="{s}ForeArm", wrist="{s}Hand", hip="{s}Thigh", knee="{s}Shin", ankle="{s}Foot")
)
CMU = renamed(
    dict(shoulder="{s}humerus", elbow="{s}radius", wrist="{s}hand", hip="{s}femur", knee="{s}tibia", ankle="{s}foot")
)
MOTIONBUILDER = renamed(
    dict(
        shoulder="{side}Arm",
        elbow="{side}ForeArm",
        wrist="{side}Hand",
        hip="{side}UpLeg",
        knee="{side}Leg",
        ankle="{side}Foot",
    )
)
BIPED = renamed(
    dict(
        shoulder="Bip01 {S} UpperArm",
        elbow="Bip01 {S} Forearm",
        wrist="Bip01 {S} Hand",
        hip="Bip01 {S} Thigh",
        knee="Bip01 {S} Calf",
        ankle="Bip01 {S} Foot",
    ),
    head="Bip01 Head",
)
BLENDER = renamed(
    dict(
        shoulder="upper_arm.{S}",
        elbow="forearm.{S}",
        wrist="hand.{S}",
        hip="thigh.{S}",
        knee="shin.{S}",
        ankle="foot.{S}",
    )
)
CAMEL = {role: f"Camel:{name.rsplit(':')[-1]}X" for role, name in MIXAMO.items()}


def look(frames: int = 30, **turns: tuple[float, float, float]) -> dict[str, np.ndarray]:
    return {role: np.tile(np.array(angles, dtype=float), (frames, 1)) for role, angles in turns.items()}


@pytest.mark.parametrize("names", [MIXAMO, POSER, CMU, MOTIONBUILDER, BIPED, BLENDER])
def test_a_dancer_is_the_same_whatever_the_joints_are_called(tmp_path, names):
    motion = load_motion(write_bvh(tmp_path / "a.bvh", names, look(l_elbow=(90, 0, 0))))
    joints = motion.joints3d[0]
    scale = 1.7 / motion.height_m
    assert scale == pytest.approx(1.0)
    assert joints[INDEX["l_shoulder"], 0] > 0.1 > -0.1 > joints[INDEX["r_shoulder"], 0]
    assert joints[INDEX["l_wrist"], 1] > joints[INDEX["l_elbow"], 1] + 0.2, "the left arm is the one that is bent up"
    assert joints[INDEX["r_wrist"], 1] == pytest.approx(joints[INDEX["r_elbow"], 1], abs=1e-3)
    np.testing.assert_allclose(joints[INDEX["neck"]], (joints[2] + joints[5]) / 2, atol=1e-6)


def test_an_unknown_skeleton_lists_its_joints(tmp_path):
    path = write_bvh(tmp_path / "camel.bvh", CAMEL, {})
    with pytest.raises(MocapError, match=r"not known: no .*right shoulder.*Its joints are: Camel:HipsX, Camel:SpineX"):
        load_motion(path)


@pytest.mark.parametrize("unit", [0.01, 1.0, 25.4])
def test_the_scale_comes_from_the_body(tmp_path, unit):
    path = write_bvh(tmp_path / "a.bvh", MIXAMO, {}, axes=np.eye(3) * unit)
    joints = load_motion(path).joints3d[0]
    assert 1.5 < joints[INDEX["nose"], 1] < 1.7
    assert joints[INDEX["l_ankle"], 1] == pytest.approx(0.039 * 1.7, abs=1e-3)


@pytest.mark.parametrize(
    "axes",
    [[[1, 0, 0], [0, 0, -1], [0, 1, 0]], [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, -1, 0], [0, 0, -1]]],
    ids=["z up", "x down", "y down"],
)
def test_a_file_with_another_axis_up_stands_on_its_feet(tmp_path, axes):
    assert np.linalg.det(axes) == pytest.approx(1.0)
    listener = Listener()
    motion = load_motion(write_bvh(tmp_path / "a.bvh", MIXAMO, {}, axes=axes), progress=listener)
    assert motion.joints3d[0, INDEX["nose"], 1] > 1.4
    assert not listener.warned and "points up in this file" in listener.said[0]
    front = facing(motion.joints3d)[0]
    np.testing.assert_allclose(motion.head_forward[0, [0, 2]], front * np.cos(np.deg2rad(5)), atol=0.01)


def test_a_left_handed_file_is_put_right_and_said(tmp_path):
    listener = Listener()
    path = write_bvh(tmp_path / "a.bvh", MIXAMO, {}, axes=np.diag([-1.0, 1.0, 1.0]))
    joints = load_motion(path, progress=listener).joints3d[0]
    assert "left and right are taken to be swapped" in listener.warned[0]
    assert joints[INDEX["l_hip"], 0] > joints[INDEX["r_hip"], 0], "facing +z, the left is at +x"


def test_the_face_turns_with_the_head(tmp_path):
    turns = look(head=(0, 0, 0))
    turns["head"][15:, 1] = 60.0  # to the left for half of the take: the body still faces +z
    turns["head"][:15, 1] = -60.0
    joints = load_motion(write_bvh(tmp_path / "a.bvh", MIXAMO, turns)).joints3d
    nose = joints[:, INDEX["nose"]] - (joints[:, INDEX["l_ear"]] + joints[:, INDEX["r_ear"]]) / 2
    angles = np.rad2deg(np.arctan2(nose[:, 0], nose[:, 2]))
    np.testing.assert_allclose(angles, np.where(np.arange(30) < 15, -60, 60), atol=0.5)


def real_takes(shared_data: Path) -> list[Path]:
    modern, salsa = shared_data / "cmu-modern", shared_data / "cmu-salsa"
    return [modern / "05_16.amc", modern / "05_20.amc", salsa / "60_10_scaled.bvh", salsa / "61_10_scaled.bvh"]


def test_real_dancers_are_as_tall_as_people_stand_on_the_floor_and_know_left_from_right(shared_data):
    for path in real_takes(shared_data):
        motion = load_motion(path)
        joints = motion.joints3d
        assert 1.5 < motion.height_m < 1.95
        assert 1.35 < np.median(joints[:, INDEX["nose"], 1]) < 1.75, path.name
        lower_ankle = joints[:, [INDEX["l_ankle"], INDEX["r_ankle"]], 1].min(axis=1)
        assert 0.03 < np.percentile(lower_ankle, 10) < 0.12, path.name
        front = facing(joints)
        chest = joints[:, INDEX["l_shoulder"]] - joints[:, INDEX["r_shoulder"]]
        chest_front = np.stack([-chest[:, 2], chest[:, 0]], axis=1)
        face = motion.head_forward[:, [0, 2]]
        # Nine in ten: in a turning leap the hips lag the shoulders by more than a right angle.
        assert np.mean((front * chest_front).sum(axis=1) > 0) > 0.89, "hips and shoulders face alike"
        assert np.mean((front * face).sum(axis=1) > 0) > 0.9, "faces look where hips face"
        for s in "lr":
            thigh = joints[:, INDEX[f"{s}_hip"]] - joints[:, INDEX[f"{s}_knee"]]
            shank = joints[:, INDEX[f"{s}_knee"]] - joints[:, INDEX[f"{s}_ankle"]]
            bend = np.cross(thigh, shank)  # knees bend backwards only: about the axis from right to left
            across = joints[:, INDEX["l_hip"]] - joints[:, INDEX["r_hip"]]
            bent = np.linalg.norm(bend, axis=1) > 0.05
            if bent.any():
                assert np.mean((bend * across).sum(axis=1)[bent] > 0) > 0.9, "knees bend like knees"


def test_bones_of_a_real_dancer_keep_their_length_through_resampling(shared_data):
    motion = load_motion(shared_data / "cmu-salsa" / "60_10_scaled.bvh").resample(30)
    for a, b in (("l_hip", "l_knee"), ("r_knee", "r_ankle"), ("l_shoulder", "l_elbow"), ("r_elbow", "r_wrist")):
        lengths = np.linalg.norm(motion.joints3d[:, INDEX[a]] - motion.joints3d[:, INDEX[b]], axis=1)
        assert np.std(lengths) < 0.005 * lengths.mean()
        assert np.ptp(lengths) < 0.1 * lengths.mean()


def test_amc_files_say_that_their_rate_is_assumed_unless_it_is_given(shared_data):
    path = shared_data / "cmu-modern" / "05_16.amc"
    listener = Listener()
    assert load_motion(path, progress=listener).fps == 120
    assert "120 frames a second are assumed" in listener.said[0]
    silent = Listener()
    assert load_motion(path, source_fps=60, progress=silent).fps == 60
    assert "assumed" not in " ".join(silent.said)


def test_a_take_published_at_twice_its_speed_is_warned_about_and_the_true_one_is_not(shared_data, tmp_path):
    true = shared_data / "cmu-salsa" / "61_10_scaled.bvh"
    published = tmp_path / "61_10_scaled.bvh"
    published.write_text(true.read_text().replace("Frame Time: 0.0166667", "Frame Time: 0.0083333"))
    listener = Listener()
    load_motion(true, progress=listener)
    assert not listener.warned
    assert load_motion(published, progress=listener).fps == pytest.approx(120, abs=0.01)
    assert "moves faster than people do" in listener.warned[0] and "--source-fps 60" in listener.warned[0]
    listener = Listener()
    assert load_motion(published, source_fps=60, progress=listener).fps == 60
    assert not listener.warned


def test_a_real_take_cut_off_in_the_middle_is_refused(shared_data, tmp_path):
    text = (shared_data / "cmu-salsa" / "60_10_scaled.bvh").read_text()
    path = tmp_path / "cut.bvh"
    path.write_text(text[: len(text) // 2])
    with pytest.raises(MocapError, match=r"cut.bvh, line \d+: .* The file is cut off"):
        load_motion(path)


def swinging(fps: float, seconds: float = 4.0) -> Motion:
    """Arms and legs on slow sines, so that the truth is known at any time."""
    times = np.arange(round(seconds * fps)) / fps
    joints = np.zeros((len(times), 18, 3))
    joints[..., 0] = np.arange(18) / 18
    joints[..., 1] = 1 + 0.3 * np.sin(2 * np.pi * times)[:, None]
    forward = np.stack([np.sin(times), np.zeros_like(times), np.cos(times)], axis=1)
    up = np.tile([0.0, 1.0, 0.0], (len(times), 1))
    return Motion(joints, forward, up, fps, 1.7, "swing")


@pytest.mark.parametrize("rate", [24.0, 30.0, 59.94, 120.0])
def test_resampling_keeps_the_dance_where_it_is_in_time(rate):
    dense, truth = swinging(60.0).resample(rate), swinging(rate)
    assert dense.fps == rate and abs(dense.seconds - 4.0) <= 1 / rate
    inner = slice(5, min(len(dense), len(truth)) - 5)  # the ends have neighbours on one side only
    np.testing.assert_allclose(dense.joints3d[inner], truth.joints3d[inner], atol=0.003)
    np.testing.assert_allclose(np.linalg.norm(dense.head_forward, axis=1), 1.0, atol=1e-5)


def test_downsampling_removes_what_the_new_rate_cannot_show():
    motion = swinging(120.0)
    shaky = motion.joints3d + 0.02 * np.sin(2 * np.pi * 29 * np.arange(len(motion)) / 120)[:, None, None]
    slow = Motion(shaky, motion.head_forward, motion.head_up, 120.0, 1.7, "shaky").resample(30)
    np.testing.assert_allclose(slow.joints3d[5:-5], swinging(30.0).joints3d[5:-5], atol=0.004)


def test_a_slice_is_the_frames_of_its_span():
    motion = swinging(60.0)
    part = motion.slice(1.0, 0.5)
    np.testing.assert_array_equal(part.joints3d, motion.joints3d[60:90])
    assert len(motion.slice(3.9, 5.0)) == 6


def test_a_saved_motion_loads_as_it_was(tmp_path):
    motion = swinging(60.0)
    motion.save(tmp_path / "motion.npz")
    loaded = Motion.load(tmp_path / "motion.npz")
    np.testing.assert_array_equal(loaded.joints3d, motion.joints3d)
    np.testing.assert_array_equal(loaded.head_up, motion.head_up)
    assert (loaded.fps, loaded.height_m, loaded.name) == (60.0, 1.7, "swing")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 half"])
def test_a_damaged_motion_file_is_refused(tmp_path, content):
    (tmp_path / "motion.npz").write_bytes(content)
    with pytest.raises(MocapError, match="not a motion file"):
        Motion.load(tmp_path / "motion.npz")


def test_every_limb_of_the_figure_is_named():
    assert set(MIXAMO) == set(FIGURE) == set(POSER)
