"""Durations, sizes and rates as a person reads them, and addresses as a person wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNITS = ("B", "kB", "MB", "GB", "TB")
_ROUNDED = 5e-4
"""What the digits of a stated duration of a frame cost at most; a rate of television is 1e-3 below a whole one."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?=[^/])")
_TWO_DAYS = 2 * 24 * 60
"""In minutes."""


def address(given: object) -> str | None:
    """The address that stands where a file should, as a person wrote it; None for a path.

    A path made of an address has lost one of its slashes, and gets it back.
    """
    text = str(given)
    return _ADDRESS.sub(r"\1://", text, count=1) if _ADDRESS.match(text) else None


def duration(seconds: float) -> str:
    """4.2 s, 3:07 min, 1:02:45 h; from two days on 4 days."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    if minutes < _TWO_DAYS:
        return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h"
    return f"{round(minutes / 1440)} days"


def listing(words: Iterable[str]) -> str:
    """a; a and b; a, b and c."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def byte_size(count: float) -> str:
    """Bytes in decimal units, three digits: 512 B, 1.5 kB, 2.14 GB."""
    amount, unit = float(count), 0
    while amount >= 999.5 and unit + 1 < len(_UNITS):
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.3g} {_UNITS[unit]}"


def frame_rate(per_second: float) -> str:
    """Frames a second: 60 for 60.0024, which 0.008333 s in a header gives, but 29.97 and 59.94 as they are."""
    whole = round(per_second)
    return f"{whole}" if whole and abs(per_second / whole - 1) < _ROUNDED else f"{per_second:.4g}"


def age(seconds: float) -> str:
    """How long ago, in one unit: 40 s, 5 min, 3 h, 12 d. A moment in the future is now."""
    for limit, length, unit in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // length))} {unit}"
    return f"{int(seconds // 86_400)} d"
