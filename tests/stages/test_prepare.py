"""prepare: silent dances become clips in time with songs, split by performance, complete in themselves."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dancegen import prepare
from dancegen.audio.beats import Beats
from dancegen.cli import main
from dancegen.dataset.format import ClipMotion, clip_dir, read_clips
from dancegen.errors import InputError, MocapError
from dancegen.motion.body import BodyMotion
from dancegen.motion.readers import registry
from dancegen.motion.readers.registry import load_motion
from dancegen.pose.skeleton import BODY
from helpers import csv_reader
from helpers.csv_reader import write_joints
from helpers.listening import Listener
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer

DANCERS = ("60_01_scaled", "61_01_scaled", "60_02_scaled", "solo")


@pytest.fixture(scope="module")
def dances(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dances")
    for number, name in enumerate(DANCERS):
        write_dancer(folder / f"{name}.bvh", step_s=0.48 + 0.02 * number)
    return folder


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    write_click(folder / "fast.wav", 126)
    write_click(folder / "slow.wav", 108)
    (folder / "cover.txt").write_text("not a song")
    return folder


@pytest.fixture(scope="module")
def made(dances, music, tmp_path_factory):
    heard = Listener()
    artifact = prepare(
        [dances], music=music, pairs=2, clip_seconds=3.0, val_fraction=0.4, genre="steps", licence="ours", workers=1,
        store=tmp_path_factory.mktemp("store"), progress=heard,
    )  # fmt: skip
    return artifact, heard


def test_every_take_is_danced_to_as_many_songs_as_asked(made):
    artifact, _ = made
    clips = read_clips(artifact)
    pairs = {(clip.source, clip.song) for clip in clips}
    assert len({source for source, _ in pairs}) == 4 and len(pairs) == 8
    assert {(clip.fps, clip.genre, clip.licence) for clip in clips} == {(30.0, "steps", "ours")}
    assert len({clip.id for clip in clips}) == len(clips) == artifact.summary["clips"]


def test_a_clip_holds_its_motion_and_its_own_piece_of_the_song(made, music):
    from dancegen.audio.features import FRAME_RATE, N_MELS
    from dancegen.audio.load import load, probe
    from dancegen.audio.song import analyse

    artifact, _ = made
    songs = {name: analyse(music / f"{name}.wav") for name in ("fast", "slow")}
    for clip in read_clips(artifact):
        folder, song = clip_dir(artifact.path, clip), songs[clip.song]
        motion = ClipMotion.load(folder / "motion.npz").motion
        assert motion.fps == 30 and len(motion) == round(clip.seconds * 30)
        assert motion.ends is not None and np.allclose(np.linalg.norm(motion.ends, axis=-1), 1, atol=1e-5)
        assert 1.5 <= clip.seconds <= 3.0

        mel = np.load(folder / "mel.npy")
        assert mel.dtype == np.float16 and mel.shape == (np.ceil(clip.seconds * FRAME_RATE), N_MELS)
        first = round(clip.song_start * FRAME_RATE)
        np.testing.assert_allclose(mel, song.mel[first : first + len(mel)], atol=0.003)

        info = probe(folder / "audio.flac")
        assert (info.sample_rate, info.channels) == (44_100, 2)
        assert info.seconds == pytest.approx(clip.seconds, abs=1e-3)
        heard = load(folder / "audio.flac")[1000:-1000]
        truth = load(music / f"{clip.song}.wav", start_s=clip.song_start, seconds=clip.seconds)[1000:-1000]
        np.testing.assert_allclose(heard[: len(truth)], truth[: len(heard)], atol=0.02)

        beats = Beats.load(folder / "beats.json").times_s
        inside = (song.beats.times_s >= clip.song_start) & (song.beats.times_s < clip.song_start + clip.seconds)
        np.testing.assert_allclose(beats, song.beats.times_s[inside] - clip.song_start, atol=1e-4)


def test_steps_fall_on_the_clicks(made):
    artifact, _ = made
    distances = []
    for clip in read_clips(artifact):
        folder = clip_dir(artifact.path, clip)
        beats, steps = Beats.load(folder / "beats.json").times_s, ClipMotion.load(folder / "motion.npz").footfalls_s
        distances += [np.min(np.abs(beats - step)) for step in steps if beats[0] <= step <= beats[-1]]
    assert len(distances) > 60
    assert np.mean(np.array(distances) <= 0.04) > 0.9
    summary = artifact.summary
    assert summary["footfall_alignment"] > summary["footfall_alignment_shifted"] + 0.5
    assert summary["acceleration_ratio"] < 1.3


def test_the_warp_in_the_clip_leads_back_to_the_take(made, dances):
    from dancegen.motion.time_warp import TimeMap

    artifact, _ = made
    for clip in read_clips(artifact)[:6]:
        stored = ClipMotion.load(clip_dir(artifact.path, clip) / "motion.npz")
        warp = TimeMap(stored.song_s, stored.take_s, stored.rate)
        assert warp.song_s[0] == 0 and warp.song_s[-1] == pytest.approx(clip.seconds)
        assert warp.take_s[0] == pytest.approx(clip.start, abs=1e-5)
        fine = np.linspace(0, clip.seconds, 500)
        assert warp.rate_at(fine).min() >= 0.8 - 1e-6 and warp.rate_at(fine).max() <= 1.25 + 1e-6
        source = load_motion(dances / f"{stored.motion.name}.bvh")
        times = warp.take_time(np.arange(len(stored.motion)) / 30)
        np.testing.assert_allclose(stored.motion.joints3d, source.at(times, 30).joints3d, atol=1e-3)


def test_every_second_of_every_take_is_in_a_clip(made, dances):
    artifact, _ = made
    for take in {clip.take for clip in read_clips(artifact)}:
        for song in ("fast", "slow"):
            clips = [clip for clip in read_clips(artifact) if (clip.take, clip.song) == (take, song)]
            stored = [ClipMotion.load(clip_dir(artifact.path, clip) / "motion.npz") for clip in clips]
            spans = sorted((clip.take_s[0], clip.take_s[-1]) for clip in stored)
            assert spans[0][0] < 0.02 and spans[-1][1] > 7.0 - 0.1
            assert all(after[0] - before[1] < 0.02 for before, after in pairwise(spans))
    summary = artifact.summary
    assert summary["source_seconds"] == pytest.approx(4 * 7.0, abs=0.2) and summary["waiting_seconds"] == 0
    assert summary["of_source_seconds"] == pytest.approx(summary["source_seconds"], abs=0.4)
    assert summary["seconds"] == pytest.approx(sum(clip.own_seconds for clip in read_clips(artifact)), abs=0.1)
    assert summary["seconds"] < sum(clip.seconds for clip in read_clips(artifact)) - 1


@pytest.mark.parametrize(("seconds", "song_s"), [(47.0, 60.0), (31.0, 20.7), (2.6, 60.0)])
def test_a_take_gives_all_of_its_seconds_however_short_the_song_and_however_long_the_clips(seconds, song_s, tmp_path):
    song = write_click(tmp_path / "click.wav", 120, seconds=song_s)
    take = write_dancer(tmp_path / "take.bvh", seconds=seconds)
    made = prepare(take, music=song, pairs=1, clip_seconds=10.0, val_fraction=0.0, workers=1, store=tmp_path / "store")
    assert made.summary["of_source_seconds"] == pytest.approx(seconds, abs=0.2)
    assert made.summary["left_out"] == []
    assert not [said for said in made.summary["warnings"] if "validation" not in said]
    clips = read_clips(made)
    assert {round(clip.seconds) for clip in clips} == ({10} if seconds > 12 else {round(seconds)})


def test_clips_keep_the_rotations_of_their_source(made):
    artifact, _ = made
    for clip in read_clips(artifact):
        path = clip_dir(artifact.path, clip) / "motion.npz"
        joints, dance = ClipMotion.load(path).motion.joints3d, BodyMotion.load(path)
        assert dance.fps == clip.fps and len(dance) == len(joints)
        assert np.linalg.norm(dance.motion().joints3d - joints, axis=-1)[:, BODY].max() < 0.005


def test_partners_stay_on_one_side_and_both_sides_have_takes(made):
    artifact, _ = made
    clips = read_clips(artifact)
    sides = {}
    for clip in clips:
        sides.setdefault(clip.take, set()).add(clip.split)
    assert set(sides) == {"60+61_01", "60+61_02", "solo"}
    assert all(len(side) == 1 for side in sides.values())
    assert {clip.split for clip in clips} == {"train", "val"}
    partners = {clip.source for clip in clips if clip.take == "60+61_01"}
    assert len(partners) == 2


def test_progress_counts_songs_motions_and_dances_to_the_end(made):
    _, heard = made
    assert [(total, done) for _, total, done in heard.tasks[:3]] == [(2, 2), (4, 4), (8, 8)]


def test_the_second_run_is_answered_from_the_store_whatever_the_workers(made, dances, music):
    artifact, _ = made
    options = {"music": music, "clip_seconds": 3.0, "val_fraction": 0.4, "genre": "steps", "licence": "ours"}
    store = artifact.path.parents[1]
    again = prepare([dances], pairs=2, workers=3, store=store, **options)
    assert again.cached and again.digest == artifact.digest


def test_two_processes_make_what_one_makes(dances, music, tmp_path):
    one, two = (
        prepare(dances / "solo.bvh", music=music, pairs=2, clip_seconds=3.0, workers=workers, store=tmp_path / name)
        for workers, name in ((1, "a"), (2, "b"))
    )
    assert one.digest == two.digest and one.content == two.content
    assert {clip.genre for clip in read_clips(one)} == {dances.name}  # none was given: the folder says it


@pytest.mark.parametrize(
    "change", [{"seed": 5}, {"pairs": 1}, {"fps": 25}, {"genre": "x"}, {"source_fps": 29}], ids=lambda c: next(iter(c))
)
def test_what_changes_the_result_changes_the_digest(dances, music, tmp_path, change, monkeypatch):
    digests = []
    monkeypatch.setattr("dancegen.store.Store.obtain", lambda self, recipe, *_, **__: digests.append(recipe.digest))
    for extra in ({}, change):
        prepare(dances, music=music, store=tmp_path, **{"pairs": 2, **extra})
    assert digests[0] != digests[1]


def test_one_bad_file_is_left_out_and_said_all_bad_ones_are_an_error(dances, music, tmp_path):
    folder = tmp_path / "takes"
    folder.mkdir()
    (folder / "broken.bvh").write_text("HIERARCHY\nROOT")
    with pytest.raises(MocapError, match=r"broken\.bvh"):
        prepare(folder, music=music, workers=1, store=tmp_path / "store")
    (folder / "good.bvh").write_bytes((dances / "solo.bvh").read_bytes())
    (folder / "copy.bvh").write_bytes((dances / "solo.bvh").read_bytes())
    songs = tmp_path / "songs"
    songs.mkdir()
    (songs / "click.wav").write_bytes((music / "fast.wav").read_bytes())
    (songs / "torn.mp3").write_bytes(b"no song at all")
    heard = Listener()
    made = prepare(folder, music=songs, pairs=1, workers=1, store=tmp_path / "store", progress=heard)
    assert made.summary["motions"] == made.summary["songs"] == 1
    for name in ("broken.bvh", "torn.mp3", "same motion", "nothing is kept apart for validation"):
        assert any(name in message for message in heard.warned), name


def test_unusable_sources_and_songs_say_what_to_do(dances, music, tmp_path, tmp_path_factory):
    (tmp_path / "dance.mp4").write_bytes(b"")
    moment = write_dancer(tmp_path_factory.mktemp("moment") / "moment.bvh", seconds=1.5)
    cases = [
        (lambda: prepare(tmp_path), r"dance\.mp4 is empty"),
        (lambda: prepare(tmp_path / "dance.mp4"), r"dance\.mp4 is empty"),
        (lambda: prepare(tmp_path / "nowhere", music=music), "nowhere"),
        (lambda: prepare([], music=music), "nothing to prepare"),
        (lambda: prepare(music, music=music), "no motion capture"),
        (lambda: prepare(dances), "--music"),
        (lambda: prepare(dances, music=tmp_path / "nowhere"), "nowhere"),
        (lambda: prepare(dances, music=dances), "holds no songs"),
        (lambda: prepare(dances, music=music, pairs=0), "--pairs"),
        (lambda: prepare(dances, music=music, val_fraction=1.0), "--val-fraction"),
        (lambda: prepare(dances, music=music, clip_seconds=0.2), "--clip-seconds"),
        (lambda: prepare(dances, music=music, fps=0), "--fps"),
        (lambda: prepare(moment, music=music, workers=1), "no take is long enough: a clip needs 2 s of dance"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()


def test_silence_cannot_be_danced_to_and_is_named(dances, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "silence.wav", np.zeros(22_050 * 5), 22_050)
    with pytest.raises(InputError, match=r"silence\.wav: no steady beat was heard"):
        prepare(dances / "solo.bvh", music=tmp_path / "silence.wav", workers=1)


def test_a_damaged_file_is_left_out_and_the_command_ends_with_exit_code_3(dances, music, tmp_path, capfd):
    folder = tmp_path / "takes"
    folder.mkdir()
    (folder / "good.bvh").write_bytes((dances / "solo.bvh").read_bytes())
    text = (dances / "60_02_scaled.bvh").read_text()
    (folder / "cut.bvh").write_text(text[: len(text) // 2])
    (folder / "flat.bvh").write_text(re.sub(r"OFFSET .*", "OFFSET 0 0 0", text))  # a fault that no reader looks for
    command = ["prepare", str(folder), "--music", str(music), "--pairs", "1", "--clip-seconds", "3", "--workers", "1"]
    for answer in ("made in", "answered from the store"):
        assert main([*command]) == 3
        shown = capfd.readouterr()
        assert answer in shown.out and "2 inputs were left out" in shown.err
        assert "cut.bvh" in shown.err and "flat.bvh" in shown.err
    assert main([*command, "--json"]) == 3
    summary = json.loads(capfd.readouterr().out)["summary"]
    assert summary["motions"] == 1 and len(summary["left_out"]) == 2
    assert all(any(name in reason for reason in summary["left_out"]) for name in ("cut.bvh", "flat.bvh"))
    (folder / "cut.bvh").unlink()
    (folder / "flat.bvh").unlink()
    assert main([*command]) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_one_odd_take_of_every_kind_costs_no_other(workers, dances, music, tmp_path, capfd):
    text = (dances / "solo.bvh").read_text()
    odd = {
        "superscript": text.replace("Frames: 210", "Frames: ²"),
        "endless": text.replace("Frame Time: 0.0333333", "Frame Time: 1e300"),
        "pose": text.replace("Frames: 210", "Frames: 1").rpartition("Frame Time: 0.0333333\n")[0]
        + "Frame Time: 0.0333333\n" + text.splitlines()[-1],
        "flat": re.sub(r"OFFSET .*", "OFFSET 0 0 0", text),
        "strange": text.replace("mixamorig:", "x").replace("Arm", "Zweig"),
        "still": text.partition("MOTION")[0] + "MOTION\nFrames: 90\nFrame Time: 0.0333333\n"
        + f"{text.splitlines()[-1]}\n" * 90,
    }  # fmt: skip
    folder = tmp_path / "takes"
    (folder / "deep").mkdir(parents=True)
    (folder / "good.bvh").write_text(text)
    for name, damaged in odd.items():
        (folder / "deep" / f"{name}.bvh").write_text(damaged)
    command = ["prepare", str(folder), "--music", str(music), "--pairs", "1", "--clip-seconds", "3", "--json"]
    assert main([*command, "--workers", str(workers)]) == 3
    shown = capfd.readouterr()
    summary = json.loads(shown.out)["summary"]
    assert summary["motions"] == 1 and "6 inputs were left out" in shown.err
    assert sorted(reason.split(".bvh")[0] for reason in summary["left_out"]) == [f"deep/{name}" for name in sorted(odd)]
    assert not any(str(folder) in reason or "Error" in reason for reason in summary["left_out"])
    assert any("still.bvh: nobody moves in it" in reason for reason in summary["left_out"])


def test_what_had_to_be_assumed_of_a_file_is_said_once_for_files_alike(dances, music, tmp_path):
    folder = tmp_path / "takes"
    folder.mkdir()
    text = (dances / "solo.bvh").read_text()
    for name, rate in (("rate", "30"), ("other", "30.0")):
        (folder / f"{name}.bvh").write_text(text.replace("Frame Time: 0.0333333", f"Frame Time: {rate}"))
    heard = Listener()
    made = prepare(folder, music=music, pairs=1, clip_seconds=3.0, workers=1, store=tmp_path / "s", progress=heard)
    assert made.summary["left_out"] == []
    (said,) = [message for message in made.summary["warnings"] if "Frame Time" in message]
    assert re.match(r"(rate|other).bvh: Frame Time 30 is taken for a rate.*\(and one more file like it\)", said)


def test_a_song_that_cannot_be_read_costs_no_other(dances, music, tmp_path, monkeypatch):
    from dancegen.store import Input

    whole = Input.file

    def file(role, path):
        if path.name == "slow.wav":
            raise InputError(f"the {role} cannot be read: Permission denied")
        return whole(role, path)

    monkeypatch.setattr("dancegen.stages.songs.Input.file", file)
    options = {"pairs": 1, "clip_seconds": 3.0, "workers": 1, "store": tmp_path / "store"}
    made = prepare(dances / "solo.bvh", music=music, **options)
    assert [reason.partition(":")[0] for reason in made.summary["left_out"]] == ["slow.wav"]
    with pytest.raises(InputError, match=r"none of the songs can be read: slow\.wav"):
        prepare(dances / "solo.bvh", music=music / "slow.wav", **options)


def test_a_take_of_many_parts_prepares_and_no_name_comes_twice(music, tmp_path, monkeypatch):
    monkeypatch.setattr("dancegen.dataset.pairing.LONGEST_SPAN_S", 2.5)
    take = write_dancer(tmp_path / "long.bvh", seconds=70.0)
    made = prepare(take, music=music, pairs=2, clip_seconds=1.0, workers=1, store=tmp_path / "store")
    ids = [clip.id for clip in read_clips(made)]
    assert made.summary["left_out"] == [] and len(ids) == len(set(ids)) and len(ids) > 2 * 26
    assert {"long-00z00", "long-00ba00"} <= set(ids)


def test_a_pairing_that_fails_leaves_nothing_behind(dances, music, tmp_path, monkeypatch):
    from dancegen.dataset import pairing

    whole = pairing.write_clip

    def write(root, clip, *more):
        whole(root, clip, *more)
        if clip.take == "solo":
            raise FileExistsError(17, "File exists", str(root))

    monkeypatch.setattr(pairing, "write_clip", write)
    made = prepare(dances, music=music, pairs=1, clip_seconds=3.0, workers=1, store=tmp_path / "store")
    assert [reason.partition(":")[0] for reason in made.summary["left_out"]] == ["solo.bvh"]
    assert {path.name for path in (made.path / "clips").iterdir()} == {clip.id for clip in read_clips(made)}


def test_joints_that_are_not_known_are_named_in_a_file_whose_content_counts(dances, music, tmp_path):
    folder = tmp_path / "takes"
    folder.mkdir()
    text = (dances / "solo.bvh").read_text()
    for name in ("LeftForeArm", "Head"):
        text = text.replace(f"mixamorig:{name}", f"Knochen {name}")
    (folder / "strange.bvh").write_text(text)
    options = {"music": music, "pairs": 1, "clip_seconds": 3.0, "workers": 1, "store": tmp_path / "store"}
    with pytest.raises(InputError, match=r"strange\.bvh.*no left elbow, head.*--joints map\.json"):
        prepare(folder, **options)
    names = tmp_path / "map.json"
    names.write_text('{"left elbow": "Knochen LeftForeArm", "head": "Knochen Head"}')
    made = prepare(folder, joints=names, **options)
    assert made.summary["motions"] == 1
    moved = names.rename(tmp_path / "other.json")
    names.write_text('{"head": "Knochen LeftForeArm"}')
    with pytest.raises(InputError, match="no left elbow"):
        prepare(folder, joints=names, **options)
    assert prepare(folder, joints=moved, **options).digest != ""


def test_a_reader_of_a_new_format_is_one_file_and_one_line(dances, music, tmp_path, monkeypatch, capfd):
    joints = load_motion(dances / "solo.bvh").joints3d
    folder = tmp_path / "joints"
    folder.mkdir()
    for name in ("waltz_anna_1_val", "waltz_bert_2_train"):
        write_joints(folder / f"{name}.csv", joints + 0.001 * len(name))
    song = folder / "waltz_bert_2_train.wav"
    song.write_bytes((music / "slow.wav").read_bytes())
    monkeypatch.setattr(registry, "READERS", (*registry.READERS, csv_reader.READER))
    command = ["prepare", str(folder), "--music", str(music / "fast.wav"), "--clip-seconds", "3", "--workers", "1"]
    assert main([*command, "--pairs", "1", "--json"]) == 0
    made = Path(json.loads(capfd.readouterr().out)["path"])
    clips = read_clips(made)
    assert {(clip.take, clip.performer, clip.genre, clip.split, clip.song) for clip in clips} == {
        ("anna 1", "anna", "waltz", "val", "fast"),
        ("bert 2", "bert", "waltz", "train", song.stem),
    }
    assert main(["extract-poses", "--views", "0", "--canvas", "64x64", "--workers", "1", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["summary"]["clips"] == len(clips)
    # What was recorded with its song keeps its timing: this take begins one second into it.
    for clip in (clip for clip in clips if clip.song == song.stem):
        assert clip.start == pytest.approx(clip.song_start - 1.0)
        first = joints[round(clip.start * 30)] + 0.001 * len(song.stem)
        np.testing.assert_allclose(
            ClipMotion.load(clip_dir(made, clip) / "motion.npz").motion.joints3d[0], first, atol=2e-2
        )


def test_takes_with_songs_of_their_own_need_no_others(dances, music, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "READERS", (*registry.READERS, csv_reader.READER))
    path = write_joints(tmp_path / "waltz_bert_2_train.csv", load_motion(dances / "solo.bvh").joints3d)
    path.with_suffix(".wav").write_bytes((music / "slow.wav").read_bytes())
    made = prepare(path, clip_seconds=3.0, workers=1, store=tmp_path / "store")
    assert {clip.song for clip in read_clips(made)} == {path.stem}


def test_every_file_is_hashed_once(shared_data, music, tmp_path, monkeypatch):
    hashed = []
    monkeypatch.setattr(
        "dancegen.store.recipe.file_digests", lambda paths: hashed.extend(paths) or [path.name for path in paths]
    )
    monkeypatch.setattr("dancegen.store.Store.obtain", lambda self, recipe, *_, **__: None)
    prepare(shared_data / "cmu-modern", music=music, store=tmp_path)
    assert len(hashed) > 10 and len(hashed) == len(set(hashed))


def test_a_databases_own_sides_hold_and_each_can_be_asked_for_alone(dances, music, tmp_path):
    place, lists = tmp_path / "aist" / "motions", tmp_path / "aist" / "splits"
    place.mkdir(parents=True)
    lists.mkdir()
    takes = sorted(dances.glob("6*.bvh"))
    for number, (take, side) in enumerate(zip(takes, ("train", "val", "test"), strict=True)):
        name = f"gBR_sBM_cAll_d04_mBR0_ch0{number}"
        (place / f"{name}.bvh").write_bytes(take.read_bytes())
        (lists / f"crossmodal_{side}.txt").write_text(name)

    def sides(*sources, **options):
        made = prepare(
            sources or place, music=music, pairs=1, clip_seconds=3, workers=1, store=tmp_path / "store", **options
        )
        return {clip.take[-1]: clip.split for clip in read_clips(made)}, made.summary

    found, summary = sides()
    assert found == {"0": "train", "1": "val", "2": "test"} and summary["test_clips"] > 0
    assert sides(split="test")[0] == {"2": "test"} and sides(split="train")[0] == {"0": "train"}
    assert set(sides(split="random", val_fraction=0.3)[0].values()) == {"train", "val"}
    assert set(sides(dances / "solo.bvh", split="val")[0].values()) == {"val"}
    names = tmp_path / "sides.txt"
    names.write_text("gBR_sBM_cAll_d04_mBR0_ch00 test")
    assert sides(split=names)[0] == {"0": "test", "1": "val", "2": "test"}
    (lists / "crossmodal_test.txt").unlink()
    (lists / "crossmodal_val.txt").rename(lists / "crossmodal_train.txt")
    with pytest.raises(InputError, match="all takes are on other sides"):
        sides(place / "gBR_sBM_cAll_d04_mBR0_ch01.bvh", split="test")


def test_no_training_reads_a_test_side_and_the_measure_of_real_dance_does(dances, music, tmp_path):
    from dancegen import extract_poses
    from dancegen.choreographers.diffusion.data import load_motions
    from dancegen.metrics.reference import measure_real
    from dancegen.progress import SILENT

    names = tmp_path / "sides.txt"
    names.write_text("60_01_scaled test\n60_02_scaled val\nsolo train")
    given = {"music": music, "pairs": 1, "clip_seconds": 6, "workers": 1, "store": tmp_path / "store"}
    made = prepare(dances, split=names, **given)
    seen = {side: {clip.take for clip, _ in load_motions(made.path, side, SILENT)} for side in ("train", "val")}
    assert seen == {"train": {"solo"}, "val": {"60+61_02"}}
    assert {clip.take for clip in read_clips(made) if clip.split == "test"} == {"60+61_01"}
    whole = measure_real(extract_poses(made, views="0", workers=1, store=tmp_path / "store").path)
    assert (whole.about["training_takes"], whole.about["held_out_takes"]) == (1, 1)
    alone = prepare([dances / "60_01_scaled.bvh", dances / "solo.bvh"], split="test", **given)
    about = measure_real(extract_poses(alone, views="0", workers=1, store=tmp_path / "store").path).about
    assert about["training_takes"] == 2 and about["held_out_takes"] == 0


@pytest.mark.parametrize("given", [{"split": "train"}, {"val_fraction": 0.0}])
def test_a_dataset_that_no_training_can_be_validated_on_says_so(given, dances, music, tmp_path):
    made = prepare(dances, music=music, pairs=1, clip_seconds=3.0, workers=1, store=tmp_path, **given)
    assert {clip.split for clip in read_clips(made)} == {"train"}
    assert [said for said in made.summary["warnings"] if said.startswith("nothing is kept apart for validation;")]
