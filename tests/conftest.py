"""What every test may lean on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

# As many processes as cores run the tests: one thread for each, here and in what they start, since two that share a
# core take turns. Before NumPy and torch are imported, which read it once.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # tests that take more do not spin while others have the cores

import pytest

from helpers.processes import REPOSITORY
from helpers.stage_double import StageDouble

SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real motion capture, songs and videos; tests that need them are skipped on a machine without."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the real test data is not on this machine")
    return SHARED / "data"


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Weights of detectors and VGG; tests that need them are skipped on a machine without."""
    if not (SHARED / "weights").is_dir():
        pytest.skip("the test weights are not on this machine")
    return SHARED / "weights"


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch) -> Path:
    """Every test has a store and a memory of digests of its own: none is answered by another's, or by a person's."""
    root = tmp_path / "store"
    monkeypatch.setenv("DANCEGEN_STORE", str(root))
    monkeypatch.setenv("DANCEGEN_DIGESTS", str(tmp_path / "memory" / ".digests.sqlite"))
    monkeypatch.delenv("COLUMNS", raising=False)  # Rich and pytest's workers set it; nobody looks at a screen here
    return root


@pytest.fixture
def render_stage(monkeypatch) -> StageDouble:
    """A double of the render stage, where the command and the Python API look for it."""
    double = StageDouble()
    module = ModuleType("dancegen.stages.render")
    module.render = double.render
    monkeypatch.setitem(sys.modules, "dancegen.stages.render", module)
    return double


def pytest_addoption(parser) -> None:
    parser.addoption("--fuzz", type=int, default=300, metavar="N", help="Damaged files of each format to read.")
