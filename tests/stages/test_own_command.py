"""The command that show prints really answers from the store, given where the song lies."""

from __future__ import annotations

import json
import shlex

import pytest

import dancegen
from dancegen.choreographers.registry import FAMILIES
from dancegen.cli import main
from dancegen.options.data import TrainOptions
from dancegen.options.declare import recipe_for
from dancegen.options.verbs import VERBS
from dancegen.stages.own_command import command_of
from dancegen.store import Artifact, Input, Recipe, open_store
from helpers.songs import write_song
from helpers.store_examples import Builder


def again(artifact: Artifact) -> str:
    return command_of(open_store().look_up(artifact.digest), open_store().listing())


def is_cached(command: str, artifact: Artifact, capsys) -> bool:
    program, *arguments = shlex.split(command)
    capsys.readouterr()
    assert program == "dancegen" and main([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    return answer["cached"] and answer["digest"] == artifact.digest


@pytest.fixture
def song(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_song(tmp_path / "it's my song.wav", 3.0)
    return "it's my song.wav"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"seed": 7, "fps": 29.97, "canvas": (64, 96), "start": 0.1, "seconds": 1.5},
        {"camera": "orbit", "floor": None, "energy": 0.25, "no_retime": True, "music_guidance": 1.5},
        {"floor": (2.5, 4.0), "genre": "salsa"},
    ],
)
def test_a_dance_and_its_drawing_are_answered_by_the_commands_that_show_prints(song, settings, capsys):
    dance = dancegen.generate_poses(song, **{"seconds": 1.2, "canvas": "64x64", **settings})
    assert is_cached(again(dance), dance, capsys), again(dance)
    film = dancegen.render(dance, style="openpose", size="64x64", fps=12.5)
    assert is_cached(again(film), film, capsys), again(film)


def test_a_kept_part_names_the_dance_it_is_kept_of(song, capsys):
    first = dancegen.generate_poses(song, seconds=1.5, canvas="64x64")
    second = dancegen.generate_poses(
        song, seconds=1.5, canvas="64x64", edit=first.digest, keep=((0.0, 0.5),), keep_joints=("legs",), seed=4
    )
    assert first.digest[:16] in again(second) and is_cached(again(second), second, capsys), again(second)


def test_a_pose_on_the_way_and_a_span_at_another_speed_are_written_as_they_are_read(song, capsys):
    first = dancegen.generate_poses(song, seconds=1.5, canvas="64x64")
    second = dancegen.generate_poses(
        song, seconds=1.5, canvas="64x64", edit=first.digest, retime_span=((0.1, 0.4, 0.5),),
        pass_pose=((1.1, f"{first.digest}@0.5"),),
    )  # fmt: skip
    assert "--retime-span 0.1-0.4=0.5" in again(second) and f"--pass-pose 1.1={first.digest[:16]}@0.5" in again(second)
    assert is_cached(again(second), second, capsys), again(second)


def test_the_bundled_song_and_model_have_their_names():
    dance = dancegen.generate_poses("demo", model="gan", seconds=1.0, canvas="64x64")
    assert again(dance) == "dancegen generate-poses demo --canvas 64x64 --seconds 1 --model gan"


def test_every_verb_gives_some_command_and_what_has_none_gives_none():
    store = open_store()
    for verb in VERBS:
        made = store.obtain(Recipe(verb.name, 1), Builder())
        assert command_of(made, store.listing()).startswith(f"dancegen {verb.name}")
    assert command_of(store.obtain(Recipe("render-segment", 1), Builder()), store.listing()) == ""


@pytest.mark.parametrize(
    ("family", "preset", "flags", "settings"),
    [
        ("diffusion", "small", {}, ()),
        ("diffusion", "base", {"max_steps": 40, "batch": 3}, ()),
        ("diffusion", "small", {"minutes": 2.5}, ("train.precision=fp32", "train.accent=0.1")),
        ("gan", "original", {"epochs": 7, "learning_rate": 0.0007}, ("loss.l1=40",)),
        ("gan", "small", {}, ("generator.channels=32,64,96",)),
    ],
)
def test_a_training_is_named_by_its_preset_and_what_was_changed(family, preset, flags, settings):
    """A learnt model takes hours: here its settings alone are compared."""
    kind = FAMILIES[family]
    config = kind.configure(preset, flags, settings)
    options = TrainOptions(family=family, preset=preset, seed=3)
    data = (Input("dataset", "file", "dataset", "0" * 64),)
    asked = recipe_for("train", kind.training_version, options, {"dataset": data}, config=config.to_dict())
    words = shlex.split(again(open_store().obtain(asked, Builder())))
    assert words[words.index("--seed") + 1] == "3" and ("--family" in words) == (family != "diffusion")
    named = words[words.index("--preset") + 1] if "--preset" in words else "small"
    changed = tuple(words[at + 1] for at, word in enumerate(words) if word == "--set")
    assert kind.configure(named, {}, changed).to_dict() == config.to_dict() and len(changed) <= 4
