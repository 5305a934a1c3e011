"""Why two results differ: the very thing is named, whatever kind it is of, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dancegen.store import Artifact, Input, Recipe, Store, open_store
from dancegen.store.why import differences, newest_other


def made(store: Store, recipe: Recipe, payload: bytes = b"x") -> Artifact:
    def build(directory: Path) -> None:
        (directory / "poses.npz").write_bytes(payload)

    return store.obtain(recipe, build)


def song(name: str, digest: str) -> Input:
    return Input("song", "file", name, digest * 64)


FIRST = Recipe("generate-poses", 9, {"seed": 1, "fps": 30.0, "set": {"a": 1, "b": [1, 2]}}, (song("a.mp3", "a"),))


@pytest.mark.parametrize(
    ("changes", "kind", "name", "words"),
    [
        ({"version": 10}, "version", "generate-poses", "(version 9 before, 10 now)"),
        ({"inputs": (song("a.mp3", "b"),)}, "input", "song", "song: a.mp3 has other content than before"),
        ({"inputs": (song("b.mp3", "b"),)}, "input", "song", "song: a.mp3 before, b.mp3 now"),
        ({"inputs": ()}, "input", "song", "song: a.mp3 is no longer given"),
        ({"inputs": (song("a.mp3", "a"), song("c.mp3", "c"))}, "input", "song", "song: c.mp3 is new"),
        ({"params": {**FIRST.params, "seed": 2}}, "parameter", "seed", "seed: 1 before, 2 now"),
        ({"params": {**FIRST.params, "seed": True}}, "parameter", "seed", "seed: 1 before, yes now"),
        ({"params": {**FIRST.params, "fps": 30}}, "parameter", "fps", "fps: 30.0 before, 30 now"),
        ({"params": {**FIRST.params, "style": None}}, "parameter", "style", "style: none now, not there before"),
        ({"params": {**FIRST.params, "set": {"a": 1, "b": [1, 3]}}}, "parameter", "set.b", "1, 2 before, 1, 3 now"),
        ({"stage": "render"}, "stage", "stage", "two stages: generate-poses and render"),
    ],
)
def test_the_one_thing_that_differs_is_named(store, changes, kind, name, words):
    before, recipe = made(store, FIRST).manifest, replace(FIRST, **changes)
    assert recipe.digest != before.digest
    for after in (recipe, made(store, recipe).manifest):
        (found,) = differences(before, after)
        assert (found.kind, found.name) == (kind, name)
        assert words in found.words() and found.decides


def test_equal_recipes_differ_in_nothing(store):
    before = made(store, FIRST).manifest
    assert differences(before, FIRST) == []
    assert differences(before, replace(FIRST, inputs=(song("renamed.mp3", "a"),))) == []


def test_the_same_inputs_in_another_order_are_told_as_such(store):
    two = (song("a.mp3", "a"), song("b.mp3", "b"))
    before = made(store, replace(FIRST, inputs=two)).manifest
    (found,) = differences(before, replace(FIRST, inputs=two[::-1]))
    assert found.words() == "the same inputs are given in another order"


def test_one_recipe_with_two_outcomes_names_the_files_and_the_libraries(store):
    before = made(store, FIRST).manifest
    after = made(open_store(store.root.with_name("other")), FIRST, b"y").manifest
    after = replace(after, versions={**after.versions, "numpy": "9.9"})
    found = differences(before, after)
    assert [(each.kind, each.name) for each in found] == [("file", "poses.npz"), ("library", "numpy")]
    assert not any(each.decides for each in found)
    assert found[1].words() == f"library numpy: {before.versions['numpy']} before, 9.9 now"


def test_an_input_that_is_an_artifact_is_explained_in_turn(store):
    poses = [made(store, replace(FIRST, params={"seed": seed}), bytes([seed])) for seed in (1, 2)]
    films = [made(store, Recipe("render", 1, {}, (Input.artifact("poses", each),))) for each in poses]
    by_content = {each.content: each.manifest for each in poses}
    (found,) = differences(films[0].manifest, films[1].manifest, lambda each: by_content.get(each.digest))
    assert found.lines() == [
        f"poses: generate-poses/{poses[0].digest[:16]} before, generate-poses/{poses[1].digest[:16]} now",
        "  seed: 1 before, 2 now",
    ]
    said = found.to_dict()
    assert set(said) == {"kind", "name", "before", "after", "words", "because"}
    assert said["before"] == {"kind": "artifact", "name": films[0].inputs[0].name, "digest": poses[0].content}
    assert said["because"][0]["words"] == "seed: 1 before, 2 now"


def test_a_recipe_is_compared_with_the_newest_of_its_stage_that_is_not_itself(store):
    recipes = [replace(FIRST, params={"seed": seed}) for seed in (1, 2, 3)]
    artifacts = [made(store, each) for each in recipes]
    dates = ["2026-01-01T00:00:00", "2026-01-03T00:00:00", "2026-01-02T00:00:00"]
    artifacts = [
        replace(each, manifest=replace(each.manifest, created=date))
        for each, date in zip(artifacts, dates, strict=True)
    ]
    assert newest_other(recipes[0], artifacts) == artifacts[1]
    assert newest_other(recipes[1], artifacts) == artifacts[2]
    assert newest_other(Recipe("render", 1), artifacts) is None
