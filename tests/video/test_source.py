"""Filmed dances: pictures by their time and not by their number, upright, with square pixels, on the sound's clock."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.video.source import VideoFile

TICKS = 90_000
BITS = 8


def filmed(path: Path, times_s, *, rate=25, size=(64, 48), turn=0, aspect=None, sound_s=None) -> Path:
    """A video of pictures that show their own number, as bars of black and white from left to right.

    times_s: when each is shown. turn: degrees by which a player has to turn them. sound_s: when its sound begins.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options={"crf": "1"})
        stream.width, stream.height = size
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, TICKS)
        stream.codec_context.time_base = Fraction(1, TICKS)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if turn:
            stream.set_display_rotation(turn)
        voice = container.add_stream("aac", rate=44_100, layout="mono") if sound_s is not None else None
        for number, time_s in enumerate(times_s):
            bars = [255 * (number >> bit & 1) for bit in range(BITS)]
            row = np.repeat(bars, size[0] // BITS).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.tile(row[None, :, None], (size[1], 1, 3)), "rgb24")
            frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if voice is not None:
            for block in range(20):
                heard = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                heard.rate, heard.pts = 44_100, round(sound_s * 44_100) + 1024 * block
                container.mux(voice.encode(heard))
            container.mux(voice.encode())
    return path


def numbers(pictures) -> np.ndarray:
    """(T,) which of the pictures made by `filmed` these are."""
    rows = np.array([picture[picture.shape[0] // 2, :, 0] for picture in pictures])
    bars = rows[:, (np.arange(BITS) + 0.5).astype(int) * (rows.shape[1] // BITS) + rows.shape[1] // BITS // 2] > 127
    return (bars * 2 ** np.arange(BITS)).sum(axis=1)


def nearest(moments_s, times_s) -> np.ndarray:
    """(M,) which of the times is nearest to each moment."""
    return np.abs(np.asarray(moments_s)[:, None] - times_s).argmin(axis=1)


@pytest.mark.parametrize("rate", [24000 / 1001, 25, 30000 / 1001, 60000 / 1001])
def test_a_rate_is_recognised_and_every_picture_comes_at_its_time(rate, tmp_path):
    times = np.arange(100) / rate
    video = VideoFile(filmed(tmp_path / "a.mp4", times, rate=rate))
    assert video.fps == pytest.approx(rate, rel=1e-9)
    assert numbers(video.frames(video.fps)).tolist() == list(range(100))
    found = numbers(video.frames(30.0))
    shown_s = np.arange(len(found)) / 30
    assert np.abs(times[found] - shown_s).max() <= 0.5 / rate + 1e-4
    assert len(found) == pytest.approx(100 / rate * 30, abs=1)


def test_pictures_that_a_phone_left_out_are_made_up_for(tmp_path):
    times = np.delete(np.arange(100) / 25, [3, 10, 11, 12, 40, 41, *range(60, 78)])
    found = numbers(VideoFile(filmed(tmp_path / "vfr.mp4", times)).frames(25))
    assert len(found) == 100
    assert np.abs(np.abs(times[found] - np.arange(100) / 25) - np.abs(times[nearest(np.arange(100) / 25, times)]
        - np.arange(100) / 25)).max() < 1e-6  # fmt: skip


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_pictures_are_turned_upright(turn, tmp_path):
    lying = VideoFile(filmed(tmp_path / "plain.mp4", np.arange(5) / 25))
    turned = VideoFile(filmed(tmp_path / "turned.mp4", np.arange(5) / 25, turn=turn))
    assert turned.size == (lying.size if turn == 180 else lying.size[::-1])
    one, other = list(lying.frames(25))[3], list(turned.frames(25))[3]
    assert np.array_equal(other, np.rot90(one, {90: 1, 180: 2, -90: 3}[turn]))


def test_a_part_is_the_same_as_that_part_of_the_whole(tmp_path):
    video = VideoFile(filmed(tmp_path / "a.mp4", np.arange(200) / 25))
    whole = list(video.frames(25))
    part = list(video.frames(25, 4.0, 2.0))
    assert len(part) == 50
    assert all(np.array_equal(one, other) for one, other in zip(part, whole[100:150], strict=True))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".webm", ".mpg"])
def test_parts_of_every_kind_of_video_are_found(suffix, tmp_path):
    codec = {".avi": "mpeg4", ".webm": "libvpx", ".mpg": "mpeg2video"}.get(suffix, "libx264")
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "12"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 2_000_000
        for number in range(150):
            row = np.repeat([255 * (number >> bit & 1) for bit in range(BITS)], 64 // BITS).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.tile(row[None, :, None], (48, 1, 3)), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video = VideoFile(path)
    assert numbers(video.frames(25)).tolist() == list(range(150))
    for first in (30, 50, 51, 81, 115):
        assert numbers(video.frames(25, first / 25, 0.4)).tolist() == list(range(first, first + 10))


def test_the_clock_starts_with_the_first_picture(tmp_path):
    late = VideoFile(filmed(tmp_path / "late.mkv", 1.0 + np.arange(50) / 25, sound_s=1.3))
    assert numbers(late.frames(25)).tolist() == list(range(50))
    assert late.sound_starts_s == pytest.approx(0.3, abs=0.03)
    silent = VideoFile(filmed(tmp_path / "silent.mp4", np.arange(50) / 25))
    assert silent.sound_starts_s is None


def test_pixels_are_made_square(tmp_path):
    video = VideoFile(filmed(tmp_path / "wide.mp4", np.arange(10) / 25, aspect=Fraction(4, 3)))
    assert video.size == (85, 48)
    assert next(video.frames(25)).shape == (48, 85, 3)


def test_what_is_no_video_is_refused_in_words(tmp_path):
    path = tmp_path / "no.mp4"
    path.write_bytes(b"no video")
    for broken in (path, tmp_path / "nowhere.mp4"):
        with pytest.raises(InputError, match=r"(no|nowhere)\.mp4"):
            _ = VideoFile(broken).fps
    cut = filmed(tmp_path / "cut.mkv", np.arange(200) / 25, size=(320, 240))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    count = len(list(VideoFile(cut).frames(25)))
    assert 0 < count < 200


def test_phones_and_gaps_and_late_sound_of_real_clips(shared_data):
    videos = shared_data / "video"
    phone = VideoFile(videos / "made_phone_rotated.mp4")
    assert phone.size == (270, 480)
    first = next(phone.frames(phone.fps)).astype(int)
    # A dancer in black before a blue wall, upright: black from the shoulders to the feet, in the middle.
    dark = (first.sum(axis=2) < 120).any(axis=1)
    assert np.flatnonzero(dark)[-1] - np.flatnonzero(dark)[0] > 250
    assert len(list(VideoFile(videos / "made_vfr.mp4").frames(25))) == 225
    assert VideoFile(videos / "made_late_audio.mp4").sound_starts_s == pytest.approx(0.473, abs=0.002)


@pytest.mark.parametrize("first", [0, 1, 7, 40, 90])
def test_pictures_from_a_later_one_on_are_those_of_a_whole_pass(first, tmp_path):
    """At a rate at which many moments lie in the middle between two pictures, and in a video whose rate varies."""
    gaps = np.random.default_rng(3).uniform(0.02, 0.08, 120)
    for name, times in (("even", np.arange(120) / 50), ("uneven", np.cumsum(gaps))):
        video = VideoFile(filmed(tmp_path / f"{name}.mp4", times, rate=50 if name == "even" else 25))
        for how in ({"start_s": 0.51}, {"start_s": 0.01, "seconds": 2.0}):
            whole = list(video.frames(33.3, **how))
            later = list(video.frames(33.3, **how, first=first))
            assert len(later) == max(0, len(whole) - first)
            assert all(np.array_equal(*pair) for pair in zip(later, whole[first:], strict=True))
