"""Everything that is computed once about a song."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from dancegen.audio.beats import Beats, track_beats
from dancegen.audio.features import FRAME_RATE, log_mel, onset_envelope
from dancegen.audio.load import SAMPLE_RATE, blocks, probe
from dancegen.progress import SILENT, Progress


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


@threadpool_limits.wrap(limits=1, user_api="blas")  # sums in another order are other numbers, and another dance
def analyse(
    path: str | Path, *, start_s: float = 0.0, seconds: float | None = None, progress: Progress = SILENT
) -> SongFeatures:
    """Listen to a song once, in blocks: memory grows by less than 5 MB a minute. Raises AudioError as `load` does."""
    info = probe(path)
    total = info.seconds - start_s if seconds is None else min(seconds, info.seconds - start_s)
    heard = 0

    def counted(advance) -> Iterator[np.ndarray]:
        nonlocal heard
        for block in blocks(path, start_s=start_s, seconds=seconds, sample_rate=SAMPLE_RATE):
            heard += len(block)
            advance(len(block) / SAMPLE_RATE)
            yield block

    with progress.task(f"Listening to {Path(path).name}", total) as advance:
        mel = log_mel(counted(advance))
    onset = onset_envelope(mel)
    return SongFeatures(mel, onset, track_beats(onset, mel), heard / SAMPLE_RATE, start_s)
