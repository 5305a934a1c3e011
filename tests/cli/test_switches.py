"""A flag that may stand alone or before a name, such as --fast, takes nothing else for its name."""

from __future__ import annotations

import pytest
import typer

from dancegen.cli import build_app
from dancegen.errors import InputError
from dancegen.options.verbs import VERBS
from dancegen.renderers.animatediff.settings import LIGHTNING_ADAPTER, Settings


def read(*words: str) -> dict:
    """What the command line takes from some words."""
    command = typer.main.get_command(build_app()).commands[words[0]]  # type: ignore[attr-defined]
    return command.make_context(words[0], list(words[1:])).params


@pytest.mark.parametrize(
    "words, fast, poses",
    [
        (["--fast", "3f2a9c41", "--prompt", "x"], "usual", "3f2a9c41"),
        (["--prompt", "x", "--fast", "-o", "film.mp4"], "usual", None),
        (["--prompt", "x", "--fast"], "usual", None),
        (["--fast", "lightning", "3f2a9c41"], "lightning", "3f2a9c41"),
        (["--fast=lightning"], "lightning", None),
        (["--fast", "--", "lightning"], "usual", "lightning"),
        (["3f2a9c41"], None, "3f2a9c41"),
    ],
)
def test_what_follows_is_its_name_only_if_it_is_one(words, fast, poses):
    given = read("render", *words)
    assert (given["fast"], given["poses"]) == (fast, poses)


def test_in_python_it_is_true_or_a_name():
    render = next(verb for verb in VERBS if verb.name == "render").options()
    names = [render(prompt="x", fast=fast).fast for fast in (True, False, None, "lightning", "lcm")]
    assert names == ["usual", None, None, "lightning", "lcm"]
    with pytest.raises(InputError, match="--fast lightnin: did you mean lightning"):
        render(prompt="x", fast="lightnin")


def test_lightning_chooses_modules_sampler_steps_and_guidance():
    usual = Settings(fast="lightning").completed()
    assert (usual.sampler, usual.steps, usual.guidance, usual.lora) == ("euler", 4, 1.0, ()) and not usual.guided
    assert usual.motion_adapter == LIGHTNING_ADAPTER.format(4)
    assert Settings(fast="lightning", steps=8).completed().motion_adapter == LIGHTNING_ADAPTER.format(8)
    with pytest.raises(InputError, match="made for 1, 2, 4 or 8 steps"):
        Settings(fast="lightning", steps=5).completed()
    own = Settings(fast="lightning", steps=5, motion_adapter="me/mine").completed()
    assert (own.motion_adapter, own.sampler) == ("me/mine", "euler")


def test_without_a_name_it_is_the_engines_usual_way_and_anothers_is_refused():
    assert Settings(fast=True).completed() == Settings(fast="lcm").completed()
    with pytest.raises(InputError, match="--fast lightx2v: the engine animatediff has lcm and lightning"):
        Settings(fast="lightx2v").completed()
