"""Tone mapping: linear light to 8-bit pixels, the dancer composited over the backdrop, dither against banding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dancegen.renderers.skeleton.neon.figure import Figure

EXPOSURE = 1.55
DANCER_EXPOSURE = 1.35 * EXPOSURE
OPACITY = 0.8  # the glass of the body lets a little of the backdrop through
FULL = 65_000  # white in the 16-bit picture, with room for the dither
STRIP = 32  # rows that are worked on at once
OPEN = 65_535  # a filter that lets everything through
# BT.709 in the limited range of video: red, green and blue to Y, Cb and Cr, all of them up to FULL.
_LUMA = np.array([0.2126, 0.7152, 0.0722])
_BLUE, _RED = ((np.eye(3)[at] - _LUMA) / (2 * (1 - _LUMA[at])) for at in (2, 0))
TO_PLANES = np.array([_LUMA * (219 / 255), _BLUE * (224 / 255), _RED * (224 / 255)], np.float32)
# Y of black and chroma of grey, in the 16-bit picture. Dither adds half a step on average: here to Y alone, and in a
# frame of red, green and blue to each of these, where a step is larger.
DARKEST, MIDDLE = np.float32(16 * 256 + 127.5 * (219 / 255 - 1)), 128 * 256


@dataclass(frozen=True)
class Dancer:
    """The dancer ready to be composited over the backdrop.

    window: (rows, columns) of the frame, with even bounds but at the edges of an odd frame. shone, through: (h, w, 3)
    uint16, light that the dancer adds and share of the backdrop behind that is left. halved: the dancer's linear light
    alone at half size, (h, w, 3) float32; box: (rows, columns) of the half-size frame that it fills.
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
    colour = cv2.merge(list(figure.colour))
    shone = cv2.exp(colour * np.float32(-DANCER_EXPOSURE))
    np.subtract(1, shone, out=shone)
    shone *= np.float32(FULL)
    shone = shone.astype(np.uint16)
    corner = (figure.patch.left, figure.patch.top)
    half = (size[0] // 2, size[1] // 2)
    box = _covered(corner, colour.shape, detail * 2, half, margin=1)
    if detail == 1 and not (size[0] % 2 or size[1] % 2):  # an even patch: means of four pixels
        box = (
            slice(corner[1] // 2, corner[1] // 2 + len(colour) // 2),
            slice(corner[0] // 2, corner[0] // 2 + colour.shape[1] // 2),
        )
        halved = cv2.resize(colour, (colour.shape[1] // 2, len(colour) // 2), interpolation=cv2.INTER_AREA)
        return Dancer(figure.patch.window, shone, through, halved, box)
    halved = _placed(colour, corner, detail * 2, box, 0)
    if detail == 1:
        return Dancer(figure.patch.window, shone, through, halved, box)
    window = _covered(corner, shone.shape, detail, size, step=2)
    shone = _placed(shone, corner, detail, window, 0)
    through = _placed(through, corner, detail, window, OPEN)
    return Dancer(window, shone, through, halved, box)


def _covered(
    corner: tuple[int, int], shape: tuple[int, ...], scale: float, size: tuple[int, int], margin: int = 0, step: int = 1
) -> tuple[slice, slice]:
    """(rows, columns) of a canvas of `size` that a picture at `corner` covers, both in pixels of another scale.

    step: of what the bounds are multiples, unless the canvas ends before.
    """
    low = np.floor(np.array(corner) / scale / step).astype(int) * step - margin
    high = np.ceil((np.array(corner) + shape[1::-1]) / scale / step).astype(int) * step + margin
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

    @cached_property
    def _grey_dither(self) -> np.ndarray:
        return np.repeat(self._dither[..., None], 3, axis=2)

    def mapped(self, light: np.ndarray, dancer: Dancer | None) -> np.ndarray:
        """(height, width, 3) uint8 from a half-size layer of linear light, which is used up."""
        import cv2

        self._expose(light)
        full = cv2.resize(light.astype(np.uint16), self.size, interpolation=cv2.INTER_LINEAR)
        if dancer is not None:
            full[dancer.window] = _behind(full[dancer.window], dancer)
        picture = np.empty(full.shape, np.uint8)
        for rows in _strips(len(full)):
            strip = cv2.add(full[rows], self._grey_dither[rows], dst=full[rows])
            cv2.convertScaleAbs(strip, dst=picture[rows], alpha=1 / 256)
        return picture

    def planes(self, light: np.ndarray, dancer: Dancer | None) -> np.ndarray:
        """The same frame as Y, Cb and Cr planes, (height * 3 / 2, width) uint8: see `VideoWriter.write`.

        Only the dancer is worked out in colour at full size. Both sides of the frame must be even.
        """
        import cv2

        width, height = self.size
        self._expose(light)
        luma, *chroma = (cv2.transform(light, row[None]) for row in TO_PLANES)
        luma += DARKEST
        full = cv2.resize(luma.astype(np.uint16), self.size, interpolation=cv2.INTER_LINEAR)
        if dancer is not None:
            self._lay_over(full, chroma, light, dancer)
        planes = np.empty(width * height * 3 // 2, np.uint8)
        picture = planes[: width * height].reshape(height, width)
        for rows in _strips(height):
            strip = cv2.add(full[rows], self._dither[rows], dst=full[rows])
            cv2.convertScaleAbs(strip, dst=picture[rows], alpha=1 / 256)
        for plane, into in zip(chroma, planes[width * height :].reshape(2, height // 2, width // 2), strict=True):
            cv2.convertScaleAbs(plane, dst=into, alpha=1 / 256, beta=MIDDLE / 256)
        return planes.reshape(height * 3 // 2, width)

    def _lay_over(self, full: np.ndarray, chroma: list[np.ndarray], light: np.ndarray, dancer: Dancer) -> None:
        """Put the dancer into the planes of a frame whose backdrop is `light`, which is mapped."""
        import cv2

        rows, columns = dancer.window
        halved = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
        if not full[dancer.window].size:
            return
        around = tuple(slice(max(each.start - 1, 0), each.stop + 1) for each in halved)
        behind = light[around].astype(np.uint16)
        behind = cv2.resize(behind, (behind.shape[1] * 2, behind.shape[0] * 2), interpolation=cv2.INTER_LINEAR)
        top, left = rows.start - 2 * around[0].start, columns.start - 2 * around[1].start
        behind = behind[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
        shown = _behind(behind, dancer).astype(np.float32)
        full[dancer.window] = cv2.transform(shown, TO_PLANES[:1]) + DARKEST
        small = cv2.resize(shown, (shown.shape[1] // 2, shown.shape[0] // 2), interpolation=cv2.INTER_AREA)
        for plane, row in zip(chroma, TO_PLANES[1:], strict=True):
            plane[halved] = cv2.transform(small, row[None])

    def _expose(self, light: np.ndarray) -> None:
        """Turn linear light, in place, into brightness up to FULL."""
        import cv2

        for rows in _strips(len(light)):
            strip = light[rows]
            strip *= np.float32(-EXPOSURE)
            cv2.exp(strip, dst=strip)
            np.subtract(1, strip, out=strip)
            strip *= self._vignette[rows]


def _behind(backdrop: np.ndarray, dancer: Dancer) -> np.ndarray:
    """(h, w, 3) uint16: the dancer in front of the backdrop of their window, which shows through."""
    import cv2

    shown = cv2.add(cv2.multiply(backdrop, dancer.through, scale=1 / OPEN), dancer.shone)
    return cv2.threshold(shown, FULL, FULL, cv2.THRESH_TRUNC)[1]


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
    """(height, width) uint16, one step of 8 bits deep: without it, dark gradients show as bands."""
    width, height = size
    return np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint16)
