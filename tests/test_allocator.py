"""Memory of arrays that are let go: kept for the next ones."""

from __future__ import annotations

import sys

import pytest

from helpers.processes import run_python

FAULTS = """
import resource, sys
import numpy as np
from dancegen.allocator import keep_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        layers = [np.ones((360, 640, 3), np.float32) for _ in range(4)]
        del layers
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep" and not keep_memory():
    print("cannot")
else:
    faults()
    print(faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_layers_of_the_next_frame_take_the_memory_of_the_last(monkeypatch):
    """By the pages that the system had to fill anew."""
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    # glibc raises its own threshold to the largest array let go so far: fixed, it is what it is for new sizes.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(1 << 20))
    usual, left = (run_python("-c", FAULTS, how) for how in ("leave", "keep"))
    assert left.stdout == "cannot\n", "what the user set stays"
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_")
    kept = run_python("-c", FAULTS, "keep")
    if kept.stdout == "cannot\n":
        pytest.skip("not glibc")
    assert int(kept.stdout) < int(usual.stdout) / 10, kept.stderr
