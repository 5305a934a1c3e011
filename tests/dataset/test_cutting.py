"""A part of a clip is a clip: its music is that part of the music, sample by sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE
from dancegen.dataset.cutting import copy_music, part_of
from dancegen.dataset.format import Clip, clip_dir, load_mel

RATES = [24000 / 1001, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0]


def clip_of(seconds: float = 10.0, fps: float = 30.0) -> Clip:
    return Clip("a-00a00", "0" * 64, 20.0, seconds, fps, "val", "salsa", None, "a", "song", 40.0, "d04")


def test_all_of_a_clip_is_the_clip_itself():
    clip = clip_of()
    assert part_of(clip, 0, 300).clip == clip
    assert part_of(clip, 0, 301).clip == clip and part_of(clip, 0, 301).frames == 300


def test_a_part_knows_where_in_source_and_song_it_begins():
    part = part_of(clip_of(), 90, 150)
    assert (part.first, part.frames, part.start_s) == (90, 150, 3.0)
    assert (part.clip.start, part.clip.song_start, part.clip.seconds) == (23.0, 43.0, 5.0)
    assert (part.clip.split, part.clip.take, part.clip.performer) == ("val", "a", "d04")
    assert part_of(clip_of(), 0, 100).clip.id != part.clip.id != clip_of().id


def test_what_the_clip_before_shows_too_is_told_of_parts_as_well():
    clip = replace(clip_of(), overlap=4.0)
    assert part_of(clip, 90, 150).clip.overlap == 1.0 and not part_of(clip, 90, 150).repeats
    assert part_of(clip, 150, 150).clip.overlap == 0.0
    assert part_of(clip, 15, 90).repeats


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("first", [0, 1, 17, 100, 101, 102, 103])
def test_pictures_and_music_of_a_part_agree_within_a_third_of_a_frame(fps, first):
    part = part_of(clip_of(fps=fps), first, 90)
    assert abs(part.first / fps - part.mel / FRAME_RATE) < 0.34 / fps
    assert 0 <= part.first - first <= 0.1 * fps and part.first + part.frames == first + 90
    if fps in (25.0, 30.0, 50.0, 60.0) and first > 4:  # where the two grids meet again within a tenth of a second
        assert part.start_s == pytest.approx(part.first / fps, abs=1e-4 if fps != 25.0 else 0.0023)


def test_the_music_of_a_part_is_cut_exactly(tmp_path):
    clip, rate = clip_of(), 22_050
    place = clip_dir(tmp_path / "from", clip)
    place.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(-32768, 32768, 10 * rate).astype(np.int16)
    soundfile.write(place / "audio.flac", noise, rate, subtype="PCM_16")
    mel = np.random.default_rng(1).random((900, 80)).astype(np.float16)
    np.save(place / "mel.npy", mel)
    Beats(np.arange(0.25, 10, 0.5), 120.0, np.ones(20)).save(place / "beats.json")
    part = part_of(clip, 90, 150)
    copy_music(tmp_path / "from", clip, tmp_path / "to", part)
    there = clip_dir(tmp_path / "to", part.clip)
    heard, _ = soundfile.read(there / "audio.flac", dtype="int16")
    assert np.array_equal(heard, noise[3 * rate : 8 * rate])
    assert np.array_equal(load_mel(tmp_path / "to", part.clip), mel[270:720])
    beats = Beats.load(there / "beats.json")
    assert beats.times_s.tolist() == pytest.approx(np.arange(0.25, 5, 0.5).tolist()) and beats.tempo_bpm == 120

    copy_music(tmp_path / "from", clip, tmp_path / "to", part_of(clip, 0, 300))
    whole = clip_dir(tmp_path / "to", clip)
    for name in ("audio.flac", "mel.npy", "beats.json"):
        assert (whole / name).read_bytes() == (place / name).read_bytes()
