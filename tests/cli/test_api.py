"""The Python API: the commands' verbs with the commands' keywords."""

from __future__ import annotations

import inspect

import pytest

import dancegen
from dancegen.errors import InputError


def test_a_verb_takes_output_as_its_command_does(render_stage, tmp_path):
    artifact = dancegen.render(seed=3, store=tmp_path / "store", output=tmp_path / "mine.mp4")
    assert artifact.stage == "render" and artifact.path.parent.parent == tmp_path / "store"
    assert (tmp_path / "mine.mp4").read_bytes() == b"video"
    with pytest.raises(InputError):
        dancegen.render(output=tmp_path / "mine.mov")


def test_help_of_a_verb_shows_its_keywords(render_stage):
    signature = inspect.signature(dancegen.render)
    assert next(iter(signature.parameters)) == "poses" and "output" in signature.parameters


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'dnace'"):
        _ = dancegen.dnace
