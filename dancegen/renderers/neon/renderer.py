"""Stage, dancer, mirror image, trails and bloom put together, frame by frame.

Everything soft is worked out on coarse layers and only the dancer at full size: that makes 720p real-time on two
cores. Layers hold linear light (1 is bright); an exponential curve turns their sum into pixels, so that light burns out
softly to white as on film.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dancegen.errors import InputError
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.light import Moment, SongLight
from dancegen.renderers.neon.body import Body, frame_body
from dancegen.renderers.neon.figure import Figure, draw_figure
from dancegen.renderers.neon.palette import Palette, palette_at, tinted
from dancegen.renderers.neon.stage import Stage

EXPOSURE = 1.55
TRAIL_S = (0.20, 0.13, 0.26)  # after-images fade to 1/e in this time, by channel: they cool from white to violet
ECHO_S = 0.5  # the outline that a beat leaves fades in this time
MIRROR = 0.42
SMALLEST_SIDE = 64
AHEAD = 3  # frames whose dancer is drawn in advance
FULL = 65_000  # white in the 16-bit picture, with room for the grain


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
        moments = light.sampled(np.arange(len(resampled)) / fps)
        for frame, (moment, figure) in enumerate(zip(moments, _figures(body, moments, size), strict=True)):
            yield painter.paint(frame, moment, figure)


def _figures(body: Body, moments: list[Moment], size: tuple[int, int]) -> Iterator[Figure | None]:
    """The dancer of every frame, drawn in a thread of its own while the frame before is put together."""

    def draw(frame: int) -> Figure | None:
        moment = moments[frame]
        return draw_figure(body, frame, palette_at(moment.time_s), float(moment.pulse), size)

    with ThreadPoolExecutor(1, thread_name_prefix="dancer") as pool:
        ahead = deque(pool.submit(draw, frame) for frame in range(min(AHEAD, len(moments))))
        try:
            for frame in range(len(moments)):
                figure = ahead.popleft().result()
                if frame + AHEAD < len(moments):
                    ahead.append(pool.submit(draw, frame + AHEAD))
                yield figure
        finally:
            for waiting in ahead:
                waiting.cancel()


class _Painter:
    """Holds what one frame hands on to the next: the trails."""

    def __init__(self, size: tuple[int, int], fps: float, body: Body) -> None:
        width, height = size
        self.size, self.body, self.fps = size, body, fps
        self.stage = Stage(size, body.stature, body.floor_y)
        self._half = (width // 2, height // 2)
        self._trail = np.zeros((height // 2, width // 2, 3), np.float32)
        fade = np.exp(-1 / (np.array(TRAIL_S) * fps)).astype(np.float32)
        self._fade = np.ascontiguousarray(np.broadcast_to(fade, self._trail.shape))
        self._stamp = np.zeros((height // 2, width // 2), np.float32)
        self._stamped_s, self._stamped_x = -np.inf, 0.0
        self._vignette = _vignette(self._half)
        self._grain = _grain(size)

    def paint(self, frame: int, moment: Moment, figure: Figure | None) -> np.ndarray:
        """(height, width, 3) uint8."""
        import cv2

        palette = palette_at(moment.time_s)
        ground, camera = float(self.body.ground[frame]), float(self.body.camera[frame])
        soft = self.stage.haze(moment, palette, ground)
        halved = self._halved(figure)
        if halved is not None:
            soft += self._wide_bloom(halved, soft.shape[1::-1], moment)
        light = cv2.resize(soft, self._half, interpolation=cv2.INTER_LINEAR)
        self.stage.draw_lines(light, moment, palette, camera, ground)
        light += self._trail
        self._echo(light, halved, moment, palette, ground)
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
        colour = figure.colour[:, top:, left:]
        height, width = colour.shape[1] // 2, colour.shape[2] // 2
        if not (height and width):
            return None
        colour = cv2.merge([np.ascontiguousarray(plane[: height * 2, : width * 2]) for plane in colour])
        small = cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA)
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

    def _echo(
        self, light: np.ndarray, halved: np.ndarray | None, moment: Moment, palette: Palette, ground: float
    ) -> None:
        """The pose of the last beat stays behind as a shape of light that grows a little and goes out."""
        import cv2

        age = float(moment.ages[0])
        if age > 3 * ECHO_S:
            return
        if halved is not None and moment.time_s - age > self._stamped_s + 1e-6:
            self._stamped_s = moment.time_s - age
            self._stamp, self._stamped_x = halved.max(axis=2), ground
        grown = 1 + 0.10 * age / ECHO_S
        centre = (self._stamped_x / 2, (self.body.floor_y - 0.5 * self.body.stature) / 2)
        turn = cv2.getRotationMatrix2D(centre, 0, grown)
        echo = cv2.warpAffine(self._stamp, turn, self._half)
        strength = np.float32(0.34 * np.exp(-age / ECHO_S) * min(age / 0.12, 1.0))
        light += tinted(echo, palette.spine * strength)

    def _age_trail(self, halved: np.ndarray | None, moment: Moment) -> None:
        import cv2

        self._trail *= self._fade
        self._trail = cv2.blur(self._trail, (3, 3))
        if halved is not None:
            np.maximum(self._trail, halved * np.float32(0.32 + 0.30 * moment.pulse), out=self._trail)

    def _developed(self, light: np.ndarray, figure: Figure | None) -> np.ndarray:
        """Linear light to pixels: film curve, vignette, full size, the dancer on top, grain against banding."""
        import cv2

        light *= np.float32(-EXPOSURE)
        np.exp(light, out=light)
        np.subtract(1, light, out=light)
        light *= self._vignette
        full = cv2.resize(light.astype(np.uint16), self.size, interpolation=cv2.INTER_LINEAR)
        if figure is not None:
            _lay(figure, full[figure.patch.window])
        return cv2.convertScaleAbs(cv2.add(full, self._grain), alpha=1 / 256)


def _lay(figure: Figure, under: np.ndarray) -> None:
    """Put the dancer over the 16-bit picture (h, w, 3); the glass of the body lets a little of it through."""
    through = 1 - figure.cover * np.float32(0.8)
    shone = np.exp(figure.colour * np.float32(-1.35 * EXPOSURE))
    np.subtract(1, shone, out=shone)
    shone *= np.float32(FULL)
    for channel in range(3):
        plane = under[..., channel] * through
        plane += shone[channel]
        under[..., channel] = np.minimum(plane, np.float32(FULL), out=plane)


def _vignette(size: tuple[int, int]) -> np.ndarray:
    """(h, w, 3) float32 up to FULL, the scale of the 16-bit picture."""
    width, height = size
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    edge = np.clip(1 - 0.30 * (np.abs(x) ** 3) - 0.22 * (np.abs(y) ** 3), 0, 1)
    return np.repeat((edge[..., None] * FULL).astype(np.float32), 3, axis=2)


def _grain(size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) uint16, one step of 8 bits deep: without it, dark gradients show as bands."""
    width, height = size
    tile = np.random.default_rng(0).integers(0, 256, (height, width, 1), dtype=np.uint16)
    return np.repeat(tile, 3, axis=2)
