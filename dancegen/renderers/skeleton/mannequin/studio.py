"""The room round the figure: a floor that goes over into the background, its lines a metre apart, and soft shadows.

All of it is how bright the background's colour is at each pixel, 1 where nothing darkens it. What lies on the floor is
worked out on the floor, seen from the light or from below, and shown by the homography between floor and picture.
"""

from __future__ import annotations

import numpy as np

from dancegen.arrays import unit
from dancegen.renderers.skeleton.mannequin.rasteriser import fill
from dancegen.renderers.skeleton.mannequin.view import View

KEY_WAY = unit(np.array([-0.5, 1.15, 0.62]))
"""To the key light: high, in front of the stage, on the viewer's left."""
REACH = 1.5
"""Metres from the middle of the body to the edge of what is looked at from the light and from below."""
TEXELS = 288
_COARSE = 8
"""Pixels of the picture for one of its smooth layers."""
_FLOOR_M, _POOL, _TOP = 5.5, 0.10, 0.16
"""How far the floor's own light reaches; how much darker the floor is outside it, and the background far up."""
_LINES, _LINE, _LINES_M = 7, 0.055, 3.6
_NEAREST = 0.25
"""Metres ahead of the camera at which lines begin."""
_SHARP_M, _SOFT_M, _SOFTER_M = 0.016, 0.055, 0.35
"""Blur of the shadow of what is low, and of what is high; over so many metres the one goes over into the other."""
_SHADOW, _UNDER, _CONTACT = 0.40, 0.34, 0.55
_WIDE = 4.0
"""Texels of a blur from which on a quarter of them will do."""
_FULL_BELOW = 480
"""Pixels of the shorter side under which shadows are worked out for each pixel."""
_UNDER_M, _CONTACT_M = 0.45, 0.035
"""Height by which what is over the floor shades it less, and touches it no more."""


_NO_NORMALS, _NO_TURNS = np.zeros((0, 3), np.float32), np.zeros((0, 0, 3), np.float32)


class LightMap:
    """What the key light sees of a body: how near to it, at texels across its way."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, way: np.ndarray) -> None:
        across = unit(np.cross([0.0, 1.0, 0.0], way)) if abs(way[1]) < 0.999 else np.array([1.0, 0.0, 0.0])
        middle = vertices.mean(axis=0)
        scale = TEXELS / (2 * REACH)
        rows = np.stack([scale * across, -scale * np.cross(way, across), way])
        shift = np.array([TEXELS / 2, TEXELS / 2, 10.0]) - rows @ middle
        self.matrix = np.concatenate([rows, shift[:, None]], axis=1)
        """(3, 4): from a place in the room to column, row and nearness, which is 0 where nothing is."""
        self.near = np.zeros((TEXELS, TEXELS), np.float32)
        at = (vertices @ rows.T + shift).astype(np.float32)
        x, y, near = np.ascontiguousarray(at.T)
        fill(x, y, near, _NO_NORMALS, faces, self.near, _NO_TURNS)

    def heights(self) -> np.ndarray:
        """(TEXELS, TEXELS) metres over the floor of what is seen; inf where nothing is."""
        inverse = np.linalg.inv(self.matrix[:, :3])
        up, shift = inverse[1].astype(np.float32), (inverse @ self.matrix[:, 3])[1].astype(np.float32)
        texels = np.arange(TEXELS, dtype=np.float32)
        heights = up[2] * self.near + (up[0] * texels - shift) + (up[1] * texels)[:, None]
        return np.where(self.near > 0, np.maximum(heights, 0), np.inf)

    def from_picture(self, view: View) -> np.ndarray:
        """(3, 3): the homography from the picture to texels, of what lies on the floor."""
        on_floor = np.zeros((3, 3))
        on_floor[:2] = self.matrix[:2][:, [0, 2, 3]]
        on_floor[2, 2] = 1
        return on_floor @ view.to_floor

    def corners(self) -> np.ndarray:
        """(4, 3): the corners of what is seen, on the floor."""
        texels = np.array([[0, 0], [TEXELS, 0], [0, TEXELS], [TEXELS, TEXELS]], float)
        flat = np.linalg.solve(self.matrix[:2][:, [0, 2]], (texels - self.matrix[:2, 3]).T).T
        return np.stack([flat[:, 0], np.zeros(4), flat[:, 1]], axis=1)


class Studio:
    """Floor and background of pictures of one size. Where the camera stands still, they are worked out once."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._view: View | None = None
        self._empty = np.zeros(0, np.float32)

    def brightness(self, view: View, middle: np.ndarray, key: LightMap, under: LightMap) -> np.ndarray:
        """(H, W) float32: the room with a body's shadows. middle: (2,) x and z of the lit part of the floor."""
        if not view.same(self._view):
            self._view, self._empty = view, self._room(view, middle)
        shown = self._empty.copy()
        if view.eye[1] > 0:
            _darken(shown, view, key, _cast(key))
            _darken(shown, view, under, _beneath(under))
        return shown

    def _room(self, view: View, middle: np.ndarray) -> np.ndarray:
        """(H, W) float32, without anybody."""
        import cv2

        width, height = self.size
        columns, rows = (np.linspace(0, side - 1, max(2, side // _COARSE)) for side in (width, height))
        x, y = np.meshgrid(columns, rows)
        way = np.stack([x, y, np.ones_like(x)], axis=-1) @ view.ways
        up = way[..., 1] / np.linalg.norm(way, axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(way[..., 1] < -1e-4, -view.eye[1] / way[..., 1], np.inf)
            floor = view.eye[[0, 2]] + far[..., None] * way[..., [0, 2]] - middle
            away = np.where(np.isfinite(far), np.hypot(floor[..., 0], floor[..., 1]), np.inf)
        level = 1 - _POOL * (1 - np.exp(-((away / _FLOOR_M) ** 2))) - _TOP * np.clip(up, 0, 1) ** 0.8
        smooth = cv2.resize(level.astype(np.float32), self.size, interpolation=cv2.INTER_LINEAR)
        if not (up < 0).any():
            return smooth
        lines = np.zeros((height, width), np.uint8)
        self._draw_lines(lines, view, middle)
        floor_at = np.flatnonzero((up < 0).any(axis=1))  # rows of the coarse picture that show some of the floor
        first = int(rows[max(floor_at[0] - 1, 0)])
        faded = cv2.resize(np.exp(-((away / _LINES_M) ** 2)).astype(np.float32), self.size)[first:]
        smooth[first:] -= cv2.multiply(faded, lines[first:], scale=_LINE / 255, dtype=cv2.CV_32F)
        return smooth

    def _draw_lines(self, lines: np.ndarray, view: View, middle: np.ndarray) -> None:
        """Lines on the floor, a metre apart."""
        import cv2

        whole, steps = np.round(middle), np.arange(-_LINES, _LINES + 1)
        ends = np.zeros((2, len(steps), 2, 3))  # along z and along x: two ends of every line
        for along in (0, 1):
            ends[along, :, :, 2 * along] = (whole[along] + steps)[:, None]
            ends[along, :, :, 2 - 2 * along] = whole[1 - along] + np.array([-_LINES, _LINES])
        ends = ends.reshape(-1, 2, 3)
        ahead = (ends - view.eye) @ view.turn[2]
        ends, ahead = (each[(ahead >= _NEAREST).any(axis=1)] for each in (ends, ahead))
        # What begins behind the camera is cut off before it.
        share = np.where(ahead < _NEAREST, (_NEAREST - ahead) / np.maximum(ahead[:, ::-1] - ahead, 1e-9), 0)
        ends = ends + share[..., None] * (ends[:, ::-1] - ends)
        seen = view.seen(ends.reshape(-1, 3))[0].reshape(-1, 2, 2)
        thick = 1 if max(self.size) < 1600 else 2
        for start, end in np.rint(np.clip(seen, -30000, 30000) * 16).astype(int).tolist():
            cv2.line(lines, start, end, 255, thick, cv2.LINE_AA, 4)


def _cast(key: LightMap) -> np.ndarray:
    """(TEXELS, TEXELS): how much of the key light is kept from the floor, by what is in its way: 0 to 1.

    The shadow of what is higher has softer edges, as of a light that is broad.
    """
    low = np.exp(-key.heights() / _SOFTER_M, dtype=np.float32)
    there = (key.near > 0).astype(np.float32)
    return _SHADOW * (_blurred(there * low, _SHARP_M) + _blurred(there * (1 - low), _SOFT_M))


def _beneath(under: LightMap) -> np.ndarray:
    """(TEXELS, TEXELS): how much a body shades the floor straight below it, most where it touches it."""
    heights = under.heights()
    over = _blurred(np.exp(-heights / _UNDER_M, dtype=np.float32), 0.10)
    touch = _blurred(np.exp(-heights / _CONTACT_M, dtype=np.float32), 0.016)
    return 1 - (1 - _UNDER * over) * (1 - _CONTACT * touch)


def _blurred(values: np.ndarray, metres: float) -> np.ndarray:
    import cv2

    sigma = metres * TEXELS / (2 * REACH)
    if sigma < _WIDE:
        return cv2.GaussianBlur(values, (0, 0), sigma)
    small = cv2.resize(values, (TEXELS // 4, TEXELS // 4), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 4), (TEXELS, TEXELS), interpolation=cv2.INTER_LINEAR)


def _darken(shown: np.ndarray, view: View, texels: LightMap, by: np.ndarray) -> None:
    """Take a share of light (TEXELS, TEXELS) that lies on the floor away from a picture (H, W)."""
    import cv2

    corners, ahead = view.seen(texels.corners())
    height, width = shown.shape
    if (ahead > _NEAREST).all():
        (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    else:  # part of it is behind the camera: all below the horizon
        left, right, bottom = 0, width, height
        top = np.ceil(view.middle[1] - view.focal * view.turn[2, 1] / max(-view.turn[1, 1], 1e-6)) + 1
    left, right = (int(np.clip(each, 0, width)) for each in (left, right))
    top, bottom = (int(np.clip(each, 0, height)) for each in (top, bottom))
    if right <= left or bottom <= top:
        return
    # A texel is broader than two pixels of any usual picture: every second one will do.
    step = 2 if min(shown.shape) >= _FULL_BELOW else 1
    size = -(-(right - left) // step), -(-(bottom - top) // step)
    middle = (step - 1) / 2
    here = texels.from_picture(view) @ np.array([[step, 0, left + middle], [0, step, top + middle], [0, 0, 1.0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    left_over = 1 - cv2.warpPerspective(by, here, size, flags=flags)
    if step > 1:
        left_over = cv2.resize(left_over, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
    part = shown[top:bottom, left:right]
    cv2.multiply(part, left_over[: bottom - top, : right - left], dst=part)
