"""What tests of the benchmarks' harness run in a process of its own, which starts small: it imports nothing."""

from __future__ import annotations


def hold(megabytes: int) -> dict[str, int]:
    """For a moment, so much memory is held."""
    held = bytearray(megabytes * 1_000_000)
    held[::1024] = b"x" * len(held[::1024])
    return {"held": len(held)}
