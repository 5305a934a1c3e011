"""Tang 2018: a folder with a dance and its song, left-handed, without wrists, on a floor that drifts."""

from __future__ import annotations

import json

import numpy as np
import pytest

import dancegen
from dancegen.cli import main
from dancegen.dataset.format import ClipMotion, clip_dir, read_clips
from dancegen.errors import MocapError
from dancegen.motion.anatomy import ANKLE_HEIGHT
from dancegen.motion.motion import ENDS
from dancegen.motion.readers.registry import find_takes, load_motion
from dancegen.motion.readers.tang import read_tang
from dancegen.pose.skeleton import INDEX
from helpers.tang_folder import STANDING, WRISTS, dancer, write_tang


def test_the_dancer_faces_ahead_with_the_left_hand_on_the_left_and_wrists_where_they_are(tmp_path):
    write_tang(tmp_path / "DANCE_R_1")
    motion = load_motion(tmp_path / "DANCE_R_1")
    joints, true = motion.joints3d, dancer(190)[:, 0, 0] - STANDING["l_head"][0]
    places = STANDING | WRISTS
    for name in ("l_shoulder", "r_elbow", "l_wrist", "r_wrist", "r_hip", "r_knee", "r_ankle"):
        found = joints[:, INDEX[name]] - joints[:, INDEX["r_hip"]]
        where = np.tile(np.subtract(places[name], places["r_hip"]) / 100, (190, 1))
        np.testing.assert_allclose(found, where, atol=2e-4)
    np.testing.assert_allclose(joints[:, INDEX["r_hip"], 0], (true - 9) / 100, atol=1e-4)
    assert motion.head_forward[:, 2].min() > 0.99 and motion.head_up[:, 1].min() > 0.99
    assert (motion.ends[:, [ENDS.index("r_toe"), ENDS.index("l_toe")], 2] > 0.8).all()
    assert joints[:, INDEX["nose"], 2].mean() > joints[:, INDEX["l_ear"], 2].mean() + 0.05


def test_its_frames_are_spread_over_its_span_of_the_song(tmp_path):
    write_tang(tmp_path / "DANCE_C_7", frames=190, begin=50, end=250)
    dance, (take,) = read_tang(tmp_path / "DANCE_C_7"), find_takes(tmp_path)
    assert (dance.start_s, dance.fps) == (2.0, 190 * 25 / 200)
    assert take.info.song == tmp_path / "DANCE_C_7" / "audio.wav" and take.info.song_start_s == 2.0
    assert (take.info.genre, take.info.performance) == ("cha-cha", "DANCE_C")
    assert take.read().seconds == pytest.approx(8.0)


def test_a_floor_that_drifts_is_taken_from_the_feet(tmp_path):
    write_tang(tmp_path / "DANCE_W_1", frames=500, drift=45.0)
    motion = load_motion(tmp_path / "DANCE_W_1")
    standing = motion.joints3d[:, INDEX["r_ankle"], 1]
    assert np.abs(standing - ANKLE_HEIGHT * motion.height_m).max() < 0.035
    lifted = motion.joints3d[:, INDEX["l_ankle"], 1] - standing
    assert lifted.max() == pytest.approx(0.12, abs=0.01)


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("skeletons.json", lambda found: found | {"length": 191}, "says it has 191 frames, but there are 190"),
        ("skeletons.json", lambda found: found | {"center": found["center"][:-1]}, "centers of shape"),
        ("skeletons.json", lambda found: found | {"skeletons": [f[:22] for f in found["skeletons"]]}, "of shape"),
        ("skeletons.json", lambda found: {"center": []}, "should have center and skeletons"),
        ("skeletons.json", lambda found: found | {"center": [[float("nan")] * 3] * 190}, "is no number"),
        ("config.json", lambda found: {"start_position": 20}, "start_position and end_position"),
        ("config.json", lambda found: {"start_position": 90, "end_position": 20}, "no dance lasts from"),
        ("config.json", lambda found: {"start_position": 0, "end_position": 900}, "do not belong to one dance"),
        ("config.json", lambda found: None, "config.json"),
    ],
)
def test_damaged_folders_are_refused_in_words(file, change, words, tmp_path):
    write_tang(tmp_path / "DANCE_W_1")
    path = tmp_path / "DANCE_W_1" / file
    changed = change(json.loads(path.read_text()))
    path.unlink() if changed is None else path.write_text(json.dumps(changed))
    with pytest.raises(MocapError, match=words):
        load_motion(tmp_path / "DANCE_W_1")


def test_a_folder_of_them_keeps_its_songs_and_its_kinds_on_one_side_each(tmp_path, capfd):
    for number, name in enumerate(("DANCE_C_1", "DANCE_W_1", "DANCE_W_2", "DANCE_R_1")):
        write_tang(tmp_path / "dances" / name, frames=150 + number, begin=20 + number)
    (tmp_path / "dances" / "DANCE_R_2").mkdir()
    for name in ("skeletons.json", "config.json", "audio.wav"):
        whole = (tmp_path / "dances" / "DANCE_R_1" / name).read_bytes()
        (tmp_path / "dances" / "DANCE_R_2" / name).write_bytes(whole[: len(whole) // (2 if name[0] == "s" else 1)])
    command = ["prepare", str(tmp_path / "dances"), "--clip-seconds", "4", "--workers", "1", "--val-fraction", "0.4"]
    assert main([*command, "--json", "--store", str(tmp_path / "store")]) == 3
    told = json.loads(capfd.readouterr().out)
    assert len(told["summary"]["left_out"]) == 1 and "DANCE_R_2" in told["summary"]["left_out"][0]
    clips = read_clips(told["path"])
    assert {clip.genre for clip in clips} == {"cha-cha", "waltz", "rumba"}
    assert len({clip.song for clip in clips}) == 4
    assert len({clip.split for clip in clips if clip.genre == "waltz"}) == 1
    assert {clip.split for clip in clips} == {"train", "val"}
    for clip in clips:
        stored = ClipMotion.load(clip_dir(told["path"], clip) / "motion.npz")
        assert np.allclose(stored.rate, 1.0) and clip.song_start >= 0.8 - 1e-6
    assert told["summary"]["of_source_seconds"] == pytest.approx(told["summary"]["source_seconds"], abs=0.3)


def test_the_published_dances_stand_upright_on_their_floor(shared_data):
    folders = sorted((shared_data / "tang2018").iterdir())
    assert len(find_takes(shared_data / "tang2018")) == len(folders) == 28
    for name in ("DANCE_C_2", "DANCE_R_8", "DANCE_W_10"):
        motion = load_motion(shared_data / "tang2018" / name)
        joints = motion.joints3d
        low = joints[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1].min(axis=1)
        parts = [np.percentile(part, 10) for part in np.array_split(low, 10)]
        assert max(parts) - min(parts) < 0.05 and 1.5 < motion.height_m < 1.8, name
        across = joints[:, INDEX["l_hip"]] - joints[:, INDEX["r_hip"]]
        ahead = np.stack([-across[:, 2], 0 * across[:, 0], across[:, 0]], axis=1)
        for looks in (motion.head_forward, motion.ends[:, 2], motion.ends[:, 3]):
            assert np.median(np.einsum("ti,ti->t", ahead, looks)) > 0, name
        for side in "rl":
            fore = np.linalg.norm(joints[:, INDEX[f"{side}_wrist"]] - joints[:, INDEX[f"{side}_elbow"]], axis=1)
            assert 0.15 < np.median(fore) < 0.3 and fore.std() < 0.035, name


def test_a_real_dance_is_prepared_with_its_song(shared_data, tmp_path):
    made = dancegen.prepare(shared_data / "tang2018" / "DANCE_W_23", val_fraction=0.0, workers=1, store=tmp_path / "s")
    clips = read_clips(made)
    assert len(clips) == 5 and {clip.genre for clip in clips} == {"waltz"}
    assert made.summary["of_source_seconds"] == pytest.approx(made.summary["source_seconds"], abs=0.1)
