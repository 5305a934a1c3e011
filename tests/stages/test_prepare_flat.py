"""prepare: dances that are keypoints already become clips with their own song."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from dancegen import prepare
from dancegen.audio.beats import Beats
from dancegen.audio.load import load
from dancegen.cli import main
from dancegen.dataset.format import clip_dir, clip_kind, clip_views, load_mel, poses_path, read_clips
from dancegen.errors import InputError
from dancegen.pose.openpose_json import write_openpose_json
from dancegen.pose.sequence import PoseSequence
from helpers.aistpp import coco, parameters, seen, write_2d, write_dataset
from helpers.listening import Listener
from helpers.pose_examples import dancing
from helpers.songs import write_click

BREAK, POP = "gBR_sBM_cAll_d04_mBR0_ch03", "gPO_sFM_cAll_d10_mPO1_ch02"


def write_take(folder, name, seconds=7.0, fps=30.0):
    """OpenPose's frames, an even list of them, of a dancer who bends on each half second."""
    write_openpose_json(PoseSequence(dancing(round(seconds * fps), fps=fps), fps), folder / f"{name}.json")
    return folder / f"{name}.json"


def made(source, **options):
    return prepare(source, workers=1, **({"clip_seconds": 3.0, "val_fraction": 0.0} | options))


def test_a_clip_has_its_poses_and_its_part_of_its_own_song(tmp_path):
    write_take(tmp_path, "dance1")
    song = write_click(tmp_path / "dance1.wav", 120, 8.0)
    dataset = made(tmp_path)
    clips = read_clips(dataset)
    truth = dancing(210)
    assert [clip.song for clip in clips] == ["dance1"] * len(clips) and len(clips) >= 2
    for clip in clips:
        assert clip_kind(dataset.path, clip) == "poses" and clip_views(dataset.path, clip) == ["video"]
        assert clip.song_start == pytest.approx(clip.start, abs=1e-6)
        poses = PoseSequence.load(poses_path(dataset.path, clip, "video"))
        assert (len(poses), poses.fps, poses.start_s) == (round(clip.seconds * 30), 30.0, 0.0)
        first = clip.start * 30
        at = np.arange(len(poses)) + first
        for axis in range(2):  # of the left wrist
            exact = np.interp(at, np.arange(210), truth[:, 7, axis])
            assert np.abs(poses.keypoints[:, 7, axis] - exact).max() < 1.5
        heard = load(clip_dir(dataset.path, clip) / "audio.flac")[1000:-1000]
        whole = load(song, start_s=clip.song_start, seconds=clip.seconds)[1000:-1000]
        np.testing.assert_allclose(heard[: len(whole)], whole[: len(heard)], atol=0.02)
        assert len(load_mel(dataset.path, clip)) == np.ceil(clip.seconds * 90)
        beats = Beats.load(clip_dir(dataset.path, clip) / "beats.json").times_s + clip.song_start
        assert np.abs((beats - 0.2) / 0.5 - np.round((beats - 0.2) / 0.5)).max() < 0.06
    assert "footfall_alignment" not in dataset.summary and dataset.summary["left_out"] == []


def test_a_short_song_with_few_beats_is_a_song(tmp_path):
    write_take(tmp_path, "dance1", 3.0)
    write_click(tmp_path / "dance1.wav", 100, 3.0)
    assert len(read_clips(made(tmp_path))) == 1


def test_what_has_no_song_is_left_out_with_advice_and_exit_code_3(tmp_path, capsys):
    write_take(tmp_path, "dance1")
    write_take(tmp_path, "dance2", 6.0)
    write_click(tmp_path / "dance1.wav", 120, 8.0)
    command = ["prepare", str(tmp_path), "--clip-seconds", "3", "--workers", "1", "--json"]
    assert main(command) == 3
    said = json.loads(capsys.readouterr().out)
    (reason,) = said["summary"]["left_out"]
    assert reason.startswith("dance2.json: it has no song") and "dance2.mp3" in reason
    assert said["summary"]["takes"] == 1
    (tmp_path / "dance1.wav").unlink()
    with pytest.raises(InputError, match=r"put a sound file of the same name beside it"):
        made(tmp_path)


def test_nine_cameras_of_aist_are_nine_views_of_each_clip(tmp_path):
    points = seen(coco(parameters(4.0)))
    points[2, :150] = np.nan  # one camera sees nobody until the last second and a half
    write_2d(tmp_path, BREAK, points)
    (tmp_path / "music").mkdir()
    write_click(tmp_path / "music" / "mBR0.wav", 120, 6.0)
    dataset = made(tmp_path / "keypoints2d", clip_seconds=2.0)
    clips = read_clips(dataset)
    assert {(clip.genre, clip.performer, clip.take, clip.song) for clip in clips} == {("break", "d04", BREAK, "mBR0")}
    for clip in clips:
        views = [f"c{number:02d}" for number in range(1, 10)]
        shown = clip.start + clip.seconds > 2.5
        assert clip_views(dataset.path, clip) == [view for view in views if shown or view != "c03"]
        at = np.round((clip.start + np.arange(round(clip.seconds * 30)) / 30) * 60).astype(int)
        poses = PoseSequence.load(poses_path(dataset.path, clip, "c05"))
        assert poses.size == (1920, 1080)
        np.testing.assert_allclose(poses.keypoints[:, 10, :2], points[4, at, 16, :2], atol=4)  # the right ankle


def test_keypoints_of_aist_without_their_song_say_which_one_is_missing_and_where_it_goes(tmp_path):
    write_2d(tmp_path, BREAK, seen(coco(parameters(3.0))))
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "mBR0.npy").touch()  # features that somebody computed
    with pytest.raises(InputError, match=r"has no song.*put mBR0\.mp3 .* into a folder called music"):
        made(tmp_path / "keypoints2d")


def test_of_one_dance_in_several_forms_the_fullest_is_read(tmp_path):
    splits = {BREAK: "train", POP: "test", "gBR_sFM_cAll_d05_mBR0_ch14": "ignore"}
    place, heard = write_dataset(tmp_path / "aist", splits), Listener()
    dataset = made(place, progress=heard)
    clips = read_clips(dataset)
    assert {clip.take for clip in clips} == {BREAK, POP}
    assert {clip_kind(dataset.path, clip) for clip in clips} == {"motion"}
    assert dataset.summary["left_out"] == []
    assert any(line.startswith("6 recordings show dances") and "name" in line for line in heard.said)
    assert not any("lists" in line for line in heard.warned)
    flat = made(place / "keypoints2d")
    assert {clip_kind(flat.path, clip) for clip in read_clips(flat)} == {"poses"}


def test_a_pickle_that_would_run_code_is_left_out_and_runs_nothing(tmp_path, capsys):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    place = write_dataset(tmp_path / "aist", {BREAK: "train"})
    points = seen(coco(parameters(3.0)))
    (place / "keypoints2d" / f"{POP}.pkl").write_bytes(pickle.dumps({"keypoints2d": points, "more": Bomb()}))
    (place / "music" / "mPO1.wav").write_bytes((place / "music" / "mBR0.wav").read_bytes())
    assert main(["prepare", str(place / "keypoints2d"), "--clip-seconds", "3", "--workers", "1", "--json"]) == 3
    (reason,) = json.loads(capsys.readouterr().out)["summary"]["left_out"]
    assert POP in reason and "it may run code" in reason
    assert not (tmp_path / "ran").exists()


def test_a_take_of_which_nobody_is_seen_in_any_clip_is_left_out(tmp_path):
    for name, seconds in (("dance1", 6.0), ("dance2", 1.0)):
        write_take(tmp_path, name, seconds)
        write_click(tmp_path / f"{name}.wav", 120, 8.0)
    dataset = made(tmp_path, clip_seconds=6.0)
    assert dataset.summary["left_out"] == ["dance2.json: too short for a clip"]


def write_frames(folder, count=90):
    folder.mkdir()
    for number, pose in enumerate(dancing(count)):
        frame = {"people": [{"pose_keypoints_2d": pose.ravel().tolist()}]}
        (folder / f"take_{number:012d}_keypoints.json").write_text(json.dumps(frame))
    return folder


def one_empty(folder):
    (folder / "take_000000000004_keypoints.json").write_bytes(b"")


def one_cut(folder):
    file = folder / "take_000000000004_keypoints.json"
    file.write_bytes(file.read_bytes()[:200])


def one_link_to_itself(folder):
    file = folder / "take_000000000004_keypoints.json"
    file.unlink()
    file.symlink_to(file)


def one_directory(folder):
    file = folder / "take_000000000004_keypoints.json"
    file.unlink()
    file.mkdir()


def one_that_is_text(folder):
    (folder / "take_000000000004_keypoints.json").write_text('{"people": "many"}')


def one_of_17k_points(folder):
    points = json.dumps({"people": [{"pose_keypoints_2d": [1.0] * 51_000}]})
    (folder / "take_000000000004_keypoints.json").write_text(points)


def nobody_at_all(folder):
    for file in folder.iterdir():
        file.write_text('{"people": []}')


def a_song_that_is_none(folder):
    folder.with_name("bad.wav").write_bytes(b"RIFF0000WAVE")


DAMAGES = (one_empty, one_cut, one_link_to_itself, one_directory, one_that_is_text, one_of_17k_points, nobody_at_all,
           a_song_that_is_none)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_folder_is_named_with_its_reason_and_costs_no_other(damage, tmp_path, capsys):
    write_frames(tmp_path / "good", 91)
    bad = write_frames(tmp_path / "bad")
    for name in ("good", "bad"):
        write_click(tmp_path / f"{name}.wav", 120 if name == "good" else 110, 5.0)
    damage(bad)
    assert main(["prepare", str(tmp_path), "--clip-seconds", "3", "--workers", "1", "--json"]) == 3
    said = json.loads(capsys.readouterr().out)["summary"]
    assert said["takes"] == 1 and any("bad" in reason for reason in said["left_out"])
    assert not any("good" in reason or "Error" in reason for reason in said["left_out"])
