"""Colours that drift slowly through a song."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

PHASE_S = 14.0  # how long the song takes from one palette to the next


@dataclass(frozen=True)
class Palette:
    """Linear RGB, (3,) float32: the dancer's right side, left side and spine, the night behind, its haze, the floor."""

    right: np.ndarray
    left: np.ndarray
    spine: np.ndarray
    night: np.ndarray
    haze: np.ndarray
    floor: np.ndarray


def _palette(*colours: str) -> np.ndarray:
    """(N, 3) hue, saturation and value of colours written as RRGGBB."""
    channels = [[int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)] for text in colours]
    return np.array([colorsys.rgb_to_hsv(*rgb) for rgb in channels])


_PHASES = (
    _palette("20d8ff", "ff3cac", "8a5cff", "0a0626", "5a2bd8", "7a4dff"),  # electric
    _palette("3dffc0", "4a8cff", "2fc8f0", "02101f", "0f7a8c", "25c9d9"),  # lagoon
    _palette("ffb03a", "c04bff", "ff5f8a", "1a0628", "c0277a", "ff5f9e"),  # dusk
    _palette("ff6a4d", "36e0e8", "b07bff", "0c0a2a", "5640d0", "ff7d8f"),  # ember
)


def palette_at(time_s: float) -> Palette:
    """The palette of a moment: each one rests for a while, then turns into the next."""
    phase, rest = divmod(max(time_s, 0.0) / PHASE_S, 1.0)
    mix = np.clip((rest - 0.5) / 0.5, 0, 1)
    mix = mix * mix * (3 - 2 * mix)
    here, there = _PHASES[int(phase) % len(_PHASES)], _PHASES[(int(phase) + 1) % len(_PHASES)]
    step = there - here
    # Hues go the short way round the wheel: mixed as RGB, opposite colours would meet in grey.
    step[:, 0] = (step[:, 0] + 0.5) % 1.0 - 0.5
    colours = [colorsys.hsv_to_rgb(hue % 1.0, saturation, value) for hue, saturation, value in here + step * mix]
    return Palette(*(np.array(colour, np.float32) for colour in colours))


def tinted(light: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """(h, w) light in a colour: (h, w, 3) float32. Numpy's own broadcasting is slow over an axis of three."""
    import cv2

    return cv2.merge([light * np.float32(channel) for channel in colour])
