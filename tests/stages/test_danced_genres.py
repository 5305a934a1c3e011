"""generate-poses says which genre it dances when, keeps it, and an edit goes on with it."""

from __future__ import annotations

import json

import pytest

from dancegen import generate_poses, plan
from dancegen.choreographers.diffusion.model import save_model
from dancegen.choreographers.genres import GenreSpan
from dancegen.stages.dance_files import GENRES
from dancegen.stages.danced_genres import told
from helpers.listening import Listener
from helpers.songs import write_song
from helpers.tiny_diffusion import model_of_two
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    save_model(place / "model", model_of_two())
    write_song(place / "song.wav", 4.0)
    return place


def made(place, **options):
    heard = Listener()
    options = {"model": place / "model", "canvas": "96x128", "store": place / "store", "progress": heard} | options
    return generate_poses(place / "song.wav", **options), heard


def test_a_dance_says_what_it_dances_and_its_artifact_keeps_it(place):
    artifact, heard = made(place, start=1.0)
    (genre,) = artifact.summary["genres"]
    assert artifact.summary["genres"] == {genre: 3.0}
    assert json.loads(artifact.file(GENRES).read_text()) == {"genres": [{"start": 1.0, "end": 4.0, "genre": genre}]}
    assert f"dances {genre}; --genre dances one throughout" in heard.said
    named, heard = made(place, start=1.0, genre=genre)
    assert named.digest != artifact.digest and named.summary["genres"] == artifact.summary["genres"]
    assert not any("--genre" in said for said in heard.said)
    assert (named.path / "poses.npz").read_bytes() == (artifact.path / "poses.npz").read_bytes()


def test_an_edit_goes_on_with_the_genre_of_the_dance_whatever_its_seed(place):
    for genre in ("stepping", "swaying"):
        old, _ = made(place, genre=genre)
        edit = {"edit": old.digest, "keep": "1.0-2.0"}
        where = {"model": place / "model", "canvas": "96x128", "store": place / "store"}
        foretold = plan("generate-poses", place / "song.wav", seed=0, **where, **edit)
        assert foretold.steps[-1].recipe.digest == made(place, seed=0, **edit)[0].digest
        found = {tuple(made(place, seed=seed, **edit)[0].summary["genres"]) for seed in range(3)}
        assert found == {(genre,)}


def test_the_digest_of_an_edit_depends_on_what_the_dance_danced(place):
    old, _ = made(place, genre="stepping")
    folder = place / "copy"
    folder.mkdir()
    (folder / "motion.npz").write_bytes(old.file("motion.npz").read_bytes())
    edit = {"edit": folder / "motion.npz", "keep": "1.0-2.0", "seed": 4}
    digests = [made(place, **edit)[0].digest]
    for genre in ("stepping", "swaying"):
        (folder / GENRES).write_text(json.dumps({"genres": [{"start": 0, "end": 4, "genre": genre}]}))
        artifact, _ = made(place, **edit)
        assert list(artifact.summary["genres"]) == [genre]
        digests.append(artifact.digest)
        digests.append(made(place, genre="stepping", **edit)[0].digest)
    assert len(set(digests)) == 4  # where a genre is named, what was danced does not count


def test_a_dancer_without_genres_says_nothing_of_them(place):
    artifact, heard = made(place, model=tiny_model(place / "flat"))
    assert "genres" not in artifact.summary and not (artifact.path / GENRES).exists()
    assert not any("genre" in said for said in heard.said)


def test_changes_are_told_with_their_moments_of_the_song():
    spans = [GenreSpan(10, 32.4, "salsa"), GenreSpan(32.4, 64, "modern"), GenreSpan(64, 90, "salsa")]
    assert told(spans) == "salsa, from 0:32 modern, from 1:04 salsa"
