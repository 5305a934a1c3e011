"""A new option is a field in one class: the flag, the keyword, the help and the recipe follow."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass

import pytest

import dancegen
from dancegen.cli import main
from dancegen.errors import InputError
from dancegen.options import verbs
from dancegen.options.declare import option, within
from helpers.songs import write_song
from helpers.tiny_gan import tiny_model


@dataclass(frozen=True, kw_only=True)
class WithMirror(verbs.GeneratePosesOptions):
    """What generate-poses is asked for, and one thing more."""

    mirror_share: float = option(0.0, help="Share of the dance to mirror.", metavar="0..1", parse=within(0.0, 1.0))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(verbs, "GeneratePosesOptions", WithMirror)
    write_song(tmp_path / "song.wav", 2.0)
    tiny_model(tmp_path / "model")
    return tmp_path


def command(place, capsys, *more: str) -> dict:
    words = ["generate-poses", str(place / "song.wav"), "--model", str(place / "model"), "--canvas", "64x64", "--json"]
    assert main([*words, *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_takes_it_and_its_value_is_in_the_recipe(place, capsys):
    plain, mirrored = command(place, capsys), command(place, capsys, "--mirror-share", "0.5")
    assert plain["digest"] != mirrored["digest"]
    assert command(place, capsys, "--mirror-share", "0.50") == {**mirrored, "cached": True}
    main(["artifacts", "show", mirrored["digest"], "--json"])
    assert json.loads(capsys.readouterr().out)["params"]["mirror_share"] == 0.5


def test_help_signature_and_dance_have_it(place, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    main(["generate-poses", "--help"])
    assert "Share of the dance to mirror." in capsys.readouterr().out
    for verb in (dancegen.generate_poses, dancegen.dance):
        assert inspect.signature(verb).parameters["mirror_share"].default == 0.0
    main(["dance", "--help"])
    assert "--mirror-share" in capsys.readouterr().out


def test_a_wrong_value_is_refused_by_its_flag(place):
    with pytest.raises(InputError, match="--mirror-share 2: choose 0 to 1"):
        dancegen.generate_poses(place / "song.wav", mirror_share=2)
