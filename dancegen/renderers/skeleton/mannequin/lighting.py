"""What colour a surface is in the studio: a broad key light with its shade, a second one, sky and floor. By Numba."""

from __future__ import annotations

import numpy as np
from numba import njit

UNDER = -0.004
"""Metres under the floor from which on nothing is seen."""
WRAP, LIFT, BIAS = 0.30, 0.012, 0.010
"""How far the key light reaches round an edge; metres off the surface at which its shade is looked for."""
KEY, FILL, SHINE, EDGE, NEAR_FLOOR = 0.95, 0.48, 0.10, 0.08, 0.75
"""Strength of the lights, of the gloss, of the light at edges, and of the shade just over the floor."""
SHADE = 0.72
"""How much of the key light a part of the body keeps from another."""
HIGH = 0.8
"""Metres over the floor from which on it shades nothing."""
TONES = 512
"""Entries of `TONE` for a light of 1."""
_LEVEL = np.arange(4 * TONES) / TONES
TONE = 255 * np.minimum(np.sqrt(_LEVEL * (1 + 0.12 * _LEVEL) / (1 + 0.55 * _LEVEL)), 1.0)
"""What screens are given for linear light: what is bright stays below white."""
FLAT = 0.02
"""Of its distance: so much may the samples of a pixel differ in depth to be coloured as one."""


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"arcp", "contract", "nnan", "nsz", "reassoc"})
def light(
    nearest: np.ndarray, turned: np.ndarray, ways: np.ndarray, eye: np.ndarray, key: np.ndarray, other: np.ndarray,
    to_map: np.ndarray, shadows: np.ndarray, albedo: np.ndarray, sky: np.ndarray, floor: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Colour what is seen: `out` (H, W, 4) float32, RGB of 0 to 255 as screens show them, of what is covered, and the
    share of each pixel that is.

    nearest, turned: see `rasteriser.fill`, of N x N samples for each pixel. A pixel whose samples lie on one surface is
    coloured once, any other sample by sample. ways: (3, 3), ways[0] * column + ways[1] * row + ways[2] leads from the
    eye one metre ahead to a sample. key, other: unit vectors (3,) to the lights. to_map: (3, 4) from a place in the
    room to column, row and nearness in `shadows`, what the key light sees. albedo, sky, floor: linear RGB (3,), of the
    figure and of what shines on it from above and below. Nothing is seen under the floor, at a height of 0.
    """
    height, width = out.shape[:2]
    finer = nearest.shape[0] // height
    whole = finer * finer
    colour = np.zeros(3, np.float64)
    for row in range(height):
        for column in range(width):
            count, low, high, at_row, at_column = 0, np.inf, 0.0, 0, 0
            mean, nx, ny, nz = 0.0, 0.0, 0.0, 0.0
            for r in range(row * finer, (row + 1) * finer):
                for c in range(column * finer, (column + 1) * finer):
                    near = nearest[r, c]
                    if near > 0:
                        count, at_row, at_column = count + 1, at_row + r, at_column + c
                        low, high, mean = min(low, near), max(high, near), mean + near
                        nx, ny, nz = nx + turned[r, c, 0], ny + turned[r, c, 1], nz + turned[r, c, 2]
            if count == 0:
                continue
            if high - low < FLAT * high:
                if _shade(
                    mean / count, at_row / count, at_column / count, nx, ny, nz, ways, eye, key, other, to_map, shadows,
                    albedo, sky, floor, colour,
                ):  # fmt: skip
                    share = count / whole
                    for channel in range(3):
                        out[row, column, channel] = share * colour[channel]
                    out[row, column, 3] = share
                continue
            for r in range(row * finer, (row + 1) * finer):
                for c in range(column * finer, (column + 1) * finer):
                    if nearest[r, c] > 0 and _shade(
                        nearest[r, c], r, c, turned[r, c, 0], turned[r, c, 1], turned[r, c, 2], ways, eye, key, other,
                        to_map, shadows, albedo, sky, floor, colour,
                    ):  # fmt: skip
                        for channel in range(3):
                            out[row, column, channel] += colour[channel] / whole
                        out[row, column, 3] += 1 / whole


@njit(inline="always")
def _shade(
    near: float, row: float, column: float, nx: float, ny: float, nz: float, ways: np.ndarray, eye: np.ndarray,
    key: np.ndarray, other: np.ndarray, to_map: np.ndarray, shadows: np.ndarray, albedo: np.ndarray, sky: np.ndarray,
    floor: np.ndarray, colour: np.ndarray,
) -> bool:  # fmt: skip
    """Write the colour of a surface that is seen at a sample; False where that is under the floor."""
    far = 1 / near
    wx = ways[0, 0] * column + ways[1, 0] * row + ways[2, 0]
    wy = ways[0, 1] * column + ways[1, 1] * row + ways[2, 1]
    wz = ways[0, 2] * column + ways[1, 2] * row + ways[2, 2]
    px, py, pz = eye[0] + far * wx, eye[1] + far * wy, eye[2] + far * wz
    if py < UNDER and eye[1] > 0:
        return False
    size = 1 / (np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9)
    nx, ny, nz = nx * size, ny * size, nz * size
    size = -1 / np.sqrt(wx * wx + wy * wy + wz * wz)
    vx, vy, vz = wx * size, wy * size, wz * size
    lit = (nx * key[0] + ny * key[1] + nz * key[2] + WRAP) / (1 + WRAP)
    lit = max(lit, 0.0)
    if lit > 0:  # looked for a little off the surface, so that it does not shade itself
        lit *= 1 - SHADE * _shaded(px + LIFT * nx, py + LIFT * ny, pz + LIFT * nz, to_map, shadows)
    second = max((nx * other[0] + ny * other[1] + nz * other[2] + 0.4) / 1.4, 0.0)
    up = 0.5 + 0.5 * ny
    open_ = 1 - NEAR_FLOOR * np.exp(-max(py, 0.0) / 0.10) * (1 - up) if py < HIGH else 1.0
    hx, hy, hz = vx + key[0], vy + key[1], vz + key[2]
    shine, towards = 0.0, nx * hx + ny * hy + nz * hz
    if lit > 0 and towards > 0:
        shine = towards * towards / (hx * hx + hy * hy + hz * hz)  # the cosine squared
        shine = shine * shine
        shine = shine * shine
        shine = SHINE * lit * shine * shine
    edge = EDGE * (1 - max(nx * vx + ny * vy + nz * vz, 0.0)) ** 3 * (0.35 + 0.65 * up)
    for channel in range(3):
        ambient = (floor[channel] * (1 - up) + sky[channel] * up) * open_
        level = albedo[channel] * (ambient + KEY * lit + FILL * second) + shine + edge * sky[channel]
        place = level * TONES
        left = min(int(place), len(TONE) - 2)
        colour[channel] = TONE[left] + (place - left) * (TONE[left + 1] - TONE[left])
    return True


@njit(inline="always")
def _shaded(x: float, y: float, z: float, to_map: np.ndarray, shadows: np.ndarray) -> float:
    """0 to 1: how much of a neighbourhood of 4 x 4 texels round a place has something before it."""
    tall, wide = shadows.shape
    column = to_map[0, 0] * x + to_map[0, 1] * y + to_map[0, 2] * z + to_map[0, 3]
    row = to_map[1, 0] * x + to_map[1, 1] * y + to_map[1, 2] * z + to_map[1, 3]
    own = to_map[2, 0] * x + to_map[2, 1] * y + to_map[2, 2] * z + to_map[2, 3] + BIAS
    left, top = int(np.floor(column)), int(np.floor(row))
    if left < 1 or top < 1 or left + 2 >= wide or top + 2 >= tall:
        return 0.0
    across, down = column - left, row - top
    closed = 0.0
    for step in range(-1, 3):
        weight = 1 - down if step == -1 else down if step == 2 else 1.0
        before = 1.0 if shadows[top + step, left - 1] > own else 0.0
        after = 1.0 if shadows[top + step, left + 2] > own else 0.0
        one = 1.0 if shadows[top + step, left] > own else 0.0
        two = 1.0 if shadows[top + step, left + 1] > own else 0.0
        closed += weight * (before + one + two + across * (after - before))
    return closed / 9


@njit(cache=True, nogil=True, error_model="numpy")
def lay_over(picture: np.ndarray, seen: np.ndarray) -> None:
    """Put a figure (H, W, 4) float32, colours of 0 to 255 of what is covered and its share, over (H, W, 3) uint8."""
    height, width = seen.shape[:2]
    for row in range(height):
        for column in range(width):
            share = seen[row, column, 3]
            if share > 0:
                for channel in range(3):
                    level = picture[row, column, channel] * (1 - share) + seen[row, column, channel]
                    picture[row, column, channel] = np.uint8(min(level + 0.5, 255.0))
