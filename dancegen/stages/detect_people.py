"""detect-people: everybody in the pictures of one filmed clip; what is seen in each clip is an artifact of its own.

So an extraction that was interrupted goes on, one of a larger dataset looks only at what is new, and other cleaning
looks at nothing again. Of a long video every minute is kept until all of it has been looked at.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.devices import choose_device
from dancegen.errors import InputError
from dancegen.pose.detections import Detections
from dancegen.progress import Advance, Progress
from dancegen.store import SHORT, Artifact, Input, Recipe, Store
from dancegen.store.atomic import TEMPORARY, sync_file

if TYPE_CHECKING:
    from dancegen.detectors import Detector
    from dancegen.detectors.registry import DetectorSpec
    from dancegen.pose.detections import People
    from dancegen.video.shots import ShotFinder

STAGE = "detect-people"
VERSION = 1
FILE = "detections.npz"
PIECE_S = 60.0
"""About so much of a long video is kept at a time: whatever ends the process, no more has to be looked at again."""


@dataclass(frozen=True)
class Part:
    """Which pictures of a video are looked at: from `start_s` on for `seconds`, None to its end; `fps` a second."""

    start_s: float
    seconds: float | None
    fps: float


@dataclass(frozen=True)
class Look:
    """Who looks at clips, and how: `detector`, its `weights` in a recipe, on `device`, as a person names it.

    threads: of a process, for torch and OpenCV, at most; None: as many as they would use by themselves.
    """

    detector: DetectorSpec
    weights: Input
    device: str = "cpu"
    threads: int | None = None

    def fetched(self, progress: Progress) -> Look:
        """The same with the detector's weights on this machine; what is downloaded is said. Raises ModelError."""
        return replace(self, detector=self.detector.fetched(progress))

    def recipe(self, pictures: Input, part: Part | None = None) -> Recipe:
        """What makes the detections of a video: neither the dataset that it is in, nor how they are cleaned.

        part: of a video that is not looked at from beginning to end.
        """
        spec = self.detector
        params = {"detector": spec.name, "hands": spec.hands, "face": spec.face}
        if part is not None:
            params |= {"start": part.start_s, "seconds": part.seconds, "fps": part.fps}
        return Recipe(STAGE, VERSION, params, (pictures, self.weights))


def detected(look: Look, pictures: Input, store: Store, part: Part | None = None) -> bool:
    """Whether a store has an artifact of these detections; whether it is whole is seen when it is used."""
    short = look.recipe(pictures, part).digest[:SHORT]
    return any((root / STAGE / short).is_dir() for root in store.roots)


def detect_people(
    look: Look,
    video: Path,
    pictures: Input,
    store: Store,
    *,
    part: Part | None = None,
    force: bool = False,
    advance: Advance,
) -> Artifact:
    """The artifact of what a detector sees in a video, from the store or made now; `advance` counts pictures.

    pictures: the video as a recipe's input. part: else all of it, at its own rate. Raises InputError where it cannot be
    read, and what the detector raises.
    """

    recipe = look.recipe(pictures, part)

    def build(directory: Path) -> dict:
        found = look_at(video, look, advance, part, store.scratch(recipe))
        found.save(directory / FILE)
        crowd = max((len(people) for people in found.people), default=0)
        return {"frames": len(found), "most_people": crowd, "cuts": len(found.cuts), "detector": found.detector}

    return store.obtain(recipe, build, force=force, standalone=False)


def look_at(
    video: Path, look: Look, advance: Advance, part: Part | None = None, kept: Path | None = None
) -> Detections:  # fmt: skip
    """Everybody in every picture of a video, and where the camera cuts; one batch of pictures at a time is held.

    kept: a folder for what is seen in each minute; a process that finds some there goes on behind it.
    """
    from dancegen.detectors import look as people_in
    from dancegen.video.shots import ShotFinder
    from dancegen.video.source import VideoFile

    filmed, detector = VideoFile(video), held_detector(look)
    part = part or Part(0.0, None, filmed.fps)
    # Whole batches: a detector may follow people within one, so that others would give other results.
    pieces = None if kept is None else _Pieces(kept, detector.batch * math.ceil(PIECE_S * part.fps / detector.batch))
    found, shots = ([], ShotFinder()) if pieces is None else pieces.load()
    advance(len(found))

    def passing() -> Iterator[np.ndarray]:
        for picture in filmed.frames(part.fps, part.start_s, part.seconds, first=len(found)):
            shots.see(picture)
            yield picture

    for people in people_in(detector, passing()):
        found.append(people)
        advance(1)
        if pieces is not None and len(found) % pieces.size == 0:
            some = Detections(tuple(found[-pieces.size :]), part.fps, filmed.size, _NO_CUTS, look.detector.name)
            pieces.add(some, shots, len(found))
    return Detections(tuple(found), part.fps, filmed.size, shots.cuts(), look.detector.name)


@dataclass(frozen=True)
class _Pieces:
    """What has been seen so far in a video, in files of `size` pictures each."""

    folder: Path
    size: int

    def load(self) -> tuple[list[People], ShotFinder]:
        """Everybody in the pictures from the first one on, as far as they are there, and what was seen of shots."""
        from dancegen.video.shots import ShotFinder

        found, shots = [], ShotFinder()
        while True:
            end = len(found) + self.size
            try:
                piece, after = Detections.load(self._file(end)), ShotFinder.load(self._file(end, ".shots"))
            except InputError:  # there is none, or only a part of it
                return found, shots
            if len(piece) != self.size:
                return found, shots
            found, shots = [*found, *piece.people], after

    def add(self, piece: Detections, shots: ShotFinder, end: int) -> None:
        """Keep the pictures up to `end`."""
        part = self.folder / f"{TEMPORARY}{os.getpid()}"
        for saved, path in ((shots, self._file(end, ".shots")), (piece, self._file(end))):
            saved.save(part)
            sync_file(part)
            os.replace(part, path)

    def _file(self, end: int, kind: str = "") -> Path:
        return self.folder / f"{self.size}-{end:09d}{kind}.npz"


_NO_CUTS = np.zeros(0, np.int64)
"""Of a piece: the shots are those of the whole video."""
_held = threading.local()
"""Of each thread that looks, the detector that it has loaded and what that was loaded from."""


def held_detector(look: Look) -> Detector:
    """The detector, loaded once in each process and kept until another one is asked for, or `let_go`."""
    wanted = (look.detector, look.device)
    if getattr(_held, "what", None) != wanted:
        let_go()
        _held.threads = _use_threads(look.threads)
        _held.detector, _held.what = look.detector.load(choose_device(look.device)), wanted
    return _held.detector


def let_go() -> None:
    """Give the memory of this thread's detector back, and torch and OpenCV the threads that they had."""
    if (before := getattr(_held, "threads", None)) is not None:
        _set_threads(*before)
    _held.what = _held.detector = _held.threads = None


def even_threads(most: int) -> int:
    """The largest power of two up to `most`: so many threads share a network's layers evenly and sum in the same
    order, so that the bits do not depend on how many workers there are. Three, for one, give others."""
    return 1 << (max(most, 1).bit_length() - 1)


def _use_threads(most: int | None) -> tuple[int, int]:
    """Returns those of torch and OpenCV before."""
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()
    _set_threads(*(even_threads(min(count, most or count)) for count in before))
    return before


def _set_threads(of_torch: int, of_opencv: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(of_torch)
    cv2.setNumThreads(of_opencv)
