"""What a video says about itself: rate, length, size, streams, and metadata.

MP4 keeps a handful of named tags; all other metadata travels in `comment` as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.audio import PLAYLISTS
from dancegen.errors import InputError, reading
from dancegen.files import MOST_PIXELS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"}
# The tags that MP4 has a place for and that players show. Any other name would be dropped silently by the muxer.
_BRANDS = ("major_brand", "minor_version", "compatible_brands")
"""What the header of an MP4 file says of its kind, in plain letters; other tags may be in any encoding."""
_NO_VIDEOS = ("image2", "tty", "webp", "apng")
"""Formats of pictures and texts, as FFmpeg calls them."""
FASTEST, LONGEST_S = 1000.0, 1e7
"""Frames a second and seconds that a video's header may state."""
PLAIN_TAGS = ("title", "artist", "album", "date", "genre", "copyright", "description")


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
    with opened(path) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        video = _span(stream, container)
        if not 0 < fps <= FASTEST or not -LONGEST_S < video.start_s < LONGEST_S or not 0 <= video.seconds < LONGEST_S:
            raise InputError(
                f"{path} is not a video that can be read: its header states {fps:g} frames a second and a length of "
                f"{video.seconds:g} s."
            )
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


def film_digest(info: VideoInfo) -> str | None:
    """The digest of the artifact that a film of dancegen's says it is of; None: somebody else made it."""
    return info.metadata.get("digest") if info.metadata.get("command", "").startswith("dancegen ") else None


@contextmanager
def opened(path: str | Path) -> Iterator[InputContainer]:
    """A video's container while it is read. Raises InputError for a file that is none, or holds no pictures, and for
    anything that goes wrong while it is read."""
    import av.error

    if not Path(path).is_file():
        raise InputError(f"There is no video at {path}.")
    if not Path(path).stat().st_size:
        raise InputError(f"{path} is empty: it has no bytes at all. Copy or download it again.")
    with reading(path, "video"):
        try:
            container = av.open(str(path), metadata_errors="replace")
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{path} is not a video that can be read ({error.strerror or error}).") from error
        with container:
            if container.format.name in PLAYLISTS:
                raise InputError(f"{path} only names other files: give the videos themselves.")
            if not container.streams.video:
                raise InputError(f"{path} holds no pictures, only sound.")
            if any("\ufffd" in container.metadata.get(name, "") for name in _BRANDS):
                raise InputError(f"{path} is not a video that can be read: its header is damaged.")
            _check_pictures(path, container.streams.video[0])
            yield container


def _check_pictures(path: str | Path, stream: VideoStream) -> None:
    """InputError where no decoder is known for a video's pictures, or where they are larger than any are read."""
    context = stream.codec_context
    if context is None or context.width < 1 or context.height < 1:
        raise InputError(f"{path} is not a video that can be read: its header does not say what its pictures are.")
    if context.width * context.height > MOST_PIXELS:
        raise InputError(
            f"{path} has pictures of {context.width} x {context.height} pixels, more than the "
            f"{MOST_PIXELS // 1_000_000} million that are read: make them smaller first."
        )
    context.options = {"max_pixels": str(MOST_PIXELS)}  # what its frames say may differ from what its header says


def is_video(path: str | Path) -> bool:
    """Whether a person means moving pictures by a file: it holds some, or is called like a video and cannot be read.

    A song with a picture of its cover is none, nor is a picture.
    """
    import av.error
    from av.stream import Disposition

    path = Path(path)
    if not path.is_file():
        return False
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if container.format.name.endswith("_pipe") or container.format.name in _NO_VIDEOS:
                return False
            return any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video)
    except (av.error.FFmpegError, OSError, ValueError):
        return path.suffix.lower() in VIDEO_SUFFIXES


def to_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The container tags that carry `metadata`; `from_tags` is its inverse."""
    tags = {name: str(value) for name, value in metadata.items() if name in PLAIN_TAGS}
    others = {name: str(value) for name, value in metadata.items() if name not in PLAIN_TAGS}
    if others:
        tags["comment"] = json.dumps(others, ensure_ascii=False, sort_keys=True)
    return tags


def from_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Metadata as it was given to `to_tags`; the tags of a video that somebody else made come back as they are."""
    metadata = {_plain(name): value for name, value in tags.items()}
    try:
        others = json.loads(metadata["comment"])
    except (KeyError, ValueError, RecursionError):
        return metadata
    if not isinstance(others, dict):
        return metadata
    del metadata["comment"]
    return metadata | {str(name): str(value) for name, value in others.items()}


def _plain(name: str) -> str:
    """A tag's name as it was given: Matroska writes it in capitals."""
    return name.lower() if name.lower() in (*PLAIN_TAGS, "comment") else name


def _span(stream: Stream, container: InputContainer) -> StreamSpan:
    tick = stream.time_base or Fraction(0)
    start = float((stream.start_time or 0) * tick)
    if stream.duration is not None:
        return StreamSpan(start, float(stream.duration * tick))
    return StreamSpan(start, (container.duration or 0) / 1e6)  # Matroska only knows the length of the whole
