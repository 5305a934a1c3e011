"""Beat alignment: a dance's kinematic beats (speed minima) and footfalls against the beats of the music.

A dance that stops on every beat scores higher than any real dance: more is not better, nearer to real dance is. Each
figure is reported beside its control: the same motion against music that it was not made for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dancegen.arrays import local_maxima, smooth
from dancegen.metrics.motion import ANKLES, FPS, filled, finite
from dancegen.motion.footfalls import falls_under, joint_speeds
from dancegen.motion.time_warp import Grid, alignment, beat_period

SPEED_SIGMA_S = 0.083
"""Of the Gaussian that smooths the mean joint speed: 5 frames at the 60 of AIST++."""
SHIFT = 0.25
"""Of a beat, by which the control moves the music: as far from beats and half-beats as can be."""


@dataclass(frozen=True)
class BeatFigures:
    """How near motion and music are, 0..1 each; nan where there is nothing to compare.

    bas_music: of every beat to the nearest speed minimum. bas_motion: of every speed minimum to the nearest beat.
    footfall: of every footfall to the nearest beat or half-beat.
    """

    bas_music: float
    bas_motion: float
    footfall: float


NOTHING = BeatFigures(*[float("nan")] * 3)


@dataclass(frozen=True, eq=False)
class KinematicBeats:
    """The kinematic beats of a dance of `frames` frames: seconds of its speed minima (M,) and of its footfalls (F,)."""

    minima_s: np.ndarray
    footfalls_s: np.ndarray
    frames: int

    @classmethod
    def of(cls, positions: np.ndarray) -> KinematicBeats:
        """Of `(T, 13, 2)` positions; a dance that shows nobody counts as one of no frames."""
        frames = len(positions) if np.isfinite(positions).any() else 0
        return cls(speed_minima(positions[:frames]), footfalls(positions[:frames]), frames)

    def against(self, beats_s: np.ndarray) -> BeatFigures:
        """The alignment with beats (B,) in seconds from the dance's first frame, as `beat_figures` defines it."""
        beats = beats_inside(beats_s, self.frames)
        if not len(beats):
            return NOTHING
        return BeatFigures(
            bas_music=_aligned(beats, self.minima_s),
            bas_motion=_aligned(self.minima_s, beats),
            footfall=_aligned(self.footfalls_s, with_half_beats(beats)),
        )

    def against_shifted(self, beats_s: np.ndarray) -> BeatFigures:
        """The control: the same against the music a quarter of a beat early and late, the mean of both.

        nan for fewer than two beats, which have no period.
        """
        shift = SHIFT * beat_period(np.asarray(beats_s))
        if not shift:
            return NOTHING
        one, other = (vars(self.against(np.asarray(beats_s) + way * shift)) for way in (-1, 1))
        return BeatFigures(**{name: (one[name] + other[name]) / 2 for name in one})

    def lead(self, beats_s: np.ndarray) -> float:
        """How much better the footfalls meet the beats than the shifted ones, as a share of what is possible.

        (footfall - shifted) / (1 - s), where s is what every step exactly on the beat would score against the shifted
        music: exp(-(T / 4)^2 / (2 * 0.05^2)) for a beat period of T seconds. 1 is a metronome, 0 somebody who does not
        listen, whatever the tempo. nan where there is nothing to compare.
        """
        beats = np.asarray(beats_s)
        away = SHIFT * beat_period(beats)
        if not away:
            return float("nan")
        most = 1 - _aligned(np.zeros(1), np.full(1, away))
        return (self.against(beats).footfall - self.against_shifted(beats).footfall) / most

    def against_others(self, songs: Sequence[np.ndarray]) -> BeatFigures:
        """The other control: the same against the beats of songs that the dance was not made for, their mean."""
        every = [vars(self.against(beats_s)) for beats_s in songs]
        return BeatFigures(
            **{name: finite(np.nanmean, np.array([one[name] for one in every])) for name in vars(NOTHING)}
        )


def beat_figures(positions: np.ndarray, beats_s: np.ndarray) -> BeatFigures:
    """Beat and footfall alignment of `(T, 13, 2)` positions; `beats_s` count from the dance's first frame.

    Mean of exp(-d^2 / (2 * 0.05^2)), d the seconds to the nearest counterpart. Music to motion as in Bailando (Siyao et
    al., CVPR 2022), motion to music as in FACT (Li et al., AIST++, ICCV 2021), both with 50 ms in place of frames.
    Only beats inside the dance count.
    """
    return KinematicBeats.of(positions).against(beats_s)


def shifted_figures(positions: np.ndarray, beats_s: np.ndarray) -> BeatFigures:
    """`KinematicBeats.against_shifted` of `(T, 13, 2)` positions."""
    return KinematicBeats.of(positions).against_shifted(beats_s)


def beats_inside(beats_s: np.ndarray, frames: int) -> np.ndarray:
    """The beats (B,) that lie within `frames` frames."""
    beats = np.asarray(beats_s, np.float64)
    return beats[(beats >= 0) & (beats <= (frames - 1) / FPS)]


def with_half_beats(beats_s: np.ndarray) -> np.ndarray:
    """Beats and the middles between them, sorted."""
    return np.sort(np.concatenate([beats_s, (beats_s[:-1] + beats_s[1:]) / 2]))


def mean_speed(positions: np.ndarray) -> np.ndarray:
    """`(T,)` mean joint speed in body heights a second, smoothed with a sigma of 83 ms."""
    if len(positions) < 2:
        return np.zeros(len(positions))
    body = filled(positions)
    seen = np.isfinite(body[0, :, 0])
    speed = joint_speeds(body[:, seen], FPS, 1.0, smooth_s=0).mean(axis=1)
    return smooth(speed, SPEED_SIGMA_S * FPS)


def speed_minima(positions: np.ndarray) -> np.ndarray:
    """Seconds (M,) of the motion's beats: local minima of the smoothed mean joint speed."""
    return local_maxima(-mean_speed(positions)) / FPS


def footfalls(positions: np.ndarray) -> np.ndarray:
    """Seconds (F,) of the footfalls that a camera sees; a foot that is not shown does not fall."""
    times = [np.empty(0)]
    for ankle in ANKLES:
        track = positions[:, [ankle]]
        seen = np.isfinite(track[:, 0, 0])
        if np.count_nonzero(seen) > 1:
            falls = falls_under(joint_speeds(filled(track), FPS, 1.0)[:, 0], FPS)
            times.append(falls[seen[np.rint(falls * FPS).astype(int)]])
    return np.sort(np.concatenate(times))


def _aligned(times_s: np.ndarray, targets_s: np.ndarray) -> float:
    return alignment(times_s, Grid(targets_s, np.ones(len(targets_s)), 0.0))
