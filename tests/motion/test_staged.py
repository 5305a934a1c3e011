"""A body before a camera: all of it in the picture, seen as keypoints are, from every place a camera stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.motion.cameras import CAMERAS, film, lens_of
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.staged import Staged
from dancegen.pose.skeleton import BODY
from helpers.tiny_diffusion import stepping

SIZES = [(320, 180), (180, 320), (97, 97)]


@pytest.fixture(scope="module")
def motion():
    return stepping(6.0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("camera", CAMERAS)
def test_the_whole_body_is_in_the_picture_with_hands_and_feet(camera, size, motion):
    staged = Staged.filmed(motion, camera, size)
    mesh = Mannequin.of(motion.body)
    skin = np.stack([mesh.posed(motion.positions[t], motion.orientations[t])[0] for t in range(0, len(motion), 10)])
    seen = staged.lens[np.arange(0, len(motion), 10)].pixels(skin)
    assert seen.min() > 0 and (seen < size).all()
    tall = np.ptp(seen[..., 1], axis=1)
    assert tall.max() > 0.5 * min(size)  # and no smaller than need be


@pytest.mark.parametrize("camera", CAMERAS)
def test_it_is_seen_as_the_keypoints_are(camera, motion):
    """From the same place, so that within a shot one scale and one shift lead from the joints to the keypoints."""
    seen = film(motion.motion(), camera, size=(512, 512))
    staged = Staged.filmed(motion, camera, (320, 180))
    cuts = [] if seen.cuts is None else seen.cuts.tolist()
    assert staged.cuts.tolist() == cuts and bool(cuts) == (camera == "cuts")
    joints = staged.lens.pixels(motion.motion().joints3d)
    for first, last in zip([0, *cuts], [*cuts, len(motion)], strict=True):
        ours, theirs = joints[first:last, BODY].reshape(-1, 2), seen.keypoints[first:last, BODY, :2].reshape(-1, 2)
        one, other = ours - ours.mean(0), theirs - theirs.mean(0)
        scale = (one * other).sum() / (other**2).sum()
        assert np.abs(one - scale * other).max() < 0.05


@pytest.mark.parametrize("camera", ["side", "orbit", "follow"])
def test_joints_alone_are_danced_by_a_body_with_the_same_bones_before_their_own_camera(camera, motion):
    dance = film(motion.motion(), camera, size=(256, 256))
    staged = Staged.of(dance, (320, 180))
    assert np.abs(staged.motion.motion().joints3d - dance.joints3d)[:, BODY].max() < 0.03
    wanted = lens_of(motion.motion(), camera, size=(320, 180))
    assert np.allclose(staged.lens.eye, wanted.eye, atol=0.02)


def test_a_flat_dance_has_no_body(motion):
    flat = replace(film(motion.motion(), "front"), joints3d=None)
    with pytest.raises(InputError, match=r"body in space.*generate-poses --model diffusion"):
        Staged.of(flat, (320, 180))


def test_a_camera_that_nobody_has(motion):
    with pytest.raises(InputError, match="choose one of front"):
        Staged.filmed(motion, "drone", (320, 180))
