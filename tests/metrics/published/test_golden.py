"""The published metrics give what their authors' own code gave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dancegen.metrics.published.geometric import geometric_features
from dancegen.metrics.published.kinetic import kinetic_features
from dancegen.metrics.published.scores import (
    beat_alignment,
    diversity,
    frechet_distance,
    motion_beats,
    normalised,
    smpl_foot_contact,
)

SAME = 1e-5


@pytest.fixture(scope="module")
def golden(shared_data: Path) -> dict[str, np.ndarray]:
    with np.load(shared_data / "published-metrics" / "golden.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def pieces(joints: np.ndarray, frames: int) -> list[np.ndarray]:
    return [take[start : start + frames] for take in joints for start in range(0, len(take), frames)]


@pytest.mark.parametrize(
    ("what", "joints"), [("cmu", "cmu_joints"), ("smpl", "smpl_joints"), ("probe", "probe_joints")]
)
def test_features(golden, what, joints):
    dances = golden[joints] if golden[joints].ndim == 4 else golden[joints][None]
    for features, name in ((kinetic_features, "kinetic"), (geometric_features, "geometric")):
        found = np.stack([features(dance) for dance in dances])
        np.testing.assert_allclose(found, golden[f"{what}_{name}"].reshape(found.shape), rtol=SAME, atol=1e-7)


def test_the_probe_makes_every_geometric_feature_fire(golden):
    assert (geometric_features(golden["probe_joints"]) > 0).all()


@pytest.mark.parametrize(("prefix", "frames", "half"), [("", 600, 5), ("win_", 120, 25)])
def test_distances_and_diversity(golden, prefix, frames, half):
    dances = pieces(golden["cmu_joints"], frames)
    for features, name in ((kinetic_features, "k"), (geometric_features, "g")):
        found = np.stack([features(dance) for dance in dances])
        generated, real = found[:half], found[half:]
        assert frechet_distance(generated, real) == pytest.approx(float(golden[f"{prefix}fid_{name}"]), rel=SAME)
        ours, theirs = normalised(generated, real)
        assert diversity(ours) == pytest.approx(float(golden[f"{prefix}div_{name}"]), rel=SAME)
        assert diversity(theirs) == pytest.approx(float(golden[f"{prefix}div_{name}_gt"]), rel=SAME)


def test_the_distance_of_sets_of_full_rank(golden):
    generated, real = golden["feat_pred"], golden["feat_gt"]
    assert frechet_distance(generated, real) == pytest.approx(float(golden["feat_fid"]), rel=SAME)


@pytest.mark.parametrize("music", ["song", "exact"])
def test_beats(golden, music):
    beats = golden[f"beats_{music}_frames"]
    found = [beat_alignment(dance, beats) for dance in golden["cmu_joints"]]
    np.testing.assert_allclose(found, golden[f"bas_{music}"], rtol=SAME)
    assert np.mean(found) == pytest.approx(float(golden[f"bas_{music}_mean"]), rel=SAME)
    assert beat_alignment(golden["smpl_joints"], beats) == pytest.approx(float(golden[f"smpl_bas_{music}"]), rel=SAME)


def test_motion_beats(golden):
    for dance, beats in zip([*golden["cmu_joints"], golden["smpl_joints"]], golden["motion_beats"], strict=True):
        assert motion_beats(dance).tolist() == beats[beats >= 0].tolist()


def test_foot_contact(golden):
    found = [smpl_foot_contact(dance[::2]) for dance in golden["cmu_joints"]]
    np.testing.assert_allclose(found, golden["pfc"], rtol=SAME)
    for name in ("smpl", "probe"):
        joints = golden[f"{name}_joints"]
        assert smpl_foot_contact(joints[::2]) == pytest.approx(float(golden[f"{name}_pfc"]), rel=SAME)
