"""Pieces: every second of a dance is in a clip."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.audio.features import FRAME_RATE
from dancegen.dataset.pieces import SHORTEST_S, pieces


@pytest.mark.parametrize("fps", [23.976, 25.0, 30.0, 60.0])
@pytest.mark.parametrize("seconds", [2.1, 9.97, 10.0, 10.04, 19.99, 47.0, 61.3])
@pytest.mark.parametrize("start", [0.0, 3.217])
def test_all_seconds_are_in_a_clip(start, seconds, fps):
    found = pieces(start, start + seconds, 10.0, fps)
    ends = [piece.start_s + piece.frames / fps for piece in found]
    assert 0 <= found[0].start_s - start < 1 / FRAME_RATE
    gaps = np.array([piece.start_s for piece in found[1:]]) - ends[:-1]
    assert (gaps < 1 / FRAME_RATE + 1e-6).all()
    assert -1e-6 < start + seconds - ends[-1] < 1 / fps + 1 / FRAME_RATE
    assert {piece.frames for piece in found} == {min(round(10 * fps), found[0].frames)}


def test_the_last_clip_overlaps_the_one_before_and_says_by_how_much():
    found = pieces(0.0, 47.0, 10.0, 30.0)
    assert [piece.start_s for piece in found] == [0, 10, 20, 30, 37]
    assert [piece.overlap_s for piece in found] == pytest.approx([0, 0, 0, 0, 3.0])
    assert sum(piece.frames / 30 - piece.overlap_s for piece in found) == pytest.approx(47.0)


def test_clips_start_on_frames_of_the_spectrogram():
    for piece in pieces(1.2345, 33.3333, 7.0, 29.97):
        assert piece.start_s * FRAME_RATE == pytest.approx(round(piece.start_s * FRAME_RATE), abs=1e-6)


def test_a_short_dance_gives_one_short_clip_and_a_moment_gives_none():
    assert [piece.frames for piece in pieces(0.0, 4.5, 10.0, 30.0)] == [135]
    assert [piece.frames for piece in pieces(0.0, SHORTEST_S, 10.0, 30.0)] == [60]
    assert pieces(0.0, SHORTEST_S - 0.1, 10.0, 30.0) == []
    assert [piece.frames for piece in pieces(0.0, 1.5, 1.0, 30.0)] == [30, 30]
    assert pieces(5.0, 4.0, 10.0, 30.0) == []


@pytest.mark.parametrize("fps", [24000 / 1001, 25.0, 30000 / 1001])
def test_clips_of_a_video_begin_with_its_frames(fps):
    found = pieces(0.0, 317 / fps, 4.0, fps, grid=fps)
    firsts = [piece.start_s * fps for piece in found]
    assert np.allclose(firsts, np.rint(firsts), atol=1e-6)
    assert round(firsts[-1]) + found[-1].frames == 317 and {piece.frames for piece in found} == {round(4 * fps)}
    covered = {
        round(first) + frame for first, piece in zip(firsts, found, strict=True) for frame in range(piece.frames)
    }
    assert covered == set(range(317))
