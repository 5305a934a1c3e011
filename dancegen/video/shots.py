"""Hard cuts, seen in the pictures of a video while they pass by.

Two pictures differ by their colours (histograms) and by what is where (blocks, whatever the light). At a cut they
differ much more than pictures nearby do among themselves, so that fast motion and moving cameras are no cuts; and what
was there before does not come back a few pictures later, so that flashes and strobe lights are none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.errors import reading
from dancegen.files import load_arrays

_WINDOW = 6
"""Pictures before and after, that a cut stands out from and after which a flash is over."""
_LEAST = 0.25
"""Of 1: pictures that differ less are of one shot."""
_OUTSTANDING = 3.0
"""Times the usual difference nearby, that a cut is at least."""
_GONE = 0.6
"""Of what a cut differs by, that all pictures behind it differ from those before."""
_SMALL, _BLOCKS = (64, 36), (16, 9)
_BINS = (8, 4, 4)
"""Of hue, saturation and brightness."""
_GREY = 100.0
"""To which mean pictures are brightened for their colours, since lights go on and off."""
_GRAIN = 8.0
"""Grey levels: what blocks of a dark or empty picture differ by is noise."""


@dataclass(frozen=True, eq=False)
class _Look:
    """What is kept of a picture: its colours (B,), which sum to 1, and its blocks (9 * 16 * 3,), of mean 0."""

    colours: np.ndarray
    blocks: np.ndarray

    @classmethod
    def of(cls, frame: np.ndarray) -> _Look:
        import cv2

        small = cv2.resize(frame, _SMALL, interpolation=cv2.INTER_AREA)
        lit = np.clip(small * (_GREY / max(float(small.mean()), 1.0)), 0, 255).astype(np.uint8)
        hsv = cv2.cvtColor(lit, cv2.COLOR_RGB2HSV)
        colours = cv2.calcHist([hsv], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256]).ravel()
        blocks = cv2.resize(small, _BLOCKS, interpolation=cv2.INTER_AREA).astype(np.float32)
        return cls(colours / colours.sum(), (blocks - blocks.mean(axis=(0, 1))).ravel())

    def differs(self, other: _Look) -> float:
        """0 for the same picture, about 1 for one that has nothing in common with it."""
        colours = 0.5 * float(np.abs(self.colours - other.colours).sum())
        energy = float((self.blocks**2).sum() + (other.blocks**2).sum()) / 2 + len(self.blocks) * _GRAIN**2
        places = 1 - (float(self.blocks @ other.blocks) + len(self.blocks) * _GRAIN**2) / energy
        return (colours + min(max(places, 0.0), 1.0)) / 2


class ShotFinder:
    """Finds where the camera cuts, from pictures that are shown to it one after the other. It keeps a few numbers of
    the last pictures, so that detection and this can share one pass over a video."""

    def __init__(self) -> None:
        self._looks: dict[int, _Look] = {}
        self._steps: dict[int, float] = {}
        self._cuts: list[int] = []
        self._count = 0

    def see(self, frame: np.ndarray) -> None:
        """The next picture, (H, W, 3) uint8 RGB."""
        now, look = self._count, _Look.of(frame)
        self._looks[now] = look
        if now:
            self._steps[now] = look.differs(self._looks[now - 1])
        self._count += 1
        self._judge(now - _WINDOW)
        self._looks.pop(now - 2 * _WINDOW, None)
        self._steps.pop(now - 2 * _WINDOW, None)

    def cuts(self) -> np.ndarray:
        """(C,) int, ascending: the pictures with which a new shot begins, of all that were shown."""
        ending = ShotFinder()
        ending._looks, ending._steps, ending._cuts = dict(self._looks), self._steps, list(self._cuts)
        for frame in range(max(1, self._count - _WINDOW), self._count):
            ending._judge(frame)
        return np.array(ending._cuts, int)

    def save(self, path: str | Path) -> None:
        """Write .npz: all that it keeps, once it has seen a picture; `load` goes on from there."""
        looks = list(self._looks.values())
        with open(path, "wb") as file:
            np.savez(
                file, count=np.int64(self._count), cuts=np.array(self._cuts, np.int64),
                seen=np.array(list(self._looks), np.int64), colours=np.stack([look.colours for look in looks]),
                blocks=np.stack([look.blocks for look in looks]), stepped=np.array(list(self._steps), np.int64),
                steps=np.array(list(self._steps.values()), np.float64),
            )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> ShotFinder:
        """One that knows what `save` wrote. Raises InputError for what is no such file."""
        needed = ("count", "cuts", "seen", "colours", "blocks", "stepped", "steps")
        arrays = load_arrays(path, "record of shots", needed=needed)
        found = cls()
        with reading(path, "record of shots"):
            looks = map(_Look, arrays["colours"], arrays["blocks"])
            found._count, found._cuts = int(arrays["count"]), arrays["cuts"].tolist()
            found._looks = dict(zip(arrays["seen"].tolist(), looks, strict=True))
            found._steps = dict(zip(arrays["stepped"].tolist(), arrays["steps"].tolist(), strict=True))
        return found

    def _judge(self, frame: int) -> None:
        """Note a cut before this picture, if there is one."""
        step = self._steps.get(frame, 0.0)
        if step < _LEAST:
            return
        near = range(frame - _WINDOW + 1, frame + _WINDOW)
        others = [self._steps[k] for k in near if k != frame and k in self._steps]
        if others and step < _OUTSTANDING * float(np.median(others)):
            return
        before = [self._looks[k] for k in range(frame - _WINDOW, frame) if k in self._looks and k >= self._last_cut()]
        after = [self._looks[k] for k in range(frame, frame + _WINDOW) if k in self._looks]
        if min(one.differs(other) for one in before for other in after) > _GONE * max(step, _LEAST):
            self._cuts.append(frame)

    def _last_cut(self) -> int:
        return self._cuts[-1] if self._cuts else 0


def find_shots(frames: Iterable[np.ndarray]) -> np.ndarray:
    """(C,) int, ascending: the pictures with which a new shot begins, from (H, W, 3) uint8 RGB pictures.

    Only a few numbers of the last pictures are kept.
    """
    finder = ShotFinder()
    for frame in frames:
        finder.see(frame)
    return finder.cuts()
