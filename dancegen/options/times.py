"""Times as people write them: seconds, or minutes and seconds as players show them."""

from __future__ import annotations

import math
import re
from typing import Any

PATTERN = r"(?:(?:(?:\d+:)?[0-5]?\d|\d+):[0-5]?\d(?:\.\d*)?|\d+(?:\.\d*)?s?)"
"""90, 90.5, 90s, 1:30, 1:30.5, 1:02:30. Sixty minutes and more need no hours: 75:00."""
_WRITTEN = re.compile(PATTERN, re.ASCII)


def seconds_of(value: Any) -> float | None:
    """Seconds from a number or a text; None for what is no time, which nan and infinity are not either."""
    if not isinstance(value, str):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return number if math.isfinite(number) else None
    text = value.strip()
    sign = -1.0 if text.startswith("-") else 1.0
    text = text.removeprefix("-")
    if not _WRITTEN.fullmatch(text):
        return None
    total = 0.0
    for part in text.removesuffix("s").split(":"):
        total = total * 60 + float(part)
    return sign * total if math.isfinite(total) else None


def is_clock(text: str) -> bool:
    """Whether a text can only be a time: minutes and seconds, or seconds that say so. A bare number may be a word."""
    return bool(_WRITTEN.fullmatch(text)) and (":" in text or text.endswith("s"))
