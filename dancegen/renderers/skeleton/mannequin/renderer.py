"""The mannequin style: a figure in soft light, with what it covers of itself and its shadow, seen by a real camera.

The body's mesh is posed by its bones, drawn finer than the picture, and averaged into it, so that edges are smooth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dancegen.arrays import unit
from dancegen.errors import InputError
from dancegen.motion.body import AT
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.staged import Staged
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers import DEPTH, NORMAL
from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope
from dancegen.renderers.skeleton.mannequin.depth import depth_as_grey
from dancegen.renderers.skeleton.mannequin.lighting import lay_over, light
from dancegen.renderers.skeleton.mannequin.rasteriser import fill
from dancegen.renderers.skeleton.mannequin.studio import KEY_WAY, LightMap, Studio
from dancegen.renderers.skeleton.mannequin.view import View

BACKGROUND = (206, 211, 217)
PICTURE = "picture"
FLAT_NORMAL = (128, 128, 255)
"""Of what faces the camera: behind the figure."""
ALBEDO = np.array([0.66, 0.47, 0.31])
"""Linear RGB of the figure: beech wood."""
SKY, FLOOR = np.array([0.42, 0.44, 0.47]), np.array([0.24, 0.23, 0.22])
"""Linear RGB of what shines on it from above and below."""
FILL_WAY = unit(np.array([0.70, 0.45, -0.62]))
"""To the second light: behind the stage, on the viewer's right."""
SMALLEST_SIDE = 16
AHEAD = 2
"""Frames whose figure is drawn in advance."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure in a part of the picture. corner: (x, y) of its first pixel. seen: (H, W, 4) float32, colours of 0 to
    255 of what the figure covers, and how much of each pixel that is. key, under: see `LightMap`."""

    corner: tuple[int, int]
    seen: np.ndarray
    key: LightMap | None
    under: LightMap | None


class MannequinRenderer:
    """Draws the body as a mannequin, or the depth or the normals of what is seen of it."""

    def frames(
        self,
        sequence: PoseSequence,
        envelope: AudioEnvelope | None,
        *,
        size: tuple[int, int],
        fps: float,
        as_filmed: bool = False,
        staged: Staged | None = None,
        background: tuple[int, int, int] | None = None,
        shown: str = PICTURE,
    ) -> Iterator[np.ndarray]:
        """Yield (height, width, 3) uint8 RGB frames; the song changes nothing.

        staged: the body at `fps`, else that of the sequence's joints in space. background: RGB, of what is behind the
        figure and of the floor. shown: PICTURE, DEPTH (near bright, as `depth.draw_depth`) or NORMAL (ScanNet's
        convention, which ControlNet's normalbae model was trained on: red to the picture's left, green up, blue to
        the camera), both of the figure alone. Raises InputError where the poses have no joints in space, and for a
        size too small to see anybody in.
        """
        if min(size) < SMALLEST_SIDE:
            raise InputError(f"{size[0]}x{size[1]} is too small for a dancer: each side needs {SMALLEST_SIDE} pixels.")
        if not len(sequence):
            return
        staged = staged or Staged.of(sequence.resample(fps), size)
        scene = _Scene(staged, size, shown)
        studio, colour = Studio(size), background or BACKGROUND
        for frame, figure in enumerate(_ahead(scene.figure, len(staged.motion))):
            yield _behind(scene, studio, frame, figure, colour)


def _behind(
    scene: _Scene, studio: Studio, frame: int, figure: Figure | None, colour: tuple[int, int, int]
) -> np.ndarray:
    """(H, W, 3) uint8: the figure in front of its background."""
    import cv2

    width, height = scene.size
    if scene.shown == PICTURE and figure is not None and figure.key is not None and figure.under is not None:
        bright = studio.brightness(scene.view(frame), scene.middle(frame), figure.key, figure.under)
        picture = cv2.merge([cv2.convertScaleAbs(bright, alpha=channel) for channel in colour])
    else:
        flat = {PICTURE: colour, DEPTH: (0, 0, 0), NORMAL: FLAT_NORMAL}[scene.shown]
        picture = np.full((height, width, 3), flat, np.uint8)
    if figure is not None:
        (left, top), (tall, wide) = figure.corner, figure.seen.shape[:2]
        lay_over(picture[top : top + tall, left : left + wide], figure.seen)
    return picture


class _Scene:
    """The body in front of the camera, frame by frame."""

    def __init__(self, staged: Staged, size: tuple[int, int], shown: str) -> None:
        self.size, self.shown = size, shown
        self._staged, self._mesh = staged, Mannequin.of(staged.motion.body)
        side = min(size)
        self._finer = 4 if side <= 256 else 3 if side <= 540 else 2

    def view(self, frame: int) -> View:
        return View.of(self._staged.lens, frame)

    def middle(self, frame: int) -> np.ndarray:
        """(2,): x and z of what the camera looks at."""
        return self._staged.lens.target[frame, [0, 2]]

    def figure(self, frame: int) -> Figure | None:
        """What is seen of the body; None where that is nothing."""
        import cv2

        motion, view = self._staged.motion, self.view(frame)
        vertices, normals = self._mesh.posed(motion.positions[frame], motion.orientations[frame])
        pixels, ahead = view.seen(vertices)
        front = ahead > 0.05
        low = np.floor(pixels[front].min(axis=0, initial=np.inf)) - 1
        high = np.ceil(pixels[front].max(axis=0, initial=-np.inf)) + 2
        left, top = np.clip(low, 0, self.size).astype(int).tolist()
        right, bottom = np.clip(high, 0, self.size).astype(int).tolist()
        if right <= left or bottom <= top:
            return None
        near_view = view.within((left, top), self._finer)
        tall, wide = self._finer * (bottom - top), self._finer * (right - left)
        at = self._finer * (pixels - (left, top) + 0.5) - 0.5  # as `near_view` sees them
        near = np.where(front, 1 / np.where(front, ahead, 1), 0).astype(np.float32)
        nearest, turned = np.zeros((tall, wide), np.float32), np.zeros((tall, wide, 3), np.float32)
        x, y = np.ascontiguousarray(at.T.astype(np.float32))
        fill(x, y, near, normals.astype(np.float32), self._mesh.faces, nearest, turned)
        key = under = None
        if self.shown == PICTURE:
            key = LightMap(vertices, self._mesh.faces, KEY_WAY)
            under = LightMap(vertices, self._mesh.faces, np.array([0.0, -1.0, 0.0]))
            seen = _lit(near_view, nearest, turned, key, self._finer)
        elif self.shown == DEPTH:
            seen = _depth(nearest, float(view.seen(motion.positions[frame, [AT["l_hip"], AT["r_hip"]]])[1].mean()),
                          motion.body.height_m)  # fmt: skip
        else:
            seen = _normals(nearest, turned, view)
        if seen.shape[0] != bottom - top:
            seen = cv2.resize(seen, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        return Figure((left, top), seen, key, under)


def _lit(view: View, nearest: np.ndarray, turned: np.ndarray, key: LightMap, finer: int) -> np.ndarray:
    """(H, W, 4): colours of what is covered, and its share of each pixel, which has finer x finer samples."""
    out = np.zeros((nearest.shape[0] // finer, nearest.shape[1] // finer, 4), np.float32)
    light(nearest, turned, view.ways, view.eye, KEY_WAY, FILL_WAY, key.matrix, key.near, ALBEDO, SKY, FLOOR, out)
    return out


def _depth(nearest: np.ndarray, hips: float, tall: float) -> np.ndarray:
    """(H, W, 4): grey, near bright, and 1 where the figure is. hips: metres from the camera to them."""
    there = nearest > 0
    relative = (1 / np.where(there, nearest, 1) - hips) / tall
    grey = depth_as_grey(relative) * there
    return np.stack([grey, grey, grey, there], axis=-1).astype(np.float32)


def _normals(nearest: np.ndarray, turned: np.ndarray, view: View) -> np.ndarray:
    """(H, W, 4): normals as the camera has them, in colours, and 1 where the figure is."""
    there = (nearest > 0)[..., None]
    seen = unit(turned @ view.turn.T.astype(np.float32)) * np.float32(-1)  # left, up and to the camera
    return np.concatenate([(seen + 1) * np.float32(127.5) * there, there], axis=-1).astype(np.float32)


def _ahead(draw, count: int) -> Iterator[Figure | None]:
    """The figure of every frame, drawn in a thread of its own while the one before is put into its picture."""
    with ThreadPoolExecutor(1, thread_name_prefix="figure") as pool:
        waiting = deque(pool.submit(draw, frame) for frame in range(min(AHEAD, count)))
        try:
            for frame in range(count):
                figure = waiting.popleft().result()
                if frame + AHEAD < count:
                    waiting.append(pool.submit(draw, frame + AHEAD))
                yield figure
        finally:
            for each in waiting:
                each.cancel()
