"""The people are those that controlnet-aux finds in the same maps, to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from dancegen.detectors.openpose.parser import find_people
from dancegen.detectors.openpose.upsampling import upsampling
from helpers.controlnet_aux_openpose import body_of, people_of


def random_maps(seed: int, height: int, width: int, people: int) -> np.ndarray:
    """(57, h, w) float32: spots for the joints of some people, affinities at random, and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    maps = rng.normal(0, 0.02, (57, height, width))
    for _ in range(people):
        joints = rng.uniform([0, 0], [width, height], (18, 2))
        for number, (across, down) in enumerate(joints):
            maps[number] += rng.uniform(0.3, 1) * np.exp(-((x - across) ** 2 + (y - down) ** 2) / 3)
    maps[19:] += cv2.GaussianBlur(rng.normal(0, 1, (height, width, 38)), (0, 0), 3).transpose(2, 0, 1) * 4
    return maps.astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(288, 512), (512, 288), (120, 90), (184, 184), (333, 257)])
def test_random_maps_hold_the_same_people(seed, size):
    body = body_of(
        lambda pictures: torch.from_numpy(random_maps(seed, *(n // 8 for n in pictures.shape[2:]), seed))[None]
    )
    picture = np.zeros((*size, 3), np.uint8)
    theirs = people_of(body, picture)
    used = (184, int(184 / size[0] * size[1]))
    used = (int(size[0] * (184 / size[0])), used[1])
    small = tuple(-(-side // 8) for side in used)
    maps = random_maps(seed, *small, seed)
    ours = find_people(maps[:19], maps[19:], upsampling(small, used, size))
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(ours[..., :2], theirs[..., :2])
    np.testing.assert_allclose(ours[..., 2], theirs[..., 2].clip(0, 1), atol=2e-6)


def test_the_random_maps_have_people_to_find():
    counts = []
    for seed in range(8):
        maps = random_maps(seed, 23, 41, seed)
        counts.append(len(find_people(maps[:19], maps[19:], upsampling((23, 41), (184, 327), (288, 512)))))
    assert max(counts) >= 3 and 0 in counts


def test_the_part_over_a_threshold_is_all_of_it():
    for seed in range(5):
        maps = random_maps(seed, 23, 41, 3)[:18].astype(float)
        enlarging = upsampling((23, 41), (184, 327), (288, 512))
        for small in maps:
            whole = enlarging.blurred_rows @ small @ enlarging.blurred_columns.T
            part, top, left = enlarging.blurred_above(small, 0.1)
            assert (whole > 0.1).sum() == (part > 0.1).sum() > 0
            bottom, right = top + part.shape[0], left + part.shape[1]
            np.testing.assert_allclose(whole[top:bottom, left:right], part, atol=1e-12)
