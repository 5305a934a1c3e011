"""What changes the looks of a painted film: LoRAs, a portrait, fast mode."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from dancegen.cli import main
from dancegen.context import Context
from dancegen.detectors.registry import usual_detector
from dancegen.options.verbs import render_options
from dancegen.progress import SILENT
from dancegen.stages.film import film_job
from dancegen.stages.film_recipes import model_inputs
from dancegen.stages.film_request import request_film
from dancegen.video import probe_video
from helpers.tiny_film import (
    FEW,
    PROMPT,
    QUICK,
    elsewhere,
    film,
    flags,
    shown,
    tiny_ip_adapter,
    tiny_lora,
    tiny_temporalnet,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def plain(store, poses, models, capfd):
    return shown(store, film(store, poses, PROMPT, capfd, **FEW, **models))


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("motion", [False, True], ids=["lora", "motion-lora"])
def test_a_lora_changes_the_film_by_its_weight(motion, plain, store, poses, models, place, capfd):
    name = "motion_lora" if motion else "lora"
    file = tiny_lora(models, place / name / "style.safetensors", motion=motion)
    full, none = (
        shown(store, film(store, poses, PROMPT, capfd, **FEW, **models, **{name: f"{file}={weight}"}))
        for weight in (1, 0)
    )
    assert apart(none, plain) < 0.2 < 0.5 < apart(full, plain)


def test_a_lora_that_fits_no_layer_is_refused_by_name(store, poses, models, place, capfd):
    import torch
    from safetensors.torch import save_file

    save_file({"unet.nothing.lora_A.weight": torch.zeros(2, 2)}, place / "odd.safetensors")
    words = flags({**QUICK, **FEW, **models, "lora": place / "odd.safetensors", "store": store.root})
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *words]) == 2
    assert "--lora" in capfd.readouterr().err


def test_fast_mode_takes_few_steps_with_the_consistency_sampler_and_keeps_its_promises(
    store, poses, models, capfd, tmp_path
):
    quick = {"key_fps": 2, "steps": None, "fast": True, "guidance": None, **models}
    quick = {name: value for name, value in ({**QUICK, **quick}).items() if value is not None}
    words = ["render", poses.digest[:16], "--prompt", PROMPT, *flags(quick)]
    other = elsewhere(poses, tmp_path / "other")
    for where in (store, other):
        assert main([*words, "--store", str(where.root), "-q"]) == 0, capfd.readouterr().err
    one, two = (
        next(a for a in where.artifacts("render-segment") if a.params["sampler"] == "lcm") for where in (store, other)
    )
    assert one.content == two.content and one.params["steps"] == 6 and one.params["guidance"] == 1.5


def portrait(file: Path, colour: tuple[int, int, int]) -> Path:
    picture = np.full((96, 64, 3), colour, np.uint8)
    cv2.circle(picture, (32, 30), 14, (180, 200, 220), -1)
    cv2.imwrite(str(file), picture)
    return file


def test_a_portrait_changes_the_film_and_another_changes_it_otherwise(
    plain, store, poses, models, place, capfd, tmp_path
):
    adapter = {"ip_adapter": tiny_ip_adapter(models, place / "ip")}
    looks = []
    for name, colour in (("red", (20, 20, 230)), ("green", (20, 230, 20))):
        made = film(
            store, poses, PROMPT, capfd, **FEW, **models, **adapter, image=portrait(tmp_path / f"{name}.png", colour),
            detector="none",
        )  # fmt: skip
        looks.append(shown(store, made))
    assert apart(looks[0], plain) > 0.5 and apart(looks[0], looks[1]) > 0.05


def test_the_head_of_a_portrait_is_seen_though_image_encoders_crop(store, poses, models, place, capfd, tmp_path):
    """An upright portrait, like 512x768: what is above the middle square counts, too."""
    adapter = {"ip_adapter": tiny_ip_adapter(models, place / "ip-head")}
    picture, looks = np.full((96, 64, 3), 120, np.uint8), []
    for colour in (20, 230):
        picture[:14] = colour
        cv2.imwrite(str(tmp_path / f"{colour}.png"), picture)
        made = film(
            store, poses, PROMPT, capfd, **FEW, **models, **adapter, image=tmp_path / f"{colour}.png",
            detector="none", ip_scale=1.5,
        )  # fmt: skip
        assert "padded to a square" in made["said"]
        looks.append(shown(store, made))
    assert apart(*looks) > 0.05


def test_an_adapter_for_faces_is_given_the_head_as_a_second_picture(
    store, poses, models, place, tmp_path, shared_data, shared_weights
):
    from dancegen.video import read_frames

    person = next(read_frames(shared_data / "video" / "pose2sim_trial1_cam01.mp4"))
    cv2.imwrite(str(tmp_path / "one.png"), person[..., ::-1])
    adapter = tiny_ip_adapter(models, place / "ip-faces")
    few = {name: value for name, value in {**QUICK, **FEW, **models}.items() if name not in ("size", "device")}
    few |= {"image": str(tmp_path / "one.png"), "detector": str(shared_weights / "openpose-mobilenet-thin.pb")}
    pictures_of = {}
    for name in ("plus.safetensors", "plus-face.safetensors"):
        shutil.copy(adapter, adapter.parent / name)
        asked = render_options()(**few, size=(64, 64), prompt=PROMPT, ip_adapter=str(adapter.parent / name))
        job = film_job(request_film(asked), Context(store), store.find(poses.digest))
        (task, *_) = job.tasks(job.request.models, model_inputs(job.request.models, SILENT), "24")
        with task.held_painter(SILENT) as painter:
            frames = {}
            painter.film(task.scene(), frames.__setitem__, resume=tmp_path / name, advance=lambda steps: None)
        pictures_of[name] = task.portrait, np.stack([frames[0]]).astype(float)
    (plus, without), (faces, seen) = pictures_of.values()
    assert len(plus) == 1 and len(faces) == 2 and (plus[0] == faces[0]).all() and apart(without, seen) > 0.01


@pytest.mark.parametrize("name, words", [("none.png", "no such file"), ("text.png", "not a picture")])
def test_what_is_no_portrait_is_refused(name, words, store, poses, models, capfd, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    given = {**QUICK, **models, "image": tmp_path / name, "store": store.root}
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *flags(given)]) == 2
    assert words in capfd.readouterr().err


def test_without_anything_that_looks_a_portrait_is_taken_on_trust_which_is_said(
    store, poses, models, place, capfd, tmp_path
):
    if usual_detector() is not None:
        pytest.skip("blazepose is installed and looks")
    adapter = {"ip_adapter": tiny_ip_adapter(models, place / "ip3")}
    picture = portrait(tmp_path / "blue.png", (230, 20, 20))
    made = film(store, poses, PROMPT, capfd, **FEW, **models, **adapter, image=picture)
    assert "nobody looked whether" in made["said"] and "dancegen[blazepose]" in made["said"]


@pytest.mark.parametrize("name", ["openpose", "blazepose"])
def test_a_portrait_must_show_one_person_and_gives_its_proportions(
    name, store, poses, models, place, capfd, tmp_path, shared_data, shared_weights
):
    from dancegen.video import read_frames

    detector = shared_weights / "openpose-mobilenet-thin.pb" if name == "openpose" else name
    if name == "blazepose" and usual_detector() is None:
        pytest.skip("the extra blazepose is not installed")
    person = next(read_frames(shared_data / "video" / "pose2sim_trial1_cam01.mp4"))
    cv2.imwrite(str(tmp_path / "one.png"), person[..., ::-1])
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([person, person])[..., ::-1])
    cv2.imwrite(str(tmp_path / "nobody.png"), np.full_like(person, 90))
    adapter = tiny_ip_adapter(models, place / f"ip-{name}")
    common = {**QUICK, **FEW, **models, "ip_adapter": adapter, "detector": detector}
    words = ["render", poses.digest[:16], "--prompt", PROMPT, "--align", "--store", str(store.root), "-q"]
    for file, fault in (("two", "2 people"), ("nobody", "no person")):
        assert main([*words, *flags({**common, "image": tmp_path / f"{file}.png"})]) == 2
        assert fault in capfd.readouterr().err
    assert main([*words, *flags({**common, "image": tmp_path / "one.png"})]) == 0, capfd.readouterr().err
    # What the video says of itself paints it again.
    made = next(a for a in reversed(store.artifacts("render")) if a.params.get("align"))
    said = probe_video(made.file("video.mp4")).metadata["command"]
    capfd.readouterr()
    assert main([*shlex.split(said)[1:], "--store", str(store.root), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["digest"] == made.digest


@pytest.mark.parametrize("name", ["controlnet", "vae", "temporalnet"])
def test_a_film_that_would_be_black_is_never_stored(name, store, poses, models, place, capfd, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    net = place / "temporalnet"
    if not net.exists():
        tiny_temporalnet(models, net)
    broken = shutil.copytree({**models, "temporalnet": net}[name], tmp_path / "broken")
    weights = load_file(broken / "diffusion_pytorch_model.safetensors")
    weights["decoder.conv_out.bias" if name == "vae" else "conv_in.bias"][0] = torch.nan
    save_file(weights, broken / "diffusion_pytorch_model.safetensors")
    other = elsewhere(poses, tmp_path / "other")
    given = {**QUICK, **FEW, **models, "temporal": True, "temporalnet": net, name: broken, "store": other.root}
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *flags(given)]) == 2
    said = capfd.readouterr().err
    assert f"weights of --{name} {broken} are not numbers" in said and not other.artifacts("render")
    assert not other.artifacts("render-temporal")
    assert bool(other.artifacts("render-segment")) == (name == "temporalnet")
