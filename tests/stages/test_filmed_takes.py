"""prepare of filmed dances: picture and sound in step whatever the rate, upright, all of it used, faults named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from dancegen import prepare
from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE, onset_envelope
from dancegen.cli import main
from dancegen.dataset.format import clip_dir, clip_kind, load_mel, read_clips
from dancegen.errors import InputError
from dancegen.video import VideoWriter, probe_video, read_frames
from helpers.filmed_dances import SIZE, click_track, clicks_heard, film, turns_seen, turns_until
from helpers.listening import Listener
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer

SECONDS = 6.0
RATES = (24000 / 1001, 25, 30000 / 1001, 60000 / 1001)
SLOWEST = 15.0
VARIED = ("varied", "phone", "web")
"""Videos whose rate varies, between SLOWEST and 30."""


def varied(seconds: float) -> np.ndarray:
    """Times of pictures as a phone in the dark takes them."""
    steps = np.random.default_rng(1).choice([1 / 30, 1 / 25, 1 / SLOWEST], size=round(30 * seconds))
    times = np.concatenate([[0.0], np.cumsum(steps)])
    return times[times < seconds]


def films(folder: Path) -> dict[str, Path]:
    """Videos of all kinds, by name."""
    folder.mkdir()
    found = {}
    for rate in RATES:
        name = f"rate-{rate:.3f}"
        found[name] = film(folder / f"{name}.mp4", np.arange(round(SECONDS * rate)) / rate, rate=rate)
    steady = np.arange(round(SECONDS * 25)) / 25
    found["varied"] = film(folder / "varied.mp4", varied(SECONDS), rate=30)
    for turn in (90, 180, -90):
        found[f"turned{turn}"] = film(folder / f"turned{turn}.mp4", steady, turn=turn)
    found["late"] = film(folder / "late.mp4", steady, sound_s=0.3)
    found["late-pictures"] = film(folder / "late-pictures.mkv", steady + 0.4)
    found["phone"] = film(folder / "phone.mov", varied(SECONDS), rate=30, turn=-90, sound_s=0.3)
    found["web"] = film(folder / "web.webm", varied(SECONDS), rate=30, sound_s=0.3)
    found["old"] = film(folder / "old.avi", steady)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("filmed")
    videos = films(place / "videos")
    heard = Listener()
    artifact = prepare(
        place / "videos", clip_seconds=4.0, licence="ours", workers=1, store=place / "store", progress=heard
    )
    return artifact, videos, heard


def clips_of(artifact, name: str):
    return [clip for clip in read_clips(artifact) if clip.take == name]


def test_clicks_and_turns_agree_within_half_a_frame(made):
    artifact, videos, _ = made
    assert artifact.summary["left_out"] == []
    for name in videos:
        clips = clips_of(artifact, name)
        assert len(clips) == 2, name
        for clip in clips:
            folder = clip_dir(artifact.path, clip)
            turns = turns_seen(read_frames(folder / "frames.mp4"), clip.fps)
            clicks = clicks_heard(folder / "audio.flac")
            apart = np.abs(turns[:, None] - clicks).min(axis=1)
            slowest = SLOWEST if name in VARIED else clip.fps
            assert len(turns) >= 5 and apart.max() < 0.5 / slowest, (name, clip.start, apart)
            if name != "old":  # MP3 in AVI does not say how late its decoder is
                assert np.median(apart) < 0.25 / slowest, (name, clip.start, apart)


def test_clips_begin_where_they_say_in_the_video(made):
    artifact, videos, _ = made
    for name in videos:
        begins = 0.4 if name == "late-pictures" else 0.0  # where the drawing's clock is when the pictures begin
        for clip in clips_of(artifact, name):
            clicks = clicks_heard(clip_dir(artifact.path, clip) / "audio.flac") + clip.start + begins
            apart = np.abs(clicks[:, None] - turns_until(SECONDS + 1)).min(axis=1)
            assert apart.max() < (0.03 if name == "old" else 0.004), (name, clip.start, apart)


def test_the_spectrogram_and_the_beats_are_those_of_the_sound(made):
    artifact, _, _ = made
    assert artifact.summary["videos_without_beat"] == 0
    for name in ("rate-25.000", "rate-29.970", "late"):
        for clip in clips_of(artifact, name):
            folder = clip_dir(artifact.path, clip)
            mel, clicks = load_mel(artifact.path, clip), clicks_heard(folder / "audio.flac")
            assert len(mel) == np.ceil(clip.seconds * FRAME_RATE) and mel.dtype == np.float16
            onset = onset_envelope(mel.astype(np.float32))
            times = np.arange(len(onset)) / FRAME_RATE
            peaks = np.array([times[np.argmax(onset * (np.abs(times - at) < 0.1))] for at in clicks])
            assert np.abs(peaks - clicks)[1:-1].max() < 0.015
            beats = Beats.load(folder / "beats.json").times_s
            assert len(beats) >= 5 and np.abs(beats[:, None] - clicks).min(axis=1).max() < 0.02


def test_pictures_are_upright_and_stay_as_they_are(made):
    artifact, videos, _ = made
    for name in videos:
        for clip in clips_of(artifact, name):
            path = clip_dir(artifact.path, clip) / "frames.mp4"
            assert clip_kind(artifact.path, clip) == "video"
            info = probe_video(path)
            assert info.size == SIZE and info.audio is None and info.fps == pytest.approx(clip.fps)
            pictures = list(read_frames(path))
            assert len(pictures) == round(clip.seconds * clip.fps)
            legs, hand = pictures[0][70:].max(axis=(0, 2)), pictures[0][:30].max()
            assert hand > 200 and 40 < legs.max() < 140, name


def test_no_picture_is_shown_twice_and_rates_are_the_videos_own(made):
    artifact, _, _ = made
    for rate, kept in zip(RATES, (24000 / 1001, 25, 30000 / 1001, 30000 / 1001), strict=True):
        clip = clips_of(artifact, f"rate-{rate:.3f}")[0]
        assert clip.fps == pytest.approx(kept, rel=1e-6)
        pictures = np.array(list(read_frames(clip_dir(artifact.path, clip) / "frames.mp4")), np.int16)
        changed = np.abs(np.diff(pictures, axis=0)).max(axis=(1, 2, 3))
        times = (np.arange(len(changed)) + 0.5) / clip.fps
        at_a_turn = np.abs(times[:, None] - turns_until(5.0)).min(axis=1) < 0.6 / clip.fps  # where the arm goes back
        assert (changed[~at_a_turn] > 40).all()
    assert artifact.summary["video_rates"] == {"23.976": 1, "25": 7, "29.97": 2, "30": 3}


def test_nothing_of_a_video_is_thrown_away(made):
    artifact, videos, _ = made
    for name in videos:
        first, second = clips_of(artifact, name)
        assert (first.start, first.seconds) == (0.0, pytest.approx(4.0, abs=0.02))
        assert second.seconds == first.seconds and second.start < first.seconds
        assert second.start + second.seconds == pytest.approx(SECONDS, abs=0.07)
        assert second.song_start == second.start
        whole = [read_frames(clip_dir(artifact.path, clip) / "frames.mp4") for clip in (first, second)]
        one, two = (np.array(list(pictures), np.int16) for pictures in whole)
        shared = len(one) - round(second.start * first.fps)
        assert np.abs(one[-shared:] - two[:shared]).mean() < 3


def test_what_was_assumed_is_said(made):
    _, _, heard = made
    (said,) = [said for said in heard.said if "after the pictures" in said]
    # A block of AAC before it is silence that belongs to the sound.
    assert re.match(r"late\.mp4: its sound begins 0\.(28|30) s .*\(and 2 more like it\)", said)
    assert [(label, total, done) for label, total, done in heard.tasks] == [("Cutting the videos", 13, 13)]


def test_a_sound_file_of_the_same_name_wins(tmp_path):
    import soundfile

    folder = tmp_path / "videos"
    folder.mkdir()
    times = np.arange(75) / 25
    film(folder / "silent.mp4", times, sound_s=None)
    film(folder / "both.mp4", times)
    for name, seconds in (("silent", 1.5), ("both", 3.0)):
        soundfile.write(folder / f"{name}.WAV", 0.5 * click_track(seconds, 22_050), 22_050)
    heard = Listener()
    made = prepare(folder, workers=1, store=tmp_path / "store", progress=heard)
    for clip in read_clips(made):
        sound, rate = soundfile.read(clip_dir(made.path, clip) / "audio.flac")
        assert rate == 22_050 and len(sound) == 3 * rate
        assert np.abs(sound).max() == pytest.approx(0.35, abs=0.06)
        assert clip.song == clip.take
    assert any("its sound is taken from" in said for said in heard.said)
    assert any("silent.mp4: its sound ends 1.5 s before" in said for said in heard.warned)
    before = made.digest
    soundfile.write(folder / "both.WAV", 0.4 * click_track(3.0, 22_050), 22_050)
    assert prepare(folder, workers=1, store=tmp_path / "store").digest != before


def test_a_silent_video_is_left_out_with_advice(tmp_path, capfd):
    folder = tmp_path / "videos"
    folder.mkdir()
    film(folder / "silent.mp4", np.arange(50) / 25, sound_s=None)
    with pytest.raises(InputError, match=r"silent\.mp4: it has no sound: put its music beside it"):
        prepare(folder, workers=1)
    film(folder / "good.mp4", np.arange(50) / 25)
    assert main(["prepare", str(folder), "--workers", "1", "--json"]) == 3
    shown = capfd.readouterr()
    assert "silent.mp4: it has no sound" in shown.err
    summary = json.loads(shown.out)["summary"]
    assert summary["videos"] == summary["clips"] == 1 and len(summary["left_out"]) == 1
    assert "footfall_alignment" not in summary


def test_music_without_a_beat_is_kept_with_a_word(tmp_path):
    film(tmp_path / "a.mp4", np.arange(50) / 25, seconds=0.2)
    heard = Listener()
    made = prepare(tmp_path / "a.mp4", workers=1, store=tmp_path / "store", progress=heard)
    (clip,) = read_clips(made)
    assert len(Beats.load(clip_dir(made.path, clip) / "beats.json").times_s) == 0
    assert made.summary["videos_without_beat"] == 1
    assert any("no steady beat was heard" in said for said in heard.warned)


def test_motion_and_videos_of_one_folder_go_into_one_dataset(tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    write_dancer(folder / "solo.bvh", step_s=0.5)
    film(folder / "filmed.mp4", np.arange(75) / 25)
    write_click(tmp_path / "song.wav", 120)
    made = prepare(
        folder, music=tmp_path / "song.wav", pairs=1, clip_seconds=3.0, genre="steps", workers=1, store=tmp_path / "s"
    )
    kinds = {clip.take: (clip_kind(made.path, clip), clip.fps, clip.genre) for clip in read_clips(made)}
    assert kinds == {"solo": ("motion", 30.0, "steps"), "filmed": ("video", 25.0, "steps")}
    assert made.summary["videos"] == 1 and made.summary["footfall_alignment"] > 0.5
    with pytest.raises(InputError, match="--music"):
        prepare(folder, workers=1)


def test_the_rate_that_is_asked_for_is_that_of_all_clips(tmp_path):
    film(tmp_path / "a.mp4", np.arange(150) / 50, rate=50)
    made = prepare(tmp_path / "a.mp4", fps=50, workers=1, store=tmp_path / "store")
    (clip,) = read_clips(made)
    path = clip_dir(made.path, clip) / "frames.mp4"
    assert clip.fps == probe_video(path).fps == 50 and probe_video(path).frames == 150


def test_cameras_of_one_performance_are_on_one_side_of_the_split(tmp_path):
    folder = tmp_path / "aist"
    folder.mkdir()
    for number in range(3):
        for camera in ("01", "02"):
            name = f"gBR_sBM_c{camera}_d0{number}_mBR0_ch03.mp4"
            film(folder / name, np.arange(50 + 2 * number + (camera == "02")) / 25)
    made = prepare(folder, val_fraction=0.4, workers=1, store=tmp_path / "store")
    clips = read_clips(made)
    sides = {}
    for clip in clips:
        sides.setdefault(clip.take, []).append(clip.split)
    assert len(sides) == 3 and all(len(side) == 2 and len(set(side)) == 1 for side in sides.values())
    assert {clip.split for clip in clips} == {"train", "val"}
    assert {(clip.genre, clip.performer) for clip in clips} == {("break", f"d0{number}") for number in range(3)}


def test_films_that_dancegen_made_are_left_alone(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    pictures = [np.zeros((64, 64, 3), np.uint8)] * 30
    with VideoWriter(
        folder / "own.mp4", (64, 64), 25, metadata={"command": "dancegen dance x", "digest": "ab"}
    ) as video:
        for picture in pictures:
            video.write(picture)
    with pytest.raises(InputError, match="holds only what dancegen made"):
        prepare(folder, workers=1)
    film(folder / "mine.mp4", np.arange(50) / 25)
    heard = Listener()
    made = prepare(folder, workers=1, store=tmp_path / "store", progress=heard)
    assert [clip.take for clip in read_clips(made)] == ["mine"]
    assert any("1 .mp4 that dancegen made" in said for said in heard.said)


def test_two_processes_make_what_one_makes(tmp_path):
    sources = [film(tmp_path / f"{name}.mp4", np.arange(60 + name) / 25) for name in range(3)]
    one, two = (prepare(sources, workers=workers, store=tmp_path / str(workers)) for workers in (1, 2))
    assert one.digest == two.digest and one.content == two.content


def test_real_videos_are_read(shared_data, tmp_path):
    videos = shared_data / "video"
    names = ("made_phone_rotated", "made_vfr", "made_late_audio", "d2mgan_tiktok_high1")
    made = prepare([videos / f"{name}.mp4" for name in names], workers=1, store=tmp_path / "store")
    clips = {clip.take: clip for clip in read_clips(made)}
    sizes = {name: probe_video(clip_dir(made.path, clips[name]) / "frames.mp4").size for name in names}
    assert sizes["made_phone_rotated"] == (270, 480) and sizes["d2mgan_tiktok_high1"] == (640, 360)
    assert clips["made_vfr"].seconds == 9.0 and clips["made_late_audio"].seconds == 8.0
    import soundfile

    sound, rate = soundfile.read(clip_dir(made.path, clips["made_late_audio"]) / "audio.flac", always_2d=True)
    assert not sound[: round(0.47 * rate)].any() and np.abs(sound[: round(0.6 * rate)]).max() > 0.01


def test_music_that_no_video_needs_is_told(tmp_path):
    path = film(tmp_path / "a.mp4", np.arange(60) / 25)
    song = write_click(tmp_path / "song.wav", 120)
    heard = Listener()
    made = prepare(path, music=song, workers=1, store=tmp_path / "store", progress=heard)
    assert {clip.song for clip in read_clips(made)} == {"a"}
    assert any("--music is for silent motion" in said for said in heard.said)
