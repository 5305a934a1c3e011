"""Song structure: sections that repeat an earlier one."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE

SECTION_S = 15.0
"""About how long a verse or a chorus is."""
SHORTEST_BEATS = 12
ALIKE = 0.75
"""Correlation of two sections' spectrograms, beat by beat, from which they are the same."""


@dataclass(frozen=True)
class RepeatedSection:
    """Beats `first` up to, but without, `last` repeat the beats from `source` on."""

    first: int
    last: int
    source: int

    def source_times(self, times_s: np.ndarray, beats: Beats) -> np.ndarray:
        """The seconds of the earlier section that belong to seconds of this one, beat by beat."""
        count = np.arange(len(beats.times_s))
        position = np.interp(times_s, beats.times_s, count) - self.first + self.source
        return np.interp(position, count, beats.times_s)

    def span(self, beats: Beats) -> tuple[float, float]:
        """From and to in seconds of the song."""
        return float(beats.times_s[self.first]), float(beats.times_s[min(self.last, len(beats.times_s) - 1)])


def repeated_sections(mel: np.ndarray, beats: Beats) -> list[RepeatedSection]:
    """The sections of a song, given its log-mel (F, N_MELS), that repeat an earlier one; none without beats.

    Boundaries come from an agglomerative segmentation of beat-synchronous spectra (McFee and Ellis, 2014), and lie on
    bars. A section repeats another where its spectra, beat by beat, correlate with those of an earlier one.
    """
    spectra = _beat_spectra(mel, beats)
    return _repeats(spectra, _boundaries(spectra, beats))


def song_sections(mel: np.ndarray, beats: Beats, seconds: float) -> tuple[list[tuple[float, float]], list[int]]:
    """All sections of a song of `seconds`, by the same boundaries: from and to in seconds, and the number of each.

    Sections of one number sound alike; 0 is the first. A song without beats, or a short one, is one section.
    """
    spectra = _beat_spectra(mel, beats)
    edges = _boundaries(spectra, beats)
    repeats = {one.first: one.source for one in _repeats(spectra, edges)}
    marks = [0.0, *(float(beats.times_s[edge]) for edge in edges[1:-1]), seconds]
    numbers: dict[int, int] = {}
    for edge in edges[:-1]:
        numbers[edge] = numbers[repeats[edge]] if edge in repeats else max(numbers.values(), default=-1) + 1
    return list(pairwise(marks)), list(numbers.values()) or [0]


def _repeats(spectra: np.ndarray, edges: list[int]) -> list[RepeatedSection]:
    """The sections between these edges that repeat an earlier one."""
    found = []
    for index, (first, last) in enumerate(pairwise(edges)):
        options = [(_likeness(spectra, first, last, source), source) for source in edges[:index]]
        likeness, source = max(options, default=(0.0, 0))
        if likeness > ALIKE:
            found.append(RepeatedSection(first, min(last, first + (first - source)), source))
    return found


def _beat_spectra(mel: np.ndarray, beats: Beats) -> np.ndarray:
    """(B - 1, N_MELS): mean log-mel of each beat, standardised by band over the song."""
    frames = np.rint(beats.times_s * FRAME_RATE).astype(int).clip(0, max(0, len(mel) - 1))
    if len(frames) < 2:
        return np.empty((0, mel.shape[1]))
    spectra = np.stack([mel[a : max(b, a + 1)].mean(0) for a, b in pairwise(frames)])
    return (spectra - spectra.mean(0)) / np.maximum(spectra.std(0), 0.05)


def _boundaries(spectra: np.ndarray, beats: Beats) -> list[int]:
    """Beats at which sections begin, the first and the end included, all others on bars."""
    count = len(spectra)
    if count < 2 * SHORTEST_BEATS:
        return []
    sections = int(np.clip(round((beats.times_s[-1] - beats.times_s[0]) / SECTION_S), 2, count // SHORTEST_BEATS))
    bars = beats.downbeats[beats.downbeats < count]
    if not len(bars):
        return []
    edges = {int(bars[np.abs(bars - edge).argmin()]) for edge in merged(spectra, sections)}
    kept = [0]
    for edge in sorted(edges):
        if edge - kept[-1] >= SHORTEST_BEATS and count - edge >= SHORTEST_BEATS:
            kept.append(edge)
    return [*kept, count]


def merged(rows: np.ndarray, count: int) -> list[int]:
    """Where each of `count` runs of rows (N, C) begins, once neighbours most alike were merged again and again.

    Most alike are the two that add least to the sum of squared distances to the runs' means (Ward, 1963), as in
    `librosa.segment.agglomerative`, whose import takes longer than a song's dance.
    """
    total = len(rows)
    sums, sizes = dict(enumerate(rows.astype(np.float64))), dict.fromkeys(range(total), 1)
    begins, before, behind = {each: each for each in range(total)}, {}, {}
    waiting: list[tuple[float, int, int]] = []

    def join(left: int, right: int) -> None:
        apart = sums[left] / sizes[left] - sums[right] / sizes[right]
        cost = float(apart @ apart) * sizes[left] * sizes[right] / (sizes[left] + sizes[right])
        behind[left], before[right] = right, left
        heapq.heappush(waiting, (cost, max(left, right), min(left, right)))

    for left, right in pairwise(range(total)):
        join(left, right)
    made = total
    while len(sums) > max(count, 1):
        _, one, other = heapq.heappop(waiting)
        if one not in sums or other not in sums:
            continue
        left, right = (one, other) if behind.get(one) == other else (other, one)
        sums[made], sizes[made] = sums.pop(left) + sums.pop(right), sizes[left] + sizes[right]
        begins[made] = begins[left]
        if left in before:
            join(before[left], made)
        if right in behind:
            join(made, behind[right])
        made += 1
    return sorted(begins[each] for each in sums)


def _likeness(spectra: np.ndarray, first: int, last: int, source: int) -> float:
    """Correlation of a section with what follows another's beginning, over the length that both have."""
    length = min(last - first, first - source)
    if length < SHORTEST_BEATS:
        return 0.0
    one, other = (spectra[start : start + length].ravel() for start in (first, source))
    return float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 and other.std() > 0 else 0.0
