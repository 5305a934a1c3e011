"""What the store has is answered at once: without the libraries that make it, which take seconds to import."""

from __future__ import annotations

import json

import pytest

import dancegen
from helpers.processes import run_python
from helpers.songs import write_click, write_song
from helpers.stepping_dancer import write_dancer
from helpers.tiny_diffusion import saved_model

HEAVY = ("torch", "librosa", "scipy", "cv2", "diffusers", "transformers", "numba")
ASK = f"""
import json, sys
from dancegen.cli import main
code = main(sys.argv[1:])
print(json.dumps([code, [name for name in {HEAVY} if name in sys.modules]]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A command line for each verb, whose result the store has."""
    place = tmp_path_factory.mktemp("made")
    store = str(place / "store")
    song, model, takes, music = (place / name for name in ("song.wav", "model", "takes", "music"))
    write_song(song, 3.0, bpm=100)
    saved_model(model)
    takes.mkdir()
    music.mkdir()
    write_click(music / "click.wav", 100)
    write_dancer(takes / "one.bvh", 7.0, 0.5)
    dancing = {"model": model, "canvas": "64x64", "store": store}
    dance = dancegen.dance(song, size="128x128", output=place / "dance.mp4", **dancing)
    poses = dancegen.generate_poses(song, **dancing)
    dancegen.render(poses, size="128x128", store=store)
    prepared = dancegen.prepare(takes, music=music, pairs=1, clip_seconds=3, workers=1, store=store)
    dancegen.extract_poses(prepared, views="0", canvas="64x64", workers=1, store=store)
    dancegen.evaluate([poses], store=store)
    dancegen.evaluate([model], songs=song, store=store)
    assert dance.stage == "render"
    own = ["--model", model, "--canvas", "64x64"]
    commands = {
        "dance": ["dance", song, *own, "--size", "128x128", "-o", place / "dance.mp4"],
        "generate-poses": ["generate-poses", song, *own],
        "render": ["render", poses.digest[:16], "--size", "128x128"],
        "prepare": ["prepare", takes, "--music", music, "--pairs", "1", "--clip-seconds", "3"],
        "extract-poses": ["extract-poses", prepared.digest[:16], "--views", "0", "--canvas", "64x64"],
        "evaluate poses": ["evaluate", poses.digest[:16]],
        "evaluate a model": ["evaluate", model, "--songs", song],
    }
    return {name: [*words, "--json", "--store", store] for name, words in commands.items()}


@pytest.mark.parametrize(
    "name", ["dance", "generate-poses", "render", "prepare", "extract-poses", "evaluate poses", "evaluate a model"]
)
def test_a_cached_answer_imports_nothing_that_makes_it(made, name):
    ran = run_python("-c", ASK, *made[name])
    code, heavy = json.loads(ran.stderr.splitlines()[-1])
    assert code == 0, ran.stderr
    assert json.loads(ran.stdout)["cached"] is True
    assert heavy == []
