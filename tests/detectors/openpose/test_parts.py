"""Hands and faces are where controlnet-aux finds them with the same networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dancegen.detectors.openpose.networks import load_face, load_hands
from dancegen.detectors.openpose.parts import find_faces, find_hands
from dancegen.pose.skeleton import INDEX
from helpers.controlnet_aux_openpose import (
    BodyResult,
    Keypoint,
    OpenposeDetector,
    part_of,
    random_network,
    write_random,
)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (3, 25, 16, 3), np.uint8)
    return [np.kron(picture, np.ones((16, 16, 1), np.uint8)) for picture in coarse]  # 400 x 256


@pytest.fixture(scope="module")
def bodies():
    """Two people, one, nobody: a hand at the edge, an arm that is hidden, a face from the side."""
    people = np.zeros((3, 18, 3), np.float32)
    for body, (x, y) in zip(people, ((60, 120), (190, 160), (140, 90)), strict=True):
        places = {
            "nose": (0, -60), "r_eye": (-9, -70), "l_eye": (9, -70), "r_ear": (-20, -62), "r_shoulder": (-25, -20),
            "r_elbow": (-40, 20), "r_wrist": (-45, 55), "l_shoulder": (25, -20), "l_elbow": (45, 10),
            "l_wrist": (30, -30),
        }  # fmt: skip
        for name, (right, down) in places.items():
            body[INDEX[name]] = x + right, y + down, 0.8
    people[1, INDEX["l_elbow"]] = 0
    return [people[:2], people[2:], people[:0]]


def results_of(body):
    return BodyResult([Keypoint(*map(float, joint)) if joint[2] > 0 else None for joint in body], 0.0, 0)


def numpy_network(network, last: bool = False):
    def run(given):
        with torch.no_grad():
            found = network(torch.from_numpy(given))
        return (found[-1] if last else found).numpy()

    return run


def test_hands_are_those_of_controlnet_aux(pictures, bodies):
    network = random_network("hand_pose_model.pth", thin=16)
    theirs = OpenposeDetector(None, part_of("hand_pose_model.pth", network), None)
    ours = find_hands(numpy_network(network), pictures, bodies)
    seen = 0
    for picture, people, found in zip(pictures, bodies, ours, strict=True):
        assert found.shape == (len(people), 2, 21, 3)
        for body, hands in zip(people, found, strict=True):
            for hand, expected in zip(hands, theirs.detect_hands(results_of(body), picture), strict=True):
                seen += same_points(hand, expected, picture)
    assert seen > 40


def test_faces_are_those_of_controlnet_aux(pictures, bodies):
    network = random_network("facenet.pth", thin=16)
    theirs = OpenposeDetector(None, None, part_of("facenet.pth", network))
    ours = find_faces(numpy_network(network, last=True), pictures, bodies)
    seen = 0
    for picture, people, found in zip(pictures, bodies, ours, strict=True):
        assert found.shape == (len(people), 70, 3)
        for body, face in zip(people, found, strict=True):
            # Theirs leaves out points that it does not see, and has one more, of the background, at the end.
            expected = theirs.detect_face(results_of(body), picture)
            kept = face[face[:, 2] > 0]
            expected = [point for point in expected or () if point.x > 0 and point.y > 0]
            assert len(expected) - len(kept) in (0, 1)
            seen += same_points(kept, expected[: len(kept)], picture)
    assert seen > 40


def same_points(ours, theirs, picture) -> int:
    """How many points were compared: ours in pixels, theirs in shares of the picture."""
    if theirs is None:
        assert not ours.any()
        return 0
    expected = np.array([(point.x, point.y) for point in theirs]).reshape(-1, 2) * picture.shape[1::-1]
    missing = (expected < 0).any(axis=1)
    np.testing.assert_allclose(ours[:, :2], np.where(missing[:, None], 0, expected), atol=1e-3)
    assert ((ours[:, 2] > 0) == ~missing).all() and (ours[:, 2] <= 1).all()
    return int((~missing).sum())


def test_weights_are_read_into_the_real_networks_and_run_no_code(tmp_path):
    given = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 3, 32, 32)).astype(np.float32)
    for name, load in (("hand_pose_model.pth", load_hands), ("facenet.pth", load_face)):
        theirs = numpy_network(random_network(name).half().float(), last=name == "facenet.pth")
        ours = load(write_random(tmp_path, name), "cpu")
        np.testing.assert_allclose(ours(given), theirs(given), atol=1e-4)
        np.testing.assert_allclose(ours(given[1:]), ours(given)[1:], atol=1e-5)
