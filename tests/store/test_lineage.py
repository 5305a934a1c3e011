"""Where artifacts come from and what depends on them, by content and not by name."""

from __future__ import annotations

from dancegen.store import Artifact, Input, Recipe, Store
from dancegen.store.lineage import dependents, origins, with_dependents, with_origins
from helpers.store_examples import Builder


def made(store: Store, stage: str, *behind: Artifact, **params: object) -> Artifact:
    inputs = [Input.artifact(f"from {each.stage}", each) for each in behind]
    recipe = Recipe(stage, 1, params, (*inputs, Input("song", "file", "a.mp3", "a" * 64)))
    return store.obtain(recipe, Builder(f"{stage} {params}".encode()))


def names(listed) -> list[str]:
    return sorted(each.stage for each in listed)


def test_a_lineage_goes_up_to_what_people_gave(store):
    poses = made(store, "extract-poses", made(store, "prepare"))
    model = made(store, "train", poses)
    (model_origin, song) = origins(made(store, "generate-poses", model).inputs, store.listing())
    assert model_origin.artifact.digest == model.digest and song.artifact is None and not song.lost
    assert model_origin.origins[0].origins[0].artifact.stage == "prepare"
    said = model_origin.to_dict()
    assert set(said) == {"role", "kind", "name", "digest", "artifact", "from"}
    assert said["artifact"] == model.digest and said["from"][0]["from"][0]["from"][0]["name"] == "a.mp3"


def test_what_is_no_longer_in_the_store_is_said(store):
    poses = made(store, "prepare")
    film = made(store, "render", poses)
    poses.path.rename(store.root.with_name("gone"))
    (origin, _) = origins(film.inputs, store.listing())
    assert origin.lost and origin.to_dict()["artifact"] is None


def test_a_forged_circle_ends(store):
    first = made(store, "render")
    listing = store.listing()
    one = listing.artifacts[0]
    ring = type(one)(**{**vars(one), "inputs": (Input.artifact("itself", first),)})
    assert len(origins(ring.inputs, type(listing)((ring,)))) == 1
    assert with_origins([ring], type(listing)((ring,))) == {ring}


def test_what_others_were_made_from_is_known_with_all_behind_them(store):
    dataset = made(store, "prepare")
    poses = made(store, "extract-poses", dataset)
    made(store, "train", poses), made(store, "evaluate", poses)
    listing = store.listing()
    by_stage = {each.stage: each for each in listing.artifacts}
    gone = by_stage["prepare"]
    assert {each.stage: names(users) for each, users in dependents([gone], listing).items()} == {
        "prepare": ["extract-poses"]
    }
    assert names(with_dependents([gone], listing)) == ["evaluate", "extract-poses", "prepare", "train"]
    assert names(with_origins([by_stage["train"]], listing)) == ["extract-poses", "prepare", "train"]
    assert dependents(listing.artifacts, listing) == {}


def test_nothing_depends_on_what_another_one_holds_as_well(store):
    twins = [
        store.obtain(Recipe("generate-poses", 1, {"seed": seed}), Builder(b"same")) for seed in (1, 2)
    ]  # fmt: skip
    made(store, "render", twins[0])
    listing = store.listing()
    listed = [each for each in listing.artifacts if each.stage == "generate-poses"]
    assert dependents(listed[:1], listing) == {} == dependents(listed[1:], listing)
    assert list(dependents(listed, listing)) != []
