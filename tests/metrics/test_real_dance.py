"""On real motion capture and songs: real takes score as real, and each baseline fails in the way its name says."""

from __future__ import annotations

import json

import numpy as np
import pytest

import dancegen
from dancegen.metrics.dance import Dance, Windows, average, measure
from dancegen.metrics.features import frechet_distance
from dancegen.metrics.reference import REAL, Reference
from dancegen.metrics.verdict import faults
from dancegen.mocap.camera import project
from dancegen.mocap.footfalls import active_span
from dancegen.mocap.motion import load_motion

VIEWS = (0, 45, 90, 135)
TAKES = ("60_10", "61_10", "60_12", "60_13", "61_02", "61_05")


@pytest.fixture(scope="module")
def takes(shared_data) -> dict[str, list[Dance]]:
    """Whole takes of salsa, unpaired with music, from four cameras."""
    found = {}
    for name in ("60_10", "60_12", "61_05", "60_04"):
        motion = load_motion(shared_data / "cmu-salsa" / f"{name}_scaled.bvh", source_fps=60).resample(30)
        start, end = active_span(motion.joints3d, 30.0, motion.height_m)  # not the waiting before and after
        motion = motion.slice(start, end - start)
        found[name] = [Dance.of(project(motion, view)) for view in VIEWS]
    return found


@pytest.fixture(scope="module")
def evaluated(shared_data, tmp_path_factory) -> dict[str, dict]:
    """The rows of the table: baselines that dance, to a song they never heard, with a dataset of six takes."""
    store = tmp_path_factory.mktemp("store")
    music = tmp_path_factory.mktemp("music")
    for name in ("metal-madness", "chaos-god", "sugar-plum-fairy"):
        (music / f"{name}.ogg").symlink_to(shared_data / "music" / f"{name}.ogg")
    sources = [shared_data / "cmu-salsa" / f"{name}_scaled.bvh" for name in TAKES]
    dancegen.prepare(sources, music=music, pairs=2, val_fraction=0.25, source_fps=60, workers=2, store=store)
    dataset = dancegen.extract_poses(workers=2, store=store)
    song = shared_data / "music" / "lets-go-fishin.ogg"
    made = dancegen.evaluate(songs=song, seconds=45, reference=dataset, store=store)
    record = json.loads(made.file("metrics.json").read_text())
    return {row["name"]: row for row in record["rows"]} | {"reference": record["reference"]}


def test_real_takes_score_as_real(takes):
    for name, views in takes.items():
        mean = average([measure(dance) for dance in views])
        assert mean["freeze_ratio"] < 0.1 and mean["missing"] == 0, name
        assert mean["skating"] < 0.15 and mean["limb_p99_max"] < 0.38 and mean["limb_stretched"] < 0.01, name
        assert mean["twisted"] < 0.01 and mean["side_swaps"] < 0.1, name
        assert 0.04 < mean["variety"] < 0.12 and 0.15 < mean["speed_median"] < 0.4, name
        assert faults(mean) == [], name


def test_one_take_is_near_the_others_and_a_shaken_or_slowed_one_is_not(takes):
    names = list(takes)
    rest = Windows.of([dance for name in names[1:] for dance in takes[name]])
    kinetic, geometric = rest.statistics
    own = takes[names[0]]
    rng = np.random.default_rng(0)

    def changed(change) -> Windows:
        return Windows.of([Dance(change(dance.positions), None, {}) for dance in own])

    as_it_is = changed(lambda positions: positions)
    shaken = changed(lambda positions: positions + rng.normal(0, 0.01, positions.shape))
    slowed = changed(lambda positions: np.repeat(positions, 4, axis=0)[: len(positions)])
    folded = changed(lambda positions: positions * np.array([1.0, 0.6]))
    real = frechet_distance(as_it_is.statistics[0], kinetic)
    assert real < 50 and frechet_distance(as_it_is.statistics[1], geometric) < 80
    assert frechet_distance(shaken.statistics[0], kinetic) > 5 * real
    assert frechet_distance(slowed.statistics[0], kinetic) > 2 * real
    assert frechet_distance(folded.statistics[1], geometric) > 2 * frechet_distance(as_it_is.statistics[1], geometric)


def test_held_out_takes_dance_on_the_beat_and_are_no_copies(evaluated):
    real = evaluated[REAL]
    assert real["footfall"] > real["footfall_shifted"] + 0.2 and real["footfall"] > real["footfall_other"] + 0.1
    assert 0.03 < real["copying"] < 0.09 and real["freeze_ratio"] < 0.1
    half = evaluated["reference"]
    assert real["fid_k"] < 3 * half["fid_k_half"] + 20 and real["fid_g"] < 3 * half["fid_g_half"] + 20


def test_freeze_freezes(evaluated):
    real, frozen = evaluated[REAL], evaluated["baseline:freeze"]
    assert frozen["freeze_ratio"] == 1 and frozen["speed_median"] == 0 and frozen["variety"] < 0.005
    assert frozen["fid_k"] > 3 * real["fid_k"] and frozen["diversity_k"] < real["diversity_k"] / 2


@pytest.mark.parametrize("name", ["baseline:random", "baseline:shuffle"])
def test_random_and_shuffled_motion_is_real_but_does_not_keep_time(name, evaluated):
    real, found = evaluated[REAL], evaluated[name]
    lead, real_lead = (row["footfall"] - row["footfall_shifted"] for row in (found, real))
    assert lead < real_lead / 2
    assert found["freeze_ratio"] < 0.15 and 0.1 < found["speed_median"] < 0.5
    assert found["copying"] < real["copying"] / 3  # it is training motion, after all


def test_copy_copies(evaluated):
    real, copied = evaluated[REAL], evaluated["baseline:copy"]
    assert copied["copying"] < real["copying"] / 3 and copied["freeze_ratio"] < 0.15


def test_the_bundled_reference_is_of_real_dance_and_small():
    from dancegen.assets import asset

    path = asset("reference.npz")
    bundled = Reference.load(path)
    assert path.stat().st_size < 1_000_000 and set(np.load(path)) == {
        "words", *(f"{kind}_{part}" for kind in ("kinetic", "geometric")
                   for part in ("mean", "covariance", "windows", "sample"))
    }  # fmt: skip
    assert bundled.about["training_takes"] > 10 and bundled.about["held_out_takes"] >= 1
    real, frozen = bundled.rows[REAL], bundled.rows["baseline:freeze"]
    assert real["footfall"] > real["footfall_shifted"] + 0.2 and frozen["freeze_ratio"] == 1
    for row in ("baseline:random", "baseline:shuffle", "baseline:copy"):
        assert bundled.rows[row]["copying"] < real["copying"] / 3
    for row, name in ((bundled.rows["baseline:random"], "random"), (bundled.rows["baseline:shuffle"], "shuffle")):
        assert row["footfall"] - row["footfall_shifted"] < (real["footfall"] - real["footfall_shifted"]) / 2, name
