"""render --prompt: words and poses become a film, segment by segment; what is painted stays painted."""

from __future__ import annotations

import shutil
import signal
import time

import numpy as np
import pytest
from tiny_chain import start
from tiny_film import QUICK, dance, film, flags, options, pictures, tiny_models

from dancegen.cli import main
from dancegen.renderers.animatediff.segments import Segment
from dancegen.stages.render_prompt import joined
from dancegen.store import open_store
from dancegen.video import probe_video, read_frames

PROMPT = "a dancer in a ballroom"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return options(tiny_models(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def poses(store):
    return dance(store)


@pytest.fixture
def whole(store, poses, models, capfd):
    """The film of all tests: painted by the first that asks, answered from the store after."""
    made = film(store, poses, PROMPT, capfd, **models)
    return made, store.find(made["digest"])


def copy_of_the_dance(store, poses, root):
    """Another store that holds the same dance and nothing else."""
    other = open_store(root)
    shutil.copytree(poses.path, other.root / "generate-poses" / poses.path.name)
    return other


def test_sixty_key_frames_in_three_segments_become_a_film_with_the_music(whole):
    made, artifact = whole
    assert made["summary"]["key_frames"] in (60, 61)  # the last frame is one too
    assert made["summary"]["segments_total"] == 3
    info = probe_video(artifact.file("video.mp4"))
    assert (info.frames, info.fps, info.size) == (120, 20.0, (64, 64))
    assert info.audio.start_s == info.video.start_s == 0 and abs(info.audio.end_s - info.video.end_s) <= 1 / 20
    frames = np.stack(list(read_frames(info.path))).astype(float)
    assert frames.std() > 5 and np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)).max() > 0.5


def test_a_film_that_was_killed_in_its_second_segment_goes_on_and_is_the_same(
    whole, store, poses, models, tmp_path, capfd
):
    other = copy_of_the_dance(store, poses, tmp_path / "other")
    words = flags({**QUICK, **models})
    process = start("render", poses.digest[:16], "--prompt", PROMPT, "--store", other.root, *words)
    saved = other.root / ".scratch" / "render-segment"
    deadline = time.monotonic() + 100
    while not (other.artifacts("render-segment") and list(saved.glob("*/latents.safetensors"))):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(other.artifacts("render-segment")) == 1 and not other.artifacts("render")
    again = film(other, poses, PROMPT, capfd, **models)
    assert (again["summary"]["segments_total"], again["summary"]["segments_computed"]) == (3, 2)
    assert again["digest"] == whole[0]["digest"] and again["content"] == whole[0]["content"]


def test_the_same_seed_gives_the_same_bits_and_another_gives_others(store, poses, models, tmp_path, capfd):
    few = {**models, "key_fps": 2, "steps": 2}
    other = copy_of_the_dance(store, poses, tmp_path / "other")
    one, again, different = (
        film(where, poses, PROMPT, capfd, **few, seed=seed) for where, seed in ((store, 3), (other, 3), (store, 4))
    )
    assert not again["cached"] and one["content"] == again["content"] != different["content"]
    frames = [
        np.stack(list(read_frames(store.find(made["digest"]).file("video.mp4")))).astype(int)
        for made in (one, different)
    ]
    assert np.abs(frames[0] - frames[1]).mean() > 2


def test_an_unchanged_film_is_answered_from_the_store_and_says_that_nothing_was_painted(
    whole, store, poses, models, capfd
):
    again = film(store, poses, PROMPT, capfd, **models)
    assert again["cached"] and again["summary"]["segments_computed"] == 0


def test_neighbouring_segments_fade_into_each_other(whole, store):
    """Where two segments share frames, each is painted by both, and the film goes from one to the other."""
    found = sorted(store.artifacts("render-segment"), key=lambda artifact: artifact.params["frames"])
    found = [artifact for artifact in found if artifact.params["seed"] == 0]
    assert [artifact.params["frames"] for artifact in found] == [[0, 24], [18, 48], [42, len(found[2].files) + 42]]
    one, two = (pictures(artifact.path).astype(float) for artifact in found[:2])
    frames = np.stack(list(joined([Segment(0, 0, 24), Segment(18, 24, 48)], found[:2], 6)))
    share = np.arange(1, 7)[:, None, None, None] / 7
    assert len(frames) == 48 and (frames[:18] == one[:18]).all() and (frames[24:] == two[6:]).all()
    assert np.abs(frames[18:24] - (one[18:] * (1 - share) + two[:6] * share)).max() <= 1


@pytest.mark.parametrize("name", ["base", "motion_adapter", "controlnet", "vae"])
def test_a_model_that_is_not_here_is_named_with_its_size_how_to_get_it_and_what_works_without(
    name, store, poses, models, capfd, monkeypatch, tmp_path
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    local = {role: path for role, path in models.items() if role != name}
    words = flags({**QUICK, **local, "offline": True, "store": store.root})
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *words]) == 2
    err = capfd.readouterr().err
    flag = name.replace("_", "-")
    for part in ("GB", f"--{flag}", "hf download", "--offline", "skeleton engine"):
        assert part in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "choices, words",
    [
        ({"size": "60x64"}, "multiples of 8"), ({"steps": 0}, "--steps 0"), ({"stride": 17}, "--stride 17"),
        ({"window": 33}, "--window 33"), ({"sampler": "ddpm"}, "dpm++, lcm, euler"), ({"overlap": 20}, "--overlap 20"),
        ({"vram": "7"}, "auto, 8, 12, 16, 24"), ({"backend": "dask"}, "--scheduler"),
        ({"engine": "skeleton"}, "prompt"),
        ({"base": "/no/such/model"}, "/no/such/model"), ({"vae": "README.md"}, "checkpoint"),
        ({"controlnet": "tests"}, "holds no controlnet"),
    ],
)  # fmt: skip
def test_what_cannot_be_painted_is_refused_by_name(choices, words, store, poses, models, capfd):
    given = {**QUICK, **models, "store": store.root, **choices}
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *flags(given)]) == 2
    assert words in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["--engine", "animatediff"], ["--steps", "5"], ["--fast"], ["--dry-run"]])
def test_options_of_painted_films_ask_for_a_prompt(arguments, store, poses, capfd):
    assert main(["render", poses.digest[:16], *arguments, "--store", str(store.root)]) == 2
    assert "--prompt" in capfd.readouterr().err


def test_a_damaged_model_is_an_error_that_names_it(store, poses, models, capfd, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(models["controlnet"], broken)
    (broken / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights at all")
    words = flags({**QUICK, **models, "controlnet": broken, "store": store.root})
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *words]) == 2
    assert f"--controlnet {broken} cannot be loaded" in capfd.readouterr().err
