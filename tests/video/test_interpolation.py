"""Frames between frames move along with what is in them."""

from __future__ import annotations

import numpy as np

from dancegen.video.frames import interpolate


def ball(x: float, size: int = 96) -> np.ndarray:
    """A textured ball at x on a textured ground, (size, size, 3) uint8."""
    rows, columns = np.mgrid[:size, :size]
    ground = 60 + 10 * np.sin(rows / 3) + 10 * np.sin(columns / 4)
    inside = np.clip(9.5 - np.hypot(columns - x, rows - 48), 0, 1)
    picture = ground * (1 - inside) + inside * (200 + 30 * np.sin((columns - x) * 0.8))
    return np.repeat(picture[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)


def centre(frame: np.ndarray) -> float:
    bright = frame[..., 0] > 140
    return float(np.nonzero(bright)[1].mean())


def test_key_frames_come_out_as_they_went_in_and_all_others_lie_between():
    keys = [(0, ball(30)), (4, ball(38)), (5, ball(40)), (8, ball(46))]
    frames = list(interpolate(keys))
    assert len(frames) == 9
    for number, frame in keys:
        assert (frames[number] == frame).all()
    assert np.allclose([centre(frame) for frame in frames], 30 + 2 * np.arange(9), atol=0.7)


def test_what_moves_stays_sharp_where_a_blend_would_show_it_twice():
    first, last = ball(30), ball(42)
    between = list(interpolate([(0, first), (2, last)]))[1].astype(float)
    truth, blend = ball(36).astype(float), (first.astype(float) + last) / 2
    assert np.abs(between - truth).mean() < 0.4 * np.abs(blend - truth).mean()


def test_a_single_frame_and_tiny_frames_are_fine():
    assert len(list(interpolate([(0, ball(30))]))) == 1
    tiny = [(0, np.zeros((8, 8, 3), np.uint8)), (2, np.full((8, 8, 3), 100, np.uint8))]
    assert list(interpolate(tiny))[1].mean() == 50
