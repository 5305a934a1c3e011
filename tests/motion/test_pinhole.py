"""Calibrated cameras: where points are seen, as OpenCV has it."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.pinhole import Pinhole
from helpers.aistpp import cameras


@pytest.mark.parametrize("distortion", [(0, 0, 0, 0, 0), (-0.114, 0, 0, 0, 0), (-0.2, 0.05, 0.002, -0.001, 0.01)])
def test_points_are_where_opencv_sees_them(distortion):
    import cv2

    points = np.random.default_rng(0).uniform([-100, 0, -100], [100, 250, 100], (50, 3))
    for camera in cameras():
        bent = Pinhole(camera.name, camera.size, camera.matrix, camera.rotation, camera.translation, distortion)
        turn, _ = cv2.Rodrigues(camera.rotation)
        truth, _ = cv2.projectPoints(points, turn, camera.translation, camera.matrix, np.array(distortion, float))
        np.testing.assert_allclose(bent.pixels(points), truth[:, 0], atol=1e-6)


def test_what_is_behind_or_unknown_is_nowhere():
    camera = cameras()[0]
    eye = -camera.rotation.T @ camera.translation
    seen = camera.pixels(np.array([eye + camera.rotation[2] * 100, eye - camera.rotation[2] * 100, [np.nan] * 3]))
    np.testing.assert_allclose(seen[0], [960, 540], atol=1e-6)
    assert np.isnan(seen[1:]).all()
