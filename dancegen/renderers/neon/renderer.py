"""Stage, dancer, mirror image, trails and bloom put together, frame by frame.

Everything soft is worked out on coarse layers and only the dancer at full size: that is what makes 720p real-time on two
cores. Layers hold linear light (1 is bright); an exponential curve turns their sum into pixels, so that light burns out
softly to white as on film.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dancegen.errors import InputError
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.light import Moment, SongLight
from dancegen.renderers.neon.body import Body, frame_body
from dancegen.renderers.neon.figure import Figure, draw_figure
from dancegen.renderers.neon.palette import Palette, palette_at
from dancegen.renderers.neon.stage import Stage

EXPOSURE = 1.55
TRAIL_S = (0.20, 0.13, 0.26)  # after-images fade to 1/e in this time, by channel: they cool from white to violet
ECHO_S = 0.5  # the outline that a beat leaves fades in this time
MIRROR = 0.42
SMALLEST_SIDE = 64


class NeonRenderer:
    """The default look of a dance."""

    def frames(
        self, sequence: PoseSequence, light: SongLight, *, size: tuple[int, int], fps: float
    ) -> Iterator[np.ndarray]:
        """Yield (height, width, 3) uint8 RGB frames: as many as `sequence.resample(fps)` has.

        Raises InputError for a size too small to see a dancer in.
        """
        if min(size) < SMALLEST_SIDE:
            raise InputError(f"{size[0]}x{size[1]} is too small for a dancer: each side needs {SMALLEST_SIDE} pixels.")
        resampled = sequence.resample(fps)
        if not len(resampled):
            return
        body = frame_body(resampled, size)
        painter = _Painter(size, fps, body)
        for frame, moment in enumerate(light.sampled(np.arange(len(resampled)) / fps)):
            yield painter.paint(frame, moment)


class _Painter:
    """Holds what one frame hands on to the next: the trails."""

    def __init__(self, size: tuple[int, int], fps: float, body: Body) -> None:
        width, height = size
        self.size, self.body, self.fps = size, body, fps
        self.stage = Stage(size, body.stature, body.floor_y)
        self._half = (width // 2, height // 2)
        self._trail = np.zeros((height // 2, width // 2, 3), np.float32)
        self._fade = np.exp(-1 / (np.array(TRAIL_S) * fps)).astype(np.float32)
        self._vignette = _vignette(self._half)
        self._grain = _grain(size)

    def paint(self, frame: int, moment: Moment) -> np.ndarray:
        """(height, width, 3) uint8."""
        import cv2

        palette = palette_at(moment.time_s)
        figure = draw_figure(self.body, frame, palette, float(moment.pulse), self.size)
        ground, camera = float(self.body.ground[frame]), float(self.body.camera[frame])
        soft = self.stage.haze(moment, palette, ground)
        halved = self._halved(figure)
        if halved is not None:
            soft += self._wide_bloom(halved, soft.shape[1::-1], moment)
        light = cv2.resize(soft, self._half, interpolation=cv2.INTER_LINEAR)
        self.stage.draw_lines(light, moment, palette, camera, ground)
        light += self._trail
        if halved is not None:
            self._mirror(light, halved)
            light += self._near_bloom(halved, moment)
        self._age_trail(halved, moment)
        return self._developed(light, figure)

    def _halved(self, figure: Figure | None) -> np.ndarray | None:
        """The dancer alone on a half-size layer."""
        import cv2

        if figure is None:
            return None
        layer = np.zeros((self._half[1], self._half[0], 3), np.float32)
        rows, columns = figure.patch.window
        # Even corners, so that halving does not shift the dancer by half a pixel from frame to frame.
        top, left = rows.start % 2, columns.start % 2
        colour = figure.colour[top:, left:]
        height, width = colour.shape[0] // 2, colour.shape[1] // 2
        if not (height and width):
            return None
        small = cv2.resize(colour[: height * 2, : width * 2], (width, height), interpolation=cv2.INTER_AREA)
        y, x = (rows.start + top) // 2, (columns.start + left) // 2
        target = layer[y : y + height, x : x + width]
        target[:] = small[: target.shape[0], : target.shape[1]]
        return layer

    def _wide_bloom(self, halved: np.ndarray, coarse: tuple[int, int], moment: Moment) -> np.ndarray:
        import cv2

        small = cv2.resize(halved, coarse, interpolation=cv2.INTER_AREA)
        sigma = max(0.055 * self.body.stature / 8, 0.6)
        return cv2.GaussianBlur(small, (0, 0), sigma) * np.float32(0.75 + 0.7 * moment.pulse)

    def _near_bloom(self, halved: np.ndarray, moment: Moment) -> np.ndarray:
        import cv2

        quarter = cv2.resize(halved, (self._half[0] // 2, self._half[1] // 2), interpolation=cv2.INTER_AREA)
        sigma = max(0.013 * self.body.stature / 4, 0.6)
        bloom = cv2.GaussianBlur(quarter, (0, 0), sigma)
        bloom *= np.float32(0.55 + 0.55 * moment.pulse)
        return cv2.resize(bloom, self._half, interpolation=cv2.INTER_LINEAR)

    def _mirror(self, light: np.ndarray, halved: np.ndarray) -> None:
        """The floor's image of the dancer: upside down from the soles, blurred, and paler the further down."""
        import cv2

        line = round(self.body.floor_y / 2)
        depth = min(light.shape[0] - line, line)
        if depth <= 0:
            return
        image = cv2.blur(halved[line - depth : line][::-1], (5, 3))
        paler = np.exp(-np.arange(depth, dtype=np.float32) / np.float32(0.16 * self.body.stature))
        light[line : line + depth] += image * (paler * np.float32(MIRROR))[:, None, None]

    def _age_trail(self, halved: np.ndarray | None, moment: Moment) -> None:
        import cv2

        self._trail *= self._fade
        self._trail = cv2.blur(self._trail, (3, 3))
        if halved is not None:
            np.maximum(self._trail, halved * np.float32(0.20 + 0.35 * moment.pulse), out=self._trail)

    def _developed(self, light: np.ndarray, figure: Figure | None) -> np.ndarray:
        """Linear light to pixels: film curve, vignette, full size, the dancer on top, grain against banding."""
        import cv2

        light *= np.float32(-EXPOSURE)
        np.exp(light, out=light)
        np.subtract(1, light, out=light)
        light *= self._vignette
        full = cv2.resize(light.astype(np.uint16), self.size, interpolation=cv2.INTER_LINEAR)
        if figure is not None:
            under = full[figure.patch.window]
            shone = (1 - np.exp(figure.colour * np.float32(-1.35 * EXPOSURE))) * np.float32(65000)
            under[:] = np.minimum(under * (1 - figure.cover * np.float32(0.8)) + shone, 65000)
        return cv2.convertScaleAbs(cv2.add(full, self._grain), alpha=1 / 256)


def _vignette(size: tuple[int, int]) -> np.ndarray:
    """(h, w, 1) float32 up to 65000, the scale of the 16-bit picture."""
    width, height = size
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    edge = np.clip(1 - 0.30 * (np.abs(x) ** 3) - 0.22 * (np.abs(y) ** 3), 0, 1)
    return (edge[..., None] * 65000).astype(np.float32)


def _grain(size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint16, one step of 8 bits deep: without it, dark gradients show as bands."""
    width, height = size
    tile = np.random.default_rng(0).integers(0, 256, (height, width, 1), dtype=np.uint16)
    return np.repeat(tile, 3, axis=2)
