"""AIST++: joints from nine cameras, with gaps, on a floor that is anywhere; and what its names and lists say."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.readers.aist import head_axes
from dancegen.motion.readers.databases import take_info
from dancegen.motion.readers.registry import find_takes, load_motion
from dancegen.pose.keypoint_sets import COCO_17
from dancegen.pose.skeleton import INDEX
from helpers.listening import Listener

NAME = "gBR_sBM_cAll_d04_mBR0_ch03"
FPS = 60.0
STANDING = {
    "nose": (0, 160, 8), "l_eye": (3, 163, 6), "r_eye": (-3, 163, 6), "l_ear": (7, 161, 0), "r_ear": (-7, 161, 0),
    "l_shoulder": (18, 140, 0), "r_shoulder": (-18, 140, 0), "l_elbow": (22, 113, 0), "r_elbow": (-22, 113, 0),
    "l_wrist": (24, 88, 4), "r_wrist": (-24, 88, 4), "l_hip": (9, 91, 0), "r_hip": (-9, 91, 0), "l_knee": (10, 49, 2),
    "r_knee": (-10, 49, 2), "l_ankle": (10, 7, 0), "r_ankle": (-10, 7, 0),
}  # fmt: skip
"""Centimetres, y up, the left side along x."""


def keypoints(seconds: float = 3.0, floor: float = 75.0) -> np.ndarray:
    """(T, 17, 3): somebody who sways sideways and waves, on a floor at `floor`."""
    times = np.arange(round(seconds * FPS)) / FPS
    found = np.tile([STANDING[name] for name in COCO_17], (len(times), 1, 1)).astype(float)
    found[:, :13, 0] += 6 * np.sin(4 * times)[:, None]
    found[:, COCO_17.index("l_wrist"), 1] += 40 * np.sin(3 * times) ** 2
    found[..., 1] += floor
    return found


def write(path, joints, name="keypoints3d_optim", **others):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps({name: joints, **others}))
    return path


def test_joints_are_metres_on_the_floor_and_the_face_looks_ahead(tmp_path):
    heard = Listener()
    raw = np.full((180, 17, 3), np.nan)
    motion = load_motion(write(tmp_path / f"{NAME}.pkl", keypoints(), keypoints3d=raw), progress=heard)
    assert motion.fps == FPS and len(motion) == 180 and motion.rotations is None
    ankles = motion.joints3d[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1]
    assert np.abs(ankles - 0.039 * motion.height_m).max() < 0.01
    wrist = motion.joints3d[:, INDEX["l_wrist"], 1]
    assert wrist.max() - wrist.min() == pytest.approx(0.4, abs=0.02)
    assert (motion.joints3d[:, INDEX["l_hip"], 0] > motion.joints3d[:, INDEX["r_hip"], 0]).all()
    assert motion.head_forward[:, 2].min() > 0.95 and motion.head_up[:, 1].min() > 0.95


def test_the_head_turns_with_the_nose():
    joints = keypoints(0.1)
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # a quarter to the left
    forward, up = head_axes(joints @ turn.T)
    assert forward[:, 0].min() > 0.95 and up[:, 1].min() > 0.95
    assert np.allclose(np.einsum("ti,ti->t", forward, up), 0, atol=1e-9)


def test_short_gaps_are_bridged_and_long_ones_part_the_take(tmp_path):
    whole = keypoints()
    short, long, ends = whole.copy(), whole.copy(), whole.copy()
    short[60:80, COCO_17.index("l_wrist")] = np.nan
    long[60:100] = np.nan
    ends[:20, COCO_17.index("nose")] = ends[170:] = np.nan
    heard = Listener()
    bridged = load_motion(write(tmp_path / "a.pkl", short), progress=heard)
    assert len(bridged) == 180 and not heard.warned and bridged.gaps == ()
    away = np.linalg.norm(bridged.joints3d - load_motion(write(tmp_path / "w.pkl", whole)).joints3d, axis=-1)
    assert away[:55].max() < 1e-3 and away.max() < 0.3
    parted = load_motion(write(tmp_path / "b.pkl", long), progress=heard)
    assert len(parted) == 180 and parted.gaps == (pytest.approx((1.0, 100 / 60)),)
    assert heard.warned == ["b.pkl: joints are missing for long; 1.0 to 1.7 s are left out."]
    assert parted.resample(30).gaps == ()
    shorter = load_motion(write(tmp_path / "c.pkl", ends), progress=heard)
    assert len(shorter) == 150 and shorter.gaps == ()
    assert heard.warned[1:] == ["c.pkl: joints are missing for long; 0.0 to 0.3, 2.8 to 3.0 s are left out."]


@pytest.mark.parametrize(
    ("joints", "words"),
    [
        (np.full((60, 17, 3), np.nan), "missing in every frame"),
        (np.where(np.arange(17)[:, None] == 5, np.nan, keypoints()), "l_shoulder is missing"),
        (np.zeros((60, 18, 3)), "keypoints of shape"),
        (np.zeros((1, 17, 3)), "keypoints of shape"),
        ("text", "cannot be read"),
        (np.zeros((60, 17, 3)), "a.pkl"),
    ],
)
def test_what_is_no_dance_is_refused_in_words(joints, words, tmp_path):
    with pytest.raises(MocapError, match=words):
        load_motion(write(tmp_path / "a.pkl", joints))


def test_a_name_says_genre_dancer_music_and_performance(tmp_path):
    info = take_info(tmp_path / f"{NAME}.pkl")
    assert (info.performance, info.genre, info.performer, info.split) == (NAME, "break", "d04", None)
    assert info.song is None and info.ignored is None
    assert (info.situation, info.camera) == ("basic", None)
    battle = take_info(tmp_path / "gKR_sBT_c07_d30_mKR2_ch02.mp4")
    assert (battle.situation, battle.camera, battle.genre) == ("battle", "c07", "krump")
    assert take_info(tmp_path / "gJB_sFM_c05_d08_mJB3_ch11.mp4").performance == "gJB_sFM_cAll_d08_mJB3_ch11"
    assert take_info(tmp_path / "60_05_scaled.pkl").performance == "60+61_05"


def test_its_lists_and_its_music_are_found_near_it(tmp_path):
    names = {"crossmodal_train": "gHO_sBM_cAll_d20_mHO1_ch01", "crossmodal_val": "gWA_sFM_cAll_d25_mWA2_ch03",
             "crossmodal_test": "gKR_sBM_cAll_d30_mKR2_ch02", "ignore_list": "gBR_sFM_cAll_d05_mBR5_ch14"}  # fmt: skip
    for listed, name in names.items():
        (tmp_path / "splits").mkdir(exist_ok=True)
        (tmp_path / "splits" / f"{listed}.txt").write_text(f"other\n{name}")  # the last line lacks its end
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "mHO1.mp3").touch()
    found = {listed: take_info(tmp_path / "keypoints3d" / f"{name}.pkl") for listed, name in names.items()}
    assert [found[f"crossmodal_{split}"].split for split in ("train", "val", "test")] == ["train", "val", "test"]
    assert "ignore list" in found["ignore_list"].ignored and found["crossmodal_train"].ignored is None
    assert found["crossmodal_train"].song == tmp_path / "music" / "mHO1.mp3" and found["crossmodal_val"].song is None


def test_the_published_files_are_read(shared_data):
    takes = {take.path.name: take for take in find_takes(shared_data / "aistpp")}
    assert set(takes) == {f"{NAME}.pkl", "transflower_generated.pkl"}
    motion = takes[f"{NAME}.pkl"].read()
    assert len(motion) == 720 and 1.5 < motion.height_m < 1.8
    ankles = motion.joints3d[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1]
    assert 0.03 < np.median(ankles) < 0.12
