"""--dry-run tells what a run would do, by the run's own code, and makes nothing."""

from __future__ import annotations

import json

import pytest

import dancegen
from dancegen.cli import main
from dancegen.errors import InputError
from dancegen.options.verbs import VERBS
from helpers.songs import write_click, write_song
from helpers.stepping_dancer import write_dancer
from helpers.tiny_diffusion import saved_model

PROMPT = "a dancer in a ballroom"
STEP_KEYS = ["stage", "digest", "cached", "path", "created", "compared_with", "differences", "waits_for"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A song, a model, a take and music."""
    folder = tmp_path_factory.mktemp("planned")
    write_song(folder / "song.wav", 3.0, bpm=100)
    saved_model(folder / "model")
    (folder / "takes").mkdir()
    (folder / "music").mkdir()
    write_dancer(folder / "takes" / "one.bvh", 7.0, 0.5)
    write_click(folder / "music" / "click.wav", 100)
    return folder


def dancing(place, **more) -> dict:
    return {"song": place / "song.wav", "model": place / "model", "canvas": "64x64", **more}


def words(place, verb: str) -> list[str]:
    return [verb, str(place / "song.wav"), "--model", str(place / "model"), "--canvas", "64x64"]


def told(capfd, *arguments: str, code: int) -> dict:
    assert main([*arguments, "--dry-run", "--json"]) == code
    return json.loads(capfd.readouterr().out)


def test_the_steps_of_a_chain_are_told_before_and_after(place, own_store, tmp_path, capfd):
    line = [*words(place, "dance"), "--size", "128x128", "-o", str(tmp_path / "dance.mp4")]
    before = told(capfd, *line, code=3)
    assert list(before) == ["stage", "cached", "stages"] and before["cached"] is False
    assert all(list(step) == STEP_KEYS for step in before["stages"])
    first, second = before["stages"]
    assert (first["stage"], first["cached"], first["compared_with"]) == ("generate-poses", False, None)
    assert (second["stage"], second["digest"], second["waits_for"]) == ("render", None, "generate-poses")
    assert not own_store.exists() and not (tmp_path / "dance.mp4").exists()

    made = dancegen.dance(**dancing(place), size="128x128", output=tmp_path / "dance.mp4")
    after = told(capfd, *line, code=0)
    assert after["cached"] and [step["cached"] for step in after["stages"]] == [True, True]
    assert after["stages"][0]["digest"] == first["digest"]  # what was foretold is what was made
    assert after["stages"][1] | {"path": str(made.path), "created": made.created} == after["stages"][1]


def test_what_changed_since_the_newest_is_said(place, capfd):
    dancegen.generate_poses(**dancing(place))
    step = told(capfd, *words(place, "generate-poses"), "--seed", "3", code=3)["stages"][0]
    assert [(each["name"], each["before"], each["after"]) for each in step["differences"]] == [("seed", 0, 3)]
    assert main([*words(place, "generate-poses"), "--seed", "3", "--dry-run"]) == 3
    out = capfd.readouterr().out
    assert "would be made; since" in out and "seed: 0 before, 3 now" in out
    assert main([*words(place, "generate-poses"), "--dry-run"]) == 0
    assert "cached, made" in capfd.readouterr().out
    assert main([*words(place, "generate-poses"), "--dry-run", "--force", "--quiet"]) == 3
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_foretells_the_digest_it_makes(verb, place, own_store, tmp_path):
    prepared = dancegen.prepare(place / "takes", music=place / "music", pairs=1, clip_seconds=3, workers=1)
    poses = dancegen.generate_poses(**dancing(place))
    given = {
        "dance": dancing(place, size="128x128", output=tmp_path / "dance.mp4"),
        "prepare": {"sources": place / "takes", "music": place / "music", "pairs": 2, "clip_seconds": 3, "workers": 1},
        "extract-poses": {"dataset": prepared, "views": "0", "canvas": "64x64", "workers": 1},
        "train": {"dataset": prepared, "family": "diffusion", "max_steps": 1},
        "generate-poses": dancing(place, seed=1),
        "render": {"poses": poses, "size": "128x128"},
        "export": {"dance": poses, "fps": 24},
        "evaluate": {"inputs": [poses]},
    }[verb.name]
    made = _count(own_store)
    plan = dancegen.plan(verb.name, **given)
    assert _count(own_store) == made
    assert not plan.cached and plan.exit_code == 3 and plan.steps[-1].stage == verb.stage
    if verb.name == "train":  # seconds of torch and a training are left to the stage's own tests
        assert plan.steps[-1].recipe is not None
        return
    result = getattr(dancegen, verb.function)(**given)
    assert plan.steps[-1].recipe is not None and plan.steps[-1].recipe.digest == result.digest
    assert dancegen.plan(verb.name, **given).cached


def test_an_evaluation_tells_of_its_dances(place):
    plan = dancegen.plan("evaluate", [place / "model"], songs=place / "music", seconds=2)
    assert [step.stage for step in plan.steps] == ["generate-poses", "evaluate"]
    assert plan.steps[1].waits_for == "generate-poses"


def test_a_film_without_its_models_is_planned_offline(place, capfd, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    poses = dancegen.generate_poses(**dancing(place))
    line = ["render", poses.digest[:16], "--prompt", PROMPT, "--offline", "--size", "64x64"]
    plan = told(capfd, *line, code=3)
    assert plan["download_gb"] > 3 and not any(model["here"] for model in plan["models"])
    assert plan["stages"][0]["waits_for"].startswith("the models ") and plan["peak_gb"] > 0
    assert main([*line, "--dry-run"]) == 3
    assert "missing: " in capfd.readouterr().out
    assert main(line) == 2  # the run itself cannot do without


def test_the_models_of_a_film_are_told_before_there_are_poses(place, capfd, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    plan = told(capfd, *words(place, "dance"), "--prompt", PROMPT, "--offline", code=3)
    assert [step["waits_for"] for step in plan["stages"]] == [None, "generate-poses"] and plan["download_gb"] > 3


def test_a_faulty_question_is_an_error_as_in_the_run(place):
    with pytest.raises(InputError, match="did you mean render"):
        dancegen.plan("rendr")
    with pytest.raises(InputError, match="the song is"):
        dancegen.plan("generate-poses", **dancing(place, start=60))


def _count(root) -> int:
    return len(list(root.glob("*/*/manifest.json")))
