"""Beat This! (Foscarin, Schlüter and Widmer, ISMIR 2024): a neural network that hears beats and downbeats.

Code and weights are under the MIT licence. The package `beat-this` comes with the extra of that name. It would download
weights by itself, so it is only ever given a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from dancegen.audio.bars import in_three, with_bars
from dancegen.audio.beats import NO_BEATS, UNSAID, Beats, metre_of, tempo_of
from dancegen.audio.features import FRAME_RATE
from dancegen.audio.load import SAMPLE_RATE
from dancegen.audio.tracker import at_peak, flattened
from dancegen.errors import ModelError, reading

WHAT = "checkpoint of Beat This!"
HOP, HALF_WINDOW = 441, 512  # samples of its spectrogram: 50 frames a second
_BLOCK_S = 60
_EDGE = 3  # frames of a block's spectrogram that see beyond it


class BeatThis:
    """weights: a checkpoint as its makers publish them. Raises ModelError for a file that is none."""

    def __init__(self, weights: Path) -> None:
        from beat_this.inference import Spect2Frames
        from beat_this.model.postprocessor import Postprocessor
        from beat_this.preprocessing import LogMelSpect

        with reading(weights, WHAT, ModelError):
            if not weights.is_file():
                raise ModelError(f"there is no {WHAT} {weights}")
            self._network = Spect2Frames(str(weights))
        self._spectrum, self._peaks = LogMelSpect(), Postprocessor()

    def track(self, samples: Iterable[np.ndarray], mel: np.ndarray, onset: np.ndarray) -> Beats:
        """The beats and bars of a whole song, from blocks (N,) of its mono samples at 22,050 Hz.

        Its log-mel and onset envelope tell how strong the beats are, and whether they are divided in three.
        """
        import torch

        spectrum = torch.cat(list(self._spectra(samples)))
        times, downbeats = self._peaks(*self._network(spectrum))
        if len(times) < 3:
            return NO_BEATS
        strength = at_peak(flattened(onset), np.rint(times * FRAME_RATE).astype(int))
        strength = np.clip(strength / max(np.percentile(strength, 95), 1e-6), 0, 1).astype(np.float32)
        beats = Beats(times, tempo_of(times), strength, downbeats_s=downbeats, metre=UNSAID)
        if len(downbeats) < 2:
            return with_bars(beats, mel)
        return replace(beats, metre=metre_of(beats.bar_beats, in_three=in_three(beats, mel)))

    def _spectra(self, samples: Iterable[np.ndarray]) -> Iterator:
        """Blocks (F, 128) of the spectrogram of all samples, which are never all held at once."""
        import torch

        size, edge = _BLOCK_S * SAMPLE_RATE // HOP * HOP, _EDGE * HOP
        held, before = np.zeros(0, np.float32), 0
        for block in samples:
            held = np.concatenate([held, np.asarray(block, np.float32)])
            while len(held) >= before + size + edge:
                yield self._frames(held[: before + size + edge], before // HOP, size // HOP)
                held, before = held[before + size - edge :], edge
        if len(held) - before < HALF_WINDOW:  # too few to reflect at the end
            held = np.pad(held, (0, HALF_WINDOW + 1 - len(held) + before))
        frames = self._frames(held, before // HOP, None)
        yield frames if len(frames) else torch.zeros(0, 128)

    def _frames(self, samples: np.ndarray, first: int, count: int | None):
        """`count` frames of the spectrogram of some samples from the `first` on; None: all that are left."""
        import torch

        with torch.inference_mode():
            spectrum = self._spectrum(torch.from_numpy(np.ascontiguousarray(samples)))
        return spectrum[first:] if count is None else spectrum[first : first + count]
