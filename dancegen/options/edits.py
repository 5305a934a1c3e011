"""How edits of a dance are written: spans of the song at another speed, and poses at moments of it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from dancegen.errors import InputError
from dancegen.options.declare import span, within
from dancegen.options.times import seconds_of

SLOWEST, FASTEST = 0.25, 4.0
"""Times its own speed that a part of a dance can be danced at."""
_rate = within(SLOWEST, FASTEST, "times its speed")


def retimed_span(flag: str, value: Any) -> tuple[float, float, float]:
    """(from, to, rate): seconds of the song and times the speed, from "10-14=0.5", "0:10-0:14=0.5" or three numbers."""
    if isinstance(value, str):
        where, equals, rate = value.rpartition("=")
    else:
        where, equals, rate = (value[0], value[1]), "=", value[2]
    if not equals:
        raise InputError(f"{flag} {value}: write from, to and how fast, like 10-14=0.5")
    return (*span(flag, where), _rate(flag, rate))


def timed_poses(flag: str, value: Any) -> tuple[tuple[float, Any], ...]:
    """(seconds, pose) each, from "12.4=8c1e20aa@3.5" or a pair, earliest first; names of files may hold commas."""
    alone = isinstance(value, str) or (len(value) == 2 and seconds_of(value[0]) is not None)
    found = sorted((_timed(flag, each) for each in ([value] if alone else value)), key=lambda each: each[0])
    if len({seconds for seconds, _ in found}) < len(found):
        raise InputError(f"{flag}: two poses at one moment")
    return tuple(found)


def _timed(flag: str, value: Any) -> tuple[float, Any]:
    when, equals, pose = value.partition("=") if isinstance(value, str) else (value[0], "=", value[1])
    seconds = seconds_of(when)
    if not equals or not pose or seconds is None or seconds < 0:
        raise InputError(f"{flag} {value}: write when in the song, and which pose, like 12.4=8c1e20aa@3.5")
    return seconds, pose if isinstance(pose, PurePath) else str(pose)
