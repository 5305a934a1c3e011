"""Any dancer's motion becomes rotations of one body whose limbs never change length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dancegen.arrays import unit
from dancegen.errors import MocapError
from dancegen.motion.body import AT, NAMES, PARENTS, TURNING, Body, BodyMotion
from dancegen.motion.motion import Motion
from dancegen.motion.readers.registry import load_motion
from dancegen.motion.retarget import measure_body, retarget, retarget_limbs
from dancegen.motion.rotations import from_6d, swing, to_6d
from dancegen.pose.skeleton import INDEX
from helpers.stick_figure import FIGURE, MIXAMO, write_bvh


@pytest.fixture
def dancer(tmp_path: Path) -> Motion:
    """Somebody who swings, twists and bends every joint, each at its own pace."""
    rng = np.random.default_rng(0)
    times = np.arange(90) / 30
    turns = {
        role: np.stack([rng.uniform(10, 40) * np.sin(rng.uniform(2, 6) * times + rng.uniform(0, 6)) for _ in "xyz"], 1)
        for role in FIGURE
        if role not in ("l_knee", "r_knee")
    }
    turns |= {f"{s}_knee": np.stack([0 * times, 0 * times, 40 + 30 * np.sin(4 * times)], 1) for s in "lr"}
    return load_motion(write_bvh(tmp_path / "dancer.bvh", MIXAMO, turns, frames=len(times)))


def _bones(joints: np.ndarray) -> dict[str, np.ndarray]:
    """Unit vectors along the arms and legs, as 18 joints show them."""
    chains = [("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")]
    pairs = [(f"{s}_{a}", f"{s}_{b}") for s in "lr" for a, b in chains]
    return {f"{a} to {b}": unit(joints[:, INDEX[b]] - joints[:, INDEX[a]]) for a, b in pairs}


def test_limbs_keep_their_lengths_exactly(dancer):
    moved = retarget(dancer, measure_body([dancer]))
    for joint, parent in enumerate(PARENTS[1:], 1):
        lengths = np.linalg.norm(moved.positions[:, joint] - moved.positions[:, parent], axis=-1)
        assert np.ptp(lengths) < 1e-6, NAMES[joint]


def test_limbs_point_where_the_dancers_do(dancer):
    moved = retarget(dancer, measure_body([dancer])).motion()
    wanted, found = _bones(dancer.joints3d), _bones(moved.joints3d)
    for bone in wanted:
        assert np.abs(wanted[bone] - found[bone]).max() < 1e-4, bone
    assert np.abs(moved.head_forward - dancer.head_forward).max() < 1e-5
    assert np.abs(moved.ends - dancer.ends).max() < 1e-5
    legs = [INDEX[f"{s}_{joint}"] for s in "rl" for joint in ("hip", "knee", "ankle")]
    assert np.abs(moved.joints3d[:, legs] - dancer.joints3d[:, legs]).max() < 2e-3


def test_a_retargeted_dance_retargets_to_itself(dancer):
    body = measure_body([dancer])
    once = retarget(dancer, body)
    again = retarget(once.motion(), body)
    assert np.abs(again.positions - once.positions).max() < 1e-4
    assert np.abs(again.rotations - once.rotations).max() < 1e-3


def test_a_dance_of_one_body_is_turned_alike_in_another(dancer):
    """Twist of limbs and the way hands and feet are held go along; joints alone would not show them."""
    dance = BodyMotion.of(dancer)
    smaller = Body(0.8 * dance.body.offsets, 0.8 * dance.body.height_m)
    again = BodyMotion.of(dance.motion())
    assert (again.rotations == dance.rotations).all() and (again.body.offsets == dance.body.offsets).all()
    moved, guessed = retarget_limbs(dance.motion(), smaller), retarget(dance.motion(), smaller)
    for name in ("l_elbow", "l_wrist", "r_shoulder", "r_wrist", "l_hip", "r_knee", "l_ankle", "r_ankle"):
        own, found, plain = (each.orientations[:, AT[name]] for each in (dance, moved, guessed))
        assert np.abs(found - own).max() < 0.01, name
        assert np.abs(plain - own).max() > 0.05, name


def test_the_mirror_swaps_sides_and_nothing_else(dancer):
    moved = retarget(dancer, measure_body([dancer]))
    mirrored = moved.mirror()
    flipped = moved.positions[:, AT["l_wrist"]] * (-1, 1, 1)
    assert np.abs(mirrored.positions[:, AT["r_wrist"]] - flipped).max() < 1e-6
    assert np.abs(mirrored.mirror().rotations - moved.rotations).max() < 1e-6
    assert (mirrored.contacts == moved.contacts[:, [2, 3, 0, 1]]).all()


def test_a_turned_and_moved_dance_is_the_same_dance(dancer):
    moved = retarget(dancer, measure_body([dancer]))
    placed = moved.placed(np.pi / 2, (1.0, 2.0))
    assert np.abs(placed.positions[:, :, 0] - (moved.positions[:, :, 2] + 1)).max() < 1e-5
    assert np.abs(placed.placed(0, (-1, -2)).placed(-np.pi / 2, (0, 0)).positions - moved.positions).max() < 1e-5


def test_resampling_passes_through_the_frames_it_shares(dancer):
    moved = retarget(dancer, measure_body([dancer]))
    doubled = moved.resample(60.0)
    assert len(doubled) == 2 * len(moved)
    assert np.abs(doubled.positions[:-2:2] - moved.positions[:-1]).max() < 1e-4


def test_six_numbers_hold_a_rotation_and_a_swing_is_the_shortest_way():
    rng = np.random.default_rng(1)
    directions = unit(rng.standard_normal((50, 3)))
    turned = swing(directions[0], directions)
    assert np.abs(turned @ directions[0] - directions).max() < 1e-9
    assert np.abs(from_6d(to_6d(turned)) - turned).max() < 1e-9
    assert np.abs(np.arccos((np.trace(turned, axis1=1, axis2=2) - 1) / 2)[1:]
                  - np.arccos(directions[1:] @ directions[0])).max() < 1e-6  # fmt: skip
    opposite = swing(directions[0], -directions[:1])
    assert np.abs(opposite @ directions[0] + directions[0]).max() < 1e-9 and np.linalg.det(opposite) == pytest.approx(1)


def test_a_body_in_motion_comes_back_from_its_file(dancer, tmp_path):
    moved = retarget(dancer, measure_body([dancer]))
    moved.save(tmp_path / "motion.npz")
    back = BodyMotion.load(tmp_path / "motion.npz")
    assert (back.rotations == moved.rotations).all() and (back.root == moved.root).all() and back.fps == moved.fps
    assert (back.body.offsets == moved.body.offsets).all() and back.rotations.shape[1] == len(TURNING)
    (tmp_path / "motion.npz").write_bytes(b"no")
    with pytest.raises(MocapError, match="damaged"):
        BodyMotion.load(tmp_path / "motion.npz")


def test_real_takes_of_two_skeletons_dance_alike_in_one_body(shared_data):
    motions = [
        load_motion(shared_data / name).resample(30) for name in ("cmu-salsa/61_05_scaled.bvh", "cmu-modern/05_02.amc")
    ]
    body = measure_body(motions)
    for motion in motions:
        moved = retarget(motion, body)
        wanted, found = _bones(motion.joints3d), _bones(moved.motion().joints3d)
        assert max(np.abs(wanted[bone] - found[bone]).max() for bone in wanted) < 1e-3
        own = retarget(motion, measure_body([motion])).motion()
        assert np.linalg.norm(own.joints3d - motion.joints3d, axis=-1).mean() < 0.02  # spines bend, ours does not
        assert moved.contacts.any(1).mean() > 0.5
        assert np.percentile(moved.positions[:, (AT["l_toe"], AT["r_toe"]), 1], 5) > -0.05
