"""Everything that is computed once about a song."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from dancegen.audio.beats import Beats, track_beats
from dancegen.audio.features import FRAME_RATE, log_mel, onset_envelope
from dancegen.audio.load import SAMPLE_RATE, SongInfo, decode, into_flac, probe, resampled, to_mono
from dancegen.errors import AudioError
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
        try:
            with np.load(path, allow_pickle=False) as file:
                mel, onset = file["mel"], file["onset"]
                seconds, start_s = float(file["seconds"]), float(file["start_s"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise AudioError(f"{path} does not hold the features of a song ({error}): make it again") from error
        return cls(mel, onset, Beats.load(beats), seconds, start_s)


@threadpool_limits.wrap(limits=1, user_api="blas")  # sums in another order are other numbers, and another dance
def listen(
    song: SongInfo,
    *,
    start_s: float = 0.0,
    seconds: float | None = None,
    flac: str | Path | None = None,
    progress: Progress = SILENT,
) -> SongFeatures:
    """Everything about a span of a song, which is decoded once, in blocks: memory grows by under 5 MB a minute.

    flac: where a 16-bit copy of the span goes at the same time. Raises AudioError as `decode` does.
    """
    total = song.seconds - start_s if seconds is None else min(seconds, song.seconds - start_s)
    raw = decode(song, start_s=start_s, seconds=seconds)
    if flac is not None:
        raw = into_flac(raw, song, flac)
    heard = 0

    def counted(advance: Advance) -> Iterator[np.ndarray]:
        nonlocal heard
        for block in resampled(to_mono(raw), song, SAMPLE_RATE):
            heard += len(block)
            advance(len(block) / SAMPLE_RATE)
            yield block

    with progress.task(f"Listening to {song.path.name}", total) as advance:
        mel = log_mel(counted(advance))
    onset = onset_envelope(mel)
    return SongFeatures(mel, onset, track_beats(onset, mel), heard / SAMPLE_RATE, start_s)


def analyse(
    path: str | Path, *, start_s: float = 0.0, seconds: float | None = None, progress: Progress = SILENT
) -> SongFeatures:
    """`listen` to a song that nobody has looked at yet. Raises AudioError as `probe` and `decode` do."""
    return listen(probe(path), start_s=start_s, seconds=seconds, progress=progress)
