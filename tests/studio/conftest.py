"""One browser for all tests of the studio, and one studio for those that can share it."""

from __future__ import annotations

import pytest

from helpers.studio import chromium, running_studio


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """A studio on an empty store, for a module's tests."""
    with running_studio(tmp_path_factory.mktemp("studio") / "store") as started:
        yield started
