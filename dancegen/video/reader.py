"""Frames out of a video, and what a video holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dancegen.errors import InputError
from dancegen.video.metadata import from_tags

VIDEO_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"}
UNSPECIFIED = 2  # H.264's code for "nobody said which colours these are"
BT709, BT601 = 1, 5
HD_HEIGHT = 720


@dataclass(frozen=True)
class StreamSpan:
    """When a stream starts and how long it is, in seconds on the container's clock."""

    start_s: float
    seconds: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.seconds


@dataclass(frozen=True)
class VideoInfo:
    """What a video holds. size: (width, height) as stored. audio: None for a silent video."""

    path: Path
    fps: float
    frames: int
    size: tuple[int, int]
    video: StreamSpan
    audio: StreamSpan | None
    metadata: dict[str, str] = field(default_factory=dict)


def probe_video(path: str | Path) -> VideoInfo:
    """Rate, length, size, streams and metadata of a video, from its headers. Raises InputError if it is none."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or stream.guessed_rate)
        video = _span(stream, container)
        sound = container.streams.audio[0] if container.streams.audio else None
        return VideoInfo(
            path=Path(path),
            fps=fps,
            frames=stream.frames or round(video.seconds * fps),
            size=(stream.width, stream.height),
            video=video,
            audio=_span(sound, container) if sound is not None else None,
            metadata=from_tags(container.metadata),
        )


def read_frames(path: str | Path) -> Iterator[np.ndarray]:
    """Every frame of a video in the order shown, (height, width, 3) uint8 RGB, one at a time.

    Raises InputError if the file is no video, or where it is damaged.
    """
    import av

    with _opened(path) as container:
        container.streams.video[0].thread_type = "AUTO"
        shown = 0
        try:
            for frame in container.decode(video=0):
                yield _rgb(frame)
                shown += 1
        except av.FFmpegError as error:
            raise InputError(f"{path} is damaged: decoding stopped after {shown} frames ({error}).") from error


@contextmanager
def _opened(path: str | Path):
    import av

    if not Path(path).is_file():
        raise InputError(f"There is no video at {path}.")
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path} is not a video that can be read ({error}).") from error
    with container:
        if not container.streams.video:
            raise InputError(f"{path} holds no pictures, only sound.")
        yield container


def _span(stream, container) -> StreamSpan:
    start = float((stream.start_time or 0) * stream.time_base)
    if stream.duration is not None:
        return StreamSpan(start, float(stream.duration * stream.time_base))
    return StreamSpan(start, (container.duration or 0) / 1e6)  # Matroska only knows the length of the whole


def _rgb(frame) -> np.ndarray:
    # Untagged videos follow the custom of all players: BT.709 from 720 lines up, BT.601 below.
    colours = int(frame.colorspace)
    if colours == UNSPECIFIED:
        colours = BT709 if frame.height >= HD_HEIGHT else BT601
    return frame.to_ndarray(format="rgb24", src_colorspace=colours, dst_color_range="JPEG")
