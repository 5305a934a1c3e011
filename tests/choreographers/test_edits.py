"""A part of a dance at another speed, and what stays of the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.assets import asset
from dancegen.choreographers import DanceControls
from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
from dancegen.choreographers.edits import EASE_S, LEAD_S, PASS_S, kept_spans, led_out, retimed
from dancegen.errors import InputError
from dancegen.motion.body import AT
from dancegen.motion.inverse_kinematics import moved_joints
from helpers.tiny_diffusion import FPS, saved_model, song, stepping

DANCE = replace(stepping(8.0), start_s=10.0)


@pytest.fixture(scope="module")
def dancer(tmp_path_factory):
    return DiffusionChoreographer(saved_model(tmp_path_factory.mktemp("model")))


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.5])
def test_a_span_is_danced_at_its_own_speed_and_the_rest_stays_to_the_bit(rate):
    made = retimed(DANCE, ((12.0, 16.0, rate),))
    outside = np.r_[0:60, 180:240]
    assert (made.root[outside] == DANCE.root[outside]).all() and (
        made.rotations[outside] == DANCE.rotations[outside]
    ).all()
    late = np.arange(75, 150)  # after the speed has eased in
    source = 2.0 + (late / FPS - 2.0) * rate + (1 - rate) * EASE_S / 2
    assert np.abs(made.positions[late] - DANCE.at(source).positions).max() < 1e-3
    speeds = np.linalg.norm(np.diff(made.positions[58:90], axis=0), axis=-1).max(1)
    assert speeds.max() < 1.1 * max(1, rate) * np.linalg.norm(np.diff(DANCE.positions, axis=0), axis=-1).max()


def test_what_is_kept_is_all_but_what_is_changed_unless_one_says_otherwise():
    pose = DANCE.slice(0, 1)
    through = DanceControls(edit=DANCE, pass_pose=((14.0, pose),))
    assert kept_spans(through) == ((10.0, 14.0 - PASS_S), (14.0 + PASS_S, 18.0))
    slower = DanceControls(edit=DANCE, retime_span=((12.0, 16.0, 0.5), (17.0, 17.9, 2.0)))
    assert led_out(slower) == ((16.0 - LEAD_S, 16.0), (pytest.approx(17.6), 17.9))
    assert kept_spans(slower) == ((10.0, 16.0 - LEAD_S), (16.0, pytest.approx(17.6)), (17.9, 18.0))
    assert kept_spans(replace(slower, keep=((10.0, 15.5),))) == ((10.0, 16.0 - LEAD_S),)
    assert kept_spans(replace(through, keep_joints=("legs",))) == ()


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        (((9.0, 12.0, 0.5),), "from 10 to 18 s"),
        (((12.0, 19.0, 0.5),), "from 10 to 18 s"),
        (((12.0, 14.0, 0.5), (13.0, 15.0, 2.0)), "two of them at 13 s"),
        (((12.0, 18.0, 2.0),), "too early"),
    ],
)
def test_a_span_that_the_dance_does_not_have_is_refused(spans, said):
    with pytest.raises(InputError, match=said):
        retimed(DANCE, spans)


def test_a_dance_is_retimed_and_led_back_into_what_follows(dancer):
    old = replace(dancer.dance(song(8.0), seed=1), start_s=10.0)
    tune = replace(song(8.0), start_s=10.0)
    controls = DanceControls(edit=old, retime_span=((12.0, 16.0, 0.5),), retime=False)
    made = dancer.dance(tune, controls, seed=2)
    outside = np.r_[0:60, 180:240]
    assert np.abs(made.positions[outside] - old.positions[outside]).max() < 1e-3
    inside = slice(60, 180 - round(LEAD_S * FPS))
    assert np.abs(made.positions[inside] - retimed(old, controls.retime_span).positions[inside]).max() < 1e-3
    steps = np.linalg.norm(np.diff(made.positions, axis=0), axis=-1).max(1)
    assert steps[150:].max() < 2 * steps[:60].max()
    on_beat = dancer.dance(tune, replace(controls, retime=True), seed=2)
    assert np.abs(on_beat.positions[outside] - old.positions[outside]).max() < 1e-3
    with pytest.raises(InputError, match="--retime-span needs the dance"):
        DanceControls(retime_span=controls.retime_span)


def test_steps_of_a_retimed_span_stay_on_the_beat(dancer):
    from dancegen.choreographers.diffusion.choreographer import _retimed
    from dancegen.choreographers.diffusion.features import decode
    from dancegen.choreographers.diffusion.timing import footfalls
    from dancegen.metrics.beats import with_half_beats

    dance = stepping(12.0)
    controls = DanceControls(edit=dance, retime_span=((2.0, 10.0, 0.9),))
    heard = song(12.0)

    def off(motion):
        inside = [t for t in footfalls(motion) if 3.0 < t < 9.0]
        return np.mean([np.abs(with_half_beats(heard.beats.times_s) - t).min() for t in inside])

    on_beat = decode(_retimed(dance, controls, heard, 0), dance.body, FPS)
    left = decode(_retimed(dance, replace(controls, retime=False), heard, 0), dance.body, FPS)
    assert off(on_beat) < 0.7 * off(left)
    outside = np.r_[0:60, 300:360]
    assert np.abs(on_beat.positions[outside] - dance.positions[outside]).max() < 1e-5


def test_a_dance_passes_through_poses_on_the_way_and_the_rest_stays(dancer):
    old = dancer.dance(song(8.0), seed=1)
    before = old.slice(120, 121)
    pose = moved_joints(before, {"l_wrist": before.positions[0, AT["l_wrist"]] + (0.0, 0.25, 0.1)})
    made = dancer.dance(song(8.0), DanceControls(edit=old, pass_pose=((4.0, pose),)), seed=3)
    assert np.abs(made.positions[120] - pose.positions[0]).max() < 1e-3
    outside = np.r_[0 : 120 - round(PASS_S * FPS), 121 + round(PASS_S * FPS) : 240]
    assert np.abs(made.positions[outside] - old.positions[outside]).max() < 1e-3
    free = dancer.dance(song(8.0), DanceControls(pass_pose=((4.0, pose), (6.0, before))), seed=3)
    assert np.abs(free.positions[120] - pose.positions[0]).max() < 1e-3
    assert np.abs(free.positions[180] - before.positions[0]).max() < 1e-3
    for controls, said in (
        (DanceControls(edit=old, keep=((3.0, 5.0),), pass_pose=((4.0, pose),)), "--pass-pose 4: what is given"),
        (DanceControls(pass_pose=((9.0, pose),)), "--pass-pose 9: this dance lasts from 0 to 8 s"),
    ):
        with pytest.raises(InputError, match=said):
            dancer.dance(song(8.0), controls)


def test_the_bundled_dancer_comes_to_a_pose_and_goes_on_without_a_jump():
    bundled = DiffusionChoreographer(asset("models/diffusion"))
    old = bundled.dance(song(4.0), seed=1)
    before = old.slice(60, 61)
    pose = moved_joints(before, {"l_wrist": before.positions[0, AT["l_wrist"]] + (0.0, 0.25, 0.1)})
    made = bundled.dance(song(4.0), DanceControls(edit=old, pass_pose=((2.0, pose),)), seed=3)
    assert np.abs(made.positions[60] - pose.positions[0]).max() < 1e-3
    sharp, usual = (np.linalg.norm(np.diff(each.positions, 2, axis=0), axis=-1).max(1) for each in (made, old))
    assert sharp[54:66].max() < 1.2 * usual.max()
