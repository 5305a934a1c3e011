"""A dance leaves the store for other programs, and comes back on somebody's own character."""

from __future__ import annotations

import json

import numpy as np
import pytest

import dancegen
from dancegen.errors import InputError, MocapError
from dancegen.motion.body import AT, BodyMotion
from dancegen.motion.export.bvh import BONES
from dancegen.motion.readers.bvh import read_bvh
from dancegen.store import Artifact, open_store
from dancegen.store.export import Taken
from helpers.characters import STYLES, Rig, write_character
from helpers.gltf_reader import Played
from helpers.songs import write_song
from helpers.tiny_diffusion import saved_model
from helpers.tiny_film import dance as drawn_dance


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A folder with a song, a model and a character, and a store."""
    place = tmp_path_factory.mktemp("there")
    write_song(place / "song.wav", 4.0, bpm=120)
    saved_model(place / "model")
    write_character(place / "hero.glb", Rig("unreal", arms_down=45, axes="bones"))
    return place, open_store(place / "store")


def danced(there, **more) -> Artifact:
    place, store = there
    return dancegen.generate_poses(place / "song.wav", model=place / "model", start=0.5, seconds=2, store=store, **more)


def as_danced(dance: Artifact, fps: float) -> BodyMotion:
    return BodyMotion.load(dance.file("motion.npz")).resample(fps, round(2 * fps))


def test_generate_poses_writes_a_glb_and_a_vrma_that_say_whose_they_are(there, tmp_path):
    dance = danced(there, output=tmp_path / "my.glb")
    again = danced(there, output=tmp_path / "my.vrma")
    assert again.digest == dance.digest and again.cached
    own = as_danced(dance, 30.0)
    for name, hips in (("my.glb", "Hips"), ("my.vrma", "hips")):
        played = Played(tmp_path / name)
        assert len(played.times) == 60 and played.fps == pytest.approx(30, rel=1e-5)
        assert np.abs(played.positions(list(range(0, 60, 10)))[hips] - own.root[::10]).max() < 1e-4
        noted = played.file.asset.extras["dancegen"]
        assert noted["dance"] == dance.digest and noted["start_s"] == pytest.approx(0.5) and noted["fps"] == 30
    assert "dance.glb" not in [entry.path for entry in dance.files]


def test_export_takes_any_rate_and_is_answered_from_the_store(there, tmp_path):
    _, store = there
    dance = danced(there)
    made = dancegen.export(dance, fps=24, store=store, output=tmp_path / "all")
    assert sorted(path.name for path in (tmp_path / "all").glob("dance.*")) == ["dance.bvh", "dance.glb", "dance.vrma"]
    assert made.summary["frames"] == 48 and len(Played(tmp_path / "all" / "dance.glb").times) == 48
    assert dancegen.export(dance.digest[:8], fps=24, store=store).cached
    assert dancegen.export(dance.file("motion.npz"), fps=24, store=store).summary["frames"] == 48
    bvh = read_bvh(tmp_path / "all" / "dance.bvh")
    hand = bvh.positions[:, bvh.names.index(BONES["l_wrist"])]
    assert np.abs(hand - as_danced(dance, 24.0).positions[:, AT["l_wrist"]]).max() < 1e-3


def test_a_character_dances_from_either_verb(there, tmp_path):
    place, store = there
    hero = place / "hero.glb"
    dance = danced(there, retarget=hero, output=tmp_path / "dances.glb")
    made = dancegen.export(dance, retarget=hero, store=store, output=tmp_path / "dances.bvh")
    assert made.cached and dance.digest == danced(there).digest
    frames = list(range(0, 60, 10))
    seen, own, names = Played(tmp_path / "dances.glb").positions(frames), as_danced(dance, 30.0), STYLES["unreal"]
    way = seen[names["l_elbow"]] - seen[names["l_shoulder"]]
    wanted = own.positions[frames, AT["l_elbow"]] - own.positions[frames, AT["l_shoulder"]]
    assert (np.linalg.norm(np.cross(way, wanted), axis=1) < 1e-4).all()
    bvh = read_bvh(tmp_path / "dances.bvh")
    assert np.abs(bvh.positions[frames, bvh.names.index(names["r_wrist"])] - seen[names["r_wrist"]]).max() < 1e-3
    assert made.summary["joints_moved"] == 20 and made.summary["joints"] == 25


def test_an_edited_character_is_danced_anew(there, tmp_path):
    _, store = there
    dance = danced(there)
    one, other = (write_character(tmp_path / "hero.glb", Rig(facing=turn)) and
                  dancegen.export(dance, retarget=tmp_path / "hero.glb", store=store) for turn in (0, 90))  # fmt: skip
    assert one.digest != other.digest


def test_a_dance_of_which_only_pictures_are_known_is_lifted(there, tmp_path):
    _, store = there
    dance = drawn_dance(store, 2.0)
    assert not (dance.path / "motion.npz").exists()
    made = dancegen.export(dance, store=store, output=tmp_path / "lifted.glb")
    assert len(Played(tmp_path / "lifted.glb").times) == made.summary["frames"] == dance.summary["frames"]


def test_what_cannot_be_is_said_before_any_work(there, tmp_path):
    place, store = there
    dance = danced(there)
    (tmp_path / "skeleton.bvh").write_text("HIERARCHY\n")
    (tmp_path / "map.json").write_text(json.dumps({"head": "head"}))
    hero = place / "hero.glb"

    def refused(words: str, verb=dancegen.export, kind=InputError, **given):
        with pytest.raises(kind, match=words):
            verb(given.pop("of", dance), store=store, **given)

    refused("is what retarget is read from", retarget=hero, output=hero)
    refused("fit a .vrma to any avatar", retarget=hero, output=tmp_path / "a.vrma")
    refused("has a skeleton and no mesh", retarget=tmp_path / "skeleton.bvh", output=tmp_path / "a.glb")
    refused("--retarget .*skeleton.bvh ends at line 1", kind=MocapError, retarget=tmp_path / "skeleton.bvh")
    refused("characters are read from .glb", retarget=tmp_path / "map.json")
    refused("there is no such file", retarget=tmp_path / "nobody.glb")
    refused("name the character with --retarget", joints=tmp_path / "map.json")
    refused("there is no .fbx file to write", output=tmp_path / "a.fbx")
    song = {"verb": dancegen.generate_poses, "of": place / "song.wav"}
    refused("name it with -o", retarget=hero, **song)
    refused("is what retarget is read from", retarget=hero, output=hero, **song)
    refused("there is no such file", retarget=tmp_path / "nobody.glb", output=tmp_path / "a.glb", **song)


def test_a_file_that_is_not_ours_stays(there, tmp_path):
    _, store = there
    dance = danced(there)
    mine = write_character(tmp_path / "mine.glb", Rig()).read_bytes()
    with pytest.raises(Taken):
        dancegen.export(dance, store=store, output=tmp_path / "mine.glb")
    assert (tmp_path / "mine.glb").read_bytes() == mine
    dancegen.export(dance, store=store, output=tmp_path / "ours.glb")
    dancegen.export(dance, fps=12, store=store, output=tmp_path / "ours.glb")
    assert len(Played(tmp_path / "ours.glb").times) == 24
    dancegen.export(dance, store=tmp_path / "another store", output=tmp_path / "ours.glb")  # the file says whose it is
    assert len(Played(tmp_path / "ours.glb").times) == 60
