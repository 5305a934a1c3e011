"""The Python API: the commands' verbs with the commands' keywords."""

from __future__ import annotations

import inspect
from dataclasses import fields
from threading import Event

import pytest

import dancegen
from dancegen import api
from dancegen.cli.commands import command_for
from dancegen.errors import Cancelled, InputError
from dancegen.options.declare import declared, flag_of
from dancegen.options.verbs import VERBS
from dancegen.store import Recipe, open_store
from helpers.listening import Listener
from helpers.songs import write_song
from helpers.store_examples import Builder
from helpers.tiny_gan import tiny_model


def test_a_verb_takes_output_as_its_command_does(render_stage, tmp_path):
    artifact = dancegen.render(seed=3, store=tmp_path / "store", output=tmp_path / "mine.mp4")
    assert artifact.stage == "render" and artifact.path.parent.parent == tmp_path / "store"
    assert (tmp_path / "mine.mp4").read_bytes() == b"video"
    with pytest.raises(InputError):
        dancegen.render(output=tmp_path / "mine.mov")


def test_every_file_of_a_result_is_known_before_it_is_made(tmp_path):
    """Only then does a foreign file of its name in the folder that --output names stop the work before it begins."""
    model = tiny_model(tmp_path / "model")
    song = write_song(tmp_path / "song.wav", 2.0)
    small = {"song": song, "canvas": "64x64", "seconds": 1.5}
    made = [
        dancegen.generate_poses(**small, model=model),
        dancegen.generate_poses(**small, model="diffusion"),
        dancegen.render(size="64x64"),
        dancegen.evaluate([model], songs=song, seconds=1.5),
    ]
    for artifact in made:
        verb = next(each for each in VERBS if each.name == artifact.stage)
        unknown = {file.path for file in artifact.files if "/" not in file.path} - {*verb.files, *verb.others}
        assert unknown == set()


def test_help_of_a_verb_shows_its_keywords(render_stage):
    signature = inspect.signature(dancegen.render)
    assert next(iter(signature.parameters)) == "poses" and "output" in signature.parameters


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'dnace'"):
        _ = dancegen.dnace


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_command_and_its_function_have_the_same_keywords_and_defaults(verb):
    options = {
        name: None if option.default in ((), inspect.Parameter.empty) else option.default
        for name, option in inspect.signature(command_for(verb)).parameters.items()
        if name not in ("as_json", "quiet", "debug", "dry_run")
    }
    keywords = {
        name: None if word.default in ((), inspect.Parameter.empty) else word.default
        for name, word in inspect.signature(getattr(dancegen, verb.function)).parameters.items()
        if name not in ("progress", "cancel")
    }
    assert {name: getattr(value, "value", value) for name, value in options.items()} == keywords


def test_dance_takes_every_option_of_the_two_steps_it_runs():
    taken = {name: inspect.signature(getattr(dancegen, name)).parameters for name in ("generate_poses", "render")}
    of_other_poses = {"poses", "music", "music_start", "over", "beside", "retarget"}
    both = {name for keywords in taken.values() for name in keywords} - of_other_poses
    assert set(inspect.signature(dancegen.dance).parameters) == both | {"sound_only"}


def test_a_flag_of_one_name_means_one_thing_everywhere():
    meanings = {}
    for verb in VERBS:
        for field in fields(verb.options()):
            meanings.setdefault(flag_of(field), {}).setdefault(declared(field).metavar, set()).add(verb.name)
    different = {flag: found for flag, found in meanings.items() if len(found) > 1}
    assert different == {}


def test_a_cancelled_run_ends_at_its_next_step(tmp_path):
    cancel = Event()
    cancel.set()
    with pytest.raises(Cancelled):
        dancegen.generate_poses("demo", seconds=2, store=tmp_path / "store", cancel=cancel)
    assert not any((tmp_path / "store").rglob("poses.npz"))


def test_a_result_can_be_given_a_name_which_moves_to_the_newest_and_that_is_said(own_store, monkeypatch):
    def stage(options, context):
        return context.obtain(Recipe("generate-poses", 1, {"seed": options.seed}), Builder())

    monkeypatch.setattr(api, "_stage", lambda name: stage)
    listener = Listener()
    first = api.verb("generate_poses")("demo", seed=1, name="tour", progress=listener)
    assert open_store().find("tour").digest == first.digest and not listener.said
    second = api.verb("generate_poses")("demo", seed=2, name="tour", progress=listener)
    assert open_store().find("tour").digest == second.digest
    assert listener.said == [f"tour was the name of generate-poses/{first.digest[:16]} before"]


@pytest.mark.parametrize("name", ["render", "gan", "demo", "cafe", "a.mp4"])
def test_a_name_that_means_something_else_is_refused_before_the_work(name, monkeypatch):
    monkeypatch.setattr(api, "_stage", None)
    with pytest.raises(InputError, match=f"--name {name}"):
        api.verb("generate_poses")("demo", name=name)
