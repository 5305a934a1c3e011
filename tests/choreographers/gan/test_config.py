"""The settings: three presets, each number an option, and a file that rebuilds them."""

from __future__ import annotations

import json

import pytest
import torch

from dancegen.audio.beats import BEAT_BANDS
from dancegen.audio.features import N_MELS
from dancegen.choreographers.config import change
from dancegen.choreographers.gan.config import PRESETS, GanConfig
from dancegen.choreographers.gan.discriminator import MultiScaleDiscriminator
from dancegen.choreographers.gan.family import Gan
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.errors import InputError
from helpers.tiny_gan import SETTINGS, tiny_config


def millions(name: str) -> float:
    with torch.device("meta"):
        return sum(p.numel() for p in UNetGenerator(PRESETS[name]).parameters()) / 1e6


def test_the_original_preset_has_the_published_size_and_settings():
    config = PRESETS["original"]
    assert config.image.size == 256 and config.image.channels == 3 and max(config.generator.channels) == 512
    assert 168.5 <= millions("original") <= 169.5
    t = config.train
    assert (t.beta1, t.beta2, t.learning_rate, t.decay, t.batch) == (0.5, 0.999, 0.001, 0.8, 10)
    assert t.accent == 0  # the published one learnt from dances as they were
    assert t.decay_steps is None and config.loss.label_smoothing > 0 and config.loss.black_weight == 0.1
    assert config.generator.norm == "batch"


def test_the_small_preset_fits_in_fifteen_megabytes_and_the_presets_grow():
    assert millions("small") * 2 < 15  # float16
    assert millions("small") < millions("base") < millions("original")


def test_every_preset_takes_a_step():
    for name in ("small", "base"):
        config = PRESETS[name]
        g, network, judge = config.generator, UNetGenerator(config), MultiScaleDiscriminator(config)
        past = torch.zeros(1, config.past_channels, config.image.size, config.image.size)
        song = network.encode_music(torch.zeros(1, g.mel_width, N_MELS + BEAT_BANDS))
        with torch.no_grad():
            image, _ = network(past, song, torch.zeros(1, g.noise_channels), network.start_state(1))
            history = torch.zeros(1, 3 * len(config.discriminator.history), *image.shape[2:])
            judged = judge(image, history, torch.zeros(1, g.mel_width, N_MELS + BEAT_BANDS))
        assert image.shape == (1, config.image.channels, config.image.size, config.image.size) and len(judged) == 2


def test_the_configuration_survives_its_file():
    for config in (*PRESETS.values(), tiny_config()):
        assert GanConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_any_setting_can_be_changed():
    config = change(change(GanConfig(), "loss.l1=100"), " generator.channels = 8,16,24 ")
    assert config.loss.l1 == 100.0 and config.generator.channels == (8, 16, 24)
    assert change(config, "image.heatmaps=false").image.channels == 3
    assert change(config, "train.decay_steps=none").train.decay_steps is None
    assert change(config, "generator.momentum=none").generator.momentum is None
    assert len(SETTINGS) > 10


@pytest.mark.parametrize(
    "setting", ["loss.l2=1", "l1=1", "loss.l1", "to_dict.x=1", "loss=1", "loss.l1=much", "image.size=1.5",
                "image.heatmaps=maybe", "generator.channels=8,x", "train.decay_steps=", "=", ""],
)  # fmt: skip
def test_a_setting_that_does_not_exist_or_fit_is_refused(setting):
    with pytest.raises(InputError, match="--set"):
        change(GanConfig(), setting)


def test_unknown_presets_and_settings_are_named():
    with pytest.raises(InputError, match="small, base, original"):
        Gan().configure("huge", {})
    values = GanConfig().to_dict()
    values["loss"]["l2"] = 1.0
    with pytest.raises(InputError, match=r"loss\.l2"):
        GanConfig.from_dict(values)
