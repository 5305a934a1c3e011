"""One dancer is followed through a shot, whoever else is there."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.pose.cleaning import track_dancer
from dancegen.pose.cleaning.jumps import find_jumps, merged_cuts
from helpers.footage import HEIGHT, couple, detections, filmed, moved, shaken, take
from helpers.pose_examples import dancing, standing


def followed(truth: np.ndarray, others: list[np.ndarray], fps: float = 30.0, seed: int = 0) -> tuple[float, float]:
    """(share of the frames in which somebody else is followed, share in which nobody is), of those that show the
    dancer."""
    found = detections(shaken(truth, seed), *(shaken(other, seed + 1 + k) for k, other in enumerate(others)), seed=seed)
    wrong = lost = shown = 0
    for body, people, who in zip(truth, found.bodies, track_dancer(found.bodies, fps), strict=True):
        if (body[:, 2] > 0).any():
            shown += 1
            lost += who is None
            if who is not None:
                wrong += float(np.median(_away(people[who], body))) > 0.08 * HEIGHT
    return wrong / shown, lost / shown


def _away(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    return np.linalg.norm(one[both, :2] - other[both, :2], axis=1)


def walker(frames: int, start: float, end: float, tall: float, floor: float = 430) -> np.ndarray:
    """(T, 18, 3) of somebody `tall` pixels tall who walks through the picture from x `start` to `end`."""
    pose = standing(512)
    pose[:, :2] = (pose[:, :2] - [256, 425]) * tall / (0.62 * 512)
    walking = np.repeat(pose[None], frames, axis=0)
    stride = np.sin(2 * np.pi * np.arange(frames) / 30)[:, None]
    walking[:, [9, 10], 0] += 0.12 * tall * stride
    walking[:, [12, 13], 0] -= 0.12 * tall * stride
    return moved(walking, np.stack([np.linspace(start, end, frames), np.full(frames, floor)], 1))


@pytest.mark.parametrize("start", [2, 8])
@pytest.mark.parametrize("number", ["01", "04", "06", "11", "14"])
def test_of_a_couple_one_is_followed_though_they_turn_round_each_other(shared_data, number, start):
    """Real salsa: partners who hold each other, cross, and hide behind each other's arms."""
    pair = [take(shared_data / "cmu-salsa" / f"{who}_{number}_scaled.bvh", start, 8) for who in (60, 61)]
    one, other = couple(*pair)
    errors = min(followed(one, [other])[0], followed(other, [one])[0])
    assert errors <= 0.02


@pytest.mark.parametrize("azimuth", ["front", "side"])
def test_somebody_who_walks_through_before_the_dancer_is_not_followed(shared_data, azimuth):
    dancer = filmed(take(shared_data / "cmu-salsa" / "60_03_scaled.bvh", 2, 8), azimuth)
    passing = walker(240, -100, 740, 1.1 * HEIGHT)
    hidden = dancer.copy()
    near = np.abs(passing[:, 1, 0] - dancer[:, 1, 0]) < 0.12 * HEIGHT
    hidden[near] = 0  # behind whoever walks by
    passing[:60] = passing[180:] = 0
    wrong, lost = followed(hidden, [passing])
    assert wrong == 0 and lost < 0.02
    assert 0 < near.sum() < 60


def test_the_dancer_is_who_dances_longest_not_who_is_largest_at_first(shared_data):
    dancer = filmed(take(shared_data / "cmu-salsa" / "60_03_scaled.bvh", 2, 8))
    giant = walker(240, 100, 100, 1.4 * HEIGHT)
    giant[50:] = 0
    spectators = [walker(240, x, x, 0.7 * HEIGHT) for x in (60, 580)]
    assert followed(dancer, [giant, *spectators]) == (0, 0)


def test_where_nobody_is_seen_nobody_is_followed_and_the_dancer_is_found_again():
    dancer, other = dancing(30), moved(dancing(30), (300, 0))
    frames = [[a, b] for a, b in zip(dancer, other, strict=True)]
    frames = [[pair[0]] for pair in frames[:10]] + [[], [np.zeros((18, 3))]] + [pair[::-1] for pair in frames[12:]]
    assert track_dancer(frames) == [0] * 10 + [None, None] + [1] * 18
    assert track_dancer([]) == [] and track_dancer([[], []]) == [None, None]


def test_whoever_is_seen_twice_is_followed_once():
    frames = [[body, moved(body[None], (2, 1))[0] * [1, 1, 0.5]] for body in dancing(20)]
    assert track_dancer(frames) == [0] * 20


def test_a_dancer_who_comes_back_after_long_is_followed_again():
    dancer = dancing(200)
    dancer[60:150] = 0
    chosen = track_dancer([[body] if body.any() else [] for body in dancer])
    assert chosen == [0] * 60 + [None] * 90 + [0] * 50


def test_half_of_the_rate_is_enough(shared_data):
    dancer = filmed(take(shared_data / "g1-moves" / "B_DadDance.bvh", 2, 8, fps=10))
    others = [walker(80, -50, 700, 0.9 * HEIGHT)]
    assert followed(dancer, others, fps=10)[0] < 0.03


# cuts that are seen in the people alone


def test_a_jump_of_everybody_is_a_cut_and_one_of_somebody_is_none(shared_data):
    dancer = filmed(take(shared_data / "cmu-salsa" / "60_03_scaled.bvh", 2, 4))
    far = moved(dancer, (0, 0))
    far[60:] = moved(dancer, (260, 0))[60:]
    still = walker(120, 60, 60, 0.7 * HEIGHT)
    assert find_jumps(detections(shaken(far)).bodies, 30) == [60]
    assert find_jumps(detections(shaken(far), shaken(still, 1)).bodies, 30) == []


def test_a_camera_that_comes_near_at_once_is_a_cut():
    near = dancing(60)
    near[30:, :, :2] = (near[30:, :, :2] - 256) * 1.9 + 256
    assert find_jumps([[body] for body in near], 30) == [30]


@pytest.mark.parametrize("wrong", [1, 4, 10])
def test_somebody_seen_elsewhere_for_a_moment_is_no_cut(wrong):
    seen = dancing(60)
    seen[30 : 30 + wrong] = moved(seen[30 : 30 + wrong], (900, 200))
    assert find_jumps([[body] for body in seen], 30) == []


def test_a_fast_dancer_makes_no_cuts(shared_data):
    for name in ("85_12", "85_04"):
        path = next((shared_data / "cmu-breakdance").glob(f"{name}*.bvh"))
        assert find_jumps(detections(shaken(filmed(take(path, 0, 10)))).bodies, 30) == []


def test_a_jump_beside_a_cut_in_the_pictures_is_that_cut():
    assert merged_cuts(np.array([0, 30, 90, 120]), [32, 60], 120) == [30, 60, 90]
