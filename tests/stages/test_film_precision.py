"""Films whose networks go beyond half precision: painted in wider numbers, which is kept, and the same when resumed."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from dancegen.renderers.film import loading
from dancegen.stages.film_segments import WIDENED
from helpers.tiny_film import FEW, PROMPT, dance, film, shown, tiny_temporalnet

LOUD = 60000
"""So many times as large, the first layer's values are beyond half precision, and its weights are not."""


@pytest.fixture
def loud(models, tmp_path):
    """A base that half precision is too narrow for."""
    made = shutil.copytree(models["base"], tmp_path / "base")
    file = made / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    save_file(weights | {"conv_in.weight": weights["conv_in.weight"] * LOUD}, file)
    return made


@pytest.mark.slow
def test_wider_numbers_are_noted_with_what_was_painted_in_them_and_kept(
    loud, store, models, capfd, monkeypatch, tmp_path
):  # fmt: skip
    """Here the CPU computes in half precision, as a GPU does; in each pass what is too narrow is met once."""
    monkeypatch.setattr(loading, "working_dtype", lambda device: torch.float16)
    net, words = tiny_temporalnet(models, tmp_path / "temporalnet"), "all goes on in bfloat16"
    few = {**FEW, **models, "base": loud, "temporal": True, "temporalnet": net}
    few |= {"segment": 4, "overlap": 1, "window": 4, "stride": 3}
    poses = dance(store, 2.0)
    made = film(store, poses, PROMPT, capfd, **few)
    assert " ".join(made["said"].split()).count(words) == 2 and shown(store, made).std() > 5
    painted, again = (
        sorted(store.artifacts(stage), key=lambda artifact: artifact.created)
        for stage in ("render-segment", "render-temporal")
    )
    assert len(painted) == len(again) == 2
    assert all(artifact.summary[WIDENED] == ["denoising"] for artifact in (*painted, *again))
    # What is missing is painted in numbers as wide, and nobody is told once more.
    for artifact in (painted[-1], again[-1], store.find(made["digest"])):
        shutil.rmtree(artifact.path)
    same = film(store, poses, PROMPT, capfd, **few)
    assert (same["summary"]["segments_computed"], same["summary"]["temporal_computed"]) == (1, 1)
    assert same["content"] == made["content"] and words not in " ".join(same["said"].split())
