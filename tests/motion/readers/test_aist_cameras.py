"""AIST++'s cameras: read strictly, and in place."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.readers.aist import read_keypoints3d
from dancegen.motion.readers.aist_cameras import cameras_of, read_cameras
from helpers.aistpp import cameras, described, write_cameras

SEQUENCE = "gBR_sBM_cAll_d04_mBR0_ch03"


def test_cameras_are_read_as_they_were_described(tmp_path):
    write_cameras(tmp_path, [SEQUENCE])
    found = read_cameras(tmp_path / "cameras" / "setting1.json")
    assert [camera.name for camera in found] == [f"c{number:02d}" for number in range(1, 10)]
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    for camera, truth in zip(found, cameras(), strict=True):
        assert camera.size == truth.size
        np.testing.assert_allclose(camera.pixels(points), truth.pixels(points), atol=1e-6)


def test_the_mapping_says_whose_they_are(tmp_path):
    write_cameras(tmp_path, [SEQUENCE])
    setting = tmp_path / "cameras" / "setting1.json"
    assert cameras_of(tmp_path / "keypoints2d" / f"{SEQUENCE}.pkl", SEQUENCE) == setting
    assert cameras_of(tmp_path / "keypoints2d" / "other.pkl", "other") is None
    assert cameras_of(tmp_path.parent / "elsewhere" / "a.pkl", SEQUENCE) is None
    (tmp_path / "cameras" / "mapping.txt").write_text(f"{SEQUENCE} ../../secret\nodd line here\n")
    assert cameras_of(tmp_path / "keypoints2d" / f"{SEQUENCE}.pkl", SEQUENCE) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, "camera 1 has no name"),
        ({"name": "../up"}, "camera 1 has no name"),
        ({"size": [1920]}, "its size should be 2 numbers"),
        ({"size": [0, 1080]}, "a picture of 0 x 1080"),
        ({"matrix": [[1, 0], [0, 1]]}, "its matrix should be 3 x 3"),
        ({"matrix": [[-1, 0, 9], [0, 1, 9], [0, 0, 1]]}, "its matrix is not a camera's"),
        ({"rotation": "up"}, "its rotation should be numbers"),
        ({"rotation": [1, 2, float("nan")]}, "its rotation should be 3 numbers, none out of all bounds"),
        ({"translation": [1e9, 0, 0]}, "its translation should be 3 numbers"),
        ({"distortions": [0.1]}, "its distortions should be 5 numbers"),
        ({"name": "c02"}, "two cameras have one name"),
    ],
)
def test_what_is_no_camera_is_refused_in_words(change, words, tmp_path):
    found = [described(camera) for camera in cameras()]
    found[0] |= change
    path = tmp_path / "setting1.json"
    path.write_text(json.dumps(found))
    with pytest.raises(MocapError, match=rf"setting1\.json.*{words}"):
        read_cameras(path)


@pytest.mark.parametrize("text", ["{}", "[]", "[3]", "no json", "[" * 100_000])
def test_what_is_no_list_of_cameras_is_refused(text, tmp_path):
    (tmp_path / "setting1.json").write_text(text)
    with pytest.raises(MocapError, match=r"setting1\.json"):
        read_cameras(tmp_path / "setting1.json")


def test_the_published_dance_is_inside_the_pictures_of_all_nine(shared_data):
    place = shared_data / "aistpp"
    joints = read_keypoints3d(place / "keypoints3d" / f"{SEQUENCE}.pkl")
    setting = cameras_of(place / "keypoints2d" / f"{SEQUENCE}.pkl", SEQUENCE)
    found = read_cameras(setting)
    assert len(found) == 9
    for camera in found:
        pixels = camera.pixels(joints)
        assert (pixels > 0).all() and (pixels < camera.size).all()
        head, ankles = pixels[:, 0, 1], pixels[:, 15:, 1].max(axis=1)
        assert 200 < np.median(ankles - head) < 900  # upright, and of a dancer's size
