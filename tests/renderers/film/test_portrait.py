"""What of a portrait is looked at."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.renderers.film.portrait import SIDE, head_box, person_box, square, squares

STANDING = np.zeros((18, 3), np.float32)
STANDING[[0, 14, 15, 16, 17, 1, 2, 5, 8, 11, 10, 13]] = [
    (100, 60, 1), (95, 55, 1), (105, 55, 1), (88, 58, 1), (112, 58, 1), (100, 90, 1), (80, 92, 1), (120, 92, 1),
    (88, 170, 1), (112, 170, 1), (86, 290, 1), (114, 290, 1),
]  # fmt: skip


def picture(height: int, width: int) -> np.ndarray:
    """Red rises to the right, green downwards."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns * 255 / width, rows * 255 / height, rows * 0 + 128], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("shape", [(96, 64), (64, 96), (700, 1200), (50, 50)])
def test_without_anybody_who_looks_every_corner_of_the_picture_is_there(shape):
    (whole,) = squares(picture(*shape), None, head=True)
    assert whole.shape == (SIDE, SIDE, 3)
    height, width = (round(SIDE * side / max(shape)) for side in shape)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    inside = whole[top : top + height, left : left + width].astype(int)
    edge = max(2, SIDE // max(shape))  # a pixel of the picture
    assert inside[edge, edge, :2].max() < 15 and inside[-edge, -edge, :2].min() > 235
    assert (whole[..., 2] > 120).all()  # beyond the edges is no black


def test_a_person_is_in_the_middle_of_the_square_from_hair_to_feet():
    x, y, side = person_box(STANDING, (400, 600))
    assert y < 40 and y + side > 310 and x + side / 2 == pytest.approx(100, abs=60) and x >= 0
    assert side < 400
    # Where the picture is too narrow for the square it is padded on both sides, and never further down than it goes.
    assert person_box(STANDING, (320, 200)) == pytest.approx((-52.75, 14.5, 305.5))


def test_of_a_bust_what_is_below_the_shoulders_is_there_too():
    bust = STANDING.copy()
    bust[8:14] = 0
    _, y, side = person_box(bust, (200, 200))
    assert y <= 40 and y + side == pytest.approx(200)


def test_the_head_is_where_the_face_is_also_of_somebody_who_lies():
    x, y, side = head_box(STANDING)
    assert x < 85 and x + side > 115 and y < 40 and 70 < y + side < 100
    lying = STANDING.copy()
    lying[:, :2] = STANDING[:, 1::-1]
    assert np.allclose(head_box(lying), (y, x, side))
    assert head_box(np.where(np.isin(np.arange(18), (0, 14, 15, 16, 17))[:, None], 0, STANDING)) is None
    assert len(squares(picture(320, 200), STANDING, head=True)) == 2
    assert len(squares(picture(320, 200), STANDING, head=False)) == 1


def test_a_square_of_a_part_shows_that_part():
    shown = square(picture(400, 400), (100, 200, 100)).astype(int)
    assert abs(shown[SIDE // 2, SIDE // 2, :2] - np.array([150, 250]) * 255 / 400).max() < 3
    assert abs(shown[2, 2, :2] - np.array([100, 200]) * 255 / 400).max() < 3
