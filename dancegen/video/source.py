"""A filmed dance as a detector and a dataset need it: upright pictures at an even rate, on the clock of its sound.

Phones store pictures lying on their side with a note that says how to turn them, and at a rate that varies with the
light. A picture's own time counts here, never its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.errors import InputError
from dancegen.rates import known_rate
from dancegen.threads import usable_cores
from dancegen.video.frames import to_rgb
from dancegen.video.info import FASTEST, opened

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream

QUARTER_TURNS = {0: 0, 90: 1, 180: 2, -180: 2, 270: 3, -90: 3, -270: 1}
"""Of `numpy.rot90`, against the clock, by what a display matrix says."""
DECODER_THREADS = 4
"""More would hold more pictures at a time, and several videos are decoded at once."""
_SQUARE = 0.01
"""A pixel whose sides differ by less is taken to be square: encoders round."""


@dataclass(frozen=True)
class _Header:
    """begins_s: of the pictures, on the container's clock. turns: quarters against the clock, to stand upright."""

    begins_s: float
    fps: float
    size: tuple[int, int]
    turns: int
    sound_starts_s: float | None


@dataclass(frozen=True)
class VideoFile:
    """A video on disk. Seconds count from its first picture. Raises InputError where it is none, or damaged."""

    path: Path

    @cached_property
    def _header(self) -> _Header:
        import av.error

        with opened(self.path) as container:
            stream = container.streams.video[0]
            try:
                first = next(container.decode(stream), None)
            except av.error.FFmpegError as error:
                raise InputError(f"{self.path} is damaged: no picture can be decoded ({error.strerror})") from error
            if first is None:
                raise InputError(f"{self.path} holds no pictures that can be decoded")
            begins_s = _seconds(first, stream)
            turns = QUARTER_TURNS.get(round(first.rotation), 0)
            width, height = _square(first.width, first.height, float(stream.sample_aspect_ratio or 1))
            size = (height, width) if turns % 2 else (width, height)
            sound = container.streams.audio[0] if container.streams.audio else None
            starts_s = None if sound is None else float((sound.start_time or 0) * (sound.time_base or 0)) - begins_s
            return _Header(begins_s, _rate(stream), size, turns, starts_s)

    @property
    def begins_s(self) -> float:
        """When its first picture is shown, on the container's clock."""
        return self._header.begins_s

    @property
    def fps(self) -> float:
        """Pictures a second; of a video whose rate varies, the usual one."""
        return self._header.fps

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as it is shown: upright, with square pixels."""
        return self._header.size

    @property
    def sound_starts_s(self) -> float | None:
        """When its sound begins; None where it has none."""
        return self._header.sound_starts_s

    def frames(
        self,
        fps: float,
        start_s: float = 0.0,
        seconds: float | None = None,
        size: tuple[int, int] | None = None,
        first: int = 0,
    ) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 RGB pictures, one for each k / fps from `start_s` on: the one nearest to that moment in time.

        Ends with the last picture. size: (W, H) that they are scaled to, else their own. first: the k to begin with;
        what comes before is decoded and passed by, so that the pictures are the same ones. One picture is held at a
        time. Raises InputError where the video is damaged.
        """
        limit = None if seconds is None else max(1, round(seconds * fps))
        count = 0
        for frame, until_s in self._timed(start_s):
            picture = None  # many are passed by where the rate is lowered
            while (limit is None or count < limit) and start_s + count / fps < until_s:
                if count >= first:
                    picture = self._upright(frame, size or self.size) if picture is None else picture
                    yield picture
                count += 1
            if limit is not None and count >= limit:
                return

    def _timed(self, start_s: float) -> Iterator[tuple[VideoFrame, float]]:
        """Each picture from shortly before `start_s` on, with the moment from which on the next one is nearer."""
        import av.error

        begins = self._header.begins_s
        with opened(self.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = min(DECODER_THREADS, usable_cores())
            if start_s > 1 and stream.time_base and "mpeg" not in container.format.name:  # whose times are guesses then
                container.seek(int((start_s + begins - 0.5) / stream.time_base), stream=stream, backward=True)
            held: tuple[VideoFrame, float] | None = None
            try:
                for frame in container.decode(stream):
                    now = _seconds(frame, stream) - begins
                    if frame.is_corrupt:
                        raise InputError(f"{self.path} is damaged: its picture at {now:.2f} s cannot be decoded whole")
                    if held is not None:
                        middle = (held[1] + now) / 2
                        if middle > start_s:
                            yield held[0], middle
                    held = frame, now
            except av.error.FFmpegError as error:
                if held is None:
                    raise InputError(f"{self.path} is damaged: no picture can be decoded ({error.strerror})") from error
                stopped = f"decoding stopped at {held[1]:.2f} s ({error.strerror})"
                raise InputError(f"{self.path} is damaged: {stopped}") from error
            if held is not None:
                yield held[0], held[1] + 0.5 / self.fps

    def _upright(self, frame: VideoFrame, size: tuple[int, int]) -> np.ndarray:
        import cv2

        lying = size[::-1] if self._header.turns % 2 else size
        picture = to_rgb(frame)
        if picture.shape[1::-1] != lying:
            picture = cv2.resize(picture, lying, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(np.rot90(picture, self._header.turns))


def _seconds(frame: VideoFrame, stream: VideoStream) -> float:
    """When a picture is shown, on the container's clock."""
    if frame.time is not None:
        return frame.time
    return frame.pts * float(stream.time_base) if frame.pts is not None and stream.time_base else 0.0


def _rate(stream: VideoStream) -> float:
    """The guessed rate is the one that most pictures keep; the mean is lower where some are missing."""
    stated = float(stream.guessed_rate or 0)
    if not 0 < stated <= FASTEST:  # of a rate that varies it may be the clock's ticks
        stated = float(stream.average_rate or 0)
    if not 0 < stated <= FASTEST:
        raise InputError(f"this video states {stated:g} frames a second")
    return known_rate(stated)


def _square(width: int, height: int, ratio: float) -> tuple[int, int]:
    """The size of a picture whose pixels are made square: none of its lines or columns get fewer."""
    if abs(ratio - 1) < _SQUARE:
        return width, height
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
