"""Clips of filmed dances: their rate, the size of their pictures, and that pictures are decoded once."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from dancegen.audio.beats import NO_BEATS
from dancegen.dataset.filmed import (
    LONGEST_SIDE,
    FilmedTake,
    make_film_clips,
    picture_size,
    usual_rate,
)
from dancegen.dataset.format import clip_dir
from dancegen.errors import InputError
from dancegen.video import VideoFile, probe_video, read_frames
from dancegen.video.sound import write_own_sound
from dancegen.video.survey import survey
from helpers.filmed_dances import film


def taken(path) -> FilmedTake:
    video, sound = VideoFile(path), path.with_suffix(".flac")
    length = survey(video)
    write_own_sound(path, sound, video.begins_s, length.seconds)
    return FilmedTake("0" * 64, video, length, sound)


@pytest.mark.parametrize(
    ("rate", "kept"),
    [(15, 15), (24000 / 1001, 24000 / 1001), (25, 25), (30000 / 1001, 30000 / 1001), (30, 30), (48, 24), (50, 25),
     (60000 / 1001, 30000 / 1001), (60, 30), (100, 25), (120, 30), (240, 30)],
)  # fmt: skip
def test_a_video_keeps_its_rate_or_an_even_part_of_it(rate, kept):
    assert usual_rate(rate) == pytest.approx(kept)


@pytest.mark.parametrize(
    ("size", "kept"),
    [((640, 360), (640, 360)), ((641, 359), (640, 358)), ((1920, 1080), (1280, 720)), ((1080, 1920), (720, 1280)),
     ((3840, 2160), (1280, 720)), ((1281, 721), (1280, 720)), ((853, 480), (852, 480))],
)  # fmt: skip
def test_pictures_have_even_sides_and_are_not_too_large(size, kept):
    assert picture_size(size) == kept and max(kept) <= LONGEST_SIDE


def test_pictures_without_a_dancer_are_refused():
    with pytest.raises(InputError, match="16384 x 64"):
        picture_size((16_384, 64))


def test_an_odd_line_is_cut_off_and_nothing_is_scaled(tmp_path):
    path = tmp_path / "odd.mkv"
    noise = np.random.default_rng(0).integers(0, 255, (61, 75, 1), np.uint8).repeat(3, axis=2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 75, 61, "bgr0"
        voice = container.add_stream("pcm_s16le", rate=22_050, layout="mono")
        for _ in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, "rgb24")))
        container.mux(stream.encode())
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 22_050 * 2 + 8820), np.int16), "s16", "mono")
        sound.rate, sound.pts, sound.time_base = 22_050, 0, Fraction(1, 22_050)
        container.mux(voice.encode(sound))
        container.mux(voice.encode())
    (clip,) = make_film_clips(taken(path), NO_BEATS, tmp_path, 10.0, 25.0)
    picture = next(read_frames(clip_dir(tmp_path, clip) / "frames.mp4"))
    assert picture.shape == (60, 74, 3)
    grey, true = picture.mean(axis=2), noise[:60, :74].mean(axis=2)
    assert np.corrcoef(grey.ravel(), true.ravel())[0, 1] > 0.9  # which a picture that was scaled would not reach


def test_pictures_are_decoded_once_and_few_are_held(tmp_path, monkeypatch):
    passes, open_at_once, opened = [], [0], [0]
    frames = VideoFile.frames

    def counted(self, *arguments, **more):
        passes.append(more)
        return frames(self, *arguments, **more)

    from dancegen.dataset import filmed

    class Counting(filmed.VideoWriter):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            opened[0] += 1
            open_at_once[0] = max(open_at_once[0], opened[0])

        def close(self):
            super().close()
            opened[0] -= 1

    take = taken(film(tmp_path / "a.mp4", np.arange(260) / 25))
    monkeypatch.setattr(VideoFile, "frames", counted)
    monkeypatch.setattr(filmed, "VideoWriter", Counting)
    clips = make_film_clips(take, NO_BEATS, tmp_path, 2.0, 25.0)
    assert len(clips) == 6 and len(passes) == 1 and open_at_once[0] == 2 and opened[0] == 0
    assert [clip.start for clip in clips] == [0, 2, 4, 6, 8, pytest.approx(8.4)]
    assert [clip.overlap for clip in clips] == [0, 0, 0, 0, 0, pytest.approx(1.6)]
    for clip in clips:
        assert probe_video(clip_dir(tmp_path, clip) / "frames.mp4").frames == 50
