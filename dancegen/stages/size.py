"""WIDTHxHEIGHT, as every command takes it."""

from __future__ import annotations

import re

from dancegen.errors import InputError

SMALLEST, LARGEST = 16, 4096


def parse_size(size: str | tuple[int, int]) -> tuple[int, int]:
    """(width, height) in pixels from "512x512" or two numbers. Raises InputError."""
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", size.strip()) if isinstance(size, str) else None
    if isinstance(size, str) and not match:
        raise InputError(f"--size {size} is not WIDTHxHEIGHT, like 512x512")
    width, height = (int(match[1]), int(match[2])) if match else (int(size[0]), int(size[1]))
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise InputError(f"--size {width}x{height}: both sides must be {SMALLEST} to {LARGEST} pixels")
    return width, height
