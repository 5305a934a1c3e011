"""The features of a song: log-mel, onset envelope and beats, from one pass over its file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from dancegen.audio.beats import Beats, track_beats
from dancegen.audio.features import FRAME_RATE, N_MELS, Rows, log_mel, mel_blocks, onset_envelope
from dancegen.audio.load import SAMPLE_RATE, SongInfo, decode, into_flac, out_of_flac, probe, resampled, to_mono
from dancegen.errors import AudioError, reading
from dancegen.files import load_arrays
from dancegen.progress import SILENT, Advance, Progress


@dataclass(frozen=True)
class SongFeatures:
    """Log-mel (F, N_MELS), onset envelope (F,) and beats of the span of a song that begins at `start_s`.

    Times of the beats count from the span's start. `seconds` is the span's length.
    """

    mel: np.ndarray
    onset: np.ndarray
    beats: Beats
    seconds: float
    start_s: float = 0.0

    @property
    def frame_rate(self) -> float:
        """Frames of `mel` and `onset` a second."""
        return FRAME_RATE

    def save(self, path: str | Path) -> None:
        """Write log-mel, onset envelope and span as .npz; the beats have a file of their own (`Beats.save`)."""
        np.savez_compressed(path, mel=self.mel, onset=self.onset, seconds=self.seconds, start_s=self.start_s)

    @classmethod
    def load(cls, path: str | Path, beats: str | Path) -> SongFeatures:
        """Read what `save` wrote, and the beats. Raises AudioError for files that are not that."""
        what = "file of a song's features"
        arrays = load_arrays(path, what, AudioError, needed=("mel", "onset", "seconds", "start_s"))
        mel, onset = arrays["mel"], arrays["onset"]
        with reading(path, what, AudioError):
            seconds, start_s = float(arrays["seconds"]), float(arrays["start_s"])
            if mel.shape != (len(onset), N_MELS) or onset.ndim != 1 or not (isfinite(seconds) and isfinite(start_s)):
                raise AudioError(f"{path} is damaged: its arrays do not belong together")
            if not (np.isfinite(mel).all() and np.isfinite(onset).all()):
                raise AudioError(f"{path} is damaged: it holds numbers that are not finite")
        return cls(mel, onset, Beats.load(beats), seconds, start_s)


@dataclass(frozen=True)
class Excerpt:
    """A span of a song and the 16-bit FLAC copy that was made of it, both analysed.

    song: what a choreographer dances to. copy: the log-mel and onsets that `analyse` finds in the FLAC file, which
    differ in the last bits of quiet bands, with the beats of the song. Its time begins with the file.
    """

    song: SongFeatures
    copy: SongFeatures


@threadpool_limits.wrap(limits=1, user_api="blas")  # the order of summation changes the last bits, and so the dance
def analyse(
    song: str | Path | SongInfo, *, start_s: float = 0.0, seconds: float | None = None, progress: Progress = SILENT
) -> SongFeatures:
    """The features of a span of a song, which is decoded once, in blocks: memory grows by under 5 MB a minute.

    A song that was probed is not probed again. Raises AudioError as `probe` and `decode` do.
    """
    info = song if isinstance(song, SongInfo) else probe(song)
    samples = resampled(to_mono(decode(info, start_s=start_s, seconds=seconds)), info, SAMPLE_RATE)
    lengths: list[int] = []
    with _task(info, start_s, seconds, progress) as advance:
        mel = log_mel(_counted(samples, lengths, advance))
    onset = onset_envelope(mel)
    return SongFeatures(mel, onset, track_beats(onset, mel), sum(lengths) / SAMPLE_RATE, start_s)


@threadpool_limits.wrap(limits=1, user_api="blas")
def analyse_and_copy(
    song: SongInfo,
    flac: str | Path,
    *,
    start_s: float = 0.0,
    seconds: float | None = None,
    progress: Progress = SILENT,
) -> Excerpt:
    """Write the FLAC file of `write_flac` and analyse both the song and that file, decoding the song once.

    flac: where the copy goes. Memory grows by under 5 MB a minute. Raises AudioError as `decode` does.
    """
    raw, again = _in_step(into_flac(decode(song, start_s=start_s, seconds=seconds), song, flac))
    samples = resampled(to_mono(raw), song, SAMPLE_RATE)
    copied = resampled(to_mono(out_of_flac(again)), song, SAMPLE_RATE)
    rows, copied_rows, lengths = Rows(N_MELS), Rows(N_MELS), []
    with _task(song, start_s, seconds, progress) as advance:
        for block, copied_block in zip(
            mel_blocks(_counted(samples, lengths, advance)), mel_blocks(copied), strict=True
        ):
            rows.append(block)
            copied_rows.append(copied_block)
    mel, copied_mel, length_s = rows.array, copied_rows.array, sum(lengths) / SAMPLE_RATE
    onset = onset_envelope(mel)
    beats = track_beats(onset, mel)
    return Excerpt(
        SongFeatures(mel, onset, beats, length_s, start_s),
        SongFeatures(copied_mel, onset_envelope(copied_mel), beats, length_s),
    )


def _in_step(blocks: Iterator[np.ndarray]) -> tuple[Iterator[np.ndarray], Iterator[np.ndarray]]:
    """Two iterators over the same blocks; the second is read behind the first. (`itertools.tee` keeps 57 of them.)"""
    passed: deque[np.ndarray] = deque()

    def first() -> Iterator[np.ndarray]:
        for block in blocks:
            passed.append(block)
            yield block

    def second() -> Iterator[np.ndarray]:
        while passed:
            yield passed.popleft()

    return first(), second()


def _task(song: SongInfo, start_s: float, seconds: float | None, progress: Progress) -> AbstractContextManager[Advance]:
    total = song.seconds - start_s if seconds is None else min(seconds, song.seconds - start_s)
    return progress.task(f"Listening to {song.path.name}", total)


def _counted(samples: Iterator[np.ndarray], lengths: list[int], advance: Advance) -> Iterator[np.ndarray]:
    """Pass on blocks (N,) at 22,050 Hz, append their lengths in samples to `lengths`, and advance in seconds."""
    for block in samples:
        lengths.append(len(block))
        advance(len(block) / SAMPLE_RATE)
        yield block
