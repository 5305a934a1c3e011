"""No black films: values that are not numbers end an attempt, and wider numbers, or an error, follow."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dancegen.errors import Cancelled, DancegenError, ModelError
from dancegen.hub import locate, quiet_libraries
from dancegen.renderers.animatediff.loading import load_pipeline
from dancegen.renderers.animatediff.models import references
from dancegen.renderers.animatediff.painter import AnimateDiffPainter
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.temporal import TemporalPainter
from dancegen.renderers.film.backend import Scene
from dancegen.renderers.film.faces import Faces
from dancegen.renderers.film.finite import NotFinite
from dancegen.renderers.film.held import HeldPainter
from dancegen.renderers.film.tiers import TIERS
from dancegen.weights import Models
from helpers.tiny_animatediff import options, tiny_models, tiny_temporalnet

LOUD = 60000
"""So many times as large, a first layer's values are beyond half precision, and its weights are not."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    paths = tiny_models(folder)
    return options(paths) | {"temporalnet": str(tiny_temporalnet(paths, folder / "temporalnet"))}


def located(settings: Settings) -> Models:
    return Models(tuple(locate(ref, offline=True) for ref in references(settings)))


@pytest.fixture
def load(models):
    """A painter on the CPU, its weights changed before it paints."""

    def load(change, dtype=torch.float16, steps=3, **more):
        settings = Settings(steps=steps, guidance=3, window=4, stride=3, overlap=2, **models, **more).completed()
        pipeline = load_pipeline(located(settings), settings, device="cpu", dtype=dtype)
        with torch.no_grad():
            change(pipeline)
        return AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")

    return load


def filmed(painter, resume, advance=lambda steps: None, **more) -> tuple[np.ndarray, list[str]]:
    """The frames that a painter gives, as a film holds it, and what was said. more: of the scene."""
    said, frames = [], {}
    poses = np.random.default_rng(0).integers(0, 256, (6, 64, 48, 3), dtype=np.uint8)
    scene = Scene(0, poses, ("a dancer",), np.ones((6, 1), np.float32), 3, **more)
    held = HeldPainter(lambda tier: painter, TIERS[0], warn=said.append, thrift=str, saves_memory="less")
    with quiet_libraries():
        held.film(scene, frames.__setitem__, resume=resume, advance=advance)
    return np.stack([frames[place] for place in range(6)]).astype(int), said


def louder(*layers):
    """Weights that are finite in half precision, and what they make is not."""

    def change(pipeline):
        for layer in layers:
            network, _, name = layer.partition(".")
            getattr(pipeline, network).get_submodule(name).weight.mul_(LOUD)

    return change


def test_where_only_decoding_goes_beyond_half_precision_the_vae_goes_on_in_full(load, tmp_path):
    painter = load(louder("vae.decoder.conv_in"))
    frames, said = filmed(painter, tmp_path)
    assert len(said) == 1 and "not numbers where latents become pictures: the VAE goes on in float32" in said[0]
    assert painter.pipeline.vae.dtype == torch.float32 and painter.pipeline.unet.dtype == torch.float16

    expected = load(lambda pipeline: (louder("vae.decoder.conv_in")(pipeline), pipeline.vae.float()))
    assert np.abs(frames - filmed(expected, tmp_path / "expected")[0]).max() <= 1 and frames.std() > 5


@pytest.mark.parametrize("steps, where", [(3, "at step 1 of 3"), (1, "at the last step")])
def test_where_denoising_goes_beyond_half_precision_all_goes_on_in_bfloat16(steps, where, load, tmp_path):
    painter = load(louder("unet.conv_in", "controlnet.conv_in"), steps=steps)
    frames, said = filmed(painter, tmp_path)
    assert len(said) == 1 and f"{where}: all goes on in bfloat16" in said[0]
    assert (painter.pipeline.unet.dtype, painter.pipeline.vae.dtype) == (torch.bfloat16, torch.float32)
    wide = filmed(load(louder("unet.conv_in", "controlnet.conv_in"), torch.float32, steps), tmp_path / "wide")[0]
    assert frames.std() > 5 and np.abs(frames - wide).mean() < 8


def test_where_a_face_that_is_to_be_refined_goes_beyond_half_precision_only_the_vae_goes_on_in_full(load, tmp_path):
    faces = Faces(np.full((6, 2), 8.0), 24.0, np.ones(6, bool))
    shown = {"faces": faces, "face_poses": np.zeros((6, 48, 48, 3), np.uint8)}
    painter = load(louder("vae.encoder.conv_in"), refine_face=True)
    frames, said = filmed(painter, tmp_path, **shown)
    assert len(said) == 1 and "not numbers where pictures become latents: the VAE goes on in float32" in said[0]
    assert painter.pipeline.unet.dtype == torch.float16
    wide = load(lambda pipeline: (louder("vae.encoder.conv_in")(pipeline), pipeline.vae.float()), refine_face=True)
    assert np.abs(frames - filmed(wide, tmp_path / "wide", **shown)[0]).max() <= 1


def test_what_goes_on_in_another_process_goes_on_in_the_same_numbers(load, tmp_path):
    """And not again from the first step, in half precision, until that is too narrow once more."""
    loud = louder("unet.conv_in", "controlnet.conv_in")
    whole, said = filmed(load(loud, steps=5), tmp_path / "whole")
    assert len(said) == 1
    taken: list[float] = []

    def breaks_off(steps: float) -> None:
        taken.append(steps)
        if sum(taken) >= 4:  # so many are saved
            raise Cancelled("here")

    with pytest.raises(Cancelled):
        filmed(load(loud, steps=5), tmp_path / "part", breaks_off)
    told: list[float] = []
    again, said = filmed(load(loud, steps=5), tmp_path / "part", told.append)
    assert said == [] and told == [4, 1] and (again == whole).all()
    assert (
        filmed(load(loud, torch.float32, steps=5), tmp_path / "part")[1] == []
    )  # a device whose numbers are wide as they are


def test_what_no_precision_can_hold_is_an_error_that_says_what_to_try(load, tmp_path):
    painter = load(lambda pipeline: pipeline.unet.conv_out.weight.fill_(3e38), torch.float32)
    with pytest.raises(DancegenError, match=r"not numbers at step 1 of 3, and there is no wider precision on cpu"):
        filmed(painter, tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))  # the next attempt does not go on from there


@pytest.mark.parametrize(
    "layer, option",
    [
        ("vae.decoder.conv_out", "--vae"), ("controlnet.conv_in", "--controlnet"), ("unet.conv_out", "--base"),
        ("unet.mid_block.motion_modules.0.proj_out", "--motion-adapter"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_weight_that_is_no_number_is_an_error_that_names_its_model(layer, option, dtype, load, models, tmp_path):
    def change(pipeline):
        network, _, name = layer.partition(".")
        getattr(pipeline, network).get_submodule(name).weight.view(-1)[0] = torch.nan

    role = option[2:].replace("-", "_")
    with pytest.raises(ModelError, match=f"weights of {option} .*{role}.* are not numbers, in .*weight"):
        filmed(load(change, dtype), tmp_path)


def test_what_was_saved_before_values_were_not_numbers_is_no_beginning_for_another_attempt(load, tmp_path):
    painter, taken = load(lambda pipeline: None, torch.float32, steps=6), []

    def breaks_in_the_fifth_step(steps: float) -> None:
        taken.append(steps)
        if sum(taken) == 4:
            assert [file.name for file in tmp_path.rglob("*.safetensors")] == ["latents.safetensors"]
            with torch.no_grad():
                painter.pipeline.unet.conv_out.weight.fill_(torch.nan)

    with pytest.raises(ModelError, match=r"not numbers at step 5 of 6: weights of --base .* in conv_out.weight"):
        filmed(painter, tmp_path, breaks_in_the_fifth_step)
    assert sum(taken) == 4 and not list(tmp_path.rglob("*.safetensors"))


def again(models, change, dtype) -> TemporalPainter:
    settings = Settings(**models, temporal=True, steps=3).completed()
    painter = TemporalPainter(located(settings), settings, device="cpu", dtype=dtype)
    with torch.no_grad():
        change(painter.pipeline)
    return painter


def test_the_second_pass_gives_no_black_frame_either(models):
    frame, pose = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)

    def painted(painter):
        with quiet_libraries():
            return painter.paint(frame, pose, frame, ("a dancer",), np.ones(1), seed=1).astype(int)

    for half in ("vae.decoder.conv_in", "vae.encoder.conv_in"):
        loud = again(models, louder(half), torch.float16)
        with pytest.raises(NotFinite) as caught:
            painted(loud)
        assert "VAE goes on in float32" in loud.widen(caught.value)
        expected = painted(again(models, louder(half), torch.float32))
        assert np.abs(painted(loud) - expected).mean() < 3

    loud = again(models, louder("unet.conv_in"), torch.float16)
    with pytest.raises(NotFinite, match="in the second pass") as caught:
        painted(loud)
    assert not caught.value.decoding and "all goes on in bfloat16" in loud.widen(caught.value)
    assert np.abs(painted(loud) - painted(again(models, louder("unet.conv_in"), torch.float32))).mean() < 8

    def break_temporalnet(pipeline):
        pipeline.controlnet.nets[1].conv_in.weight.view(-1)[0] = torch.nan

    broken = again(models, break_temporalnet, torch.float32)
    with pytest.raises(NotFinite) as caught:
        painted(broken)
    with pytest.raises(ModelError, match="weights of --temporalnet"):
        broken.widen(caught.value)
