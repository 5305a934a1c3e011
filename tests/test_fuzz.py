"""Whatever happens to a file, dancegen reads it or says in words what is wrong with it, in bounded time and memory.

`pytest tests/test_fuzz.py --fuzz 100000` tries as many damaged files of every format.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from helpers.fuzz_formats import FORMATS
from helpers.processes import environment

COMMANDS = 3
"""Damaged files of a format that are given to whole commands, of every thousand that its reader is given."""

USUAL = ("wav", "bvh", "keypoints2d", "openpose", "openpose folder", "poses", "gan", "mp4")
"""The formats whose commands are tried every time: one of each kind of reader."""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured by /proc")


@pytest.fixture
def count(request) -> int:
    return request.config.getoption("--fuzz")


def faults(how: str, name: str, count: int, place: Path) -> list[str]:
    """What the reader of a format, or its commands, could not cope with. A process that dies is told with its seed."""
    found, first = [], 0
    while first < count:
        worker = subprocess.run(
            [sys.executable, "-m", "helpers.fuzz_worker", how, name, str(first), str(count), str(place)],
            capture_output=True, text=True, errors="replace", env=environment(OMP_NUM_THREADS="1"),
        )  # fmt: skip
        lines = [json.loads(line) for line in worker.stdout.splitlines() if line.startswith("{")]
        found += [f"seed {line['seed']}: {line['fault']}" for line in lines if "fault" in line]
        if worker.returncode == 0:
            assert any("counted" in line for line in lines)
            break
        seed = place / "seed"
        assert seed.exists(), worker.stderr[-2000:]
        found.append(f"seed {seed.read_text()}: ended the process with {worker.returncode}: {worker.stderr[-300:]}")
        first = int(seed.read_text()) + 1
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused_in_words(tmp_path, name, count):
    assert faults("readers", name, count, tmp_path) == []


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.commands])
def test_a_command_that_is_given_a_damaged_file_ends_in_words(tmp_path, name, count):
    if name not in USUAL and count <= 1000:
        pytest.skip("reads as others do: with --fuzz 1001 and more")
    assert faults("commands", name, max(2, COMMANDS * count // 1000), tmp_path) == []


def test_the_same_seed_damages_a_file_in_the_same_way(tmp_path):
    for name in ("bvh", "poses", "wav"):
        form = FORMATS[name]
        files = {path.name: path.read_bytes() for path in form.make(tmp_path)}
        damaged = [form.broken(files, Random(f"{name} {seed}")) for seed in (*range(30), *range(30))]
        assert damaged[:30] == damaged[30:]
        assert sum(each != files for each in damaged[:30]) > 25
