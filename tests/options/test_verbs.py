"""No option is forgotten in a recipe: changing any of them changes the digest, unless it is declared harmless."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, fields

import numpy as np
import pytest

import dancegen
from dancegen.options import verbs
from dancegen.options.dance import GeneratePosesOptions, RenderOptions
from dancegen.options.declare import Options, Role, declared, option, recipe_for
from dancegen.options.verbs import VERBS
from dancegen.store import Input, Recipe, Store, open_store
from helpers.characters import Rig, write_character
from helpers.drawn_footage import footage
from helpers.filmed_clips import drawn_dataset
from helpers.pose_examples import standing
from helpers.songs import write_click, write_song
from helpers.stepping_dancer import write_dancer
from helpers.tiny_beat_this import save_tiny
from helpers.tiny_diffusion import saved_model
from helpers.tiny_film import dance as poses_artifact
from helpers.tiny_gan import SETTINGS, pose_dataset, tiny_model

VERB = {verb.name: verb for verb in VERBS}


class Asked(Exception):
    """Carries the recipe that a stage asked its store for."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A folder with songs, takes and models, each in two versions, and a store."""
    place = tmp_path_factory.mktemp("there")
    store = open_store(place / "store")
    (place / "beats.txt").write_text("0.5\n1.0\n1.5\n")
    for name, bpm in (("one", 100), ("two", 130)):
        write_song(place / f"{name}.wav", 3.0, bpm=bpm)
        (place / f"{name}-music").mkdir()
        write_click(place / f"{name}-music" / "click.wav", bpm)
        (place / f"{name}-takes").mkdir()
        write_dancer(place / f"{name}-takes" / f"{name}.bvh", 7.0, 0.5 if name == "one" else 0.45)
        (place / f"{name}.vgg").write_bytes(name.encode())
        tiny_model(place / f"{name}-gan", seed=len(name) + ord(name[0]))
        footage(place / f"{name}.mp4", np.arange(50) / 25, rate=25 if name == "one" else 24)
    (place / "joints.json").write_text('{"head": "mixamorig:Head"}')
    save_tiny(place / "beats.ckpt")
    saved_model(place / "one-body")
    shutil.copytree(place / "one-body", place / "two-body")
    config = (place / "two-body" / "config.json").read_text()
    (place / "two-body" / "config.json").write_text(config + "\n")
    return place, store


@dataclass(frozen=True)
class Case:
    """A verb with options that it can be given, and for each option another value, or several that change together."""

    verb: str
    given: dict
    others: dict


def cases(place, store) -> list[Case]:
    one, two = (lambda name, side=side: place / f"{side}{name}" for side in ("one", "two"))
    dance_of = {side: poses_artifact(store, seconds) for side, seconds in (("one", 6.0), ("two", 5.0))}
    in_space = poses_artifact(store, 4.0, in_space=True)
    file = place / "poses.json"
    file.write_text(json.dumps([{"people": [{"pose_keypoints_2d": standing().ravel().tolist()}]}] * 40))
    shares = place / "shares.json"
    part = (standing() / [512, 512, 1]).ravel().tolist()
    shares.write_text(json.dumps([{"people": [{"pose_keypoints_2d": part}]}] * 40))
    steps = dancegen.generate_poses(one(".wav"), model=one("-body"), canvas="64x64", store=store)
    others = dancegen.generate_poses(two(".wav"), model=one("-body"), canvas="64x64", store=store)
    motion, another = (str(dance.file("motion.npz")) for dance in (steps, others))
    hero = write_character(place / "hero.glb", Rig())
    (place / "hero.json").write_text('{"head": "mixamorig:Head"}')
    prepared = {
        side: dancegen.prepare(
            place / f"{side}-takes", music=one("-music"), pairs=1, clip_seconds=3, workers=1, store=store
        )
        for side in ("one", "two")
    }
    film = {side: drawn_dataset(store, side, place) for side in ("one", "two")}
    detectors = {side: place / f"{side}.pth" for side in ("one", "two")}
    for side, path in detectors.items():
        path.write_bytes(side.encode())
    for name in ("hand_pose_model.pth", "facenet.pth"):
        (place / name).write_bytes(name.encode())
    seen = {"one": pose_dataset(store, seconds=3.0), "two": pose_dataset(store, seconds=4.0)}
    settings = tuple(text for text in SETTINGS if not text.startswith(("loss.perceptual", "train.batch")))
    return [
        Case(
            "prepare",
            {"sources": [one("-takes")], "music": one("-music")},
            {
                "sources": [two("-takes")], "music": two("-music"), "source_fps": 31, "fps": 24, "clip_seconds": 5,
                "pairs": 2, "val_fraction": 0.2, "genre": "polka", "licence": "ours", "seed": 1, "workers": 1,
                "joints": place / "joints.json", "json_canvas": "640x480", "split": "random", "backend": "loky",
                "beat_tracker": place / "beats.ckpt", "offline": True,
                "scheduler": {"backend": "ray", "scheduler": "a:1"},
            },
        ),
        Case(
            "extract-poses",
            {"dataset": prepared["one"]},
            {"dataset": prepared["two"], "views": "0", "canvas": "64x64", "workers": 1, "backend": "loky",
             "scheduler": {"backend": "ray", "scheduler": "a:1"}},
        ),
        Case(
            "extract-poses",
            {"dataset": film["one"], "detector": detectors["one"]},
            {
                "dataset": film["two"], "detector": detectors["two"], "hands": True, "face": True, "offline": True,
                "max_gap": 0.2, "smooth": 0.3, "min_seconds": 1.0, "min_quality": 0.5, "no_cuts": True,
                "no_swaps": True, "no_outliers": True,
            },
        ),
        Case(
            "train",
            {"dataset": seen["one"], "family": "gan", "settings": settings, "vgg": one(".vgg"), "perceptual": 0.1,
             "init": one("-gan"), "device": "cpu"},
            {
                "dataset": seen["two"], "preset": "original", "epochs": 3, "max_steps": 3, "minutes": 3, "batch": 3,
                "learning_rate": 0.3, "decay": 0.3, "decay_steps": 3, "init": two("-gan"), "vgg": two(".vgg"),
                "perceptual": 0.2, "settings": (*settings, "loss.l1=3"), "seed": 1,
                "family": {"family": "diffusion", "dataset": prepared["one"], "settings": (), "vgg": None,
                           "perceptual": None, "init": None},
            },
        ),
        Case(
            "generate-poses",
            {"song": one(".wav"), "model": one("-body"), "edit": motion, "keep": "1-2", "start_pose": motion,
             "end_pose": motion, "pass_pose": [f"2.5={motion}"]},
            {
                "song": two(".wav"), "model": two("-body"), "fps": 24, "canvas": "64x64", "start": 0.5, "seconds": 2,
                "tempo": 101, "beats": place / "beats.txt", "beat_tracker": place / "beats.ckpt", "offline": True,
                "camera": "side", "music_guidance": 3, "floor": "2x2", "genre": "stepping", "energy": 0.7,
                "start_pose": another, "end_pose": f"{motion}@1.5", "edit": another, "keep": "1-1.5",
                "keep_joints": "legs", "pass_pose": [f"2.5={motion}@1.5"], "retime_span": "0.5-1.5=0.5",
                "repeat_sections": True, "no_retime": True, "seed": 1,
                "retarget": {"retarget": hero, "output": place / "hero-dances.glb"},
            },
        ),
        Case("generate-poses", {"song": one(".wav"), "model": one("-body"), "edit": shares, "keep": "0-1"},
             {"json_fps": 24, "json_canvas": "640x480"}),
        Case("export", {"dance": motion, "retarget": hero},
             {"dance": another, "retarget": write_character(place / "other.glb", Rig("vrm")), "fps": 24,
              "joints": place / "hero.json"}),
        Case("render", {"poses": dance_of["one"]},
             {"poses": dance_of["two"], "style": "openpose", "fps": 24, "size": "64x64"}),
        Case("render", {"poses": dance_of["one"], "style": "openpose"},
             {"codec": "ffv1", "frames": True, "alpha": True}),
        Case("render", {"poses": in_space, "style": "mannequin"},
             {"camera": "orbit", "background": "white", "render_pass": "depth"}),
        Case("render", {"poses": file, "music": one(".wav")},
             {"music": two(".wav"), "music_start": 0.5, "json_fps": 24, "json_canvas": "640x640",
              "beat_tracker": place / "beats.ckpt", "offline": True}),
        Case("render", {"poses": dance_of["one"], "over": one(".mp4")}, {"over": two(".mp4"), "beside": True}),
        Case(
            "evaluate",
            {"inputs": [one("-gan")], "songs": one(".wav"), "reference": seen["one"], "device": "cpu"},
            {
                "inputs": [two("-gan")], "songs": two(".wav"), "reference": seen["two"], "start": 0.5, "seconds": 2,
                "seed": 1, "json_fps": 24, "json_canvas": "640x640", "beat_tracker": place / "beats.ckpt",
                "offline": True,
                "protocol": {"protocol": "aist", "inputs": [motion], "reference": prepared["one"], "songs": None},
            },
        ),
    ]  # fmt: skip


def recipe_of(verb: str, keywords: dict, store: Store, monkeypatch) -> Recipe:
    """The recipe of what a verb would make."""
    obtain = Store.obtain

    def asked(self, recipe, build, **how):
        if recipe.stage == verb:
            raise Asked(recipe)
        return obtain(self, recipe, build, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "obtain", asked)
        with pytest.raises(Asked) as caught:
            getattr(dancegen, VERB[verb].function)(**keywords, store=store)
    return caught.value.recipe


def test_every_option_that_is_not_harmless_changes_the_digest(there, monkeypatch):
    place, store = there
    tried: dict[str, set[str]] = {}
    for case in cases(place, store):
        roles = {field.name: declared(field).role for field in fields(VERB[case.verb].options())}
        before = recipe_of(case.verb, case.given, store, monkeypatch).digest
        assert recipe_of(case.verb, case.given, store, monkeypatch).digest == before
        for name, value in case.others.items():
            other = value if isinstance(value, dict) else {name: value}
            changed = recipe_of(case.verb, {**case.given, **other}, store, monkeypatch).digest != before
            assert changed == (roles[name] is not Role.HARMLESS), f"{case.verb} {name}"
            tried.setdefault(case.verb, set()).add(name)
    for verb, names in tried.items():
        # Painted films and videos have tests of their own; with --wandb a training would call Weights & Biases.
        own = {field.name for field in fields(RenderOptions if verb == "render" else VERB[verb].options())}
        assert own - names == {
            "render": {"engine", "prompt", "seed", "start", "seconds", "detector", "hands", "face"}, "train": {"wandb"},
            "evaluate": {"detector"},
        }.get(verb, set()), verb  # fmt: skip


def test_an_option_that_nobody_put_into_a_recipe_is_in_it():
    @dataclass(frozen=True, kw_only=True)
    class Dummy(Options):
        colour: str = option("red", help="Colour.")
        workers: int = option(1, help="Workers.", role=Role.HARMLESS)

    assert recipe_for("dummy", 1, Dummy(colour="blue")).digest != recipe_for("dummy", 1, Dummy()).digest
    assert recipe_for("dummy", 1, Dummy(workers=2)).digest == recipe_for("dummy", 1, Dummy()).digest


def test_a_stage_that_forgets_what_an_option_reads_or_becomes_is_found_out():
    @dataclass(frozen=True, kw_only=True)
    class Dummy(Options):
        song: str | None = option(None, help="Song.", role=Role.INPUT)
        preset: str = option("small", help="Preset.", role=Role.DERIVED, through="config")

    with pytest.raises(TypeError, match="song"):
        recipe_for("dummy", 1, Dummy(song="a.wav"), config={})
    with pytest.raises(TypeError, match="config"):
        recipe_for("dummy", 1, Dummy())
    read = Input("song", "file", "a.wav", "0" * 64)
    assert recipe_for("dummy", 1, Dummy(song="a.wav"), {"song": (read,)}, config={}).inputs == (read,)


def test_what_a_person_may_write_in_two_ways_is_one_recipe():
    written = GeneratePosesOptions(song="a.wav", fps=30, canvas="512x512", floor="3x3", keep="1-2,3-4", edit="e")
    called = GeneratePosesOptions(
        song="b.wav", fps=30.0, canvas=(512, 512), floor=(3, 3), keep=[(1, 2), (3, 4)], edit="e"
    )
    inputs = {"song": (), "model": (), "edit": (), "poses": (), "beat_tracker": ()}
    one, other = (recipe_for("generate-poses", 1, options, inputs) for options in (written, called))
    assert one.digest == other.digest


def test_two_options_of_one_name_are_not_joined_unless_they_mean_the_same():
    @dataclass(frozen=True, kw_only=True)
    class One(Options):
        colour: str = option("red", help="Of the floor.")

    @dataclass(frozen=True, kw_only=True)
    class Other(Options):
        colour: str = option("red", help="Of the dancer.")

    with pytest.raises(TypeError, match="One and Other declare two options of the name colour"):
        verbs._joined("Both", (One, Other))
    assert [field.name for field in fields(verbs._joined("Same", (One, One)))] == ["colour"]
