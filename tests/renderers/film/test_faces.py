"""Squares round faces: where they are, and that what is cut out and put back is what it was."""

from __future__ import annotations

import numpy as np

from dancegen.pose.skeleton import INDEX
from dancegen.renderers.film.faces import Faces
from helpers.pose_examples import dancing

FACE = [INDEX["nose"], INDEX["r_eye"], INDEX["l_eye"]]


def test_the_square_goes_with_the_head_in_one_size_and_knows_who_looks_away():
    keypoints = dancing(30)
    keypoints[10:15, FACE] = 0  # looks away
    faces = Faces.of(keypoints, 10.0)
    assert faces is not None and faces.seen.tolist() == [not 10 <= frame < 15 for frame in range(30)]
    inside = keypoints[faces.seen][:, FACE, :2] - faces.corners[faces.seen][:, None]
    assert (inside > 0.15 * faces.side).all() and (inside < 0.85 * faces.side).all()
    assert np.abs(np.diff(faces.corners, axis=0)).max() < 0.3 * faces.side
    keypoints[:, FACE] = 0
    assert Faces.of(keypoints, 10.0) is None


def test_what_is_cut_out_and_put_back_is_the_picture_and_another_face_ends_softly():
    import cv2

    rng = np.random.default_rng(0)
    frame = cv2.GaussianBlur(rng.integers(0, 256, (200, 150, 3), dtype=np.uint8), (0, 0), 4)
    faces = Faces(np.array([[40.3, 20.7], [-15.0, -10.0], [120.0, 170.0]]), 60.0, np.ones(3, bool))
    for place in range(3):  # the last two reach out of the picture
        same = faces.put(frame, place, faces.cut(frame, place, 256))
        assert np.abs(same.astype(int) - frame).max() <= 3
    white = faces.put(frame, 0, np.full((256, 256, 3), 255, np.uint8)).astype(int)
    assert (
        (white[50, 70] == 255).all() and (white[:19] == frame[:19]).all() and (white[:, 102:] == frame[:, 102:]).all()
    )
    assert np.abs(np.diff(white[50, 38:70].mean(axis=1))).max() < 60  # no edge


def test_poses_lie_in_the_square_where_the_picture_does():
    keypoints = dancing(4)
    faces = Faces.of(keypoints, 10.0)
    moved = faces.moved(keypoints, 128)
    frame = np.zeros((512, 512, 3), np.uint8)
    x, y = np.rint(keypoints[2, 0, :2]).astype(int)
    frame[y - 1 : y + 2, x - 1 : x + 2] = 255
    row, column = np.unravel_index(faces.cut(frame, 2, 128)[..., 0].argmax(), (128, 128))
    assert np.hypot(*(moved[2, 0, :2] - [column, row])) < 128 / faces.side * 1.5
