"""What of an earlier dance stays when a part of it is to be danced at another speed, or through another pose."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from dancegen.choreographers.controls import DanceControls
from dancegen.errors import InputError
from dancegen.motion.body import BodyMotion

LEAD_S = 0.8
"""Seconds at the end of a retimed span that are danced anew, to lead into what follows; at most a third of it."""
PASS_S = 0.8
"""Seconds before and after a pose on the way that are danced anew where nothing is said of what is kept."""
EASE_S = 0.2
"""Seconds in which a retimed span comes to its speed."""

Span = tuple[float, float]


def kept_spans(controls: DanceControls) -> tuple[Span, ...]:
    """When in the song, in seconds, the dance that is edited stays: as asked, else all of it but where it is changed.

    The ends of retimed spans (see `led_out`) are part of none.
    """
    if controls.keep:
        kept = list(controls.keep)
    elif controls.keep_joints or controls.edit is None:
        kept = []
    else:
        kept = [(controls.edit.start_s, controls.edit.start_s + controls.edit.seconds)]
        for moment, _ in controls.pass_pose:
            kept = _without(kept, (moment - PASS_S, moment + PASS_S))
    for free in led_out(controls):
        kept = _without(kept, free)
    return tuple(kept)


def led_out(controls: DanceControls) -> tuple[Span, ...]:
    """The ends of the retimed spans, in seconds of the song: from there the dance leads back into what follows."""
    return tuple((end - min(LEAD_S, (end - start) / 3), end) for start, end, _ in controls.retime_span)


def retimed(dance: BodyMotion, spans: tuple[tuple[float, float, float], ...]) -> BodyMotion:
    """The dance with spans (from, to, rate) at other speeds: each begins as it did, and what follows stays as it was.

    Seconds of the song. Frames outside are the same to the bit. Raises InputError where the dance has no such span, or
    not enough of itself to be danced so fast.
    """
    if not spans:
        return dance
    ends = dance.start_s, dance.start_s + dance.seconds
    for (_, end, _), (start, _, _) in pairwise(sorted(spans)):
        if start < end:
            raise InputError(f"--retime-span: two of them at {start:g} s of the song")
    times = np.arange(len(dance)) / dance.fps
    root, rotations = dance.root.copy(), dance.rotations.copy()
    for start, end, rate in spans:
        flag = f"--retime-span {start:g}-{end:g}={rate:g}"
        if start < ends[0] - 0.5 / dance.fps or end > ends[1] + 0.5 / dance.fps:
            raise InputError(f"{flag}: that dance lasts from {ends[0]:g} to {ends[1]:g} s of the song")
        begun = times + ends[0] - start
        inside = np.flatnonzero((begun >= 0) & (begun < end - start - 1e-6))
        source = start - ends[0] + _advance(begun[inside], rate)
        danced = source[begun[inside] < end - start - min(LEAD_S, (end - start) / 3)]
        if len(danced) and danced[-1] > times[-1] + 0.5 / dance.fps:
            raise InputError(
                f"{flag}: the dance ends at {ends[1]:g} s, too early to be danced so fast from {start:g} s"
            )
        moved = dance.at(source)
        root[inside], rotations[inside] = moved.root, moved.rotations
    return replace(dance, root=root, rotations=rotations)


def _advance(begun_s: np.ndarray, rate: float) -> np.ndarray:
    """How far into a span (T,) the dance is, seconds after it began: its speed goes evenly from 1 to the rate."""
    easing = np.minimum(begun_s, EASE_S)
    return begun_s + (rate - 1) * (begun_s - easing + easing**2 / (2 * EASE_S))


def _without(spans: list[Span], free: Span) -> list[Span]:
    parts = [part for start, end in spans for part in ((start, min(end, free[0])), (max(start, free[1]), end))]
    return [(start, end) for start, end in parts if end - start > 1e-6]
