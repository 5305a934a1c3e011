"""The digest of one fixed example of every stage and engine.

A digest here changes when an option, a default, a version or an encoding does: then every store makes its results of
that stage anew. That must be meant. A new option with a default changes its stage's digest once.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dancegen.choreographers.baselines.family import Baselines
from dancegen.choreographers.registry import FAMILIES
from dancegen.metrics.reference import VERSION as REFERENCE_VERSION
from dancegen.options.dance import EvaluateOptions, ExportOptions, GeneratePosesOptions, SkeletonOptions
from dancegen.options.data import ExtractPosesOptions, PrepareOptions, TrainOptions
from dancegen.options.declare import Options, recipe_for
from dancegen.renderers.film.registry import BACKENDS, find_backend
from dancegen.renderers.film.settings import Reach
from dancegen.stages import evaluate, export, extract_poses, film, film_segments, film_temporal, prepare, render
from dancegen.stages.film_recipes import film_recipe
from dancegen.store import Input, Recipe


def read(*roles: str) -> dict[str, tuple[Input, ...]]:
    """An input for each option, all of the same content."""
    return {role: (Input(role, "file", role, "0" * 64),) for role in roles}


def of(stage: str, version: int, options: Options, *roles: str, **worked_out) -> Callable[[], Recipe]:
    return lambda: recipe_for(stage, version, options, {"poses": (), "beat_tracker": (), **read(*roles)}, **worked_out)


MODELS = {"animatediff": ("base", "vae", "motion_adapter", "controlnet"), "wan-vace": ("base",)}


def film_of(stage: str, version: int, *without: Reach, engine: str = "animatediff") -> Callable[[], Recipe]:
    backend = find_backend(engine)
    settings = backend.complete(backend.settings())
    models = MODELS[engine]
    return lambda: film_recipe(
        stage, version, backend, settings, read("poses", *models), without=without, seed=0, size=[512, 768],
        prompt=[[0.0, "a dancer"]],
    )  # fmt: skip


TAKES = PrepareOptions(sources=("takes",), music="songs")
SONG = GeneratePosesOptions(song="song.wav")
LEARNT = {name: TrainOptions(family=name) for name in FAMILIES}

PINNED: dict[str, tuple[Callable[[], Recipe], str]] = {
    "prepare": (
        of(
            "prepare",
            prepare.VERSION,
            PrepareOptions(sources=("takes",), music="songs"),
            "sources",
            "music",
            genres={"a": "salsa"},
            split="own",
        ),
        "697525af02833f99",
    ),
    "extract-poses": (
        of("extract-poses", extract_poses.VERSION, ExtractPosesOptions(), "dataset", "detector", views=[0, 45]),
        "737a75aa36e0568b",
    ),
    "train diffusion": (
        of("train", FAMILIES["diffusion"].training_version, LEARNT["diffusion"], "dataset", config={"train.steps": 3}),
        "ad294ffe105a4a40",
    ),
    "train gan": (
        of("train", FAMILIES["gan"].training_version, LEARNT["gan"], "dataset", config={"train.steps": 3}),
        "17f0218657adc271",
    ),
    "generate-poses diffusion": (
        of("generate-poses", FAMILIES["diffusion"].version, SONG, "song", "model"),
        "a1338b289f5b5ee9",
    ),
    "generate-poses gan": (
        of("generate-poses", FAMILIES["gan"].version, SONG, "song", "model"),
        "a446064c7b0683ce",
    ),
    "generate-poses baseline": (
        of("generate-poses", Baselines().version, SONG, "song", "model", "dataset"),
        "55233c3fd7bf8d1f",
    ),
    "render skeleton": (
        of("render", render.VERSION, SkeletonOptions(), "poses", engine="skeleton", fps=30.0, size=[1280, 720]),
        "ca31d0a0bd9fdc03",
    ),
    "render animatediff": (
        film_of("render", film.VERSION),
        "f18a76102b78df14",
    ),
    "render-segment animatediff": (
        film_of("render-segment", film_segments.VERSION, Reach.FILM, Reach.SECOND_PASS),
        "7b8073baf78de737",
    ),
    "render-temporal animatediff": (
        film_of("render-temporal", film_temporal.VERSION, Reach.FILM),
        "f3ecd69b7da10512",
    ),
    "render wan-vace": (
        film_of("render", film.VERSION, engine="wan-vace"),
        "b12254c298341b3a",
    ),
    "render-segment wan-vace": (
        film_of("render-segment", film_segments.VERSION, Reach.FILM, Reach.SECOND_PASS, engine="wan-vace"),
        "2e11d64cf13813c9",
    ),
    "export": (
        of("export", export.VERSION, ExportOptions(retarget="hero.glb"), "dance", "retarget", fps=30.0, frames=300),
        "25217dc52f996398",
    ),
    "evaluate": (
        of("evaluate", evaluate.VERSION, EvaluateOptions(), "reference", "songs", "inputs", "detector"),
        "8b868995e95e269d",
    ),
    "reference": (
        lambda: Recipe("reference", REFERENCE_VERSION, {}, read("dataset")["dataset"]),
        "cf79b67c29915ecc",
    ),
}


@pytest.mark.parametrize("example", PINNED)
def test_the_digest_is_what_it_was(example):
    recipe, digest = PINNED[example]
    assert recipe().digest[:16] == digest


def test_every_engine_of_every_stage_has_an_example():
    engines = {f"train {name}" for name in FAMILIES} | {f"generate-poses {name}" for name in (*FAMILIES, "baseline")}
    stages = {"prepare", "extract-poses", "render skeleton", "export", "evaluate", "reference"}
    films = {f"{stage} {engine}" for stage in ("render", "render-segment") for engine in BACKENDS}
    assert set(PINNED) == engines | stages | films | {"render-temporal animatediff"}
