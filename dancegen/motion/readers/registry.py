"""The readers there are: from a path to the recordings in it, and from a recording to its motion."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import InputError, MocapError, reading
from dancegen.motion.motion import Motion
from dancegen.motion.readers import aist, aist_2d, asf_amc, bvh, flat, smpl, tang, video
from dancegen.motion.readers.databases import TakeInfo
from dancegen.motion.readers.protocol import Hints, Kind, Reader, Recording
from dancegen.progress import SILENT, Progress

READERS: tuple[Reader, ...] = (
    bvh.READER, asf_amc.READER, smpl.READER, aist.READER, aist_2d.READER, tang.READER, flat.OPENPOSE, flat.POSES,
    video.READER,
)  # fmt: skip

_WHAT = {"motion": "motion capture file", "poses": "file of poses", "video": "video"}


@dataclass(frozen=True)
class Take:
    """A recording that can be read: where it is, who reads it, and what its name says."""

    path: Path
    reader: Reader
    info: TakeInfo

    def read(self, hints: Hints | None = None, progress: Progress = SILENT) -> Motion:
        """The motion, as `recording` reads it. Raises MocapError where it is none."""
        recording = self.recording(hints, progress) if self.reader.kind == "motion" else None
        if not isinstance(recording, Motion):
            raise MocapError(f"{self.path} shows a dance in two dimensions; a motion in three is needed here")
        return recording

    def recording(self, hints: Hints | None = None, progress: Progress = SILENT) -> Recording:
        """What was recorded. Raises InputError, also for whatever a damaged file brings about that its reader did not
        foresee; MocapError for motion.

        Numbers that overflow are silent: what comes of them is no motion, which is found.
        """
        import numpy as np

        try:
            with reading(self.path, _WHAT[self.reader.kind], MocapError), np.errstate(all="ignore"):
                return self.reader.read(self.path, hints or Hints(), progress)
        except InputError as error:
            if str(self.path) in str(error):
                raise
            raise type(error)(f"{self.path}: {error}") from error


def find_takes(place: str | Path, passed_by: Callable[[Path], bool] = lambda path: False) -> list[Take]:
    """The recordings in a folder and below it, sorted by path; or the one that a path names.

    passed_by: files and folders inside that are left alone. Raises MocapError where there is none.
    """
    place = Path(place)
    if not place.exists():
        raise MocapError(f"{place} does not exist.")
    take = _take(place)
    found = [take] if take is not None else _takes_below(place, passed_by)
    if not found and place.is_file():
        raise MocapError(f"{place} is not a dance that can be read: give {known()}.")
    if not found:
        raise MocapError(f"{place} holds no motion capture and no videos: give {known()}.")
    return found


def load_motion(
    path: str | Path,
    *,
    source_fps: float | None = None,
    joints: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
) -> Motion:
    """The dancer in a recording of any format that has a reader.

    source_fps: overrules the rate that the file states. joints: the file's names for our joints, where they are not
    known. Says and warns of what was assumed and mended. Raises MocapError for damaged files and unknown skeletons.
    """
    path = Path(path)
    if source_fps is not None and not (math.isfinite(source_fps) and source_fps > 0):
        raise MocapError(f"the source's frames a second must be above zero, not {source_fps}.")
    if not path.exists():
        raise MocapError(f"{path} does not exist.")
    take = _take(path)
    if take is None:
        raise MocapError(f"{path} is not motion capture that can be read: give {known('motion')}.")
    return take.read(Hints(source_fps, joints or {}), progress)


def known(*kinds: Kind) -> str:
    """What can be read, for messages: "BVH files (.bvh) or ...". kinds: only of these."""
    return " or ".join(reader.about for reader in READERS if not kinds or reader.kind in kinds)


def _takes_below(place: Path, passed_by: Callable[[Path], bool]) -> list[Take]:
    if not place.is_dir():
        return []
    inside: list[Path] = []
    with suppress(PermissionError):
        inside = sorted(path for path in place.iterdir() if not (path.is_symlink() and path.is_dir()))
    found: list[Take] = []
    for path in inside:
        if not passed_by(path):
            take = _take(path)
            found += [take] if take is not None else _takes_below(path, passed_by)
    return found


def _take(path: Path) -> Take | None:
    reader = next((reader for reader in READERS if reader.claims(path)), None)
    return None if reader is None else Take(path, reader, reader.describe(path))
