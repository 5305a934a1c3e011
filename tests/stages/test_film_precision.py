"""Where half precision is too narrow, a film that was killed goes on in the wider numbers that it had come to."""

from __future__ import annotations

import shutil
import signal

import pytest

from dancegen.stages.film_segments import WIDENED
from helpers.processes import start_python, wait_until
from helpers.tiny_film import PROMPT, QUICK, elsewhere, film, flags, tiny_temporalnet

LOUD = 60000
"""So many times as large, a first layer's values are beyond half precision, and its weights are not."""
IN_HALF = """
import sys
import torch
from dancegen.renderers.film import loading
loading.working_dtype = lambda device: torch.float16  # as on a GPU
from dancegen.cli import main
raise SystemExit(main(sys.argv[1:]))
"""
FEW = {**QUICK, "key_fps": 4, "segment": 16, "window": 8, "stride": 6, "overlap": 2, "steps": 5}


@pytest.fixture
def in_half(monkeypatch):
    """This process computes in half precision, as it would on a GPU."""
    import torch

    from dancegen.renderers.film import loading

    monkeypatch.setattr(loading, "working_dtype", lambda device: torch.float16)


@pytest.fixture(scope="module")
def loud(models, tmp_path_factory):
    """The tiny models, with a ControlNet and a TemporalNet whose values half precision cannot hold."""
    from safetensors.torch import load_file, save_file

    place = tmp_path_factory.mktemp("loud")
    net = tiny_temporalnet(models, place / "temporalnet")
    shutil.copytree(models["controlnet"], place / "controlnet")
    for name in ("controlnet", "temporalnet"):
        file = place / name / "diffusion_pytorch_model.safetensors"
        weights = load_file(file)
        weights["conv_in.weight"] *= LOUD
        save_file(weights, file)
    return {**models, "controlnet": str(place / "controlnet")}, str(net)


def killed(poses, where, given, when, what) -> None:
    """The film in a process of its own, killed when something has come about."""
    words = flags({**FEW, **given})
    process = start_python(
        "-c", IN_HALF, "render", poses.digest[:16], "--prompt", PROMPT, "--store", where.root, *words
    )
    try:
        wait_until(when, what, process=process, seconds=900, every=0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_a_killed_film_goes_on_in_the_numbers_that_it_had_come_to(in_half, store, poses, loud, tmp_path, capfd):
    given, _ = loud
    whole = film(store, poses, PROMPT, capfd, **{**FEW, **given})
    assert whole["said"].count("goes on in bfloat16") == 1 and whole["summary"]["segments_total"] == 2
    other = elsewhere(poses, tmp_path / "other")
    kept = other.root / ".scratch" / "render-segment"
    killed(poses, other, given, lambda: list(kept.glob("*/latents.safetensors")), "saved steps")
    assert not other.artifacts("render-segment")
    again = film(other, poses, PROMPT, capfd, **{**FEW, **given})
    assert "bfloat16" not in again["said"] and again["content"] == whole["content"]
    # Killed between two segments: the one that is there says what it took.
    first, second = sorted(other.artifacts("render-segment"), key=lambda artifact: artifact.params["key_frames"])
    assert first.summary[WIDENED] == second.summary[WIDENED] == ["denoising"]
    shutil.rmtree(second.path)
    shutil.rmtree(other.find(again["digest"]).path)
    third = film(other, poses, PROMPT, capfd, **{**FEW, **given})
    assert third["summary"]["segments_computed"] == 1 and third["content"] == whole["content"]
    assert "bfloat16" not in third["said"]
