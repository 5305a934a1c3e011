"""What tests of stages find by name; whoever needs another of these defines it."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.film_fixtures import models, poses, store

__all__ = ["models", "place", "poses", "store"]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder for what the tests of one module share."""
    return tmp_path_factory.mktemp("place")
