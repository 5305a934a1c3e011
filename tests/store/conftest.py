"""What tests of the store find by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dancegen.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one for each test."""
    return open_store(tmp_path / "store")
