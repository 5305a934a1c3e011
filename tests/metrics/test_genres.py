"""Dance is known for its genre by the real dance that it is nearest to, and by nothing that only the dancer has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen import prepare
from dancegen.dataset.format import read_clips
from dancegen.errors import InputError
from dancegen.metrics.genres import (
    GenreMeasure,
    GenreWindows,
    body_of_dataset,
    chance,
    real_windows,
    window_features,
)
from dancegen.motion.body import AT, TURNING, Body
from dancegen.motion.retarget import retarget_limbs
from dancegen.motion.rotations import about
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer
from helpers.tiny_diffusion import BODY, FPS, stepping

TALL = Body.of(
    {"hips": 0.24, "shoulders": 0.42, "trunk": 0.6, "neck": 0.22, "thigh": 0.5, "shank": 0.5, "upper_arm": 0.4,
     "forearm": 0.34}, 2.1,
)  # fmt: skip


def marching(seconds: float, first: float):
    return stepping(seconds, first).motion()


def reaching(seconds: float, first: float):
    """Somebody who stands, with the arms up, and bends from side to side once in two seconds."""
    still = stepping(seconds, 0.1)
    times = np.arange(len(still)) / FPS
    rotations = np.broadcast_to(np.eye(3), still.rotations.shape).copy()
    sway = 0.35 * np.sin(np.pi * (times - first))
    rotations[:, 0] = about(2, sway)
    for side, sign in (("l", 1), ("r", -1)):
        rotations[:, TURNING.index(AT[f"{side}_shoulder"])] = about(2, sign * (1.2 + 0.2 * np.cos(np.pi * times)))
    return replace(still, rotations=rotations).motion()


DANCES = {"marching": marching, "reaching": reaching}


def windows(names=tuple(DANCES), performances=range(3), seconds=9.0, body=BODY, wander=0.0) -> GenreWindows:
    parts = []
    for name in names:
        for number in performances:
            motion = DANCES[name](seconds, 0.05 + 0.13 * number + wander)
            motion = retarget_limbs(motion, body).motion()
            parts.append((name, f"{name} {number}", window_features(motion)))
    return GenreWindows.joined(parts)


@pytest.fixture(scope="module")
def measure():
    return GenreMeasure(windows())


def test_dances_of_two_kinds_are_told_apart_and_chance_is_what_a_random_kind_scores(measure):
    found = measure.confusion(windows(performances=(7, 8), wander=0.31))
    assert found["marching"]["marching"] > 0.95 and found["reaching"]["reaching"] > 0.95
    for row in found.values():
        assert sum(row.values()) == pytest.approx(1)
    assert chance(found, "marching") == pytest.approx(0.5, abs=0.05)


def test_labels_that_say_nothing_score_as_chance_does(measure):
    asked = windows(performances=(7, 8), wander=0.31)
    rng = np.random.default_rng(0)
    found = measure.confusion(replace(asked, genres=rng.permutation(asked.genres)))
    for genre in DANCES:
        assert found[genre][genre] == pytest.approx(chance(found, genre), abs=0.2) and found[genre][genre] < 0.75


def test_a_performance_does_not_find_itself_where_it_is_among_the_real_ones():
    real = windows(("reaching",))
    odd = windows(("marching",), performances=(9,))  # one take alone: nothing else is near to it
    both = GenreWindows.joined(
        [("reaching", f"r{i}", rows) for i, rows in enumerate(np.array_split(real.features, 3))]
        + [("marching", "m", odd.features)]
    )
    measure = GenreMeasure(both)
    assert measure.confusion(both)["marching"]["marching"] == 1.0
    assert measure.confusion(both, without_own=True)["marching"] == {"marching": 0.0, "reaching": 1.0}
    only = replace(both, performances=np.repeat("one", len(both)))
    assert set(measure.nearest(only, without_own=False)) == {"marching", "reaching"}
    assert set(GenreMeasure(only).nearest(only, without_own=True)) == {""}


def test_a_dancer_is_not_known_by_the_body_but_by_the_dance(measure):
    """A tall dancer's marching, put onto the common body, is where the others' is."""
    tall = retarget_limbs(retarget_limbs(marching(9.0, 0.4), TALL).motion(), BODY).motion()
    features = window_features(tall)
    assert set(measure.nearest(GenreWindows.joined([("x", "x", features)]))) == {"marching"}
    own = windows(("marching",), performances=(0,)).features
    assert np.abs(features.mean(0) - own.mean(0)).max() < 0.5


def test_one_genre_alone_and_no_dance_at_all_are_refused():
    with pytest.raises(InputError, match="two genres"):
        GenreMeasure(windows(("marching",)))
    with pytest.raises(InputError, match="two genres"):
        GenreMeasure(GenreWindows.joined([]))
    assert len(GenreMeasure(windows(performances=(0,))).nearest(GenreWindows.joined([]))) == 0


def test_a_take_counts_once_whatever_songs_it_has_and_held_out_ones_apart(tmp_path):
    for name, steps in (("slow", 0.56), ("fast", 0.47)):
        (tmp_path / name).mkdir()
        for number in range(3):
            write_dancer(tmp_path / name / f"{name}{number}.bvh", 8.0, steps + 0.01 * number)
    (tmp_path / "music").mkdir()
    for bpm in (108, 120):
        write_click(tmp_path / "music" / f"{bpm}.wav", bpm)
    found = {}
    for pairs in (1, 2):
        made = prepare(
            [tmp_path / "slow", tmp_path / "fast"], music=tmp_path / "music", pairs=pairs, clip_seconds=5.0, workers=1,
            val_fraction=0.34, store=tmp_path / "s",
        )  # fmt: skip
        body = body_of_dataset(made.path)
        found[pairs] = real_windows(made.path, body), real_windows(made.path, body, ("val",))
    takes = {split: {clip.take for clip in read_clips(made) if clip.split == split} for split in ("train", "val")}
    for pairs, (train, val) in found.items():
        assert set(train.performances) == takes["train"] and set(val.performances) == takes["val"], pairs
        assert set(train.genres) == set(val.genres) == {"slow", "fast"}
    assert len(found[2][0]) == pytest.approx(len(found[1][0]), rel=0.3)
    with pytest.raises(InputError, match="no test clip"):
        real_windows(made.path, body, ("test",))
