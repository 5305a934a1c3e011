"""Tone mapping: linear light to 8-bit pixels, the dancer composited over the backdrop, dither against banding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dancegen.renderers.skeleton.neon.figure import Figure

EXPOSURE = 1.55
DANCER_EXPOSURE = 1.35 * EXPOSURE
OPACITY = 0.8  # the glass of the body lets a little of the backdrop through
FULL = 65_000  # white in the 16-bit picture, with room for the dither
STRIP = 32  # rows that are worked on at once
OPEN = 65_535  # a filter that lets everything through


@dataclass(frozen=True)
class Dancer:
    """The dancer ready to be composited over the backdrop.

    window: (rows, columns) of the frame. shone, through: (h, w, 3) uint16, light that the dancer adds and share of
    the backdrop behind that is left. halved: the dancer's linear light alone on the whole half-size frame, float32;
    box: (rows, columns) of it, beyond which it is 0.
    """

    window: tuple[slice, slice]
    shone: np.ndarray
    through: np.ndarray
    halved: np.ndarray
    box: tuple[slice, slice]


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
    half = (size[0] // 2, size[1] // 2)
    box = _covered(corner, colour.shape, detail * 2, half, margin=1)
    halved = np.zeros((half[1], half[0], 3), np.float32)
    halved[box] = _placed(colour, corner, detail * 2, box, 0)
    if detail == 1:
        return Dancer(figure.patch.window, shone, through, halved, box)
    window = _covered(corner, shone.shape, detail, size)
    shone = _placed(shone, corner, detail, window, 0)
    through = _placed(through, corner, detail, window, OPEN)
    return Dancer(window, shone, through, halved, box)


def _covered(
    corner: tuple[int, int], shape: tuple[int, ...], scale: float, size: tuple[int, int], margin: int = 0
) -> tuple[slice, slice]:
    """(rows, columns) of a canvas of `size` that a picture at `corner` covers, both in pixels of another scale."""
    low = np.floor(np.array(corner) / scale).astype(int) - margin
    high = np.ceil((np.array(corner) + shape[1::-1]) / scale).astype(int) + margin
    left, top = np.clip(low, 0, size).tolist()
    right, bottom = np.clip(high, 0, size).tolist()
    return slice(top, bottom), slice(left, right)


def _placed(
    picture: np.ndarray, corner: tuple[int, int], scale: float, window: tuple[slice, slice], beyond: int
) -> np.ndarray:
    """The window of a canvas of another scale that shows a picture: pixel (x, y) is x * scale - corner of it.

    Exact to a fraction of a pixel, so that the dancer does not jitter against the backdrop; `beyond` fills the rest.
    """
    import cv2

    rows, columns = window
    origin, extent = (columns.start, rows.start), (columns.stop - columns.start, rows.stop - rows.start)
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

        mapped = np.empty(light.shape, np.uint16)
        for rows in _strips(len(light)):
            strip = light[rows]
            strip *= np.float32(-EXPOSURE)
            np.exp(strip, out=strip)
            np.subtract(1, strip, out=strip)
            strip *= self._vignette[rows]
            mapped[rows] = strip
        full = cv2.resize(mapped, self.size, interpolation=cv2.INTER_LINEAR)
        if dancer is not None:
            under = full[dancer.window]
            behind = cv2.multiply(under, dancer.through, scale=1 / OPEN)
            _, under[:] = cv2.threshold(cv2.add(behind, dancer.shone), FULL, FULL, cv2.THRESH_TRUNC)
        picture = np.empty(full.shape, np.uint8)
        for rows in _strips(len(full)):
            strip = cv2.add(full[rows], self._dither[rows], dst=full[rows])
            cv2.convertScaleAbs(strip, dst=picture[rows], alpha=1 / 256)
        return picture


def _strips(rows: int) -> Iterator[slice]:
    """A layer in pieces that stay in a processor's own memory from one step to the next."""
    return (slice(begin, begin + STRIP) for begin in range(0, rows, STRIP))


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
