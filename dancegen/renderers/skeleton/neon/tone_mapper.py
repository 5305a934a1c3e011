"""Tone mapping: linear light to 8-bit pixels, the dancer composited over the backdrop, dither against banding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.renderers.skeleton.neon.figure import Figure

EXPOSURE = 1.55
DANCER_EXPOSURE = 1.35 * EXPOSURE
OPACITY = 0.8  # the glass of the body lets a little of the backdrop through
FULL = 65_000  # white in the 16-bit picture, with room for the dither
OPEN = 65_535  # a filter that lets everything through


@dataclass(frozen=True)
class Dancer:
    """The dancer ready to be composited over the backdrop.

    window: (rows, columns) of the frame. shone, through: (h, w, 3) uint16, light that the dancer adds and share of
    the backdrop behind that is left. halved: the dancer's linear light alone on the whole half-size frame, float32.
    """

    window: tuple[slice, slice]
    shone: np.ndarray
    through: np.ndarray
    halved: np.ndarray


def expose(figure: Figure, detail: float, size: tuple[int, int]) -> Dancer:
    """Bring a figure that was drawn at `detail` of a frame's size (1: its own) onto the frame of `size`."""
    import cv2

    through = ((1 - figure.cover * np.float32(OPACITY)) * np.float32(OPEN)).astype(np.uint16)
    through = cv2.merge([through, through, through])
    shone = np.exp(figure.colour * np.float32(-DANCER_EXPOSURE))
    np.subtract(1, shone, out=shone)
    shone *= np.float32(FULL)
    shone = cv2.merge([plane.astype(np.uint16) for plane in shone])
    colour = cv2.merge(list(figure.colour))
    corner = (figure.patch.left, figure.patch.top)
    halved = _placed(colour, corner, detail * 2, (0, 0), (size[0] // 2, size[1] // 2), 0)
    if detail == 1:
        return Dancer(figure.patch.window, shone, through, halved)
    low = np.floor(np.array(corner) / detail).astype(int)
    high = np.ceil((np.array(corner) + shone.shape[1::-1]) / detail).astype(int)
    left, top = np.clip(low, 0, size)
    right, bottom = np.clip(high, 0, size)
    window, extent = (slice(top, bottom), slice(left, right)), (int(right - left), int(bottom - top))
    shone = _placed(shone, corner, detail, (left, top), extent, 0)
    through = _placed(through, corner, detail, (left, top), extent, OPEN)
    return Dancer(window, shone, through, halved)


def _placed(picture: np.ndarray, corner, scale: float, origin, extent: tuple[int, int], beyond: int) -> np.ndarray:
    """A picture on a canvas of another scale: pixel (x, y) of the canvas shows (x + origin) * scale - corner of it.

    Exact to a fraction of a pixel, so that the dancer does not jitter against the backdrop; `beyond` fills the rest.
    """
    import cv2

    shift = (np.asarray(origin, np.float64) + 0.5) * scale - 0.5 - np.asarray(corner, np.float64)
    turn = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(
        picture,
        turn,
        extent,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(beyond, beyond, beyond),
    )


class ToneMapper:
    """Maps layers of linear light to the pixels of frames of one size."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._vignette = _vignette((size[0] // 2, size[1] // 2))
        self._dither = _dither(size)

    def mapped(self, light: np.ndarray, dancer: Dancer | None) -> np.ndarray:
        """(height, width, 3) uint8 from a half-size layer of linear light, which is used up."""
        import cv2

        light *= np.float32(-EXPOSURE)
        np.exp(light, out=light)
        np.subtract(1, light, out=light)
        light *= self._vignette
        full = cv2.resize(light.astype(np.uint16), self.size, interpolation=cv2.INTER_LINEAR)
        if dancer is not None:
            under = full[dancer.window]
            behind = cv2.multiply(under, dancer.through, scale=1 / OPEN)
            _, under[:] = cv2.threshold(cv2.add(behind, dancer.shone), FULL, FULL, cv2.THRESH_TRUNC)
        return cv2.convertScaleAbs(cv2.add(full, self._dither), alpha=1 / 256)


def _vignette(size: tuple[int, int]) -> np.ndarray:
    """(h, w, 3) float32 up to FULL, the scale of the 16-bit picture."""
    width, height = size
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    edge = np.clip(1 - 0.30 * (np.abs(x) ** 3) - 0.22 * (np.abs(y) ** 3), 0, 1)
    return np.repeat((edge[..., None] * FULL).astype(np.float32), 3, axis=2)


def _dither(size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint16, one step of 8 bits deep: without it, dark gradients show as bands."""
    width, height = size
    tile = np.random.default_rng(0).integers(0, 256, (height, width, 1), dtype=np.uint16)
    return np.repeat(tile, 3, axis=2)
