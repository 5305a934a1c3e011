"""What prepare would read and make, for a dry run: videos by their headers, motion by a few of its files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from dancegen.dataset.filmed import picture_size, usual_rate
from dancegen.dataset.forecast import (
    BYTES_A_PIXEL,
    MOTION_BYTES,
    POSE_BYTES,
    Forecast,
    Reading,
    sound_bytes,
)
from dancegen.dataset.pieces import SHORTEST_S
from dancegen.errors import DancegenError
from dancegen.motion.motion import Motion
from dancegen.motion.readers.protocol import Hints
from dancegen.options.data import PrepareOptions
from dancegen.pose.flat_dance import FlatDance
from dancegen.stages.songs import SongFile
from dancegen.stages.takes import TakeFile
from dancegen.video.info import probe_video
from dancegen.video.source import VideoFile

SAMPLED = 3
"""Files of each format that are read to see how long a byte lasts."""
USUAL_SOUND = (44_100, 2)


class _Estimate:
    """The sums of a forecast while files are looked at."""

    def __init__(self, options: PrepareOptions, usual_fps: float, hints: Hints) -> None:
        self.options, self.fps, self.hints = options, options.fps or usual_fps, hints
        self.reads: list[Reading] = []
        self.left_out: list[str] = []
        self.clips, self.size = 0, 0.0

    def add_videos(self, films: Sequence[TakeFile]) -> None:
        lengths = []
        for item in films:
            try:
                lengths.append(self._add_video(item))
            except DancegenError as error:
                self.left_out.append(item.worded(str(error)))
        if lengths:
            self.reads.append(Reading("video", len(lengths), sum(lengths), exact=True))

    def add_takes(self, takes: Sequence[TakeFile]) -> None:
        """Recordings of motion and of keypoints: a few of each format are read, the others go by their size."""
        for kind, a_frame in (("motion", MOTION_BYTES), ("poses", POSE_BYTES)):
            chosen = [item for item in takes if item.kind == kind]
            formats = {item.take.reader.about for item in chosen}
            lengths = [self._lengths([item for item in chosen if item.take.reader.about == each]) for each in formats]
            if not any(lengths):
                continue
            exact = len(chosen) <= SAMPLED
            self.reads.append(Reading(kind, sum(map(len, lengths)), sum(s for each in lengths for s in each), exact))
            second = self.fps * a_frame + sound_bytes(*USUAL_SOUND)
            for length in (length for each in lengths for length in each):
                times = self.options.pairs if kind == "motion" and self.options.music is not None else 1
                self._add_clips(length, second, times)

    def _lengths(self, items: list[TakeFile]) -> list[float]:
        """In seconds, of takes of one format."""
        items = sorted(items, key=lambda item: (_bytes(item), item.name))
        # Spread over all sizes.
        places = {round(place * (len(items) - 1) / max(SAMPLED - 1, 1)) for place in range(SAMPLED)} if items else set()
        known: dict[int, float] = {}
        for place in sorted(places):
            try:
                recording = items[place].take.recording(self.hints)
            except DancegenError as error:
                self.left_out.append(items[place].worded(str(error)))
                continue
            if isinstance(recording, Motion):
                known[place] = len(recording) / recording.fps
            elif isinstance(recording, FlatDance):
                known[place] = recording.seconds
        a_byte = sum(known.values()) / max(sum(_bytes(items[place]) for place in known), 1)
        others = (place for place in range(len(items)) if place not in places)
        return [*known.values(), *(a_byte * _bytes(items[place]) for place in others)]

    def _add_video(self, item: TakeFile) -> float:
        info, video = probe_video(item.take.path), VideoFile(item.take.path)
        seconds, (width, height) = info.video.seconds, picture_size(video.size)
        if item.song is None and info.audio is None:
            raise DancegenError("it has no sound: put its music beside it, as a sound file of the same name")
        if seconds < min(SHORTEST_S, self.options.clip_seconds):
            raise DancegenError(f"it lasts {seconds:.2f} s: too short for a clip")
        fps = self.options.fps or usual_rate(video.fps)
        self._add_clips(seconds, width * height * fps * BYTES_A_PIXEL + sound_bytes(*USUAL_SOUND), 1)
        return seconds

    def _add_clips(self, seconds: float, bytes_a_second: float, times: int) -> None:
        if seconds < min(SHORTEST_S, self.options.clip_seconds):
            return
        clips = max(1, math.ceil(seconds / self.options.clip_seconds - 0.01))
        self.clips += clips * times
        self.size += times * bytes_a_second * max(seconds, (clips > 1) * clips * self.options.clip_seconds)


def forecast(
    takes: Sequence[TakeFile],
    films: Sequence[TakeFile],
    songs: Iterable[SongFile],
    hints: Hints,
    options: PrepareOptions,
    usual_fps: float,
    unreadable: Sequence[str],
) -> Forecast:
    """What would be read, how many clips would come of it, and how much disk they take: about, and in seconds."""
    found = _Estimate(options, usual_fps, hints)
    found.add_videos(films)
    found.add_takes(takes)
    left_out = (*unreadable, *found.left_out)
    return Forecast(
        tuple(found.reads), len(list(songs)), found.clips, options.clip_seconds, found.size, left_out
    )  # fmt: skip


def _bytes(item: TakeFile) -> int:
    path: Path = item.take.path
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
