"""Dances of known answer in one table: each is told from real dance by what was done to it, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.metrics.dance import Dance, Windows, average, distances, measure
from dancegen.metrics.diagnosis import faults
from dancegen.metrics.features import frechet_distance
from helpers.pendulum import BEAT_S, beats, dancer, frozen, noisy, sequence

SECONDS = 30.0
CHANGES = {
    "on the beat": lambda seed: dancer(seed),
    "late": lambda seed: dancer(seed, late_s=BEAT_S / 4),
    "noisy": lambda seed: noisy(dancer(seed)),
    "frozen": lambda seed: frozen(dancer(seed), 10.0, 10.0),
}


def dance(keypoints) -> Dance:
    return Dance.of(sequence(keypoints), beats(SECONDS))


@pytest.fixture(scope="module")
def real() -> list[Windows]:
    """Two halves of the real dancers of this world, who begin anywhere in the music."""
    late = np.random.default_rng(0).uniform(0, BEAT_S, 16)
    dances = [dance(dancer(seed, late_s=late[seed])) for seed in range(16)]
    return [Windows.of(dances[half::2]) for half in (0, 1)]


@pytest.fixture(scope="module")
def half(real) -> tuple[float, float]:
    """Frechet distances of real dance to real dance, kinetic and geometric."""
    one, other = (windows.statistics for windows in real)
    return frechet_distance(one[0], other[0]), frechet_distance(one[1], other[1])


@pytest.fixture(scope="module")
def table(real) -> dict[str, dict[str, float]]:
    """The rows: eight dancers that the real ones do not know, as they are and changed."""
    kinetic, geometric = real[1].statistics
    rows = {}
    for name, change in CHANGES.items():
        dances = [dance(change(seed)) for seed in range(100, 108)]
        figures = average([measure(one, [beats(SECONDS, 0.43)]) for one in dances])
        rows[name] = figures | distances(Windows.of(dances), kinetic, geometric)
    return rows


def test_who_dances_on_the_beat_is_as_near_to_real_dance_as_real_dance_is(table, half):
    found = table["on the beat"]
    assert found["fid_k"] < 1.5 * half[0] and found["fid_g"] < 1.5 * half[1]
    for own, shifted, other in (
        ("bas_music", "bas_shifted", "bas_other"),
        ("bas_motion", "bas_motion_shifted", "bas_motion_other"),
        ("footfall", "footfall_shifted", "footfall_other"),
    ):
        assert found[own] > 0.9 > 0.6 > found[other] > found[shifted] and found[shifted] < 0.15
    assert found["freeze_ratio"] == 0 and not any("keep time" in said for said in faults(found))


def test_who_is_a_quarter_of_a_beat_late_moves_as_really_and_keeps_no_time(table, half):
    found, on_time = table["late"], table["on the beat"]
    assert found["fid_k"] < 1.5 * half[0] and found["fid_g"] < 1.5 * half[1]
    for name in ("speed_median", "accel_mean", "jerk_mean", "variety", "diversity_k", "diversity_g"):
        assert found[name] == pytest.approx(on_time[name], rel=0.1), name
    assert np.max([found["bas_music"], found["bas_motion"], found["footfall"]]) < 0.15
    assert found["footfall_shifted"] > found["footfall"] + 0.5 and found["bas_shifted"] > found["bas_music"] + 0.3
    (said,) = set(faults(found)) - set(faults(on_time))
    assert "do not keep time" in said


def test_who_trembles_is_far_off_in_how_and_not_in_when_or_where(table, half):
    found, clean = table["noisy"], table["on the beat"]
    assert found["fid_k"] > 100 * half[0] and found["fid_g"] < 3 * half[1]
    assert found["accel_mean"] > 5 * clean["accel_mean"] and found["jerk_mean"] > 10 * clean["jerk_mean"]
    assert found["bas_music"] > 0.9 and found["freeze_ratio"] == 0
    assert any("trembles" in said for said in faults(found))


def test_who_stands_still_for_ten_seconds_of_thirty_is_frozen_for_a_third_of_the_music(table, half):
    found, clean = table["frozen"], table["on the beat"]
    assert found["freeze_ratio"] == pytest.approx(1 / 3, abs=0.02)
    assert found["bas_music"] == pytest.approx(2 / 3, abs=0.03) and found["bas_motion"] > 0.9
    assert found["fid_k"] > 5 * half[0] and found["fid_g"] > 3 * half[1]
    assert found["accel_mean"] == pytest.approx(2 / 3 * clean["accel_mean"], rel=0.1)
    assert "the dancer stands still for 33% of the time" in faults(found)


def test_each_is_the_worst_at_what_was_done_to_it(table):
    def worst(name: str, of=max) -> str:
        return of(table, key=lambda row: table[row][name])

    assert (worst("freeze_ratio"), worst("accel_mean"), worst("footfall", min)) == ("frozen", "noisy", "late")
