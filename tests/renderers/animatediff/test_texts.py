"""Prompts with weights, of any length, with learnt words, through the real text encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dancegen.errors import ModelError
from dancegen.hub import locate
from dancegen.renderers.animatediff.loading import load_pipeline
from dancegen.renderers.animatediff.models import references
from dancegen.renderers.animatediff.painter import AnimateDiffPainter
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.texts import Texts, weighted_parts
from dancegen.renderers.film.backend import Scene
from dancegen.renderers.film.tiers import TIERS
from dancegen.weights import Models
from helpers.tiny_animatediff import WORDS, options, tiny_embedding, tiny_models

LONG = "a dancer in a red dress on the stage of an old theatre, spotlights, dust in the air, and a lamp "
"""With a vocabulary of letters this is more than 77 tokens."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return options(tiny_models(tmp_path_factory.mktemp("models")))


def load(models, **choices):
    settings = Settings(**{"steps": 2, "guidance": 3.0, "window": 8, **models, **choices}).completed()
    located = Models(tuple(locate(ref, offline=True) for ref in references(settings)))
    return settings, load_pipeline(located, settings, device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def pipeline(models):
    return load(models)[1]


@pytest.fixture(scope="module")
def texts(pipeline):
    return Texts(pipeline, "cpu")


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    "text, parts",
    [
        ("a red dress", [("a red dress", 1)]),
        ("a (red:1.3) dress", [("a", 1), ("red", 1.3), ("dress", 1)]),
        ("(a (red:1.5) dress:0.5)", [("a", 0.5), ("red", 0.75), ("dress", 0.5)]),
        ("a dress (red, silk), 3:00", [("a dress (red, silk), 3:00", 1)]),
        (r"a \(red:1.3\) dress", [("a (red:1.3) dress", 1)]),
        ("a (red:1.3 dress", [("a (red:1.3 dress", 1)]),
        ("a red:1.3) dress", [("a red:1.3) dress", 1)]),
        ("neon+ sci-fi--", [("neon+ sci-fi--", 1)]),
        ("(red:9)", [("red", 2.0)]),
    ],
)
def test_words_have_the_weights_that_are_written(text, parts):
    assert weighted_parts(text) == [(part, pytest.approx(weight)) for part, weight in parts]


def test_a_plain_prompt_is_what_diffusers_reads(texts, pipeline):
    for text in ("a dancer", "", "a dress (red), 3:00"):
        with torch.inference_mode():
            assert torch.equal(texts.of([text])[0], pipeline.encode_prompt(text, "cpu", 1, False)[0][0])


def test_weights_are_compels(texts, pipeline):
    from compel import Compel

    compel = Compel(pipeline.tokenizer, pipeline.text_encoder, truncate_long_prompts=False)
    with torch.inference_mode():
        for ours, theirs in (("a (red:1.4) hat", "a (red)1.4 hat"), ("a (red:0.6) hat", "a (red)0.6 hat")):
            found = texts.of([ours])[0]
            assert close(found, compel(theirs)[0]) and not close(found, texts.of(["a red hat"])[0])
        assert close(texts.of(["a (red:1.0) hat"])[0], texts.of(["a red hat"])[0])


def test_the_end_of_a_long_prompt_is_read_and_shorter_ones_are_as_long(texts):
    with torch.inference_mode():
        one, other, short = texts.of([LONG + "that burns", LONG + "that is out", "a dancer"])
        assert one.shape == other.shape == short.shape == (154, WORDS)
        assert close(one[:20], other[:20]) and not close(one[77:], other[77:])
        assert close(short[:77], texts.of(["a dancer"])[0])


def test_a_film_of_a_long_prompt_is_painted_to_its_end_and_blends_with_a_short_one(models):
    settings, pipeline = load(models)
    painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
    poses = np.random.default_rng(0).integers(0, 256, (4, 64, 48, 3), dtype=np.uint8)
    halves = np.full((4, 2), 0.5, np.float32)

    def painted(*words: str) -> torch.Tensor:
        return painter.paint(Scene(0, poses, words, halves))

    one, other = painted(LONG + "that burns", "a dancer"), painted(LONG + "that is out", "a dancer")
    assert torch.isfinite(one).all() and not torch.allclose(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("vectors", [1, 3])
def test_a_learnt_word_is_read_as_the_vectors_it_was_learnt_as(vectors, models, tmp_path, texts):
    file = tiny_embedding(tmp_path / "sundress.safetensors", vectors)
    named = Texts(load(models, embedding=(str(file),))[1], "cpu")
    renamed = Texts(load(models, embedding=(f"{file}=zzz",))[1], "cpu")
    with torch.inference_mode():
        learnt, before = (each.of(["a sundress here"])[0] for each in (named, texts))
        assert not close(learnt, before)
        assert close(renamed.of(["a zzz here"])[0], learnt) and close(renamed.of(["a sundress here"])[0], before)
        weighted = named.of(["a (sundress:1.4) here"])[0]
        assert not close(weighted, learnt) and weighted.shape == learnt.shape
        barely = named.of(["a (sundress:1.0001) here"])[0]  # by way of compel, and all of its vectors with it
        assert torch.allclose(barely, learnt, atol=0.01) and not torch.allclose(barely, before, atol=0.1)
        assert close(named.of(["a dancer"])[0], texts.of(["a dancer"])[0])


def test_a_learnt_word_that_cannot_be_is_refused(models, tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(ModelError, match="is a word already"):
        load(models, embedding=(f"{tiny_embedding(tmp_path / 'one.safetensors')}=a",))
    save_file({"anything": torch.zeros(2, WORDS + 1)}, tmp_path / "wide.safetensors")
    with pytest.raises(ModelError, match="wide"):
        load(models, embedding=(str(tmp_path / "wide.safetensors"),))
