"""How long the pictures of a video last and whether all of them are there, by their times, with none decoded.

A header may promise more than the file holds, where a download or a copy ended early.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.errors import InputError, reading
from dancegen.formatting import byte_size, duration
from dancegen.video.info import opened
from dancegen.video.source import VideoFile

if TYPE_CHECKING:
    from av.container import InputContainer

CUT_S = 0.1
"""By how much a video may be shorter than its header states."""
_STREAMED = 2**32 - 2**16
"""Bytes: a program that could not know how long an AVI file becomes states more."""
LONGEST_S = 4 * 3600.0
FEWEST_A_SECOND = 5.0
"""With fewer pictures a dance cannot be followed."""
LONGEST_GAP_S = 10.0
"""Between two pictures. Phones and screen recorders leave out what looks the same; a dance moves."""


@dataclass(frozen=True)
class Survey:
    """pictures: how many there are. last_s: when the last one is shown, in seconds from the first."""

    pictures: int
    last_s: float
    fps: float

    @property
    def seconds(self) -> float:
        """From the first picture to the end of the last."""
        return self.last_s + 1 / self.fps

    def frames(self, fps: float) -> int:
        """How many `VideoFile.frames` gives at a rate."""
        return int(np.ceil((self.last_s + 0.5 / self.fps) * fps - 1e-6))


def survey(video: VideoFile) -> Survey:
    """The times of a video's pictures. Raises InputError for one that is cut off, and for what is no filmed dance."""
    path = video.path
    _check_riff(path)
    with opened(path) as container:
        times, ends = _times(container)
        missing = _stated_end(container) - max(ends.values(), default=0.0)
    if len(times) < 2:
        raise InputError(f"{path} holds {'one picture' if len(times) else 'no pictures'}: that is no dance")
    if missing > CUT_S:
        raise InputError(f"{path} is cut off: {missing:.1f} s of what its header promises are missing; copy it again")
    gaps = np.diff(times)
    if gaps.max() > LONGEST_GAP_S:
        at = times[gaps.argmax()] - times[0]
        raise InputError(f"{path} has no pictures from {at:.1f} to {at + gaps.max():.1f} s: cut it there")
    found = Survey(len(times), float(times[-1] - video.begins_s), video.fps)
    if found.seconds > LONGEST_S:
        raise InputError(f"{path} lasts {duration(found.seconds)}: cut it to {duration(LONGEST_S)} or less")
    if len(times) < FEWEST_A_SECOND * found.seconds:
        raise InputError(
            f"{path} has {len(times) / found.seconds:.2g} pictures a second: a dance needs {FEWEST_A_SECOND:g} or more"
        )
    return found


def _check_riff(path: Path) -> None:
    """InputError for an AVI file with fewer bytes than its first words state: FFmpeg reads what is left of it."""
    with reading(path, "video"), path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"AVI ":
        return
    stated = 8 + int.from_bytes(head[4:8], "little")
    missing = stated - path.stat().st_size
    if missing > 1 and stated < _STREAMED:
        raise InputError(
            f"{path} is cut off: {byte_size(missing)} of what its header promises are missing; copy it again"
        )


def _times(container: InputContainer) -> tuple[np.ndarray, dict[int, float]]:
    """When the pictures are shown, sorted, and when each stream ends, in seconds on the container's clock."""
    pictures = container.streams.video[0].index
    times: list[float] = []
    ends: dict[int, float] = {}
    for packet in container.demux():
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None or not packet.size or packet.time_base is None:
            continue
        begins, lasts = float(ticks * packet.time_base), float((packet.duration or 0) * packet.time_base)
        ends[packet.stream_index] = max(ends.get(packet.stream_index, 0.0), begins + lasts)
        if packet.stream_index == pictures:
            times.append(begins)
    return np.unique(times), ends


def _stated_end(container: InputContainer) -> float:
    """When the last stream ends by what the header says; 0 where it says nothing."""
    spans = [
        float(((stream.start_time or 0) + stream.duration) * stream.time_base)
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.duration is not None and stream.time_base is not None
    ]
    return max(spans) if spans else ((container.start_time or 0) + (container.duration or 0)) / 1e6
