"""The takes of a folder: dancegen's own dances are left alone, unreadable files cost nobody else, names are short."""

from __future__ import annotations

import shutil

import pytest

from dancegen.errors import InputError
from dancegen.motion.export.bvh import write_bvh
from dancegen.stages.own_outputs import is_own
from dancegen.stages.songs import find_songs
from dancegen.stages.takes import find_sources
from dancegen.store import Recipe, open_store
from helpers.listening import Listener
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer
from helpers.tiny_diffusion import stepping


@pytest.fixture
def place(tmp_path):
    """A folder with a take, an exported dance, and a store with an artifact that holds another."""
    write_dancer(tmp_path / "take.bvh")
    write_bvh(stepping(), tmp_path / "dance.bvh")
    store = open_store(tmp_path / "store")
    store.obtain(Recipe("generate-poses", 1, {}, ()), lambda directory: _dance(directory, tmp_path / "take.bvh"))
    return tmp_path


def _dance(directory, take):
    write_bvh(stepping(), directory / "dance.bvh")
    write_click(directory / "clip.wav", 120)
    shutil.copy(take, directory / "other.bvh")  # left alone for where it lies, not for what it is
    return {}


def test_what_dancegen_made_is_left_alone_and_said(place):
    heard = Listener()
    takes, faults = find_sources([place], heard)
    assert [item.take.path.name for item in takes] == ["take.bvh"] and faults == []
    assert any("1 .bvh that dancegen made" in message for message in heard.said)


def test_the_songs_of_a_folder_are_not_those_of_the_clips_below_it(place):
    write_click(place / "song.wav", 108)
    assert [song.path.name for song in find_songs(place, "--music")] == ["song.wav"]


def test_an_own_dance_that_is_named_is_used(place):
    takes, _ = find_sources([place / "dance.bvh"], Listener())
    assert [item.take.path.name for item in takes] == ["dance.bvh"]
    (place / "take.bvh").unlink()
    with pytest.raises(InputError, match=r"only what dancegen made: name such a file itself"):
        find_sources([place], Listener())


def test_a_dance_that_an_editor_wrote_anew_is_the_persons_own(place):
    path = place / "dance.bvh"
    assert is_own(path) and not is_own(place / "take.bvh")
    path.write_text(path.read_text().replace("Xrotation Zrotation Yrotation", "Zrotation Xrotation Yrotation"))
    assert not is_own(path)


def test_a_file_that_cannot_be_read_is_left_out_and_the_others_are_not(place, monkeypatch):
    from dancegen.store import Input

    write_dancer(place / "shut.bvh", step_s=0.4)
    whole = Input.file

    def file(role, path):
        if path.name == "shut.bvh":
            raise InputError(f"the {role} {path} cannot be read: Permission denied")
        return whole(role, path)

    monkeypatch.setattr("dancegen.stages.takes.Input.file", file)
    takes, faults = find_sources([place], Listener())
    assert [item.take.path.name for item in takes] == ["take.bvh"]
    assert len(faults) == 1 and faults[0].startswith("shut.bvh: ") and "Permission denied" in faults[0]
    with pytest.raises(InputError, match=r"shut\.bvh: .*Permission denied"):
        find_sources([place / "shut.bvh"], Listener())


def test_messages_name_a_take_shortly_and_so_that_it_can_be_found(tmp_path):
    for folder in ("one/deep", "two/deep"):
        (tmp_path / folder).mkdir(parents=True)
    write_dancer(tmp_path / "one" / "deep" / "a.bvh")
    write_dancer(tmp_path / "two" / "deep" / "a.bvh", step_s=0.4)
    (item,), _ = find_sources([tmp_path / "one"], Listener())
    assert item.worded(f"{item.take.path}, line 3: cut off") == "deep/a.bvh, line 3: cut off"
    assert item.worded("cut off") == "deep/a.bvh: cut off"
    one, two = find_sources([tmp_path / "one", tmp_path / "two"], Listener())[0]
    assert (one.shown, two.shown) == (str(one.take.path), str(two.take.path))
    assert one.name != two.name


def test_what_a_database_ignores_is_left_out_and_said_unless_it_is_named(tmp_path):
    (tmp_path / "motions").mkdir()
    for name in ("gBR_sBM_cAll_d04_mBR0_ch01", "gBR_sBM_cAll_d04_mBR0_ch02"):
        write_dancer(tmp_path / "motions" / f"{name}.bvh")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "ignore_list.txt").write_text("gBR_sBM_cAll_d04_mBR0_ch02\n")
    heard = Listener()
    takes, faults = find_sources([tmp_path / "motions"], heard)
    assert [item.name for item in takes] == ["gBR_sBM_cAll_d04_mBR0_ch01"] and faults == []
    assert heard.said == ["gBR_sBM_cAll_d04_mBR0_ch02.bvh: left out, since AIST++'s own ignore list names it"]
    named = tmp_path / "motions" / "gBR_sBM_cAll_d04_mBR0_ch02.bvh"
    assert [item.take.path for item in find_sources([named], heard)[0]] == [named]
    (tmp_path / "motions" / "gBR_sBM_cAll_d04_mBR0_ch01.bvh").unlink()
    with pytest.raises(InputError, match="ignored"):
        find_sources([tmp_path / "motions"], heard)
