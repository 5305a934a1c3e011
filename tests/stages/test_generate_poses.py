"""generate-poses: a whole artifact or none, the same for a seed, and clear words for what is no song."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dancegen import generate_poses, render
from dancegen.audio.beats import Beats
from dancegen.audio.load import probe
from dancegen.errors import AudioError, InputError, ModelError
from dancegen.pose.openpose_json import read_openpose_json
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY
from dancegen.video import probe_video, read_frames
from helpers.processes import run, start, wait_until
from helpers.songs import write_song
from helpers.tiny_gan import tiny_model

FILES = ["audio.flac", "beats.json", "features.npz", "openpose.json", "poses.npz", "preview.mp4"]


@pytest.fixture(scope="module")
def model(place):
    return tiny_model(place / "model")


@pytest.fixture(scope="module")
def song(place):
    return write_song(place / "song.wav", 4.0)


@pytest.fixture(scope="module")
def made(place, model, song):
    return generate_poses(song, model=model, canvas="96x128", store=place / "store")


def test_everything_that_belongs_to_a_dance_is_there_and_equally_long(made, song):
    assert sorted(entry.path for entry in made.files) == FILES
    poses = PoseSequence.load(made.file("poses.npz"))
    assert (len(poses), poses.fps, poses.size, poses.start_s) == (120, 30.0, (96, 128), 0.0)
    assert (poses.keypoints[:, BODY, 2] > 0).all()
    read = read_openpose_json(made.file("openpose.json"))
    assert len(read) == 120 and np.abs(read.keypoints - poses.keypoints).max() < 0.01
    assert probe(made.file("audio.flac")).seconds == pytest.approx(4.0, abs=0.001)
    assert probe(made.file("audio.flac")).sample_rate == probe(song).sample_rate
    beats = Beats.load(made.file("beats.json"))
    assert beats.tempo_bpm == pytest.approx(120, abs=2) and 6 <= len(beats.times_s) <= 9
    preview = probe_video(made.file("preview.mp4"))
    assert (preview.frames, preview.fps, preview.size) == (60, 15.0, (96, 128))
    assert abs(preview.audio.end_s - preview.video.end_s) <= 1 / 15 and preview.audio.start_s == preview.video.start_s
    assert made.summary["frames"] == 120 and made.summary["seconds"] == 4.0 and made.summary["speed_median"] > 0
    assert made.summary["missing"] == pytest.approx((poses.keypoints[:, BODY, 2] < 0.5).mean(), abs=1e-4)


def test_joints_that_no_image_showed_are_counted_as_missing(place, song):
    """A model that paints black: the dancer stands held, and the summary says so."""
    from dancegen.choreographers.gan.data import choose_starts
    from dancegen.choreographers.gan.model import Model, save_model
    from helpers.tiny_gan import lively, takes, tiny_config

    config = tiny_config()
    network = lively(config)
    with torch.no_grad():
        network.remain.zero_()
        network.paint.weight.zero_()
        network.paint.bias.fill_(-5)
    save_model(place / "black", Model(config, network, choose_starts(takes(4, config), config, 0)))
    black = generate_poses(song, model=place / "black", canvas="96x128", store=place / "store")
    assert black.summary["missing"] > 0.9


def test_the_preview_shows_the_poses(made):
    from dancegen.pose.drawing import draw_pose

    poses = PoseSequence.load(made.file("poses.npz"))
    for number, frame in enumerate(read_frames(made.file("preview.mp4"))):
        if number % 20 == 0:  # every other pose is shown
            drawn = draw_pose(poses.keypoints[2 * number], (96, 128)).astype(int)
            assert np.abs(frame.astype(int) - drawn).mean() < 8 < np.abs(frame.astype(int)).mean() + 8


def test_the_second_run_is_answered_from_the_store(made, place, model, song):
    again = generate_poses(shutil.copy(song, place / "copy.wav"), model=model, canvas=(96, 128), store=place / "store")
    assert again.cached and again.digest == made.digest
    one, other = (
        generate_poses(song, model=model, seconds=s, canvas="96x128", store=place / "store") for s in (2, 2.0)
    )
    assert one.digest == other.digest and not one.cached and other.cached


def test_another_process_makes_the_same_dance_bit_for_bit_and_another_seed_another(made, place, model, song):
    options = ("--model", model, "--canvas", "96x128", "--device", "cpu", "--store", place / "other", "--json")
    done = run("generate-poses", song, *options)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["digest"] == made.digest
    theirs = PoseSequence.load(os.path.join(result["path"], "poses.npz"))
    ours = PoseSequence.load(made.file("poses.npz"))
    assert np.array_equal(theirs.keypoints, ours.keypoints)
    different = generate_poses(song, model=model, canvas="96x128", seed=1, store=place / "store")
    assert np.abs(PoseSequence.load(different.file("poses.npz")).keypoints - ours.keypoints).max() > 1


def test_two_songs_are_not_danced_alike_for_one_seed_however_like_they_sound(made, place, model, song):
    """One sample that nobody hears makes it another song; a part of a song begins as all of it does."""
    samples, rate = soundfile.read(song, dtype="int16")
    samples[100] += 3
    soundfile.write(place / "other.wav", samples, rate)
    part, other = (
        PoseSequence.load(
            generate_poses(path, model=model, canvas="96x128", seconds=2.5, store=place / "store").file("poses.npz")
        ).keypoints
        for path in (song, place / "other.wav")
    )
    whole = PoseSequence.load(made.file("poses.npz")).keypoints
    apart = [np.abs(part[:6] - dance[:6]).max() for dance in (whole, other)]
    assert apart[0] < 2 < apart[1]  # a part's beats are heard a little differently than the whole song's


@pytest.mark.parametrize("fps, span", [(24, (0.0, None)), (25, (1.3, 1.77)), (60, (2.5, None)), (30, (0.5, 60.0))])
def test_any_rate_and_span_is_danced_to_its_end(fps, span, place, model, song):
    start_s, seconds = span
    made = generate_poses(
        song, model=model, fps=fps, canvas="64x64", start=start_s, seconds=seconds, store=place / "store"
    )
    length = min(seconds or 99, 4.0 - start_s)
    poses = PoseSequence.load(made.file("poses.npz"))
    assert len(poses) == round(length * fps) and poses.start_s == pytest.approx(start_s)
    preview = probe_video(made.file("preview.mp4"))
    every = -(-fps // 15)
    assert preview.frames == -(-len(poses) // every) and preview.fps == pytest.approx(fps / every)
    assert abs(preview.audio.end_s - preview.video.end_s) <= 1 / preview.fps
    assert probe(made.file("audio.flac")).seconds == pytest.approx(length, abs=0.01)


def test_an_odd_canvas_is_danced_on(place, model, song):
    made = generate_poses(song, model=model, canvas="65x33", seconds=1, store=place / "store")
    assert PoseSequence.load(made.file("poses.npz")).size == (65, 33)
    assert probe_video(made.file("preview.mp4")).size == (66, 34)


def test_a_preview_is_small_however_large_the_canvas(place, model, song):
    made = generate_poses(song, model=model, canvas="1920x1080", seconds=12 / 30 + 1, fps=60, store=place / "store")
    preview, poses = probe_video(made.file("preview.mp4")), PoseSequence.load(made.file("poses.npz"))
    assert preview.size == (256, 144) and preview.fps == 15.0 and preview.frames == 21
    assert poses.size == (1920, 1080) and len(poses) == 84


def test_silence_is_danced_to(place, model):
    import soundfile

    soundfile.write(place / "silence.wav", np.zeros(30_000, np.float32), 22_050)
    made = generate_poses(place / "silence.wav", model=model, canvas="64x64", store=place / "store")
    assert made.summary["beats"] == 0 and made.summary["tempo_bpm"] == 0
    assert len(PoseSequence.load(made.file("poses.npz"))) == round(30_000 / 22_050 * 30)


def test_what_is_no_song_ends_with_2_and_one_line(place, model, capfd):
    from dancegen.cli import main

    (place / "notes.txt").write_text("la la la")
    (place / "notes.mp3").write_text("la la la")
    (place / "empty.wav").write_bytes(b"")
    for song in (
        place / "missing.wav", place, place / "notes.txt", place / "notes.mp3", place / "empty.wav",
        write_song(place / "short.wav", 0.5),
    ):  # fmt: skip
        assert main(["generate-poses", str(song), "--model", str(model)]) == 2
        out, err = capfd.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and song.name in err


@pytest.mark.parametrize(
    "options, words",
    [
        ({"fps": 0}, "--fps 0"), ({"fps": float("nan")}, "--fps nan"), ({"fps": 500}, "--fps 500"),
        ({"canvas": "big"}, "--canvas big"), ({"canvas": "0x64"}, "--canvas 0x64"),
        ({"start": -1}, "--start -1"), ({"start": 3.5}, "4.0 seconds long"), ({"start": float("nan")}, "--start nan"),
        ({"seconds": 0.5}, "--seconds 0.5"), ({"seconds": float("nan")}, "--seconds nan"),
        ({"device": "tpu"}, "--device tpu"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(options, words, model, song):
    with pytest.raises(InputError, match=words):
        generate_poses(song, model=model, **options)


def test_what_is_no_model_is_refused(place, model, song):
    for reference in ("nonsense", place, place / "store"):
        with pytest.raises(InputError):
            generate_poses(song, model=reference, store=place / "store")
    broken = shutil.copytree(model, place / "broken")
    (broken / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ModelError, match="safetensors"):
        generate_poses(song, model=broken, store=place / "store")
    with pytest.raises(AudioError):
        generate_poses(place, model=model)


def test_a_killed_run_leaves_no_half_artifact_and_the_next_one_works(place, model):
    song, root = write_song(place / "long.wav", 8.0), place / "killed"
    process = start("generate-poses", song, "--model", model, "--canvas", "64x64", "--store", root)
    try:
        wait_until(lambda: list(root.glob("generate-poses/.making-*/preview.mp4")), "a preview", process=process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not list(root.glob("generate-poses/*/manifest.json")) and list(root.glob("generate-poses/.making-*"))
    made = generate_poses(song, model=model, canvas="64x64", store=root)
    assert not made.cached and len(PoseSequence.load(made.file("poses.npz"))) == 240
    assert not list(root.glob("generate-poses/.making-*"))


def test_two_processes_that_ask_for_one_dance_make_it_once(place, model, song):
    command = ("generate-poses", song, "--model", model, "--canvas", "64x64", "--store", place / "shared", "--json")
    both = [start(*command), start(*command)]
    results = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    found = [json.loads(out) for out, _ in results]
    assert sorted(result["cached"] for result in found) == [False, True]
    assert found[0]["content"] == found[1]["content"]


@pytest.mark.slow
def test_a_song_of_three_minutes_is_probed_and_decoded_once_and_its_copy_once_for_each_video(place, model, monkeypatch):
    """The copy is what the preview's and the video's soundtracks are coded from."""
    from dancegen.audio import load, song
    from dancegen.video import soundtrack

    opened, probed = [], []

    def counted(function, where):
        def count(first, *arguments, **keywords):
            where.append(Path(getattr(first, "path", first)).name)
            return function(first, *arguments, **keywords)

        return count

    monkeypatch.setattr(song, "decode", counted(load.decode, opened))
    monkeypatch.setattr(load, "decode", counted(load.decode, opened))
    monkeypatch.setattr(load, "probe", counted(load.probe, probed))
    monkeypatch.setattr(song, "probe", load.probe)
    decode = soundtrack.Soundtrack._decode

    def coded(self):
        opened.append(self.path.name)
        return decode(self)

    monkeypatch.setattr(soundtrack.Soundtrack, "_decode", coded)
    long = write_song(place / "long.wav", 180.0)
    poses = generate_poses(long, model=model, canvas="64x64", fps=2, store=place / "counted")
    assert (opened, probed) == (["long.wav", "audio.flac"], ["long.wav"])
    opened.clear()
    render(poses, style="openpose", size="64x64", store=place / "counted")
    assert (opened, probed) == (["audio.flac"], ["long.wav"])
