"""The Python API: the commands' verbs with the commands' keywords."""

from __future__ import annotations

import inspect
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

import dancegen
from dancegen.cli.diffusion import OPTIONS
from dancegen.errors import InputError
from dancegen.renderers.animatediff.settings import Execution, Settings

PACKAGE = Path(dancegen.__file__).parent
VERBS = sorted(path.stem for path in (PACKAGE / "cli").glob("*.py") if (PACKAGE / "stages" / path.name).exists())


def test_a_verb_takes_output_as_its_command_does(render_stage, tmp_path):
    artifact = dancegen.render(seed=3, store=tmp_path / "store", output=tmp_path / "mine.mp4")
    assert artifact.stage == "render" and artifact.path.parent.parent == tmp_path / "store"
    assert (tmp_path / "mine.mp4").read_bytes() == b"video"
    with pytest.raises(InputError):
        dancegen.render(output=tmp_path / "mine.mov")


def test_help_of_a_verb_shows_its_keywords(render_stage):
    signature = inspect.signature(dancegen.render)
    assert next(iter(signature.parameters)) == "poses" and "output" in signature.parameters


def test_every_option_of_a_film_is_a_keyword_and_every_keyword_an_option():
    assert set(OPTIONS) == {field.name for kind in (Settings, Execution) for field in fields(kind)}


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'dnace'"):
        _ = dancegen.dnace


@pytest.mark.parametrize("verb", [verb for verb in VERBS if not verb.startswith("_")])
def test_a_command_and_its_function_have_the_same_keywords_and_defaults(verb):
    command = import_module(f"dancegen.cli.{verb}").command
    options = {name: option.default for name, option in inspect.signature(command).parameters.items()}
    keywords = {name: word.default for name, word in inspect.signature(getattr(dancegen, verb)).parameters.items()}
    for only_for_people in ("as_json", "quiet", "debug", "dry_run"):
        options.pop(only_for_people, None)
    del keywords["progress"]
    if "options" in keywords:  # a film's, which both take and check in one place
        del keywords["options"]
        options = {name: default for name, default in options.items() if name not in OPTIONS}
    assert {name: getattr(value, "value", value) for name, value in options.items()} == keywords
