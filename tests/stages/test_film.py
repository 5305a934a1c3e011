"""render --prompt: words and poses become a film, segment by segment; what is painted stays painted."""

from __future__ import annotations

import json
import shlex
import shutil
import signal

import cv2
import numpy as np
import pytest

from dancegen.cli import main
from dancegen.renderers.film.segments import Segment
from dancegen.stages.film import joined
from dancegen.video import probe_video
from helpers.processes import run_python, start, wait_until
from helpers.songs import write_song
from helpers.tiny_film import FEW, PROMPT, QUICK, dance, elsewhere, film, flags, pictures, shown
from helpers.tiny_gan import tiny_model

SEGMENTS = [Segment(0, 0, 24), Segment(18, 24, 48)]


@pytest.fixture
def whole(store, poses, models, capfd):
    """The film of all tests: painted by the first that asks, answered from the store after."""
    made = film(store, poses, PROMPT, capfd, **models)
    return made, store.find(made["digest"])


def test_sixty_key_frames_in_three_segments_become_a_film_with_the_music(whole, store):
    made, artifact = whole
    assert made["summary"]["key_frames"] in (60, 61)  # the last frame is one too
    assert made["summary"]["segments_total"] == 3
    info = probe_video(artifact.file("video.mp4"))
    assert (info.frames, info.fps, info.size) == (120, 20.0, (64, 64))
    assert info.audio.start_s == info.video.start_s == 0 and abs(info.audio.end_s - info.video.end_s) <= 1 / 20
    frames = shown(store, made)
    assert frames.std() > 5 and np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)).max() > 0.5


def test_a_film_that_was_killed_in_its_second_segment_goes_on_and_is_the_same(
    whole, store, poses, models, tmp_path, capfd
):
    other = elsewhere(poses, tmp_path / "other")
    words = flags({**QUICK, **models})
    process = start("render", poses.digest[:16], "--prompt", PROMPT, "--store", other.root, *words)
    saved = other.root / ".scratch" / "render-segment"
    wait_until(
        lambda: other.artifacts("render-segment") and list(saved.glob("*/latents.safetensors")),
        "a saved second segment", process=process, seconds=100, every=0.005,
    )  # fmt: skip
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(other.artifacts("render-segment")) == 1 and not other.artifacts("render")
    again = film(other, poses, PROMPT, capfd, **models)
    assert (again["summary"]["segments_total"], again["summary"]["segments_computed"]) == (3, 2)
    assert again["digest"] == whole[0]["digest"] and again["content"] == whole[0]["content"]


def test_the_same_seed_gives_the_same_bits_and_another_gives_others(store, poses, models, tmp_path, capfd):
    other = elsewhere(poses, tmp_path / "other")
    one, again, different = (
        film(where, poses, PROMPT, capfd, **FEW, **models, seed=seed)
        for where, seed in ((store, 3), (other, 3), (store, 4))
    )
    assert not again["cached"] and one["content"] == again["content"] != different["content"]
    assert np.abs(shown(store, one) - shown(store, different)).mean() > 2


def test_an_unchanged_film_is_answered_from_the_store_and_says_that_nothing_was_painted(
    whole, store, poses, models, capfd
):
    again = film(store, poses, PROMPT, capfd, **models)
    assert again["cached"] and again["summary"]["segments_computed"] == 0


def test_neighbouring_segments_fade_into_each_other(whole, store):
    """Where two segments share frames, each is painted by both, and the film goes from one to the other."""
    found = sorted(store.artifacts("render-segment"), key=lambda artifact: artifact.params["key_frames"])
    found = [artifact for artifact in found if artifact.params["seed"] == 0]
    assert [artifact.params["key_frames"] for artifact in found] == [[0, 24], [18, 48], [42, len(found[2].files) + 42]]
    one, two = (pictures(artifact.path).astype(float) for artifact in found[:2])
    frames = np.stack([frame for place in (0, 1) for frame in joined(SEGMENTS, found[:2], 6, place)])
    share = np.arange(1, 7)[:, None, None, None] / 7
    assert len(frames) == 48 and (frames[:18] == one[:18]).all() and (frames[24:] == two[6:]).all()
    assert np.abs(frames[18:24] - (one[18:] * (1 - share) + two[:6] * share)).max() <= 1


@pytest.mark.parametrize("name", ["base", "motion_adapter", "controlnet", "vae"])
def test_a_model_that_is_not_here_is_named_with_its_size_how_to_get_it_and_what_works_without(
    name, store, poses, models, capfd, monkeypatch, tmp_path
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
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


@pytest.mark.parametrize("arguments", [["--engine", "animatediff"], ["--steps", "5"], ["--fast"]])
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


def test_a_prompt_changes_where_its_time_comes_and_a_changed_one_paints_only_what_it_touches(
    store, poses, models, capfd, tmp_path
):
    few = {**FEW, **models, "frames": True, "blend_s": 1.0, "overlap": 2, "window": 4, "stride": 3, "segment": 50}
    first = film(store, poses, "a ballroom | 0:03 a neon street", capfd, **few, output=tmp_path / "first")
    assert (first["summary"]["segments_total"], first["summary"]["segments_computed"]) == (2, 2)
    second = film(store, poses, "a ballroom | 0:03 xxxxxxxx", capfd, **few, output=tmp_path / "second")
    assert (second["summary"]["segments_total"], second["summary"]["segments_computed"]) == (2, 1)
    one, two = (pictures(tmp_path / name / "frames").astype(float) for name in ("first", "second"))
    change = np.abs(one - two).mean(axis=(1, 2, 3))
    border = 3 * 20
    # The segments share the second before the border, and the frame before that is where interpolation sets out.
    assert change[: border - 30].max() == 0 and change[border + 25 :].min() > 1
    words = [artifact.params["prompt"] for artifact in store.artifacts("render-segment")]
    blended = next(entry for entry in words if len(entry) == 2 and entry[1][0] == "a neon street")
    assert set(blended[1][1]) == {0.0, 0.5, 1.0}  # two key frames a second, blended over one second


def test_a_longer_dance_paints_only_what_is_new(store, poses, models, capfd):
    few = {**FEW, **models, "segment": 16, "key_fps": 4, "fps": 20}
    short = film(store, poses, PROMPT, capfd, **few)
    longer = film(store, dance(store, 9.0), PROMPT, capfd, **few)
    assert short["summary"]["segments_total"] == 2 and longer["summary"]["segments_total"] == 3
    assert longer["summary"]["segments_computed"] == 2  # what ended with the shorter dance goes on now


def test_a_dry_run_says_what_it_would_take_and_makes_nothing(store, poses, models, capfd):
    before = len(store.artifacts())
    prompt = "a film that nobody painted"
    words = ["render", poses.digest[:16], "--prompt", prompt, "--dry-run", "--store", str(store.root)]
    assert main([*words, "--json", *flags({**QUICK, **models, "vram": 12})]) == 3
    plan = json.loads(capfd.readouterr().out)
    assert plan["segments_total"] == 3 and plan["frames"] == 120 and plan["vram"] == "12" and plan["device"] == "cpu"
    assert plan["download_gb"] == 0 and {model["role"] for model in plan["models"]} >= {"base", "controlnet"}
    assert 0 < plan["peak_gb"] < 0.1 and plan["seconds"] > 0
    assert main([*words, *flags({**QUICK, **models})]) == 3
    said = capfd.readouterr().out
    for part in ("3 segments", "on cpu", "memory", "painted frame", "in all"):
        assert part in said
    assert len(store.artifacts()) == before


def test_poster_frames_and_metadata_come_along(store, poses, models, capfd, tmp_path):
    few = {**FEW, **models, "frames": True}
    made = film(store, poses, PROMPT, capfd, **few, output=tmp_path / "out")
    frames = pictures(tmp_path / "out" / "frames")
    poster = cv2.imread(str(tmp_path / "out" / "poster.png"))[..., ::-1]
    assert len(frames) == 120 and (poster == frames[0]).all()
    assert np.abs(frames - shown(store, made)).mean() < 12  # what H.264 takes
    assert main(["artifacts", "show", str(tmp_path / "out" / "video.mp4"), "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert said["digest"] == made["digest"] and said["seed"] == "0" and said["prompt"] == PROMPT
    assert all(f"{role} {role.replace('-', '_')}" in said["models"] for role in ("base", "motion-adapter", "vae"))
    again = shlex.split(said["command"])[1:]
    assert main([*again, "--store", str(store.root), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["digest"] == made["digest"]
    assert main(["artifacts", "show", str(tmp_path / "out" / "poster.png")]) == 2


def test_key_frames_are_shown_as_they_were_painted_also_on_the_beats(store, poses, models, capfd, tmp_path):
    film(store, poses, PROMPT, capfd, **FEW, **models, frames=True, output=tmp_path / "out")
    frames = pictures(tmp_path / "out" / "frames")
    made = [a for a in store.artifacts("render-segment") if a.params["steps"] == 2 and a.params["seed"] == 0]
    painted = next(
        pictures(a.path) for a in made if a.params["prompt"] == [[PROMPT, 1.0]] and a.params["key_frames"] == [0, 13]
    )
    for beat in range(12):  # a beat every half second, two key frames a second, twenty frames
        assert (frames[10 * beat] == painted[beat]).all()


@pytest.mark.slow
def test_memory_that_runs_out_is_said_and_the_film_goes_on_more_thriftily(store, poses, models, tmp_path):
    """A real allocator says no: the process may take so much address space and no more."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        block_out_channels=(16,) * 4, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, norm_num_groups=4,
    )  # fmt: skip
    vae.save_pretrained(tmp_path / "vae")
    few = {**QUICK, **FEW, **models, "vae": tmp_path / "vae", "key_fps": 1, "guidance": 1, "fps": 4, "steps": 1}
    words = ["render", poses.digest[:16], "--prompt", PROMPT, "--store", str(store.root), "--vram", "24", *flags(few)]
    code = f"""
import resource
from dancegen.cli import main
assert main({words!r}) == 0
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 400_000_000, resource.RLIM_INFINITY))
raise SystemExit(main([*{words!r}, "--size", "512x512"]))
"""
    ran = run_python("-c", code, timeout=300, MALLOC_ARENA_MAX="1")
    assert ran.returncode == 0, ran.stderr
    assert "out of memory" in ran.stderr and "--vram 16" in ran.stderr
    assert [a.params["size"] for a in store.artifacts("render")].count([512, 512]) == 1


def test_dance_takes_a_prompt(store, models, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    song, choreographer = write_song(tmp_path / "song.wav", 2.0), tiny_model(tmp_path / "model")
    words = flags({**QUICK, **FEW, **models, "model": choreographer, "seed": 5})
    assert main(["dance", str(song), "--prompt", PROMPT, "--store", str(store.root), *words]) == 0
    info = probe_video(tmp_path / "song.mp4")
    assert info.size == (64, 64) and info.frames == 40 and info.metadata["prompt"] == PROMPT
    assert info.metadata["seed"] == "5"
