"""A model on disk: it rebuilds itself, and what is not one is said to be none."""

from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import pytest
import torch

from dancegen.choreographers import find_model, load_choreographer
from dancegen.choreographers.gan.choreographer import GanChoreographer
from dancegen.choreographers.gan.data import choose_starts
from dancegen.choreographers.gan.discriminator import MultiScaleDiscriminator
from dancegen.choreographers.gan.model import Model, load_discriminator, load_model, save_model
from dancegen.devices import choose_device
from dancegen.errors import InputError, ModelError
from dancegen.store import open_store
from helpers.tiny_gan import tiny_config, tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_a_model_comes_back_as_it_was_to_half_precision(folder, tmp_path):
    from helpers.tiny_gan import lively, takes

    config = tiny_config()
    starts = choose_starts(takes(3, config), config, 1)
    save_model(tmp_path, Model(config, lively(config, 5), starts), MultiScaleDiscriminator(config))
    back = load_model(tmp_path)
    assert back.config == config and not back.generator.training
    assert np.array_equal(back.starts.keypoints, starts.keypoints) and np.array_equal(back.starts.energy, starts.energy)
    for (name, one), other in zip(
        back.generator.state_dict().items(), lively(config, 5).state_dict().values(), strict=True
    ):
        assert one.dtype == torch.float32 and torch.equal(one, other.half().float()), name
    judge = MultiScaleDiscriminator(config)
    assert load_discriminator(tmp_path, judge) and not load_discriminator(folder, judge)


def test_weights_are_stored_as_halves_in_safetensors_and_no_pickle_is_there(folder):
    from safetensors import safe_open

    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    with safe_open(folder / "model.safetensors", "pt") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys() if name.startswith("generator.")}  # noqa: SIM118
        assert kinds == {"F16"}
        assert len(file.get_tensor("start.energy")) <= 64  # start poses, and no motion


class Trap:
    sprung = False

    def __reduce__(self):
        return (setattr, (Trap, "sprung", True))


def cut(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def edit(**sections):
    def change(folder):
        values = json.loads((folder / "config.json").read_text())
        for name, value in sections.items():
            values[name] = values[name] | value if isinstance(value, dict) else value
        (folder / "config.json").write_text(json.dumps(values))

    return change


DAMAGES = {
    "weights gone": lambda folder: (folder / "model.safetensors").unlink(),
    "weights empty": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "weights cut": cut,
    "weights a pickle": lambda folder: (folder / "model.safetensors").write_bytes(pickle.dumps(Trap())),
    "weights of torch": lambda folder: torch.save({"generator.x": torch.zeros(1)}, folder / "model.safetensors"),
    "config gone": lambda folder: (folder / "config.json").unlink(),
    "config no JSON": lambda folder: (folder / "config.json").write_text("{"),
    "config binary": lambda folder: (folder / "config.json").write_bytes(b"\xff\xfe\x00"),
    "config a list": lambda folder: (folder / "config.json").write_text("[1, 2]"),
    "config of another family": edit(family="diffusion"),
    "config of a later format": edit(format=99),
    "another architecture": edit(generator={"channels": [8, 16, 32]}),
    "a section that is a number": edit(loss=3),
    "channels that are text": edit(generator={"channels": "wide"}),
    "no channels": edit(generator={"channels": []}),
    "negative channels": edit(generator={"channels": [8, -16, 24]}),
    "a setting of the future": edit(generator={"telepathy": 1}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_rebuilt_is_a_model_error_that_names_the_place(damage, copy):
    DAMAGES[damage](copy)
    with pytest.raises(ModelError) as error:
        load_choreographer(copy, "cpu")
    assert str(copy) in str(error.value) and error.value.exit_code == 2 and not Trap.sprung


def test_weights_without_start_poses_are_no_model(copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["start.energy"]
    save_file(weights, copy / "model.safetensors")
    with pytest.raises(ModelError, match=r"start\.energy"):
        load_model(copy)


def test_a_discriminator_of_another_shape_is_a_model_error(copy):
    from safetensors.torch import save_file

    save_file({"scales.0.layers.0.0.weight": torch.zeros(2)}, copy / "discriminator.safetensors")
    with pytest.raises(ModelError, match=r"discriminator\.safetensors"):
        load_discriminator(copy, MultiScaleDiscriminator(tiny_config()))


def test_a_model_is_found_by_path_or_the_choice_is_told(folder, tmp_path):
    store = open_store(tmp_path)
    assert find_model(folder, store) == find_model(str(folder), store) == folder
    with pytest.raises(ModelError, match="neither a bundled model"):
        find_model("abcdef", store)
    with pytest.raises(InputError):
        find_model(tmp_path / "nowhere" / "model", store)
    with pytest.raises(InputError):
        find_model(folder / "config.json", store)


def test_devices_that_are_not_there_are_refused():
    assert choose_device("cpu") == "cpu" and choose_device("auto") in ("cpu", "cuda", "mps")
    with pytest.raises(InputError, match="--device tpu"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="--device cpu works everywhere"):
            choose_device("cuda")


def test_a_loaded_model_dances(folder):
    assert isinstance(load_choreographer(folder, "cpu"), GanChoreographer)
