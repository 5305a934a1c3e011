"""The dataset's files: what is written is read back, and what is none says so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dancegen.dataset.format import (
    Clip,
    ClipMotion,
    clip_views,
    link_or_copy,
    poses_path,
    read_clips,
    view_name,
    write_clips,
)
from dancegen.dataset.pairing import MeasuredTake, choose_pairings, clip_beats
from dancegen.dataset.splits import Origin, split_performances
from dancegen.errors import InputError, MocapError, NotFoundError
from dancegen.motion.motion import Motion
from dancegen.motion.readers.databases import performance

CLIP = Clip("a-00a00", "f00", 1.5, 10.0, 30.0, "train", "salsa", None, "60+61_01", "Träume", 12.25)


def test_clips_come_back_as_written_sorted_by_id(tmp_path):
    clips = [dataclasses.replace(CLIP, id=name) for name in ("b", "a")]
    write_clips(tmp_path, clips)
    assert read_clips(tmp_path) == clips[::-1]
    write_clips(tmp_path, [dataclasses.replace(CLIP, performer="Anna")])
    assert read_clips(tmp_path)[0].performer == "Anna"


def test_a_directory_without_clips_says_how_to_make_a_dataset(tmp_path):
    with pytest.raises(NotFoundError, match="dancegen prepare"):
        read_clips(tmp_path)


def test_a_damaged_line_is_named_by_its_number(tmp_path):
    path = write_clips(tmp_path, [CLIP])
    path.write_text(path.read_text() + '{"id": "x"}\n')
    with pytest.raises(InputError, match="line 2"):
        read_clips(tmp_path)


def test_a_clips_motion_comes_back_with_its_warp_and_opens_as_a_motion(tmp_path):
    forward, up = np.tile([0, 0, 1.0], (4, 1)), np.tile([0, 1.0, 0], (4, 1))
    motion = Motion(np.random.default_rng(0).normal(size=(4, 18, 3)), forward, up, 30.0, 1.8, "take")
    clip = ClipMotion(motion, np.array([0, 0.2]), np.array([3.0, 3.2]), np.array([1.0, 1.1]), np.array([0.1]))
    clip.save(tmp_path / "motion.npz")
    again = ClipMotion.load(tmp_path / "motion.npz")
    for name in ("song_s", "take_s", "rate", "footfalls_s"):
        np.testing.assert_array_equal(getattr(again, name), getattr(clip, name))
    np.testing.assert_array_equal(again.motion.joints3d, motion.joints3d)
    assert Motion.load(tmp_path / "motion.npz").height_m == 1.8
    motion.save(tmp_path / "plain.npz")
    with pytest.raises(MocapError, match="no warp"):
        ClipMotion.load(tmp_path / "plain.npz")


def test_cameras_are_named_by_their_angle(tmp_path):
    assert [view_name(angle) for angle in (0, 45, 360, -90)] == ["a000", "a045", "a000", "a270"]
    for view in ("a090", "a000"):
        path = poses_path(tmp_path, CLIP, view)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    assert clip_views(tmp_path, CLIP) == ["a000", "a090"]


def test_a_file_is_copied_where_it_cannot_be_linked(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("music")
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    link_or_copy(tmp_path / "a", tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_text() == "music"


def test_partners_mirrors_and_copies_of_a_take_are_one_performance():
    couple = {performance(stem) for stem in ("60_05_scaled", "61_05_scaled", "60_05", "61_05_mirror", "60_05_retimed")}
    assert couple == {"60+61_05"}
    assert performance("60_06_scaled") != performance("60_05_scaled")
    assert performance("05_02") == "05_02"
    assert performance("my_dance") == "my_dance"


def _origins(sources, **prescribed):
    return [Origin(name, source, prescribed.get(name)) for name, source in sources.items()]


def test_splits_leave_something_on_both_sides_and_do_not_depend_on_order():
    takes = _origins({f"{number:02d}": "a" if number < 12 else "b" for number in range(28)})
    splits = split_performances(takes, 0.1, seed=0)
    assert splits == split_performances(takes[::-1], 0.1, seed=0)
    val = [take for take in takes if splits[take.performance] == "val"]
    assert {take.source for take in val} == {"a", "b"} and len(val) == 3
    assert any(split_performances(takes, 0.1, seed=seed) != splits for seed in range(1, 5))
    assert sorted(split_performances(_origins({"x": "a", "y": "a"}), 0.1, 0).values()) == ["train", "val"]
    assert sorted(split_performances(_origins({"x": "a", "y": "b"}), 0.9, 0).values()) == ["train", "val"]
    assert split_performances(_origins({"x": "a"}), 0.5, 0) == {"x": "train"}
    assert set(split_performances(takes, 0.0, 0).values()) == {"train"}


def test_a_databases_own_split_holds_and_chance_divides_the_rest():
    takes = _origins(dict.fromkeys("abcdefgh", "folder"), a="val", b="train", c="train")
    splits = split_performances(takes, 0.4, seed=0)
    assert (splits["a"], splits["b"], splits["c"]) == ("val", "train", "train")
    assert [splits[name] for name in "defgh"].count("val") == 2
    assert split_performances(_origins({"x": "a", "y": "a"}, x="val", y="val"), 0.1, 0) == {"x": "val", "y": "val"}
    assert split_performances(_origins({"x": "a", "y": "a"}, x="val"), 0.1, 0) == {"x": "val", "y": "train"}


@dataclasses.dataclass(frozen=True)
class _Song:
    name: str
    seconds: float
    beats: object

    @property
    def digest(self):
        return self.name


def _songs(*tempi):
    from dancegen.audio.beats import Beats

    return [
        _Song(f"{bpm}", 60.0, Beats(np.arange(0, 60, 60 / bpm), float(bpm), np.ones(int(np.ceil(bpm)), np.float32)))
        for bpm in tempi
    ]


def _take(name, step_s, seconds=20.0):
    from dancegen.motion.time_warp import DanceEvents

    return MeasuredTake(name, name, name, None, (1.0, 1.0 + seconds), DanceEvents(np.array([]), np.array([]), step_s))


def test_songs_that_suit_the_steps_come_first_and_take_turns():
    songs = _songs(84, 86, 118, 120, 122, 140)
    dances = choose_pairings([_take(f"t{i}", 0.5) for i in range(6)], songs, 2, 5.0, seed=1)
    used = [order.song.name for order in dances]
    assert set(used) == {"118", "120", "122"} and all(used.count(name) == 4 for name in set(used))
    again, other = (choose_pairings([_take(f"t{i}", 0.5) for i in range(6)], songs, 2, 5.0, seed=s) for s in (1, 2))
    assert [(d.song.name, d.song_start) for d in again] == [(d.song.name, d.song_start) for d in dances]
    assert [d.song_start for d in other] != [d.song_start for d in dances]


def test_more_pairs_than_songs_dance_to_a_song_again_from_elsewhere():
    dances = choose_pairings([_take("t", 0.5)], _songs(120), 3, 5.0, seed=0)
    assert len({order.song_start for order in dances}) == 3 and len({order.id for order in dances}) == 3
    # Each start leaves room for the whole dance, and lies on a spectrogram frame.
    assert all(0 <= order.song_start <= 60 - 20 for order in dances)
    assert all(abs(order.song_start * 90 - round(order.song_start * 90)) < 1e-6 for order in dances)


def test_a_long_take_is_danced_to_several_songs():
    dances = choose_pairings([_take("t", 0.5, seconds=150.0)], _songs(120), 1, 5.0, seed=0)
    assert [order.span for order in dances] == [(1.0, 51.0), (51.0, 101.0), (101.0, 151.0)]


def test_a_take_of_more_than_26_spans_has_a_name_for_each_of_them():
    dances = choose_pairings([_take("t", 0.5, seconds=60.0 * 60)], _songs(120), 1, 5.0, seed=0)
    names = [pairing.id.removeprefix("t-00") for pairing in dances]
    assert len(set(names)) == len(names) == 60 and names[:2] == ["a", "b"] and names[25:28] == ["z", "ba", "bb"]


def test_a_clips_beats_count_from_its_start():
    beats = clip_beats(_songs(120)[0].beats, 10.25, 2.0)
    np.testing.assert_allclose(beats.times_s, [0.25, 0.75, 1.25, 1.75])
    assert len(beats.strength) == 4 and beats.tempo_bpm == 120
