"""Fixtures of the tests of painted films: the tiny models, a store, and a dance in it."""

from __future__ import annotations

import pytest

from dancegen.store import Artifact, Store, open_store
from helpers.tiny_film import dance, options, tiny_models

__all__ = ["models", "poses", "store"]


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, str]:
    """The tiny models as render's keywords, made once for all tests: whoever changes one copies it before."""
    return options(tiny_models(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """What the tests of one module paint, each taking what another has painted before it."""
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def poses(store) -> Artifact:
    """Six seconds of dance in it."""
    return dance(store)
