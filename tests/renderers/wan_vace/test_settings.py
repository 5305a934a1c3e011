"""What is chosen where nothing is said, which numbers the model would change, and models that do not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import WanVACETransformer3DModel

from dancegen.errors import InputError, ModelError
from dancegen.hub import locate
from dancegen.renderers.film.counting import count
from dancegen.renderers.film.plan import make_plan
from dancegen.renderers.film.segments import Segment
from dancegen.renderers.film.tiers import TIERS, tier_named
from dancegen.renderers.wan_vace.backend import BACKEND
from dancegen.renderers.wan_vace.costs import FilmCosts, Networks
from dancegen.renderers.wan_vace.models import check_fit
from dancegen.renderers.wan_vace.settings import LARGE, LIGHTX2V, LORAS, SELF_FORCING, SMALL, Settings
from dancegen.weights import Located, Models
from helpers.tiny_wan import tiny_wan, tiny_wan_lora


def test_the_usual_choices_are_those_of_the_makers():
    usual = Settings().completed()
    assert (usual.base, usual.steps, usual.guidance, usual.sampler) == (SMALL, 30, 5.0, "unipc")
    assert (usual.segment, usual.overlap, BACKEND.grid(usual).rate) == (81, 10, 16)
    assert usual.sized((480, 832)).shift == 3 and usual.sized((832, 480)).shift == 3
    assert usual.sized((720, 1280)).shift == 5 and replace(usual, shift=4.0).sized((720, 1280)).shift == 4


@pytest.mark.parametrize("base, way", [(SMALL, SELF_FORCING), (LARGE, LIGHTX2V)])
def test_fast_merges_the_lora_for_the_base_and_takes_four_steps_unguided(base, way):
    fast = Settings(base=base, fast=True, lora=("me/mine=0.5",)).completed()
    assert fast == Settings(base=base, fast=way, lora=("me/mine=0.5",)).completed()
    assert fast.merged == (LORAS[way], "me/mine=0.5") and (fast.steps, fast.guidance) == (4, 1.0) and not fast.guided
    assert [ref.text for ref in BACKEND.references(fast)] == [base, LORAS[way], "me/mine"]
    with pytest.raises(InputError, match=f"--fast lightning: the engine wan-vace has {way}"):
        Settings(base=base, fast="lightning").completed()


@pytest.mark.parametrize(
    "choices, words",
    [
        ({"segment": 80}, "paints 4n.1 frames at once, such as 77 or 81"), ({"segment": 5}, "choose 9 to 161"),
        ({"overlap": 8}, "take 6 or 10"), ({"overlap": 1}, "--overlap 1: choose 2"),
        ({"segment": 9, "overlap": 10}, "--overlap 10: choose 2 to 6"), ({"sampler": "lcm"}, "--sampler lcm"),
    ],
)  # fmt: skip
def test_numbers_that_the_model_would_change_in_silence_are_refused(choices, words):
    with pytest.raises(InputError, match=words):
        Settings(**choices).completed()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_wan(tmp_path_factory.mktemp("wan"))


def changed(base: Path, folder: Path, part: str, **said) -> Path:
    """A copy with another configuration of one part."""
    import shutil

    shutil.copytree(base, folder)
    config = json.loads((folder / part / "config.json").read_text())
    (folder / part / "config.json").write_text(json.dumps(config | said))
    return folder


def models_of(**choices) -> Models:
    return Models(tuple(locate(ref, offline=True) for ref in BACKEND.references(Settings(**choices).completed())))


@pytest.mark.parametrize(
    "part, said, words",
    [
        ("transformer", {"_class_name": "WanTransformer3DModel"}, "which is not led by poses"),
        ("transformer", {"in_channels": 48}, "gives 16 channels, and its transformer takes 48"),
        ("transformer", {"vace_in_channels": 132}, "led by 132 channels, and 96 are given"),
        ("vae", {"is_residual": True}, "that of Wan 2.2 5B"),
        ("vae", {"_class_name": "AutoencoderKL"}, "its vae is a AutoencoderKL"),
        ("text_encoder", {"d_model": 64}, "texts of width 64"),
    ],
)
def test_what_does_not_fit_is_refused(part, said, words, base, tmp_path):
    check_fit(models_of(base=str(base)))
    with pytest.raises(ModelError, match=words) as caught:
        check_fit(models_of(base=str(changed(base, tmp_path / "other", part, **said))))
    assert SMALL in str(caught.value)


def test_two_transformers_one_file_and_anothers_lora_are_refused(base, tmp_path):
    two = changed(base, tmp_path / "two", "transformer")
    (two / "transformer_2").mkdir()
    (two / "transformer_2" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"two transformers, as Wan 2\.2 has"):
        check_fit(models_of(base=str(two)))
    with pytest.raises(ModelError, match="one checkpoint file"):
        check_fit(models_of(base=str(tiny_wan_lora(base, tmp_path / "whole.safetensors"))))
    check_fit(models_of(base=str(base), lora=(str(tiny_wan_lora(base, tmp_path / "own.safetensors")),)))
    with pytest.raises(ModelError, match=r"--lora other\.safetensors does not fit: it is made for layers 40 wide"):
        other = tiny_wan_lora(base, tmp_path / "other.safetensors", width=40)
        check_fit(models_of(base=str(base), lora=(str(other),)))


def test_the_published_model_fits_into_eight_gigabytes_in_full_size():
    """Counted from the published configurations; nothing is there of the model."""
    settings = Settings(vram="8").completed().sized((480, 832))
    absent = Models(tuple(Located(ref, None, (), None, 1.0) for ref in BACKEND.references(settings)))
    costs = FilmCosts(Networks.of(absent, torch.bfloat16, (480, 832)), settings)
    peaks = [costs.peak(tier) / 1e9 for tier in TIERS]
    assert peaks == sorted(peaks, reverse=True) and peaks[0] < 24 * 0.9 / 1.15 and peaks[-1] < 8 * 0.9 / 1.15
    counted = costs.networks.painting(21).operations
    assert costs.operations([Segment(0, 0, 81)]) > 2 * settings.steps * counted
    assert costs.networks.painting_operations(21) == pytest.approx(counted, rel=0.02)


def test_a_count_of_a_few_blocks_is_that_of_all(base):
    config = models_of(base=str(base)).one("base").configs["transformer/config.json"]
    network = WanVACETransformer3DModel.from_config({**config, "num_layers": 7, "vace_layers": [0, 2, 4]}).to("meta")
    nets = Networks(network, None, 0, torch.float32, (6, 4))

    def run():
        return network(
            torch.zeros(1, 16, 5, 6, 4), timestep=torch.zeros(1), encoder_hidden_states=torch.zeros(1, 512, 32),
            control_hidden_states=torch.zeros(1, 96, 5, 6, 4), return_dict=False,
        )  # fmt: skip

    whole, few = count(run), nets.painting(5)
    assert few.operations == pytest.approx(whole.operations, rel=1e-3)
    assert few.peak == pytest.approx(whole.peak, rel=0.1)


def test_the_plan_of_tiny_networks_counts_what_they_hold(base):
    settings = Settings(base=str(base), segment=13, overlap=6, steps=2).completed().sized((32, 48))
    models = models_of(base=str(base))
    plan = make_plan(BACKEND, models, settings, [Segment(0, 0, 13)], size=(32, 48), frames=13, device="cpu")
    assert plan.fits and plan.peak_gb < 0.1 and plan.steps == 2 and plan.to_dict()["segment"] == 13
    assert "segments of 13 frames" in " ".join(plan.lines())
    words = BACKEND.thrift(tier_named("8"))
    assert "one by one" in words and "strips" in words
