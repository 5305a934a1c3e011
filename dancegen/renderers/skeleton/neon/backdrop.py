"""The backdrop: night sky, haze, beams, a ring that shows the spectrum, and a floor with waves on the beat."""

from __future__ import annotations

import numpy as np

from dancegen.renderers.skeleton.audio_envelope import N_BANDS, Moment
from dancegen.renderers.skeleton.neon.palette import Palette, tinted

HORIZON = 0.705  # of the frame's height
BEAMS = ((0.10, -0.16), (0.32, 0.10), (0.68, -0.10), (0.90, 0.16))  # where they hang, how far they lean
RING_RADIUS, RING_REACH = 0.33, 0.15  # of the body's height
RING_CENTRE = 0.60  # of the body's height over the floor
TICKS = 96  # bars round the ring
WAVE_SPEED, WAVE_S = 1.25, 0.55  # body heights a second, and fading to 1/e
CELL = 0.26  # floor grid, of the body's height
DEPTH = 1.15  # how much floor a pixel of height holds


class Backdrop:
    """Everything but the dancer, in linear light where 1 is bright: a coarse layer of haze and a finer one of lines.

    size: (width, height) of the frame. stature, floor_y: the body's height and the floor it stands on, in pixels.
    """

    def __init__(self, size: tuple[int, int], stature: float, floor_y: float) -> None:
        width, height = size
        self.size, self.stature, self.floor_y = size, stature, floor_y
        self.coarse = (max(width // 8, 1), max(height // 8, 1))
        self.fine = (width // 2, height // 2)
        self.horizon = min(HORIZON * height, floor_y - 0.08 * height)
        self._prepare_haze()
        self._prepare_ring()
        self._prepare_floor()

    def haze(self, moment: Moment, palette: Palette, ground: float) -> np.ndarray:
        """Sky, glow and beams, (h / 8, w / 8, 3) float32: all that has no edges."""
        beat, loud = np.float32(moment.pulse), np.float32(moment.energy)
        glow = np.float32(0.09 + 0.15 * loud + 0.55 * beat)
        light = tinted(self._sky, palette.night * 0.9)
        light += tinted(self._halo, palette.haze * glow)
        light += tinted(self._mist, palette.floor * np.float32(0.14 + 0.16 * loud + 0.34 * beat))
        for index, (beam, side) in enumerate(zip(BEAMS, (0, 1, 0, 1), strict=True)):
            tint = palette.right if side == 0 else palette.left
            light += tinted(self._beam(beam, index, moment), tint * np.float32(0.05 + 0.15 * loud + 0.30 * beat))
        pool = np.float32(0.25 + 0.20 * loud + 0.50 * beat) * (palette.spine * np.float32(0.7) + np.float32(0.15))
        light += tinted(self._pool(ground), pool)
        return light

    def draw_lines(self, light: np.ndarray, moment: Moment, palette: Palette, camera: float, ground: float) -> None:
        """Add ring, grid and waves to a (h / 2, w / 2, 3) float32 layer."""
        self._draw_ring(light, moment, palette, camera)
        self._draw_floor(light, moment, palette, camera, ground)

    def _prepare_haze(self) -> None:
        (width, height), (columns, rows) = self.size, self.coarse
        x = ((np.arange(columns, dtype=np.float32) + 0.5) * (width / columns))[None]
        y = ((np.arange(rows, dtype=np.float32) + 0.5) * (height / rows))[:, None]
        self._x, self._y = x, y
        centre_y = self.floor_y - RING_CENTRE * self.stature
        above = np.clip((self.horizon - y) / self.horizon, 0, 1)
        self._sky = np.broadcast_to(0.35 + 0.65 * (1 - above) ** 2, (rows, columns)).astype(np.float32)
        self._sky = np.where(y > self.horizon, self._sky * 0.8, self._sky).astype(np.float32)
        away = np.hypot(x - width / 2, (y - centre_y)) / self.stature
        self._halo = (np.exp(-((away / 0.50) ** 2)) * 0.8 + np.exp(-((away / 1.0) ** 2)) * 0.35).astype(np.float32)
        self._mist = np.exp(-(((y - self.horizon) / (0.045 * height)) ** 2)) * np.exp(
            -(((x - width / 2) / (0.55 * width)) ** 2)
        )
        self._mist = self._mist.astype(np.float32)

    def _beam(self, beam: tuple[float, float], index: int, moment: Moment) -> np.ndarray:
        """One spotlight from above, swaying slowly: bright along its axis, thinner towards the floor."""
        place, lean = beam
        width, height = self.size
        sway = 0.16 * np.sin(moment.time_s * (0.55 + 0.07 * index) + 1.7 * index)
        top = -0.12 * height
        fall = (self._y - top) / height
        axis = place * width - (lean + sway) * -1.0 * (self._y - top)
        spread = (0.012 + 0.060 * fall) * max(width, 0.7 * height)
        off = (self._x - axis) / spread
        ray = np.exp(-off * off) * np.clip(1.15 - 0.95 * fall, 0, 1)
        return np.where(self._y < self.horizon * 1.02, ray, ray * 0.25).astype(np.float32)

    def _pool(self, ground: float) -> np.ndarray:
        """The light that the dancer throws on the floor, (h / 8, w / 8)."""
        away_x = (self._x - np.float32(ground)) / np.float32(0.30 * self.stature)
        away_y = (self._y - np.float32(self.floor_y)) / np.float32(0.055 * self.stature)
        pool = np.exp(-(away_x * away_x) - away_y * away_y)
        return np.where(self._y > self.horizon, pool, 0).astype(np.float32)

    def _prepare_ring(self) -> None:
        """Polar coordinates about the ring's centre, on the part of the fine layer that it can reach."""
        self._ring_x, self._ring_y = self.fine[0] / 2, (self.floor_y - RING_CENTRE * self.stature) / 2
        reach = (RING_RADIUS + RING_REACH + 0.05) * self.stature / 2
        span = int(reach) * 2 + 1
        offset = np.arange(span, dtype=np.float32) - int(reach)
        away = np.hypot(offset[None], offset[:, None]) * np.float32(2 / self.stature)
        angle = np.arctan2(offset[None], -offset[:, None])  # 0 at the top, mirrored left and right
        turn = angle / (2 * np.pi) * TICKS
        self._ring_tick = np.abs(np.round(turn)).astype(np.int32)
        off_tick = np.abs(turn - np.round(turn)) * (2 * np.pi / TICKS) * away * self.stature / 2
        self._ring_bar = np.clip(1.6 - off_tick / (0.0022 * self.stature), 0, 1).astype(np.float32)
        self._ring_away = away
        rows = (self._ring_y + offset) * 2
        sunk = np.clip((self.horizon - rows) / (0.05 * self.size[1]), 0, 1)  # it sets behind the horizon
        self._ring_bar *= sunk[:, None]
        self._ring_shown = (0.15 + 0.85 * sunk)[:, None].astype(np.float32)

    def _draw_ring(self, light: np.ndarray, moment: Moment, palette: Palette, camera: float) -> None:
        levels = np.interp(np.linspace(0, N_BANDS - 1, TICKS // 2 + 1), np.arange(N_BANDS), moment.bands[::-1])
        radius = np.float32(RING_RADIUS * (1 + 0.05 * moment.pulse))
        reach = np.float32(RING_REACH) * (np.float32(0.10) + np.float32(0.9) * levels.astype(np.float32))
        outside = self._ring_away - radius
        bars = outside * (1 / reach)[self._ring_tick]
        np.subtract(1, bars, out=bars)
        np.clip(bars, 0, 1, out=bars)
        bars *= self._ring_bar * (outside > 0.012)
        bars *= np.float32(0.35 + 0.48 * moment.energy + 0.56 * moment.pulse)
        hoop = np.abs(outside)
        hoop *= np.float32(-1 / 0.0065)
        hoop += 1
        np.maximum(hoop, 0, out=hoop)
        hoop *= self._ring_shown * np.float32(0.30 + 0.90 * moment.pulse)
        bars += hoop
        left = round(self._ring_x - camera * 0.06) - self._ring_away.shape[1] // 2
        top = round(self._ring_y) - self._ring_away.shape[0] // 2
        target, source = _overlap(light, left, top, bars.shape)
        target += tinted(bars[source], palette.haze + np.float32(0.05))

    def _prepare_floor(self) -> None:
        width, height = self.fine
        self._floor_top = int(np.ceil(self.horizon / 2)) + 1
        y = (np.arange(self._floor_top, height, dtype=np.float32)[:, None] + 0.5) * 2
        x = (np.arange(width, dtype=np.float32)[None] + 0.5) * 2
        drop = self.floor_y - self.horizon
        self._far = (drop / (y - self.horizon)).astype(np.float32)  # 1 where the dancer stands
        self._floor_x = ((x - self.size[0] / 2) * self._far / self.stature).astype(np.float32)
        self._floor_z = (DEPTH * (self._far - 1)).astype(np.float32)
        self._fade = np.clip(1.25 - self._far / 5.5, 0, 1) * np.exp(-((self._floor_x / 2.6) ** 2))
        self._fade = self._fade.astype(np.float32)
        # Lines along the view are as wide as their distance lets them look; lines across, as the rows resolve.
        # Where lines crowd closer than they are wide they fade, instead of shimmering.
        lean = np.hypot(1, (x - self.size[0] / 2) / (y - self.horizon))
        line_x = self._far * lean * (2.2 / self.stature)
        self._floor_cell = (self._floor_x / CELL).astype(np.float32)
        self._line_x_inverse = (CELL / line_x).astype(np.float32)
        self._dense_x = np.clip(CELL / (5 * line_x), 0, 1).astype(np.float32)
        slope = np.abs(np.gradient(self._floor_z[:, 0])) if len(y) > 1 else np.ones(1)
        line_z = np.maximum(slope, 1e-4)[:, None] * 1.1
        off_line = np.abs(self._floor_z / CELL % 1 - 0.5) * CELL
        along = np.clip(1 - off_line / line_z, 0, 1) * np.clip(CELL / (5 * line_z), 0, 1)
        self._along = np.broadcast_to(along, self._floor_x.shape).astype(np.float32)

    def _draw_floor(self, light: np.ndarray, moment: Moment, palette: Palette, camera: float, ground: float) -> None:
        # Distance to the nearest line; np.floor is several times faster than the remainder operator.
        across = self._floor_cell + np.float32(camera / self.stature / CELL)
        across -= np.floor(across)
        across -= np.float32(0.5)
        np.abs(across, out=across)
        across *= self._line_x_inverse
        np.subtract(1, across, out=across)
        np.maximum(across, 0, out=across)
        across *= self._dense_x
        grid = np.maximum(across, self._along)
        grid *= np.float32(0.16 + 0.14 * moment.energy + 0.20 * moment.pulse)
        stand = np.float32((ground - self.size[0] / 2) / self.stature)
        from_feet = self._floor_x - stand
        from_feet *= from_feet
        from_feet += self._floor_z * self._floor_z
        np.sqrt(from_feet, out=from_feet)
        grid *= np.float32(0.35) + np.float32(1.3) * np.exp(-from_feet * from_feet * np.float32(1.1))
        waves = np.zeros_like(from_feet)
        for age in moment.ages:
            if age < 4 * WAVE_S:
                waves += self._wave(from_feet, float(age))
        grid += waves * (np.float32(0.35) + grid * 4)
        grid *= self._fade
        floor = light[self._floor_top :]
        floor += tinted(grid, palette.floor)

    def _wave(self, from_feet: np.ndarray, age: float) -> np.ndarray:
        radius = np.float32(0.12 + WAVE_SPEED * age)
        off = (from_feet - radius) * np.float32(1 / (0.035 + 0.05 * age))
        return np.exp(-off * off) * np.float32(1.1 * np.exp(-age / WAVE_S))


def _overlap(layer: np.ndarray, left: int, top: int, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[slice, slice]]:
    """The part of a layer that a picture of `shape` placed at (left, top) covers, and the part of the picture on it."""
    rows = slice(max(top, 0), max(min(top + shape[0], layer.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + shape[1], layer.shape[1]), 0))
    source = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    return layer[rows, columns], source
