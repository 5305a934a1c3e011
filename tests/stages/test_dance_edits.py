"""What the page that edits dances asks of the store: earlier versions, the song, marks as options, moved poses."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen import generate_poses
from dancegen.errors import InputError
from dancegen.motion.body import BodyMotion
from dancegen.motion.inverse_kinematics import read_joints
from dancegen.pose.skeleton import INDEX
from dancegen.stages.dance_edits import asked_by, dances_in, edited_from, moved_pose, settings_of, song_of, write_pose
from helpers.songs import write_song
from helpers.tiny_diffusion import saved_model


@pytest.fixture(scope="module")
def song(place):
    return write_song(place / "song.wav", 4.0)


@pytest.fixture(scope="module")
def made(song, place, store):
    model = saved_model(place / "model")
    first = generate_poses(song, model=model, canvas="64x64", energy=0.7, store=store)
    return first, generate_poses(song, model=model, canvas="64x64", edit=first.digest, keep="1-2", seed=3, store=store)


def test_a_dance_knows_what_it_was_made_from_and_its_song(made, song, place, store):
    first, second = made
    assert edited_from(second, store).digest == first.digest and edited_from(first, store) is None
    other = write_song(place / "other.wav", 3.0)
    assert song_of(first, [other, place / "nothing.wav", song]) == str(song)
    with pytest.raises(InputError, match="the song of"):
        song_of(first, [other])


def test_the_dance_that_was_asked_for_last_is_offered_first_by_its_name_and_song(made, song, place, store):
    first, second = made
    again = generate_poses(song, model=place / "model", canvas="64x64", energy=0.7, name="chorus", store=store)
    assert again.digest == first.digest  # the store had it
    offered = dances_in(store)
    assert [digest for _, digest in offered] == [first.digest, second.digest]
    assert offered[0][0].startswith(f"chorus · song.wav · 4.0 s · {first.digest[:8]} · 20")


def test_it_is_danced_once_more_as_it_was_with_the_next_seed(made):
    asked = settings_of(made[1])
    assert asked["seed"] == 4 and "keep" not in asked and settings_of(made[0])["energy"] == 0.7


def test_marks_are_options_in_their_order():
    marks = [
        {"kind": "redo", "start_s": 10.0, "end_s": 14.5, "label": "0.5"},
        {"kind": "keep", "start_s": 3.25, "end_s": 6.0, "label": ""},
        {"kind": "keep", "start_s": 0.0, "end_s": 1.0, "label": ""},
        {"kind": "prompt", "start_s": 8.0, "end_s": 8.2, "label": "8c1e20aa@3"},
    ]
    asked = {"keep": ["0-1", "3.25-6"], "retime_span": ["10-14.5=0.5"], "pass_pose": ["8=8c1e20aa@3"]}
    assert asked_by(marks) == asked and asked_by([]) == {}


def test_a_pose_is_moved_and_written_as_the_command_reads_it(made, tmp_path):
    old = BodyMotion.load(made[0].file("motion.npz")).motion().joints3d[45]
    wanted = old[INDEX["l_wrist"]] + (0.0, 0.1, 0.1)
    joints = moved_pose(made[0], 1.5, {"l_wrist": wanted})
    assert np.linalg.norm(joints[INDEX["l_wrist"]] - wanted) < 0.01
    assert np.linalg.norm(joints[INDEX["r_ankle"]] - old[INDEX["r_ankle"]]) < 0.02
    path = write_pose({"l_wrist": wanted}, tmp_path / "poses")
    assert np.abs(np.array(read_joints(path)["l_wrist"]) - wanted).max() < 1e-3
