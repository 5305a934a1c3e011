"""The features of a song: log-mel and onset envelope of a span of it, from one pass over its file, and its beats.

Beats are tracked in the whole song, however little of it is danced: a part of it has the beats that the song has there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from dancegen.audio.bars import with_bars
from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE, N_MELS, Rows, log_mel, mel_blocks, onset_envelope
from dancegen.audio.load import SAMPLE_RATE, SongInfo, decode, into_flac, out_of_flac, probe, resampled
from dancegen.audio.mono import SAID, to_mono
from dancegen.audio.tracker import track_beats
from dancegen.audio.trackers import BUILT_IN_TRACKER, BeatTracker
from dancegen.errors import AudioError, reading
from dancegen.files import load_arrays
from dancegen.progress import SILENT, Advance, Progress

STRONG = 99
"""The percentile of onset strengths that a song's strong ones have."""


@dataclass(frozen=True)
class Level:
    """How loud a recording is. mean: of its log-mel. strong: the onset strength of its strong onsets."""

    mean: float
    strong: float

    @classmethod
    def of(cls, mel: np.ndarray, onset: np.ndarray) -> Level:
        """Of log-mel (F, N_MELS) and onset envelope (F,)."""
        return cls(float(mel.mean()), float(np.percentile(onset, STRONG)))


@dataclass(frozen=True)
class SongFeatures:
    """Log-mel (F, N_MELS), onset envelope (F,) and beats of the span of a song that begins at `start_s`.

    Times of the beats count from the span's start. `seconds` is the span's length. level: of the whole song, where it
    is known, so that a part of it is as loud as it is there.
    """

    mel: np.ndarray
    onset: np.ndarray
    beats: Beats
    seconds: float
    start_s: float = 0.0
    level: Level | None = None

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


@dataclass(frozen=True)
class Heard:
    """Log-mel (F, N_MELS) and onset envelope (F,) of a whole song."""

    mel: np.ndarray
    onset: np.ndarray


FindBeats = Callable[[Heard | None], Beats]
"""Gives the beats of a whole song, for which it may use what was heard of all of it; None: nothing was."""


@threadpool_limits.wrap(limits=1, user_api="blas")  # the order of summation changes the last bits, and so the dance
def find_beats(
    song: SongInfo,
    heard: Heard | None = None,
    *,
    tempo_bpm: float | None = None,
    tracker: BeatTracker = BUILT_IN_TRACKER,
    progress: Progress = SILENT,
) -> Beats:
    """The beats and bars of a whole song, which is decoded for it unless it was heard already.

    tempo_bpm: what a person says it is, of use to the built-in tracker; see `track_beats`. Memory grows by under 5 MB a
    minute. Raises AudioError as `decode` does, ModelError for a tracker that cannot be had.
    """
    if heard is None:
        mel, _ = _listened(song, 0.0, None, progress)
        heard = Heard(mel, onset_envelope(mel))
    if tracker.weights is None:
        return with_bars(track_beats(heard.onset, heard.mel, tempo_bpm), heard.mel)
    from dancegen.audio.beat_this import BeatThis

    network = BeatThis(tracker.fetched(progress).weights or tracker.weights)
    mono = to_mono(decode(song), _warned(song, progress))
    with _task(song, 0.0, None, progress) as advance:
        samples = _counted(resampled(mono, song, SAMPLE_RATE), [], advance)
        return network.track(samples, heard.mel, heard.onset)


@threadpool_limits.wrap(limits=1, user_api="blas")
def level_of(song: SongInfo, progress: Progress = SILENT) -> Level:
    """The level of a whole song, which is decoded for it. Raises AudioError as `decode` does."""
    mel, _ = _listened(song, 0.0, None, progress)
    return Level.of(mel, onset_envelope(mel))


@threadpool_limits.wrap(limits=1, user_api="blas")
def analyse(
    song: str | Path | SongInfo,
    *,
    start_s: float = 0.0,
    seconds: float | None = None,
    beats: FindBeats | None = None,
    progress: Progress = SILENT,
) -> SongFeatures:
    """The features of a span of a song, which is decoded in blocks: memory grows by under 5 MB a minute.

    A whole song is decoded once; for the beats of a part of one, all of it is decoded too, unless `beats` knows them. A
    song that was probed is not probed again. Raises AudioError as `probe` and `decode` do.
    """
    info = song if isinstance(song, SongInfo) else probe(song)
    found = _Beats(info, start_s, seconds, beats, progress)
    mel, length_s = _listened(info, start_s, seconds, progress)
    onset = onset_envelope(mel)
    return SongFeatures(mel, onset, found.of(mel, onset, length_s), length_s, start_s)


@threadpool_limits.wrap(limits=1, user_api="blas")
def analyse_and_copy(
    song: SongInfo,
    flac: str | Path,
    *,
    start_s: float = 0.0,
    seconds: float | None = None,
    beats: FindBeats | None = None,
    progress: Progress = SILENT,
) -> Excerpt:
    """Write the FLAC file of `write_flac` and analyse both the span and that file, decoding the span once.

    flac: where the copy goes. beats, memory and errors are as with `analyse`.
    """
    found = _Beats(song, start_s, seconds, beats, progress)
    raw, again = _in_step(into_flac(decode(song, start_s=start_s, seconds=seconds), song, flac))
    samples = resampled(to_mono(raw, _warned(song, progress)), song, SAMPLE_RATE)
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
    part = found.of(mel, onset, length_s)
    return Excerpt(
        SongFeatures(mel, onset, part, length_s, start_s),
        SongFeatures(copied_mel, onset_envelope(copied_mel), part, length_s),
    )


class _Beats:
    """The beats of a span: those of a part of a song are found before it is heard, to hold one log-mel at a time."""

    def __init__(
        self, song: SongInfo, start_s: float, seconds: float | None, find: FindBeats | None, progress: Progress
    ) -> None:
        self._start_s = start_s
        self._find = find or (lambda heard: find_beats(song, heard, progress=progress))
        whole = start_s == 0 and (seconds is None or seconds >= song.seconds)
        self._known = None if whole else self._find(None)

    def of(self, mel: np.ndarray, onset: np.ndarray, seconds: float) -> Beats:
        """Given what was heard of the span, and its length."""
        beats = self._find(Heard(mel, onset)) if self._known is None else self._known
        part = beats.between(self._start_s, self._start_s + seconds)
        return part if part.metre else with_bars(part, mel)


def _listened(song: SongInfo, start_s: float, seconds: float | None, progress: Progress) -> tuple[np.ndarray, float]:
    """The log-mel (F, N_MELS) of a span of a song, and its length in seconds."""
    mono = to_mono(decode(song, start_s=start_s, seconds=seconds), _warned(song, progress))
    lengths: list[int] = []
    with _task(song, start_s, seconds, progress) as advance:
        mel = log_mel(_counted(resampled(mono, song, SAMPLE_RATE), lengths, advance))
    return mel, sum(lengths) / SAMPLE_RATE


def _warned(song: SongInfo, progress: Progress) -> Callable[[], None]:
    return lambda: progress.warn(f"{song.path.name}: {SAID}")


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
