"""Every setting of a painted film is in its recipe, and in its segments' where it acts there; the hub is read once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest

import dancegen
from dancegen import hub
from dancegen.context import Context
from dancegen.options.declare import Role, declared
from dancegen.options.verbs import render_options
from dancegen.progress import SILENT
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.film.settings import Reach, names_reaching
from dancegen.stages.film import film_job
from dancegen.stages.film_recipes import model_inputs
from dancegen.stages.film_request import request_film
from dancegen.store import open_store
from helpers.local_hub import serving, settings_for
from helpers.processes import run
from helpers.songs import write_song
from helpers.tiny_animatediff import options, tiny_embedding, tiny_ip_adapter, tiny_lora, tiny_models, tiny_temporalnet
from helpers.tiny_film import FEW, QUICK, dance, flags
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def given(place):
    """A film for which every setting matters, and for each setting another value."""
    one, two = (tiny_models(place / name, seed) for name, seed in (("one", 0), ("two", 5)))
    pictures = []
    for name in ("one", "two"):
        cv2.imwrite(str(place / f"{name}.png"), np.full((32, 32, 3), len(pictures) * 90 + 40, np.uint8))
        pictures.append(str(place / f"{name}.png"))
    adapters = [str(tiny_ip_adapter(one, place / f"ip{number}")) for number in (1, 2)]
    (place / "ip2" / "image_encoder" / "config.json").open("a").write("\n")
    nets = [str(tiny_temporalnet(one, place / f"net{seed}", seed)) for seed in (1, 2)]
    lora = str(tiny_lora(one, place / "lora.safetensors", motion=False))
    motion = str(tiny_lora(one, place / "motion.safetensors", motion=True))
    words = [str(tiny_embedding(place / "word.safetensors"))]
    film = {
        **options(one), "image": pictures[0], "detector": "none", "ip_adapter": adapters[0], "temporal": True,
        "temporalnet": nets[0], "lora": (f"{lora}=0.5",), "motion_lora": (f"{motion}=0.5",), "size": "64x64",
        "prompt": "a dancer | 0:03 a tree", "steps": 4, "segment": 24, "overlap": 6,
        "depth": True, "depth_controlnet": nets[0], "upscale": 1.5, "refine_face": True, "embedding": (words[0],),
    }  # fmt: skip
    others = {
        **options(two), "image": pictures[1], "ip_adapter": adapters[1], "temporal": False, "temporalnet": nets[1],
        "lora": (f"{lora}=0.6",), "motion_lora": (f"{motion}=0.6",), "negative_prompt": "fog", "steps": 5,
        "guidance": 3, "fast": True, "control_scale": 0.5, "ip_scale": 0.5, "blend_s": 0.5, "frames": True,
        "sampler": "euler", "segment": 30, "overlap": 5, "window": 12, "stride": 5, "context": "static", "key_fps": 5,
        "temporal_strength": 0.5, "vram": "8", "offline": True, "backend": "loky",
        "pulse": ("control=0.5-1",), "control_span": "0-0.5", "depth": False, "depth_controlnet": nets[1],
        "preview": "1-3", "seeds": 2, "upscale": 1.25,
        "upscale_strength": 0.3, "refine_face": False,
        "face_strength": 0.2, "framing": "whole", "embedding": (f"{words[0]}=other",),
        "depth_scale": 0.3, "depth_span": "0.2-1",
        "scheduler": {"scheduler": "127.0.0.1:1", "backend": "ray"}, "workers": 2,
    }  # fmt: skip
    return film, others


@pytest.fixture(scope="module")
def poses(place):
    return dance(open_store(place / "store"), in_space=True)


def digests(poses, keywords: dict) -> tuple[str, list[str]]:
    """Of the film that is asked for, and of its segments."""
    job = film_job(request_film(render_options()(**keywords)), Context(open_store(poses.path.parents[1])), poses)
    inputs = model_inputs(job.request.models, SILENT)
    tasks = job.tasks(job.request.models, inputs, "24")
    return job.recipe(inputs).digest, [task.recipe().digest for task in tasks]


def test_every_setting_changes_the_film_and_its_segments_unless_it_is_declared_otherwise(given, poses, monkeypatch):
    # The tiny networks fit into any memory.
    monkeypatch.setattr("dancegen.renderers.animatediff.costs.fitting_window", lambda *film: 8)
    film, others = given
    whole, segments = digests(poses, film)
    assert (whole, segments) == digests(poses, film)
    not_theirs = names_reaching(Settings(), *Reach)
    for field in fields(Settings):
        if field.name in ("align", "detector"):  # these need something that finds people: see below
            continue
        other = others[field.name] if isinstance(others[field.name], dict) else {field.name: others[field.name]}
        changed, theirs = digests(poses, {**film, **other})
        assert (changed != whole) == (declared(field).role is not Role.HARMLESS), field.name
        if declared(field).role is Role.HARMLESS:
            assert theirs == segments, field.name
        elif field.name not in not_theirs:
            assert not set(theirs) & set(segments), field.name


def test_segments_do_not_know_the_film_around_them(given, poses):
    film, others = given
    first = digests(poses, film)[1][0]
    for name in ("temporal", "temporal_strength", "temporalnet", "frames", "blend_s", "overlap"):
        assert digests(poses, {**film, name: others[name]})[1][0] == first, name
    assert digests(poses, {**film, "prompt": "a dancer | 0:03 a stone"})[1][0] == first


def test_proportions_reach_segments_through_their_poses(given, poses, shared_data, shared_weights, tmp_path):
    from dancegen.video import read_frames

    person = next(read_frames(shared_data / "video" / "pose2sim_trial1_cam01.mp4"))
    cv2.imwrite(str(tmp_path / "one.png"), person[..., ::-1])
    detector = str(shared_weights / "openpose-mobilenet-thin.pb")
    film = {**given[0], "image": str(tmp_path / "one.png"), "detector": detector}
    plain, aligned = digests(poses, film), digests(poses, {**film, "align": True})
    assert plain[0] != aligned[0] and not set(plain[1]) & set(aligned[1])
    other = shutil.copy(detector, tmp_path / "other.pb")
    assert digests(poses, {**film, "align": True, "detector": str(other)}) == aligned  # known by its content


def test_each_model_is_located_once_for_a_film(place, monkeypatch, tmp_path, given):
    models = {name: given[0][name] for name in ("base", "vae", "motion_adapter", "controlnet")}
    asked: Counter[str] = Counter()
    locate = hub.locate

    def counted(ref, *, offline):
        asked[ref.role] += 1
        return locate(ref, offline=offline)

    monkeypatch.setattr(hub, "locate", counted)
    monkeypatch.chdir(tmp_path)
    store = open_store(tmp_path / "store")
    keywords = {**QUICK, **FEW, **models, "prompt": "a dancer", "store": store}
    dancegen.render(dance(store), **keywords)
    assert asked == {"base": 1, "vae": 1, "motion-adapter": 1, "controlnet": 1}
    asked.clear()
    song, model = write_song(tmp_path / "song.wav", 2.0), tiny_model(tmp_path / "model")
    dancegen.dance(song, model=model, **keywords)
    assert asked == {"base": 1, "vae": 1, "motion-adapter": 1, "controlnet": 1}


@pytest.mark.slow
def test_the_hub_is_asked_once_where_a_model_of_a_dance_is(given, tmp_path):
    """A real hub, on this machine, and the real command: one question, then the download."""
    models = {name: given[0][name] for name in ("base", "vae", "motion_adapter")}
    song, model = write_song(tmp_path / "song.wav", 2.0), tiny_model(tmp_path / "model")
    words = flags({**QUICK, **FEW, **models, "controlnet": "maker/net", "model": model, "store": tmp_path / "store"})
    with serving(Path(given[0]["controlnet"])) as (endpoint, asked):
        ran = run(
            "dance", song, "--prompt", "a dancer", *words, "-o", tmp_path / "film.mp4", "--json",
            **settings_for(endpoint, tmp_path / "cache"),
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert asked.count("/api/models/maker/net") == 1
    downloaded = Counter(path for path in asked if path.startswith("/stored/"))
    assert len(downloaded) == 1 and json.loads(ran.stdout)["summary"]["key_frames"] > 1
