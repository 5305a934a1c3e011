"""The neon style: backdrop, dancer, mirror image, trails and bloom, composited frame by frame.

Everything soft is worked out on coarse layers and only the dancer at full size: that makes 720p real-time on two
cores. Layers hold linear light (1 is bright) and are added; the tone mapper turns their sum into pixels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dancegen.errors import InputError
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope, Moment
from dancegen.renderers.skeleton.neon.backdrop import Backdrop
from dancegen.renderers.skeleton.neon.body import Body, frame_body, on_one_stage
from dancegen.renderers.skeleton.neon.figure import draw_figure
from dancegen.renderers.skeleton.neon.palette import Palette, palette_at, tinted
from dancegen.renderers.skeleton.neon.tone_mapper import Dancer, ToneMapper, expose

TRAIL_S = (0.20, 0.13, 0.26)  # after-images fade to 1/e in this time, by channel: they cool from white to violet
TRAIL_GONE_S = 1.6  # after which less than an 8-bit step is left of one
ECHO_S = 0.5  # the outline that a beat leaves fades in this time
MIRROR = 0.42
SMALLEST_SIDE = 64
NOWHERE = (slice(0, 0), slice(0, 0))
AHEAD = 3  # frames whose dancer is drawn in advance
TALLEST = 560  # pixels of body drawn at full detail; a taller one is enlarged, and its glow hides that


class NeonRenderer:
    """The default style."""

    def frames(
        self,
        sequence: PoseSequence,
        envelope: AudioEnvelope,
        *,
        size: tuple[int, int],
        fps: float,
        as_filmed: bool = False,
    ) -> Iterator[np.ndarray]:
        """Yield (height, width, 3) uint8 RGB frames: as many as `sequence.resample(fps)` has. The stage is its own.

        Raises InputError for a size too small to see a dancer in.
        """
        return _drawn(sequence, envelope, size, fps, ToneMapper.mapped)

    def planes(
        self, sequence: PoseSequence, envelope: AudioEnvelope, *, size: tuple[int, int], fps: float
    ) -> Iterator[np.ndarray]:
        """The same frames as planes of Y, Cb and Cr, (height * 3 / 2, width) uint8, in half the time; of even sizes."""
        return _drawn(sequence, envelope, size, fps, ToneMapper.planes)


def _drawn(
    sequence: PoseSequence,
    envelope: AudioEnvelope,
    size: tuple[int, int],
    fps: float,
    to_pixels: Callable[[ToneMapper, np.ndarray, Dancer | None], np.ndarray],
) -> Iterator[np.ndarray]:
    """Every frame of a dance, as the pixels that a tone mapper makes of its light."""
    if min(size) < SMALLEST_SIDE:
        raise InputError(f"{size[0]}x{size[1]} is too small for a dancer: each side needs {SMALLEST_SIDE} pixels.")
    resampled = on_one_stage(sequence).resample(fps)
    if not len(resampled):
        return
    body = frame_body(resampled, size)
    compositor, tone_mapper = _Compositor(size, fps, body), ToneMapper(size)
    moments = envelope.sampled(np.arange(len(resampled)) / fps)
    for frame, (moment, dancer) in enumerate(zip(moments, _dancers(body, moments, size), strict=True)):
        yield to_pixels(tone_mapper, compositor.light(frame, moment, dancer), dancer)


def _dancers(body: Body, moments: list[Moment], size: tuple[int, int]) -> Iterator[Dancer | None]:
    """The dancer of every frame, drawn in a thread of its own while the frame before is put together."""
    detail = min(1.0, TALLEST / body.stature)
    model = body.scaled(detail)
    paper = (int(np.ceil(size[0] * detail)), int(np.ceil(size[1] * detail)))

    def draw(frame: int) -> Dancer | None:
        moment = moments[frame]
        figure = draw_figure(model, frame, palette_at(moment.time_s), float(moment.pulse), paper)
        return None if figure is None else expose(figure, detail, size)

    with ThreadPoolExecutor(1, thread_name_prefix="dancer") as pool:
        ahead = deque(pool.submit(draw, frame) for frame in range(min(AHEAD, len(moments))))
        try:
            for frame in range(len(moments)):
                dancer = ahead.popleft().result()
                if frame + AHEAD < len(moments):
                    ahead.append(pool.submit(draw, frame + AHEAD))
                yield dancer
        finally:
            for waiting in ahead:
                waiting.cancel()


class _Compositor:
    """Composites frames; keeps the trails from one frame to the next."""

    def __init__(self, size: tuple[int, int], fps: float, body: Body) -> None:
        width, height = size
        self.size, self.body, self.fps = size, body, fps
        self.backdrop = Backdrop(size, body.stature, body.floor_y)
        self._half = (width // 2, height // 2)
        self._trail = np.zeros((height // 2, width // 2, 3), np.float32)
        self._dancer, self._dancer_box = np.zeros_like(self._trail), NOWHERE
        fade = np.exp(-1 / (np.array(TRAIL_S) * fps)).astype(np.float32)
        self._fade = np.ascontiguousarray(np.broadcast_to(fade, self._trail.shape))
        self._trail_box = NOWHERE
        self._trailed = deque(maxlen=max(1, round(TRAIL_GONE_S * fps)))  # boxes that a trail is left of
        self._stamp = np.zeros((height // 2, width // 2), np.float32)
        self._stamp_box = NOWHERE
        self._stamped_s, self._stamped_x = -np.inf, 0.0

    def light(self, frame: int, moment: Moment, dancer: Dancer | None) -> np.ndarray:
        """(height / 2, width / 2, 3) float32: all the light of a frame but that of the dancer as such."""
        import cv2

        palette = palette_at(moment.time_s)
        ground, camera = float(self.body.ground[frame]), float(self.body.camera[frame])
        soft = self.backdrop.haze(moment, palette, ground)
        self._place(dancer)
        if dancer is not None:
            soft += self._wide_bloom(soft.shape[1::-1], moment)
        light = cv2.resize(soft, self._half, interpolation=cv2.INTER_LINEAR)
        self.backdrop.draw_lines(light, moment, palette, camera, ground)
        light[self._trail_box] += self._trail[self._trail_box]
        self._echo(light, dancer, moment, palette, ground)
        if dancer is not None:
            self._mirror(light, dancer)
            self._near_bloom(light, dancer, moment)
        self._age_trail(dancer, moment)
        return light

    def _place(self, dancer: Dancer | None) -> None:
        """Put the dancer, and nothing else, on the layer that mirror image and bloom are made of."""
        self._dancer[self._dancer_box] = 0
        self._dancer_box = NOWHERE if dancer is None else dancer.box
        if dancer is not None:
            self._dancer[dancer.box] = dancer.halved

    def _wide_bloom(self, coarse: tuple[int, int], moment: Moment) -> np.ndarray:
        import cv2

        small = cv2.resize(self._dancer, coarse, interpolation=cv2.INTER_AREA)
        sigma = max(0.055 * self.body.stature / 8, 0.6)
        return cv2.GaussianBlur(small, (0, 0), sigma) * np.float32(0.75 + 0.7 * moment.pulse)

    def _near_bloom(self, light: np.ndarray, dancer: Dancer, moment: Moment) -> None:
        import cv2

        sigma = max(0.013 * self.body.stature / 4, 0.6)
        # Blurred further than this, nothing is left of an 8-bit step. Even bounds halve as the whole layer would.
        near = _grown(dancer.box, 2 * (int(5 * sigma) + 2), self._half)
        around = self._dancer[near]
        height, width = around.shape[:2]
        # An odd layer gets one more row or column, so that a quarter is a quarter wherever the box begins and ends.
        around = cv2.copyMakeBorder(around, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        quarter = cv2.resize(around, (around.shape[1] // 2, around.shape[0] // 2), interpolation=cv2.INTER_AREA)
        bloom = cv2.GaussianBlur(quarter, (0, 0), sigma)
        bloom *= np.float32(0.55 + 0.55 * moment.pulse)
        light[near] += cv2.resize(bloom, around.shape[1::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]

    def _mirror(self, light: np.ndarray, dancer: Dancer) -> None:
        """The floor's image of the dancer: upside down from the soles, blurred, and paler the further down."""
        import cv2

        line = round(self.body.floor_y / 2)
        depth = min(light.shape[0] - line, line)
        if depth <= 0:
            return
        columns = _grown(dancer.box, 4, self._half)[1]
        image = cv2.blur(self._dancer[line - depth : line, columns][::-1], (5, 3))
        paler = np.exp(-np.arange(depth, dtype=np.float32) / np.float32(0.16 * self.body.stature))
        light[line : line + depth, columns] += image * (paler * np.float32(MIRROR))[:, None, None]

    def _echo(self, light: np.ndarray, dancer: Dancer | None, moment: Moment, palette: Palette, ground: float) -> None:
        """The pose of the last beat stays behind as a shape of light that grows a little and goes out."""
        import cv2

        age = float(moment.ages[0])
        if age > 3 * ECHO_S:
            return
        if dancer is not None and moment.time_s - age > self._stamped_s + 1e-6:
            self._stamped_s = moment.time_s - age
            self._stamp[self._stamp_box], self._stamped_x = 0, ground
            red, green, blue = cv2.split(dancer.halved)
            self._stamp[dancer.box] = cv2.max(cv2.max(red, green), blue)
            self._stamp_box = dancer.box
        grown = 1 + 0.10 * age / ECHO_S
        centre = (self._stamped_x / 2, (self.body.floor_y - 0.5 * self.body.stature) / 2)
        turn = cv2.getRotationMatrix2D(centre, 0, grown)
        rows, columns = _enlarged(self._stamp_box, centre, grown, self._half)
        extent = (columns.stop - columns.start, rows.stop - rows.start)
        if min(extent) <= 0:
            return
        turn[:, 2] -= columns.start, rows.start
        echo = cv2.warpAffine(self._stamp, turn, extent)
        strength = np.float32(0.34 * np.exp(-age / ECHO_S) * min(age / 0.12, 1.0))
        light[rows, columns] += tinted(echo, palette.spine * strength)

    def _age_trail(self, dancer: Dancer | None, moment: Moment) -> None:
        import cv2

        self._trailed.append(NOWHERE if dancer is None else dancer.box)
        blurred = int(3 * np.sqrt(len(self._trailed))) + 1  # as far as so many blurs carry light
        before, box = self._trail_box, _grown(_around(self._trailed), blurred, self._half)
        aged = cv2.blur(self._trail[box] * self._fade[box], (3, 3)) if self._trail[box].size else 0
        self._trail[before] = 0
        self._trail[box] = aged
        self._trail_box = box
        if dancer is not None:
            trail = self._trail[dancer.box]
            np.maximum(trail, dancer.halved * np.float32(0.32 + 0.30 * moment.pulse), out=trail)


def _around(boxes: Iterable[tuple[slice, slice]]) -> tuple[slice, slice]:
    """(rows, columns) round all boxes that are not empty."""
    sides = [
        slice(min(each.start for each in ways), max(each.stop for each in ways))
        for ways in zip(*(box for box in boxes if box != NOWHERE), strict=True)
    ]
    return (sides[0], sides[1]) if sides else NOWHERE


def _enlarged(
    box: tuple[slice, slice], centre: tuple[float, float], scale: float, size: tuple[int, int]
) -> tuple[slice, slice]:
    """(rows, columns) of what a box becomes that grows about a centre (x, y), on a layer of `size` (width, height)."""
    found = []
    for each, middle, side in zip(box, centre[::-1], size[::-1], strict=True):
        begin, end = ((bound - middle) * scale + middle for bound in (each.start, each.stop))
        found.append(slice(*np.clip([begin - 2, end + 2], 0, side).astype(int).tolist()))
    return found[0], found[1]


def _grown(box: tuple[slice, slice], margin: int, size: tuple[int, int]) -> tuple[slice, slice]:
    """(rows, columns) that reach so many pixels further, to even bounds, on a layer of `size` (width, height)."""
    rows, columns = (
        slice(max(each.start - margin, 0) // 2 * 2, min((each.stop + margin + 1) // 2 * 2, side))
        for each, side in zip(box, size[::-1], strict=True)
    )
    return rows, columns
