"""The figures of a dance, against dances whose speed is known."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.metrics.dance import Dance, measure
from dancegen.metrics.motion import freeze_ratio, motion_figures
from dancegen.pose.sequence import PoseSequence

HEIGHT = 200.0  # pixels


def standing(seconds: float = 6.0, fps: float = 30.0) -> np.ndarray:
    """(T, 18, 3): everything on a line, neck to ankles 0.82 of the height."""
    y = np.zeros(18)
    y[[10, 13]] = 0.82 * HEIGHT
    keypoints = np.ones((round(seconds * fps), 18, 3), np.float32)
    keypoints[..., 0] = 256
    keypoints[..., 1] = 100 + y
    return keypoints


def swinging(amplitude: float, hertz: float, seconds: float = 6.0, fps: float = 30.0) -> PoseSequence:
    """The whole body moved sideways as a pendulum, `amplitude` body heights to each side."""
    keypoints = standing(seconds, fps)
    times = np.arange(len(keypoints)) / fps
    keypoints[..., 0] += (amplitude * HEIGHT * np.sin(2 * np.pi * hertz * times))[:, None]
    return PoseSequence(keypoints, fps)


@pytest.mark.parametrize("fps", [30.0, 60.0, 25.0])
@pytest.mark.parametrize("amplitude, hertz", [(0.1, 0.5), (0.3, 0.5), (0.1, 1.5)])
def test_a_pendulum_has_its_speed_and_acceleration_at_any_rate(amplitude, hertz, fps):
    found = motion_figures(swinging(amplitude, hertz, fps=fps))
    swing = 2 * np.pi * hertz
    # Of A sin(wt): the median of |speed| is A w cos(45 degrees), the mean of |acceleration| 2 / pi A w^2.
    assert found.speed_median == pytest.approx(amplitude * swing / np.sqrt(2), rel=0.04)
    assert found.accel_mean == pytest.approx(2 / np.pi * amplitude * swing**2, rel=0.05)
    assert found.freeze_ratio == 0 and found.missing == 0


def test_the_figures_are_in_body_heights_not_pixels():
    near = swinging(0.2, 1.0)
    far = PoseSequence(np.concatenate([near.keypoints[..., :2] / 4, near.keypoints[..., 2:]], -1), 30.0)
    assert motion_figures(far).speed_median == pytest.approx(motion_figures(near).speed_median, rel=1e-3)


def test_who_stands_still_is_frozen_all_the_time_and_has_no_speed():
    found = motion_figures(PoseSequence(standing(), 30.0))
    assert vars(found) == {"speed_median": 0, "freeze_ratio": 1, "accel_mean": 0, "jerk_mean": 0, "missing": 0}


def test_half_a_dance_and_half_a_rest_is_frozen_half_the_time():
    dance = swinging(0.3, 1.0, seconds=10.0)
    keypoints = dance.keypoints.copy()
    keypoints[150:] = keypoints[150]
    assert motion_figures(PoseSequence(keypoints, 30.0)).freeze_ratio == pytest.approx(0.5, abs=0.08)


def test_a_slow_drift_counts_as_frozen_under_a_tenth_of_a_body_height_a_second():
    for speed, frozen in ((0.09, 1.0), (0.11, 0.0)):
        assert freeze_ratio(np.full((90, 13), speed)) == frozen


def test_the_missing_share_counts_the_body_and_not_the_face():
    keypoints = swinging(0.2, 1.0).keypoints.copy()
    keypoints[:, [0, 14, 15, 16, 17]] = 0
    assert motion_figures(PoseSequence(keypoints, 30.0)).missing == 0
    keypoints[::2, 4] = 0
    found = motion_figures(PoseSequence(keypoints, 30.0))
    assert found.missing == pytest.approx(0.5 / 13)
    assert found.speed_median == pytest.approx(motion_figures(swinging(0.2, 1.0)).speed_median, rel=0.05)


def test_a_joint_that_was_filled_in_was_not_shown():
    keypoints = swinging(0.2, 1.0).keypoints.copy()
    keypoints[::2, 4, 2] = 0.3  # held, or filled in
    keypoints[::2, 7] = 0
    assert motion_figures(PoseSequence(keypoints, 30.0)).missing == pytest.approx(1 / 13)


def test_a_second_in_which_nobody_is_seen_is_neither_frozen_nor_danced():
    keypoints = swinging(0.3, 1.0, seconds=10.0).keypoints.copy()
    keypoints[100:200] = 0
    found = motion_figures(PoseSequence(keypoints, 30.0))
    assert found.freeze_ratio == 0 and found.missing == pytest.approx(1 / 3)
    assert np.isnan(freeze_ratio(np.full((90, 13), np.nan)))


def test_a_dance_has_one_set_of_figures_whoever_asks():
    dance = swinging(0.2, 1.0)
    keypoints = dance.keypoints.copy()
    keypoints[::3, 5, 2] = 0.2
    sequence = PoseSequence(keypoints, 30.0)
    assert vars(motion_figures(sequence)).items() <= measure(Dance.of(sequence)).items()


def test_one_frame_does_not_move_and_nobody_has_no_height():
    one = motion_figures(PoseSequence(standing(1 / 30), 30.0))
    assert np.isnan(one.speed_median) and np.isnan(one.accel_mean) and one.missing == 0
    with pytest.raises(PoseError, match="height"):
        motion_figures(PoseSequence(np.zeros((30, 18, 3)), 30.0))
