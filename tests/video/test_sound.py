"""The sound of a video on the clock of its pictures, whenever it begins and whatever is missing of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from dancegen.audio.load import probe
from dancegen.errors import AudioError
from dancegen.video.sound import write_other_sound, write_own_sound
from dancegen.video.source import VideoFile
from helpers.filmed_dances import SOUND_RATE, click_track, clicks_heard, film, turns_until

STEADY = np.arange(75) / 25


def heard(path: Path, target: Path, seconds: float = 3.0) -> np.ndarray:
    """When a video clicks, in seconds from its first picture."""
    write_own_sound(path, target, VideoFile(path).begins_s, seconds)
    assert soundfile.info(target).duration == pytest.approx(seconds, abs=1e-4)
    return clicks_heard(target)


def with_holes(path: Path, holes: list[tuple[float, float]]) -> Path:
    """A video whose sound stops at each of these moments and goes on later; its timestamps say so."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        voice = container.add_stream("pcm_s16le", rate=SOUND_RATE, layout="mono")
        for _ in STEADY:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        container.mux(stream.encode())
        samples = (click_track(3.0) * 32_767).astype(np.int16)
        for first in range(0, len(samples), 441):
            if any(begins <= first / SOUND_RATE < ends for begins, ends in holes):
                continue
            frame = av.AudioFrame.from_ndarray(samples[None, first : first + 441], "s16", "mono")
            frame.rate, frame.pts, frame.time_base = SOUND_RATE, first, Fraction(1, SOUND_RATE)
            container.mux(voice.encode(frame))
        container.mux(voice.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("late_s", [0.0, 0.3])
def test_clicks_are_heard_where_they_are(suffix, late_s, tmp_path):
    clicks = heard(film(tmp_path / f"a{suffix}", STEADY, sound_s=late_s), tmp_path / "a.flac")
    expected = turns_until(2.97)
    assert len(clicks) == len(expected) and np.abs(clicks - expected).max() < 0.003


def test_sound_that_begins_before_the_pictures_is_cut(tmp_path):
    clicks = heard(film(tmp_path / "a.mkv", STEADY + 0.4), tmp_path / "a.flac")
    expected = turns_until(3.37) - 0.4
    assert np.abs(clicks - expected[expected > 0]).max() < 0.003


def test_holes_in_the_sound_are_silence(tmp_path):
    path = with_holes(tmp_path / "a.mkv", [(0.5, 0.8), (1.5, 2.2)])
    clicks = heard(path, tmp_path / "a.flac")
    expected = np.array([turn for turn in turns_until(2.97) if not (0.5 <= turn < 0.8 or 1.5 <= turn < 2.2)])
    assert len(clicks) == len(expected) and np.abs(clicks - expected).max() < 0.003


def test_what_the_sound_lacks_is_silence(tmp_path):
    path = film(tmp_path / "a.mp4", STEADY, sound_s=0.3, seconds=1.5)
    begins, ends = write_own_sound(path, tmp_path / "a.flac", 0.0, 3.0)
    assert begins == pytest.approx(0.3, abs=0.03) and ends == pytest.approx(1.5, abs=0.05)
    samples, rate = soundfile.read(tmp_path / "a.flac")
    assert len(samples) == 3 * rate and not samples[round(1.6 * rate) :].any()


@pytest.mark.parametrize("seconds", [2.0, 5.0])
def test_a_sound_file_is_cut_or_filled_to_the_pictures(seconds, tmp_path):
    soundfile.write(tmp_path / "song.wav", click_track(seconds), SOUND_RATE)
    assert write_other_sound(probe(tmp_path / "song.wav"), tmp_path / "a.flac", 3.0) == (0.0, min(seconds, 3.0))
    samples, rate = soundfile.read(tmp_path / "a.flac")
    true = np.pad(click_track(seconds), (0, 3 * rate))[: 3 * rate]
    assert len(samples) == 3 * rate and np.abs(samples - true).max() < 1e-4


def test_a_silent_video_has_none(tmp_path):
    path = film(tmp_path / "a.mp4", STEADY, sound_s=None)
    with pytest.raises(AudioError, match=r"a\.mp4 has no sound"):
        write_own_sound(path, tmp_path / "a.flac", 0.0, 3.0)
