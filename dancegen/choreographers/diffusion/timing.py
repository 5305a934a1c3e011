"""The last hundredths of a second: steps are moved onto the beat they were meant for, and moves gather on it.

A denoiser steps to its music, but a twentieth of a second early or late is soon lost among its other cares; that is as
far as eyes forgive. So its dance is warped in time a little: as smoothly as `motion.time_warp` warps what was captured,
but never far from where it is. With an accent (see `augmentation.accented_s`) time runs slower on the beats, too.
"""

from __future__ import annotations

import numpy as np

from dancegen.arrays import catmull_rom
from dancegen.audio.beats import Beats
from dancegen.choreographers.augmentation import accented_s
from dancegen.motion.body import AT, BodyMotion
from dancegen.motion.footfalls import falls_under, joint_speeds
from dancegen.motion.time_warp import Grid, nearness

MOST_S = 0.12
"""A step is moved by no more than this."""
STEP_S = 0.01
"""What it is moved by is a multiple of this."""
MOST_RATE = 0.3
"""Share by which moving steps may speed the dance up or slow it down."""
NEAR_S = 0.025
"""Standard deviation of how near to a beat a step earns."""
BEND_COST, AWAY_COST = 0.1, 0.02
"""Costs of a changed rate, and of being moved, in earnings of one step: both at their most."""
LOOK_AHEAD = 8
"""Beats and half-beats after one that decide how far its steps are moved: so a longer dance begins as a shorter one."""
LEAST_APART_S = 0.2
"""Half-beats nearer to their beats than this are none that steps are moved to: every moment would be near one."""


def snap_to_beats(
    numbers: np.ndarray, motion: BodyMotion, beats: Beats, accent: float, free: np.ndarray | float = 1.0
) -> np.ndarray:
    """The dance (T, C), which is that of `motion`, with its steps on the beats and `accent` of its speed off them.

    On a beat the speed is 1 - `accent` of what it was, between two 1 + `accent`. A song without a beat changes nothing.
    free: (T,), 0 where the dance stays when it is, to 1.
    """
    if len(beats.times_s) < 2 or len(motion) < 4:
        return numbers
    frames = np.arange(len(motion))
    times = frames / motion.fps
    source = _source_s(times, footfalls(motion, 1 - accent), beats.times_s)
    source += accented_s(times, beats, accent) - times
    source = times + free * (source - times)
    return catmull_rom(numbers, np.clip(source * motion.fps, 0, frames[-1])).astype(numbers.dtype)


def footfalls(motion: BodyMotion, slower: float = 1.0) -> np.ndarray:
    """Seconds (F,) from its first frame at which a foot comes to stand, if the dance had `slower` of its speed."""
    ankles = motion.positions[:, [AT["l_ankle"], AT["r_ankle"]]]
    speeds = joint_speeds(ankles, motion.fps, motion.body.height_m) * slower
    return np.sort(np.concatenate([falls_under(speed, motion.fps) for speed in speeds.T]))


def _source_s(times: np.ndarray, falls: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """When (T,) in the dance it is at times (T,) of the song, once its footfalls (F,) are moved to the beats (B,)."""
    from scipy.interpolate import PchipInterpolator

    apart = np.diff(beats)
    targets = np.sort(np.concatenate([beats, (beats[:-1] + apart / 2)[apart / 2 >= LEAST_APART_S]]))
    targets = targets[(targets > times[0] + MOST_S / MOST_RATE) & (targets < times[-1] - MOST_S / MOST_RATE)]
    if not len(targets) or not len(falls):
        return times.copy()
    knots = np.concatenate([times[:1], targets, times[-1:]])
    return PchipInterpolator(knots, knots + np.concatenate([[0.0], _moved_s(targets, falls), [0.0]]))(times)


def _moved_s(targets: np.ndarray, falls: np.ndarray) -> np.ndarray:
    """By how much (K,) the dance runs ahead at each target, a multiple of STEP_S: the best paths through the LOOK_AHEAD
    targets after each, by dynamic programming, begun where the one before it was moved to."""
    levels = STEP_S * np.arange(-round(MOST_S / STEP_S), round(MOST_S / STEP_S) + 1)
    steps = Grid(falls, np.ones(len(falls)), 0.0)
    earned = nearness((targets[:, None] + levels).ravel(), steps, NEAR_S).reshape(len(targets), -1)  # (K, L)
    earned = earned - AWAY_COST * (levels / MOST_S) ** 2
    change = np.abs(levels[:, None] - levels)  # from (row) to (column)
    rates = change / np.diff(targets)[:, None, None] / MOST_RATE  # (K - 1, L, L)
    ways = np.where(rates <= 1, -BEND_COST * rates**2, -np.inf)
    path: list[int] = []
    for first in range(len(targets)):
        last = min(first + LOOK_AHEAD, len(targets) - 1)
        ahead = earned[last]
        for here in range(last - 1, first - 1, -1):
            ahead = earned[here] + (ways[here] + ahead).max(1)
        path.append(int((ahead if not path else ways[first - 1][path[-1]] + ahead).argmax()))
    return levels[path]
