"""What a digest depends on, whatever the values: on every parameter, byte and version, and on nothing else."""

from __future__ import annotations

import random
import string
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dancegen.options.dance import EvaluateOptions, GeneratePosesOptions, SkeletonOptions
from dancegen.options.data import ExtractPosesOptions, PrepareOptions, TrainOptions
from dancegen.options.declare import Role, declared, recipe_for
from dancegen.store import Input, Recipe, encode
from dancegen.store.artifact import content_of
from dancegen.store.manifest import FileEntry

names = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | numbers | st.text(max_size=12)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
params = st.dictionaries(names, values, max_size=5)
stages = st.sampled_from(["prepare", "train", "generate-poses", "render"])
contents = st.binary(max_size=64)
many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def same(one: object, other: object) -> bool:
    """Whether two plain values are one and the same to a store: 1, 1.0, True and "1" are four."""
    return encode(one) == encode(other)


@many
@given(stages, st.integers(1, 99), params, st.randoms(use_true_random=False))
def test_the_order_of_parameters_does_not_matter(stage, version, chosen, shuffle):
    order = list(chosen.items())
    shuffle.shuffle(order)
    assert Recipe(stage, version, chosen).digest == Recipe(stage, version, dict(order)).digest


@many
@given(stages, st.integers(1, 99), params, names, values, values)
def test_any_change_of_a_parameter_gives_another_digest(stage, version, chosen, name, value, other):
    assume(not same(value, other))
    digests = {Recipe(stage, version, {**chosen, name: each}).digest for each in (value, other)}
    without = {key: kept for key, kept in chosen.items() if key != name}
    assert len(digests | {Recipe(stage, version, without).digest}) == 3


@many
@given(stages, stages, st.integers(1, 99), st.integers(1, 99), params)
def test_another_stage_or_version_gives_another_digest(stage, other, version, later, chosen):
    assume((stage, version) != (other, later))
    assert Recipe(stage, version, chosen).digest != Recipe(other, later, chosen).digest


@few
@given(content=contents, at=st.integers(0, 63), bit=st.integers(0, 7), name=names, other=names)
def test_any_changed_bit_of_an_input_gives_another_digest_and_its_name_and_place_do_not(
    content, at, bit, name, other, tmp_path_factory
):
    def recipe(data: bytes, folder: Path, file: str) -> str:
        path = folder / f"{file}.bin"
        path.write_bytes(data)
        return Recipe("train", 1, {}, (Input.file("song", path),)).digest

    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    asked = recipe(content, here, name)
    assert recipe(content, there, other) == asked
    assert recipe(content + b"x", there, other) != asked
    if content:
        changed = bytearray(content)
        changed[at % len(content)] ^= 1 << bit
        assert recipe(bytes(changed), there, other) != asked


@many
@given(st.lists(st.tuples(names, contents), min_size=1, max_size=5, unique_by=lambda item: item[0]), st.randoms())
def test_the_content_of_an_artifact_is_that_of_its_files_in_any_order(held, shuffle):
    import hashlib

    entries = [FileEntry(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in held]
    mixed = list(entries)
    shuffle.shuffle(mixed)
    assert content_of(tuple(entries)) == content_of(tuple(mixed))
    other = replace(entries[0], sha256=hashlib.sha256(held[0][1] + b"x").hexdigest())
    assert content_of((other, *entries[1:])) != content_of(tuple(entries))


VERBS = {
    "prepare": lambda **more: PrepareOptions(**{"sources": ("takes",), "music": "songs", **more}),
    "extract-poses": ExtractPosesOptions,
    "train": TrainOptions,
    "generate-poses": lambda **more: GeneratePosesOptions(**{"song": "song.wav", **more}),
    "render": SkeletonOptions,
    "evaluate": EvaluateOptions,
}
ROLES = {
    "prepare": ("sources", "music", "beat_tracker"), "extract-poses": ("dataset", "detector"), "train": ("dataset",),
    "generate-poses": ("song", "model", "poses", "beat_tracker"), "render": ("poses",),
    "evaluate": ("reference", "songs", "inputs", "detector", "beat_tracker"),
}  # fmt: skip
WORKED_OUT = {
    "prepare": {"genres": {}, "split": "own"}, "extract-poses": {"views": [0]}, "train": {"config": {}},
    "generate-poses": {},
    "render": {"engine": "skeleton", "fps": 30.0, "size": [64, 64]}, "evaluate": {},
}  # fmt: skip


def digest(stage: str, version: int = 1, salt: bytes = b"", **options: object) -> str:
    """Of a verb's recipe as the stages make it, with inputs whose content is `salt`."""
    inputs = {role: (Input(role, "file", "any", salt.hex().rjust(64, "0")),) for role in ROLES[stage]}
    return recipe_for(stage, version, VERBS[stage](**options), inputs, **WORKED_OUT[stage]).digest


@few
@given(st.integers(1, 64), st.integers(1, 64), names)
def test_what_cannot_change_a_result_never_changes_the_recipe_of_a_command(workers, others, project):
    """A device, a store and a place for the result are no options at all."""
    drawn = {
        "workers": (workers, others), "wandb": (None, project), "backend": (None, "loky"),
        "scheduler": (None, project), "offline": (False, True), "retarget": (None, project),
    }  # fmt: skip
    for stage, verb in VERBS.items():
        options = fields(verb())
        assert not {"device", "output", "store", "verbose"} & {each.name for each in options}
        for name in (each.name for each in options if declared(each).role is Role.HARMLESS):
            one, other = drawn[name]
            assert digest(stage, **{name: one}) == digest(stage, **{name: other}) == digest(stage)


@pytest.mark.parametrize("stage", VERBS)
@few
@given(salt=st.binary(min_size=1, max_size=32), seed=st.integers(1, 2**31), version=st.integers(2, 99))
def test_a_byte_of_an_input_a_seed_and_a_version_change_the_recipe_of_a_command(stage, salt, seed, version):
    assume(any(salt))
    usual = digest(stage)
    assert digest(stage, salt=salt) != usual != digest(stage, version)
    if any(each.name == "seed" for each in fields(VERBS[stage]())):
        assert digest(stage, seed=seed) != usual


def test_the_properties_are_tried_on_values_that_differ_in_kind_alone():
    kinds = [1, 1.0, "1", True, [1], {"1": 1}, None, "", [], {}]
    random.Random(0).shuffle(kinds)
    assert len({Recipe("train", 1, {"value": each}).digest for each in kinds}) == len(kinds)
