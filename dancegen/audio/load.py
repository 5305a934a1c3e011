"""Read any song: soundfile for wav, flac and ogg, PyAV for the rest; in blocks, resampled without seams.

libsndfile also reads MP3, and the same samples, but it comments on them on stderr.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.audio import PLAYLISTS, integrity
from dancegen.audio.mono import to_mono
from dancegen.errors import AudioError, reading

SAMPLE_RATE = 22_050  # Hz, of the samples that features are computed from
SHORTEST_S = 1.0
LONGEST_S = 4 * 3600.0  # its features take 400 MB
SLOWEST_RATE, FASTEST_RATE = 1_000, 768_000  # samples a second of anything that people listen to
MOST_CHANNELS = 64
FLAC_CHANNELS = 8  # the most that FLAC holds
_MOST_VALUES = 2**24  # of a block, all channels together
_UNKNOWN = 2**48  # frames: what libsndfile says of a FLAC file that was streamed is more
PCM_16 = 32_768  # steps of a 16-bit sample from silence to full scale
_STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}  # for FFmpeg: damage is an error, not a guess
_SLACK_S = 0.25  # how far a container's stated length may be off before the file counts as cut short


@dataclass(frozen=True)
class SongInfo:
    """A song file that was probed. `decoder` is the library that reads it: "soundfile" or "av"."""

    path: Path
    seconds: float
    sample_rate: int
    channels: int
    decoder: str = "soundfile"


def probe(path: str | Path) -> SongInfo:
    """Length, rate and channels of a song, without decoding it.

    Raises AudioError for no such file, a directory, an empty file, something that is not audio, under one second of
    sound, or a file whose headers or checksums show damage (with the second where it begins).
    """
    path = Path(path)
    if path.is_dir():
        raise AudioError(f"{path} is a directory: give one song (wav, flac, ogg, mp3, m4a, ...)")
    if not path.is_file():
        raise AudioError(f"No such file: {path}")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty: it has no bytes at all. Copy or download it again")
    with reading(path, "song", AudioError):
        stopped = integrity.damaged_at(path)
        if stopped is not None:
            raise _damaged(path, stopped)
        info = _probe_chain(path) or _probe_soundfile(path) or _probe_av(path)
    if info is None:
        raise AudioError(f"{path} is not audio that can be read: give a song as wav, flac, ogg, mp3 or m4a")
    _check(info)
    return info


def _check(info: SongInfo) -> None:
    """AudioError for what no song has."""
    path = info.path
    if not SLOWEST_RATE <= info.sample_rate <= FASTEST_RATE or info.channels > MOST_CHANNELS:
        raise AudioError(
            f"{path} says that it has {info.channels} channels of {info.sample_rate} samples a second: its header is "
            "damaged, or it is no song"
        )
    if info.seconds > LONGEST_S:
        raise AudioError(f"{path} is {info.seconds / 3600:.1f} hours long: cut it to {LONGEST_S / 3600:g} or less")
    if info.seconds < SHORTEST_S:
        raise AudioError(f"{path} is too short: {info.seconds:.2f} s of sound, a dance needs at least {SHORTEST_S:g} s")


def decode(
    song: SongInfo, *, start_s: float = 0.0, seconds: float | None = None, block_s: float = 10.0
) -> Iterator[np.ndarray]:
    """The span of a song in blocks as the file has them: (N, channels) float32 at its own rate.

    The one place where songs are decoded. Raises AudioError for a span outside the song, before the first block, and
    while reading where decoding stops in the middle.
    """
    first, count = _span(song, start_s, seconds)
    read = _read_soundfile if song.decoder == "soundfile" else _read_av
    size = min(round(block_s * song.sample_rate), _MOST_VALUES // song.channels)
    return _guarded(read(song, first, count, max(1, size)), song)


def _guarded(raw: Iterator[np.ndarray], song: SongInfo) -> Iterator[np.ndarray]:
    with reading(song.path, "song", AudioError):
        for block in raw:
            yield _checked(block, song)


def blocks(
    path: str | Path,
    *,
    start_s: float = 0.0,
    seconds: float | None = None,
    sample_rate: int | None = None,
    mono: bool = True,
    block_s: float = 10.0,
) -> Iterator[np.ndarray]:
    """The span of a song in blocks: (N,) float32, or (N, channels) if not `mono`; resampled without seams.

    `sample_rate` None keeps the file's own. Raises AudioError as `probe` does, before the first block, and while
    reading where decoding stops in the middle.
    """
    info = probe(path)
    raw = decode(info, start_s=start_s, seconds=seconds, block_s=block_s)
    return resampled(to_mono(raw) if mono else raw, info, sample_rate or info.sample_rate, 1 if mono else info.channels)


def load(path: str | Path, *, start_s: float = 0.0, seconds: float | None = None) -> np.ndarray:
    """The span of a song at once: (N,) float32 mono at 22,050 Hz, -1 to 1. Raises AudioError as `blocks` does."""
    return np.concatenate(list(blocks(path, start_s=start_s, seconds=seconds, sample_rate=SAMPLE_RATE)))


def write_flac(
    path_in: str | Path, path_out: str | Path, *, start_s: float = 0.0, seconds: float | None = None
) -> None:
    """Copy a span of a song to a 16-bit FLAC file at its own rate and channels, in memory that does not grow.

    Raises AudioError as `blocks` does.
    """
    info = probe(path_in)
    for _ in into_flac(decode(info, start_s=start_s, seconds=seconds), info, path_out):
        pass


def into_flac(raw: Iterable[np.ndarray], song: SongInfo, path: str | Path) -> Iterator[np.ndarray]:
    """Pass blocks of a song on as they are, each written to a 16-bit FLAC file of its rate and channels on its way."""
    import soundfile

    channels = min(song.channels, FLAC_CHANNELS)
    with soundfile.SoundFile(path, "w", song.sample_rate, channels, format="FLAC", subtype="PCM_16") as out:
        for block in raw:
            out.write(np.clip(block[:, :channels], -1, 1))
            yield block


def out_of_flac(raw: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Blocks of a song as they are read back from the file that `into_flac` wrote: rounded to 16 bits."""
    for block in raw:
        steps = np.rint(block[:, :FLAC_CHANNELS] * np.float32(PCM_16))
        yield np.clip(steps, -PCM_16, PCM_16 - 1) / np.float32(PCM_16)


def _probe_chain(path: Path) -> SongInfo | None:
    """An Ogg file with one song after the other, of which libsndfile would read the first only."""
    links = integrity.ogg_links(path)
    if len(links) < 2:
        return None
    first = _probe_soundfile(path) or _probe_av(path)
    if first is None or any(link.head != links[0].head for link in links):
        raise AudioError(
            f"{path} holds {len(links)} songs one after the other, in different formats: save each as a file of its own"
        )
    return SongInfo(path, sum(link.seconds for link in links), first.sample_rate, first.channels, "av")


def _probe_soundfile(path: Path) -> SongInfo | None:
    import soundfile

    if path.suffix.lower() == ".mp3" and not integrity.begins_like_mp3(path):
        return None  # libsndfile would trust the suffix, search the whole file and write to stderr
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError:
        return None
    if info.samplerate <= 0 or info.channels <= 0 or not 0 < info.frames < _UNKNOWN:
        return None  # streamed, with a header that does not know how long it became
    decoder = "av" if info.format == "MP3" else "soundfile"
    return SongInfo(path, info.frames / info.samplerate, info.samplerate, info.channels, decoder)


def _probe_av(path: Path) -> SongInfo | None:
    import av.error

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if container.format.name in PLAYLISTS:
                raise AudioError(f"{path} only names other files: give the songs themselves")
            if not container.streams.audio:
                if container.format.name == "tty" or container.format.name.endswith("_pipe"):
                    return None  # text and pictures
                raise AudioError(f"{path} holds no sound: give a song, or a video with a sound track")
            stream = container.streams.audio[0]
            if stream.codec_context is None or not stream.rate or not stream.channels:
                return None
            return SongInfo(path, _av_seconds(container, stream), stream.rate, stream.channels, "av")
    except (av.error.FFmpegError, ValueError) as error:
        if integrity.is_mp4(path):
            raise AudioError(
                f"{path} is damaged: decoding stopped at 0.0 s, its index is missing or broken. "
                "Copy or download it again"
            ) from error
        return None


def _av_seconds(container, stream) -> float:
    """The length that the container states; where it states none, as in bare AAC, its packets are counted."""
    if container.format.name != "aac":
        if stream.duration is not None:
            return float(stream.duration * stream.time_base)
        if container.duration is not None:
            return container.duration / 1_000_000
    ticks = sum(packet.duration or 0 for packet in container.demux(stream))
    return float(ticks * stream.time_base)


def _span(info: SongInfo, start_s: float, seconds: float | None) -> tuple[int, int | None]:
    """First sample and number of samples (None: to the end) of a span, checked against the song's length."""
    if not 0 <= start_s < info.seconds:
        raise AudioError(f"{info.path} is {info.seconds:.1f} s long: a span cannot start at {start_s:g} s")
    length = info.seconds - start_s if seconds is None else min(seconds, info.seconds - start_s)
    if length < SHORTEST_S:
        raise AudioError(
            f"Only {max(length, 0):.2f} s of {info.path} from {start_s:g} s on were asked for: "
            f"a dance needs at least {SHORTEST_S:g} s"
        )
    return round(start_s * info.sample_rate), None if seconds is None else round(length * info.sample_rate)


def _read_soundfile(info: SongInfo, first: int, count: int | None, size: int) -> Iterator[np.ndarray]:
    import soundfile

    with soundfile.SoundFile(info.path) as file:
        position = first
        end = file.frames if count is None else min(first + count, file.frames)
        slack = 0 if file.format in ("WAV", "FLAC") else round(_SLACK_S * info.sample_rate)
        step = max(1, info.sample_rate // 4)  # small reads, to find where decoding stops
        held: list[np.ndarray] = []
        try:
            file.seek(first)
            while position < end:
                part = file.read(min(step, end - position), dtype="float32", always_2d=True)
                if not len(part):
                    break
                position += len(part)
                held.append(part)
                if sum(map(len, held)) >= size:
                    yield np.concatenate(held)
                    held = []
        except soundfile.LibsndfileError as error:
            raise _damaged(info.path, position / info.sample_rate) from error
        if position < end - slack:
            raise _damaged(info.path, position / info.sample_rate)
        if held:
            yield np.concatenate(held)


def _read_av(info: SongInfo, first: int, count: int | None, size: int) -> Iterator[np.ndarray]:
    """Decode from the start and drop what comes before `first`: seeking is not sample-exact in every container."""
    end = None if count is None else first + count
    position, held, kept = 0, [], 0
    for frame in _av_frames(info):
        block = frame[max(0, first - position) : None if end is None else max(0, end - position)]
        position += len(frame)
        if len(block):
            held.append(block)
            kept += len(block)
        if kept >= size:
            yield np.concatenate(held)
            held, kept = [], 0
        if end is not None and position >= end:
            break
    if held:
        yield np.concatenate(held)
    expected = info.seconds if end is None else end / info.sample_rate
    if position / info.sample_rate < expected - _SLACK_S:
        raise _damaged(info.path, position / info.sample_rate)


def _av_frames(info: SongInfo) -> Iterator[np.ndarray]:
    """Decoded frames of the first sound track as (N, channels) float32."""
    import av.error

    decoded = 0
    try:
        with av.open(str(info.path), options=_STRICT, metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            convert = av.AudioResampler(format="flt", layout=stream.layout, rate=info.sample_rate)
            for frame in container.decode(stream):
                frame.pts = None
                for ready in convert.resample(frame):
                    samples = ready.to_ndarray().reshape(-1, info.channels)
                    decoded += len(samples)
                    yield samples
            for ready in convert.resample(None):
                yield ready.to_ndarray().reshape(-1, info.channels)
    except av.error.FFmpegError as error:
        raise _damaged(info.path, decoded / info.sample_rate) from error


def _checked(block: np.ndarray, info: SongInfo) -> np.ndarray:
    if not np.isfinite(block).all():
        raise AudioError(f"{info.path} holds samples that are not numbers: export it again from where it was made")
    return block


def resampled(raw: Iterable[np.ndarray], song: SongInfo, rate: int, channels: int = 1) -> Iterator[np.ndarray]:
    """Blocks of a song at another rate, without seams."""
    if rate == song.sample_rate:
        yield from raw
        return
    import soxr

    stream = soxr.ResampleStream(song.sample_rate, rate, channels, dtype="float32")
    for block in raw:
        out = stream.resample_chunk(np.ascontiguousarray(block))
        if len(out):
            yield out
    shape = (0,) if channels == 1 else (0, channels)
    out = stream.resample_chunk(np.zeros(shape, np.float32), last=True)
    if len(out):
        yield out


def _damaged(path: Path, seconds: float) -> AudioError:
    return AudioError(
        f"{path} is damaged: decoding stopped at {seconds:.1f} s. Copy or download it again, or cut it there"
    )
