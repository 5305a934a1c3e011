"""Every published form of AnimateDiff's motion modules loads, says what it is, and runs no code."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dancegen.errors import ModelError
from dancegen.hub import locate
from dancegen.renderers.animatediff.fit import check_fit
from dancegen.renderers.animatediff.loading import SD15, load_pipeline
from dancegen.renderers.animatediff.models import references
from dancegen.renderers.animatediff.motion_modules import load_motion_modules, motion_config
from dancegen.renderers.animatediff.painter import AnimateDiffPainter
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.film.backend import Scene
from dancegen.renderers.film.tiers import TIERS
from dancegen.weights import Models
from helpers.published import CHANNELS, GROUPS, HEADS, VERSIONS, motion_adapter, original_names
from helpers.tiny_animatediff import options, tiny_ip_adapter, tiny_lora, tiny_models

USUAL = SD15 / "motion_adapter"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return options(tiny_models(tmp_path_factory.mktemp("models"), channels=CHANNELS, groups=GROUPS, heads=HEADS))


def located(settings: Settings) -> Models:
    return Models(tuple(locate(ref, offline=True) for ref in references(settings)))


def painted(**choices) -> torch.Tensor:
    settings = Settings(steps=2, guidance=2.0, window=8, **choices).completed()
    pipeline = load_pipeline(located(settings), settings, device="cpu", dtype=torch.float32)
    poses = np.random.default_rng(0).integers(0, 256, (8, 64, 48, 3), dtype=np.uint8)
    painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
    return painter.paint(Scene(0, poses, ("a dancer",), np.ones((8, 1), np.float32), 3))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_painted_with_as_from_its_folder(version, models, tmp_path):
    places, middle = VERSIONS[version]
    adapter = motion_adapter(places, middle)
    adapter.save_pretrained(tmp_path / "folder")
    torch.save({"state_dict": original_names(adapter.state_dict())}, tmp_path / version)
    there = painted(**{**models, "motion_adapter": str(tmp_path / "folder")})
    assert torch.equal(painted(**{**models, "motion_adapter": str(tmp_path / version)}), there)
    other = motion_adapter(places, middle, seed=8)
    other.save_pretrained(tmp_path / "other")
    assert not torch.equal(painted(**{**models, "motion_adapter": str(tmp_path / "other")}), there)


FORMS = {
    "as torch.save wrote a training": lambda own: {
        "state_dict": {f"module.{name}": each for name, each in original_names(own).items()}, "epoch": 3,
    },
    "bare, as torch.save wrote it": original_names,
    "with its settings beside": lambda own: {**original_names(own), "animatediff_config": {"use_motion_module": True}},
    "as diffusers names it": dict,
    "as diffusers names it, without tables": lambda own: {n: each for n, each in own.items() if "pos_embed" not in n},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_form_of_a_file_holds_the_same(version, form, tmp_path):
    places, middle = VERSIONS[version]
    adapter = motion_adapter(places, middle)
    own, file = adapter.state_dict(), tmp_path / "modules.ckpt"
    torch.save(FORMS[form](own), file)
    found = load_motion_modules(file, USUAL, torch.float32)
    assert found.config["use_motion_mid_block"] is middle and tuple(found.config["block_out_channels"]) == CHANNELS
    if "without tables" not in form:
        assert found.config["motion_max_seq_length"] == places
        assert all(torch.equal(each, own[name]) for name, each in found.state_dict().items())
        assert found.state_dict().keys() == own.keys()
    tensors = FORMS[form](own)
    if all(isinstance(each, torch.Tensor) for each in tensors.values()):
        save_file({name: each.contiguous() for name, each in tensors.items()}, file.with_suffix(".safetensors"))
        again = load_motion_modules(file.with_suffix(".safetensors"), USUAL, torch.float32)
        assert all(torch.equal(each, again.state_dict()[name]) for name, each in found.state_dict().items())


@pytest.mark.parametrize("places, middle", [(24, False), (32, True), (32, False)])
def test_the_real_sizes_are_known_by_their_shapes(places, middle):
    with torch.device("meta"):
        adapter = motion_adapter(places, middle, (320, 640, 1280, 1280), layers=2)
    config = motion_config(
        {name: tuple(each.shape) for name, each in original_names(adapter.state_dict()).items()}, USUAL
    )
    assert (config["motion_max_seq_length"], config["use_motion_mid_block"]) == (places, middle)
    assert config["block_out_channels"] == [320, 640, 1280, 1280] and config["motion_layers_per_block"] == 2


@pytest.mark.parametrize("form", ["folder", "file"])
def test_modules_for_xl_are_refused_in_words(form, models, tmp_path):
    adapter = motion_adapter(channels=(32, 64, 64))
    place = tmp_path / ("folder" if form == "folder" else "mm_sdxl_v10_beta.ckpt")
    adapter.save_pretrained(place) if form == "folder" else torch.save(original_names(adapter.state_dict()), place)
    settings = Settings(**{**models, "motion_adapter": str(place)}).completed()
    with pytest.raises(
        ModelError, match=f"--motion-adapter {place.name} does not fit: it is made for Stable Diffusion XL"
    ):
        check_fit(located(settings), settings)


def test_what_holds_no_motion_modules_is_refused(models, tmp_path):
    file = tmp_path / "style.safetensors"
    save_file({"lora_unet.down.weight": torch.zeros(4, 4)}, file)
    settings = Settings(**{**models, "motion_adapter": str(file)}).completed()
    with pytest.raises(ModelError, match=r"--motion-adapter style.safetensors .* no motion modules of AnimateDiff"):
        check_fit(located(settings), settings)
    part = original_names(motion_adapter().state_dict())
    part.pop(next(name for name in part if name.endswith("to_q.weight")))
    save_file(part, file)
    with pytest.raises(ModelError, match=r"to_q.weight is not in it"):
        load_motion_modules(file, USUAL, torch.float32)


class Hostile:
    """What a checkpoint of somebody's may hold."""

    def __init__(self, mark) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def hostile(role: str, models: dict, folder, mark) -> dict:
    """The models with a checkpoint for one role in it that runs code when it is unpickled."""
    if role in ("ip_adapter", "lora", "motion_lora"):
        made = (
            tiny_ip_adapter(models, folder)
            if role == "ip_adapter"
            else tiny_lora(models, folder / "l.safetensors", motion=False)
        )
        made.unlink()
        file = made.with_suffix(".bin")
    elif role == "a folder":
        file = shutil.copytree(models["controlnet"], folder) / "diffusion_pytorch_model.bin"
        file.with_suffix(".safetensors").unlink()
    else:
        file = folder / f"{role}.ckpt"
        folder.mkdir()
    torch.save({"state_dict": {"weight": Hostile(mark)}}, file)
    if role == "a folder":
        return {**models, "controlnet": str(folder)}
    if role == "ip_adapter":
        return {**models, "image": "portrait.png", "ip_adapter": str(file)}
    if role == "base":
        shutil.copytree(f"{models['base']}/tokenizer", folder / "tokenizer")
    return {**models, role: (str(file),) if "lora" in role else str(file)}


ROLES = ("base", "vae", "controlnet", "motion_adapter", "ip_adapter", "lora", "motion_lora", "a folder")


@pytest.mark.parametrize("role", ROLES)
def test_code_in_a_checkpoint_is_never_run(role, models, tmp_path):
    mark = tmp_path / "it ran"
    settings = Settings(**hostile(role, models, tmp_path / "hostile", mark)).completed()
    with pytest.raises(ModelError) as refused:
        load_pipeline(located(settings), settings, device="cpu", dtype=torch.float32)
    assert not mark.exists() and "hostile" in str(refused.value)
    if role != "a folder":
        with pytest.raises(ModelError, match=r"Take the same model as \.safetensors"):
            check_fit(located(settings), settings)
    assert not mark.exists()
