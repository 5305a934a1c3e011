"""Recipes of films, their segments, and their second pass: all that a backend's settings hold, but what cannot act."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dancegen.hub import model_input
from dancegen.options.declare import recipe_for
from dancegen.progress import Progress
from dancegen.renderers.film.backend import FilmBackend
from dancegen.renderers.film.settings import FilmOptions, Reach, names_reaching
from dancegen.store import Input, Recipe, hash_value
from dancegen.weights import Located, Models

Inputs = Mapping[str, tuple[Input, ...]]
"""Inputs of a recipe, by the option that names them."""


def film_recipe(
    stage: str,
    version: int,
    backend: FilmBackend[Any],
    settings: FilmOptions,
    inputs: Inputs,
    *,
    without: Iterable[Reach] = (),
    **worked_out: object,
) -> Recipe:
    """The recipe of what a stage makes with a backend's settings.

    All settings are in it, and the content of all models, but for those that the backend has no use for beside the
    others, and those that act `without` this stage. worked_out: parameters of the stage's own.
    """
    skipped = names_reaching(settings, *without) | set(backend.unused(settings))
    own = {"engine": backend.name, "engine_version": backend.version, **backend.recipe_params(settings), **worked_out}
    read = {name: items for name, items in inputs.items() if name not in skipped}
    whole = recipe_for(stage, version, settings, {**{name: () for name in skipped}, **read}, **own)
    params = {name: value for name, value in whole.params.items() if name not in skipped or name in own}
    return replace(whole, params=params)


def model_inputs(models: Models, progress: Progress) -> dict[str, tuple[Input, ...]]:
    """A film's models as inputs, by option. A model that is taken with a weight is one thing with it."""
    found: dict[str, tuple[Input, ...]] = {}
    for model in models.located:
        name = model.ref.role.replace("-", "_")
        found[name] = (*found.get(name, ()), _weighted_input(model, progress))
    return found


def array_input(role: str, kind: str, array: np.ndarray) -> Input:
    """Numbers or pixels as an input, by their shape and content."""
    name = "x".join(map(str, array.shape[1::-1])) if kind == "picture" else f"{len(array)} frames"
    content = repr(array.shape).encode() + np.ascontiguousarray(array).tobytes()
    return Input(role, kind, name, hashlib.sha256(content).hexdigest())


def _weighted_input(model: Located, progress: Progress) -> Input:
    """The model, and the weight it is taken with."""
    found, weight = model_input(model, progress), model.ref.weight
    return found if weight == 1 else replace(found, digest=hash_value([found.digest, float(weight)]))
