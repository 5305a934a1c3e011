"""Triangles to pixels, compiled by Numba: which one is in front of each sample of a picture, and how it is turned."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def fill(
    x: np.ndarray, y: np.ndarray, near: np.ndarray, normals: np.ndarray, faces: np.ndarray, nearest: np.ndarray,
    turned: np.ndarray,
) -> None:  # fmt: skip
    """Draw a mesh into `nearest` (H, W) float32 and `turned` (H, W, 3) float32; whatever is nearer stays.

    x, y: (V,) samples, whole numbers at the middle of one. near: (V,) of what grows towards the viewer and is linear in
    the picture, such as one over the distance; `nearest` is 0 where nothing is. normals: (V, 3), interpolated; with no
    rows, and no `turned`, only `nearest` is drawn. faces: (F, 3), of which those are seen whose corners go round
    counterclockwise in the picture. A face with a corner that is not in front of the camera (near of 0 or less) is left
    out.
    """
    height, width = nearest.shape
    with_normals = len(normals) > 0
    for face in range(len(faces)):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        if near[a] <= 0 or near[b] <= 0 or near[c] <= 0:
            continue
        area = (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])
        if area >= 0:  # its back: y points down
            continue
        left = max(int(np.ceil(min(x[a], x[b], x[c]))), 0)
        right = min(int(np.floor(max(x[a], x[b], x[c]))), width - 1)
        top = max(int(np.ceil(min(y[a], y[b], y[c]))), 0)
        bottom = min(int(np.floor(max(y[a], y[b], y[c]))), height - 1)
        if right < left or bottom < top:
            continue
        # The shares of the corners a and b at a sample are linear in its place.
        a_x, a_y = (y[b] - y[c]) / area, (x[c] - x[b]) / area
        b_x, b_y = (y[c] - y[a]) / area, (x[a] - x[c]) / area
        near_c, near_a, near_b = near[c], near[a] - near[c], near[b] - near[c]
        for row in range(top, bottom + 1):
            of_a = a_x * (left - x[c]) + a_y * (row - y[c]) - a_x
            of_b = b_x * (left - x[c]) + b_y * (row - y[c]) - b_x
            inside = False
            for column in range(left, right + 1):
                of_a += a_x
                of_b += b_x
                if of_a < 0 or of_b < 0 or of_a + of_b > 1:
                    if inside:  # a triangle has no holes
                        break
                    continue
                inside = True
                here = near_c + of_a * near_a + of_b * near_b
                if here > nearest[row, column]:
                    nearest[row, column] = here
                    if with_normals:
                        of_c = 1 - of_a - of_b
                        for axis in range(3):
                            turned[row, column, axis] = (
                                of_a * normals[a, axis] + of_b * normals[b, axis] + of_c * normals[c, axis]
                            )
