"""Frames and a song into a video: an MP4 that every player plays (H.264 yuv420p, AAC, BT.709), or one for editors."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import numpy as np

from dancegen.codecs import BT709, FULL_RANGE, LIMITED_RANGE, Codec, codec_for
from dancegen.errors import DancegenError, InputError
from dancegen.video.info import to_tags
from dancegen.video.soundtrack import Soundtrack

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler, AudioStream, Packet, VideoFrame, VideoStream
    from av.container import OutputContainer

# A fixed number of threads: x264's output depends on it, and one recipe should give one file on every machine.
ENCODER_THREADS = 4
# Pictures of no more pixels take less time to encode than to hand to another thread.
SMALL = 256 * 256
# Frames that may wait for the encoder, so that drawing and encoding do not wait for each other at every frame.
FRAMES_AHEAD = 4
AUDIO_BIT_RATE = 192_000
# At bit rates like this FFmpeg recommends it over the default coder; it is faster too.
AUDIO_CODING = {"aac_coder": "fast"}
# aq-mode 3 spends bits on dark gradients, which band first in a mostly dark picture. The rest searches motion
# less: measured on neon dances, a third less time and the same PSNR for a sixth more bytes.
X264_TUNING = "aq-mode=3:me=dia:subme=1:partitions=i4x4,i8x8"
# x264's macroblock tree reads past the end of a row, into whatever memory holds, unless eight macroblocks divide it:
# elsewhere the same frames would give other bytes each time.
TREE_STEP = 8 * 16
NO_TREE = ":mbtree=0"
PLANES = "yuv420p"
RGB = 0  # the code of red, green and blue in the table of matrices
MIN_SIDE, MAX_SIDE = 16, 8192


Frame = TypeVar("Frame", contravariant=True)


class Encoder(Protocol[Frame]):
    """An output stream of one kind of frames."""

    def encode(self, frame: Frame | None = None) -> list[Packet]: ...


class VideoWriter:
    """A context manager that encodes frames as they arrive and publishes the file when all of them are in.

        with VideoWriter("dance.mp4", (1280, 720), 30, audio="song.flac", metadata={"digest": "..."}) as video:
            for frame in frames:
                video.write(frame)

    The song is decoded block by block beside the frames, starts with the first one, and is cut or filled with silence
    to end with the last, so memory does not grow with length. A thread of its own encodes, while the next frames are
    drawn, unless they are small; what goes wrong in it is raised by a later `write`, or by `close`. The file appears
    under its name when it is whole; an exception inside the `with` leaves nothing behind.

    path: where the video goes; an existing file is replaced. size: (width, height), both even but for ffv1. fps:
    frames a second. audio: a sound file, played from `audio_start_s`. metadata: names and texts that `probe_video`
    reads back. codec: of `video.codecs`; else the first that writes files like the path.

    Raises InputError for sizes, rates, paths and frames that no video can have, AudioError for a song that cannot be
    read.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: float,
        *,
        audio: str | Path | None = None,
        audio_start_s: float = 0.0,
        metadata: Mapping[str, str] | None = None,
        codec: Codec | None = None,
    ) -> None:
        self.path = Path(path)
        self.codec = codec_for(self.path, codec and codec.name)
        self.size = _checked_size(size, even=self.codec.even)
        self.fps = _checked_fps(fps)
        self.frames = 0
        _check_path(self.path)
        self._tags = to_tags(metadata or {})
        self._partial = self.path.with_name(f".{self.path.stem}.{os.getpid()}.{id(self):x}.partial{self.path.suffix}")
        self._container: OutputContainer | None = None
        self._audio: _AudioTrack | None = None
        self._small = self.size[0] * self.size[1] <= SMALL
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="video")
        self._waiting: deque[Future] = deque()
        self._sound = Soundtrack(audio, audio_start_s) if audio is not None else None
        try:
            self._open()
        except BaseException:
            self._abandon()
            raise

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, (height, width, 3) uint8 RGB, and the piece of song that belongs to it.

        A frame for h264 may also be (height * 3 / 2, width) uint8: its planes Y, Cb and Cr one behind the other, chroma
        at half the size (yuv420p), in BT.709's limited range. Raises InputError for another size, or where the video is
        closed, DancegenError where it could not be written: then it is given up.
        """
        import av

        if self._container is None:
            raise InputError(f"{self.path.name} is closed: no frame can be added to it.")
        width, height = self.size
        in_planes = self.codec.pixels == PLANES and frame.shape == (height * 3 // 2, width)
        if not (in_planes or frame.shape == (height, width, 3)) or frame.dtype != np.uint8:
            raise InputError(
                f"A frame of {self.path.name} should be {height}x{width}x3 uint8, not {frame.shape} {frame.dtype}."
            )
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=PLANES if in_planes else "rgb24")
        picture.pts, picture.time_base = self.frames, 1 / self.fps
        number, self.frames = self.frames, self.frames + 1
        try:
            if self._small:
                self._encode(self._container, picture, number)
            else:
                self._waiting.append(self._encoder.submit(self._encode, self._container, picture, number))
                self._wait_until(FRAMES_AHEAD)
        except BaseException:
            self._abandon()
            raise

    def close(self) -> None:
        """Finish the file and give it its name. Raises InputError if no frame was written."""
        if self._container is None:
            return
        try:
            if self.frames == 0:
                raise InputError(f"No frames were given for {self.path}, so there is no video to write.")
            self._wait_until(0)
            if self._audio is not None:
                self._write_sound(self._container, self._audio, self.frames, last=True)
                self._mux(self._container, self._audio.stream, None)
            self._mux(self._container, self._video, None)
            self._finish(self._container)
            os.replace(self._partial, self.path)
        except BaseException:
            self._abandon()
            raise
        self._encoder.shutdown()
        self._close_sound()

    def _open(self) -> None:
        import av.error

        try:
            # Matroska would give the file a random number, and one recipe should give one file.
            options = {"fflags": "+bitexact"} if self.codec.container == "matroska" else {"movflags": "+faststart"}
            container = av.open(str(self._partial), "w", format=self.codec.container, options=options)
        except (av.error.FFmpegError, OSError) as error:
            raise DancegenError(f"{self.path} cannot be written ({error}).") from error
        self._container = container
        container.metadata.update(self._tags)
        options = dict(self.codec.options)
        if self.codec.encoder == "libx264":
            options["x264-params"] = X264_TUNING if self.size[0] % TREE_STEP == 0 else X264_TUNING + NO_TREE
        stream = container.add_stream(self.codec.encoder, rate=self.fps, options=options)
        self._video = cast("VideoStream", stream)
        self._video.width, self._video.height = self.size
        self._video.pix_fmt = self.codec.pixels
        self._video.time_base = 1 / self.fps
        context = self._video.codec_context
        context.thread_count = 1 if self._small else ENCODER_THREADS
        context.color_primaries = context.color_trc = BT709
        context.colorspace = RGB if self.codec.rgb else BT709
        context.color_range = FULL_RANGE if self.codec.rgb else LIMITED_RANGE
        if self._sound is not None:
            self._audio = _AudioTrack(self._sound, container, self.codec)

    def _wait_until(self, waiting: int) -> None:
        """Let the encoder work until no more frames than that wait; raise what went wrong in it."""
        while len(self._waiting) > waiting:
            self._waiting.popleft().result()

    def _encode(self, container: OutputContainer, picture: VideoFrame, number: int) -> None:
        """Frame `number` and the piece of song that belongs to it, on the encoder's thread."""
        if picture.format.name == self.codec.pixels:
            converted = picture
            converted.colorspace, converted.color_range = BT709, LIMITED_RANGE
        elif self.codec.rgb:
            converted = picture.reformat(format=self.codec.pixels)
        else:
            converted = picture.reformat(
                format=self.codec.pixels, dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
            )
        self._mux(container, self._video, converted)
        if self._audio is not None:
            self._write_sound(container, self._audio, number + 1)

    def _write_sound(self, container: OutputContainer, track: _AudioTrack, frames: int, last: bool = False) -> None:
        """Encode the song up to the end of frame number `frames`, in whole blocks until the last."""
        for block in track.blocks(round(frames / self.fps * track.sound.rate), last):
            self._mux(container, track.stream, block)

    def _mux(self, container: OutputContainer, stream: Encoder[Frame], frame: Frame | None) -> None:
        """Encode one frame, None: what the encoder still holds, and write the packets."""
        import av.error

        try:
            for packet in stream.encode(frame):
                container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise DancegenError(f"{self.path} could not be written ({error}). Is the disk full?") from error

    def _finish(self, container: OutputContainer) -> None:
        import av.error

        try:
            container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise DancegenError(f"{self.path} could not be finished ({error}). Is the disk full?") from error
        self._container = None

    def _abandon(self) -> None:
        import av.error

        self._waiting.clear()
        try:
            self._encoder.shutdown(cancel_futures=True)
        finally:
            container, self._container = self._container, None
            if container is not None:
                # The file is deleted: the first error is the one to report.
                with contextlib.suppress(av.error.FFmpegError, OSError):
                    container.close()
            self._partial.unlink(missing_ok=True)
            self._close_sound()

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()
            self._sound = None


class _AudioTrack:
    """The song beside the pictures, in blocks of the encoder's own size."""

    def __init__(self, sound: Soundtrack, container: OutputContainer, codec: Codec) -> None:
        self.sound = sound
        options = AUDIO_CODING if codec.sound == "aac" else {}
        stream = container.add_stream(codec.sound, rate=sound.rate, layout=sound.layout, options=options)
        self.stream = cast("AudioStream", stream)
        self.stream.codec_context.format = codec.sound_format
        if codec.sound == "aac":
            self.stream.bit_rate = AUDIO_BIT_RATE
        self._resampler = None if codec.sound == "aac" else _resampler(codec, sound)
        self.stream.codec_context.open()
        self._block = self.stream.codec_context.frame_size or 1024
        self._samples = 0

    def blocks(self, end: int, last: bool) -> Iterator[AudioFrame]:
        """The song up to sample `end` from where it stopped before; only the last block may be shorter."""
        import av

        while end - self._samples >= self._block or (last and end > self._samples):
            count = min(self._block, end - self._samples)
            block = av.AudioFrame.from_ndarray(self.sound.read(count), format="fltp", layout=self.sound.layout)
            block.rate, block.pts, block.time_base = self.sound.rate, self._samples, Fraction(1, self.sound.rate)
            yield from (block,) if self._resampler is None else self._resampler.resample(block)
            self._samples += count


def _resampler(codec: Codec, sound: Soundtrack) -> AudioResampler:
    """To the samples that an encoder other than AAC's takes."""
    import av

    return av.AudioResampler(format=codec.sound_format, layout=sound.layout, rate=sound.rate)


def _checked_size(size: tuple[int, int], *, even: bool = True) -> tuple[int, int]:
    width, height = (int(side) for side in size)
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise InputError(
            f"A video of {width}x{height} is not possible: each side must be {MIN_SIDE} to {MAX_SIDE} pixels."
        )
    if even and (width % 2 or height % 2):
        raise InputError(
            f"A video of {width}x{height} is not possible: H.264 needs even sides. "
            f"Try {width + width % 2}x{height + height % 2}."
        )
    return width, height


def _checked_fps(fps: float) -> Fraction:
    if not np.isfinite(float(fps)) or not 1 <= fps <= 240:
        raise InputError(f"{fps} frames a second is not possible: give 1 to 240.")
    return Fraction(fps).limit_denominator(1001)  # 29.97 and its like are n * 1000 / 1001


def _check_path(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file in it.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} into.")
