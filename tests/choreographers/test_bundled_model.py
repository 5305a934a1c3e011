"""The models that come along dance: all the way through a song, in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.assets import asset
from dancegen.audio.song import analyse
from dancegen.choreographers import BUNDLED, load_choreographer
from dancegen.metrics.motion import body_positions, freeze_ratio, joint_speed, motion_figures
from dancegen.pose.cleaning import body_height
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY

REACH = {"gan": 0.25, "diffusion": 0.9}
"""Body heights that a dancer's place may wander: the GAN's stands in the picture, the other has a stage of 3 m."""


@pytest.fixture(scope="module", params=BUNDLED)
def family(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def dance(family) -> PoseSequence:
    """Half a minute to the demo song."""
    dancer = load_choreographer(asset(f"models/{family}"), "cpu")
    return PoseSequence.concatenate(dancer.generate(analyse(asset("demo.ogg"))))


def test_it_moves_as_much_as_dancers_do_and_does_not_tremble(dance):
    figures = motion_figures(dance)
    assert 0.12 < figures.speed_median < 0.6 and figures.accel_mean < 6


def test_it_never_stands_still(dance):
    speed = joint_speed(body_positions(dance))
    assert freeze_ratio(speed) < 0.12
    assert freeze_ratio(speed[-300:]) < 0.12  # nor at the end


def test_nearly_every_joint_can_be_read_from_its_images(dance):
    assert motion_figures(dance).missing < 0.05


def test_it_keeps_its_height_and_its_place(dance, family):
    halves = np.array_split(dance.keypoints[:, BODY], 2)
    tall = [np.percentile(np.ptp(half[..., 1], 1), 75) for half in halves]
    assert tall[1] == pytest.approx(tall[0], rel=0.15)
    middle = [np.median(half[..., 0]) for half in halves]
    assert abs(middle[1] - middle[0]) < REACH[family] * body_height(dance)
    floor = [np.median(half[..., 1].max(1)) for half in halves]
    assert abs(floor[1] - floor[0]) < 0.1 * body_height(dance)


def test_a_dance_in_joint_space_is_as_lively_as_it_is_told_frame_by_frame():
    from dancegen.choreographers.diffusion import features as f
    from dancegen.choreographers.diffusion.model import load_model
    from dancegen.choreographers.diffusion.music import hear
    from dancegen.choreographers.diffusion.sampling import Order, perform

    model, song = load_model(asset("models/diffusion")), analyse(asset("demo.ogg"), seconds=16)
    fps, half = model.config.window.fps, 240
    heard = hear(song.mel, song.beats, 2 * half, fps)

    def speed(energy) -> np.ndarray:
        (made,) = perform(model, [Order(heard, energy=energy)])
        joints = f.decode(made, model.body, fps).positions
        halves = np.split(np.linalg.norm(np.gradient(joints, axis=0), axis=-1).mean(1), 2)
        return np.array([half.mean() for half in halves])

    calm, wild, rising = speed(-1.5), speed(1.5), speed(np.repeat([-1.5, 1.5], half))
    assert (wild > 1.5 * calm).all()
    assert rising[0] < 1.2 * calm[0] and rising[1] > 1.3 * calm[1]
