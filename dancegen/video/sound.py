"""The sound of a filmed dance on the clock of its pictures: sample 0 is heard with the first one.

A video's sound may begin later or earlier than its pictures, and may have holes; its own timestamps say so. Played from
its first sample on, as a song is, it would be out of step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from dancegen.audio.load import FASTEST_RATE, MOST_CHANNELS, SLOWEST_RATE, SongInfo, decode, into_flac
from dancegen.errors import AudioError, reading
from dancegen.video.info import opened

JITTER_S = 0.01
"""Timestamps are rounded, in Matroska to milliseconds; a larger step in them is a hole, or a piece that comes twice."""
_BLOCK = 2**16
"""Samples of silence at a time."""


def write_own_sound(video: Path, flac: Path, begins_s: float, seconds: float) -> tuple[float, float]:
    """Write a video's own sound as a 16-bit FLAC file that begins with its pictures and is as long.

    begins_s: of the pictures, on the container's clock. What is missing is silence, what is beyond them is left out.
    Returns when the sound begins and ends, in seconds from the first picture. Raises AudioError where there is none,
    and where it is damaged.
    """
    with opened(video) as container, reading(video, "video with sound", AudioError):
        stream = container.streams.audio[0] if container.streams.audio else None
        if stream is None or stream.codec_context is None or not stream.rate or not stream.channels:
            raise AudioError(f"{video} has no sound that can be read")
        rate, channels = stream.rate, stream.channels
        if not SLOWEST_RATE <= rate <= FASTEST_RATE or channels > MOST_CHANNELS:
            raise AudioError(f"{video} is damaged: its sound would have {channels} channels of {rate} samples a second")
    samples = round(seconds * rate)
    told = SongInfo(flac, seconds, rate, channels)
    pieces = _Pieces(video, begins_s, rate, channels)
    for _ in into_flac(_exactly(pieces.in_step(), samples, channels), told, flac):
        pass
    if pieces.begins is None:
        raise AudioError(f"{video} has a sound track with nothing in it")
    return pieces.begins / rate, min(pieces.ends, samples) / rate


def write_other_sound(song: SongInfo, flac: Path, seconds: float) -> tuple[float, float]:
    """As `write_own_sound`, of a sound file that begins with the pictures."""
    samples = round(seconds * song.sample_rate)
    blocks = decode(song, seconds=min(seconds, song.seconds))
    for _ in into_flac(_exactly(blocks, samples, song.channels), song, flac):
        pass
    return 0.0, min(seconds, song.seconds)


class _Pieces:
    """The sound track of a video in the order of its clock. begins, ends: in samples from the first picture."""

    def __init__(self, video: Path, begins_s: float, rate: int, channels: int) -> None:
        self.begins: int | None = None
        self.ends = 0
        self._video, self._begins_s, self._rate, self._channels = video, begins_s, rate, channels

    def in_step(self) -> Iterator[np.ndarray]:
        """(N, channels) float32 each, one after the other from the first picture on, with silence in between."""
        for at, block in self._decoded():
            self.begins = at if self.begins is None else self.begins
            jitter = round(JITTER_S * self._rate) if self.ends else 0
            if at - self.ends > jitter:
                yield from _silence(at - self.ends, self._channels)
                self.ends = at
            elif self.ends - at > jitter:
                block = block[self.ends - at :]
            self.ends += len(block)
            if len(block):
                yield block

    def _decoded(self) -> Iterator[tuple[int, np.ndarray]]:
        """Each piece as it is decoded, (N, channels) float32, and the sample at which its timestamp says it begins."""
        import av
        import av.error

        with opened(self._video) as container, reading(self._video, "video with sound", AudioError):
            stream = container.streams.audio[0]
            convert = av.AudioResampler(format="flt", layout=stream.layout, rate=self._rate)
            at = 0
            try:
                for frame in container.decode(stream):
                    time_s = frame.time
                    if time_s is not None:
                        at = round((time_s - self._begins_s) * self._rate)
                    frame.pts = None
                    for ready in convert.resample(frame):
                        block = ready.to_ndarray().reshape(-1, self._channels)
                        yield at, block
                        at += len(block)
            except av.error.FFmpegError as error:
                raise AudioError(
                    f"{self._video} is damaged: its sound cannot be decoded from {max(at, 0) / self._rate:.1f} s on; "
                    "put a sound file of the same name beside it"
                ) from error


def _exactly(blocks: Iterable[np.ndarray], samples: int, channels: int) -> Iterator[np.ndarray]:
    """The first samples of a sound, and silence where it has fewer."""
    left = samples
    for block in blocks:
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return
    yield from _silence(left, channels)


def _silence(samples: int, channels: int) -> Iterator[np.ndarray]:
    for first in range(0, samples, _BLOCK):
        yield np.zeros((min(_BLOCK, samples - first), channels), np.float32)
