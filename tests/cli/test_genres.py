"""dancegen genres: what a model can be asked to dance, at once."""

from __future__ import annotations

import json

import pytest

from dancegen.choreographers.genres import Genre
from dancegen.cli import main
from helpers.tiny_diffusion import saved_model
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("model"), learnt={"stepping": Genre("stepping", 801.2, 118.04, 0.2)})


def test_it_lists_each_genre_with_the_minutes_it_was_learnt_from(folder, capfd):
    assert main(["genres", "--model", str(folder)]) == 0
    said = capfd.readouterr().out
    assert "knows 1 genre:" in said and "13.4 minutes, to songs of about 118 BPM" in said
    assert f"dancegen dance SONG --genre stepping --model {folder}" in said.replace("\n", " ").replace("  ", " ")
    assert main(["genres", "--model", str(folder), "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["family"], told["path"]) == ("diffusion", str(folder))
    assert told["genres"] == [{"name": "stepping", "minutes": 13.4, "tempo_bpm": 118.0, "speed": 0.2}]
    assert main(["genres", "--model", str(folder), "--quiet"]) == 0
    assert capfd.readouterr().out == "stepping\n"


def test_a_model_that_does_not_say_from_what_it_learnt_is_listed_all_the_same(tmp_path, capfd):
    assert main(["genres", "--model", str(saved_model(tmp_path))]) == 0
    assert "stepping  unknown" in capfd.readouterr().out
    main(["genres", "--model", str(tmp_path), "--json"])
    assert json.loads(capfd.readouterr().out)["genres"][0]["minutes"] is None


def test_a_model_without_genres_says_so(tmp_path, capfd):
    for model in (str(tiny_model(tmp_path)), "gan", "baseline:shuffle"):
        assert main(["genres", "--model", model]) == 0
        assert f"{model} knows no genres: " in capfd.readouterr().out.replace("\n  ", " ")
        assert main(["genres", "--model", model, "--json"]) == 0
        assert json.loads(capfd.readouterr().out)["genres"] == []


def test_what_is_no_model_is_refused(tmp_path, capfd):
    assert main(["genres", "--model", "diffusoin"]) == 2
    assert "did you mean diffusion" in capfd.readouterr().err
    (tmp_path / "config.json").write_text('{"family": "diffusion"}')
    assert main(["genres", "--model", str(tmp_path)]) == 2
    assert "config.json" in capfd.readouterr().err
