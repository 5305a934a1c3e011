"""generate-poses passes through poses of other dances and of a JSON of joints, and retimes spans, as the command."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen import generate_poses
from dancegen.cli import main
from dancegen.errors import DancegenError, InputError
from dancegen.motion.body import AT, BodyMotion
from helpers.songs import write_song
from helpers.tiny_diffusion import saved_model
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def song(place):
    return write_song(place / "song.wav", 6.0)


@pytest.fixture(scope="module")
def model(place):
    return saved_model(place / "model")


@pytest.fixture(scope="module")
def made(song, model, store):
    return generate_poses(song, model=model, start=1.0, seconds=4.0, canvas="64x64", store=store)


def motion_of(dance) -> BodyMotion:
    return BodyMotion.load(dance.file("motion.npz"))


def test_a_joint_that_is_moved_by_hand_is_passed_and_the_rest_stays(song, model, made, store, tmp_path, capsys):
    old = motion_of(made)
    wanted = old.positions[60, AT["r_wrist"]] + (0.05, 0.2, 0.15)
    pose = tmp_path / "pose.json"
    pose.write_text(json.dumps({"joints": {"r_wrist": wanted.tolist()}}))
    words = ["generate-poses", str(song), "--model", str(model), "--start", "1", "--seconds", "4", "--canvas", "64x64"]
    words += ["--edit", made.digest, "--pass-pose", f"3.0={pose}", "--store", str(store.root), "--json"]
    assert main(words) == 0
    digest = json.loads(capsys.readouterr().out)["digest"]
    new = motion_of(store.look_up(digest, "generate-poses"))
    assert np.linalg.norm(new.positions[60, AT["r_wrist"]] - wanted) < 0.01
    apart = np.abs(new.positions - old.positions).max(axis=(1, 2))
    assert apart[:35].max() < 1e-3 and apart[86:].max() < 1e-3 and apart[40:80].max() > 0.05
    pose.write_text(json.dumps({"joints": {"r_wrist": (wanted + 0.05).tolist()}}))
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["digest"] != digest


def test_a_pose_of_another_dance_is_passed_where_it_stood(song, model, made, store):
    new = generate_poses(
        song, model=model, seconds=3.0, canvas="64x64", pass_pose=[f"1.5={made.digest}@2"], seed=3, store=store
    )
    assert np.abs(motion_of(new).positions[45] - motion_of(made).positions[60]).max() < 1e-3
    assert new.params["pass_pose 1.5_s"] == 2.0


def test_a_whole_pose_of_joints_needs_no_dance(song, model, made, store, tmp_path):
    place = motion_of(made).positions[30]
    pose = tmp_path / "pose.json"
    pose.write_text(json.dumps({"joints": {name: place[index].tolist() for name, index in AT.items()}}))
    options = {"model": model, "seconds": 2.0, "canvas": "64x64", "store": store}
    new = generate_poses(song, start_pose=pose, pass_pose=(1.0, pose), **options)
    assert np.linalg.norm(motion_of(new).positions[30] - place, axis=1).max() < 0.01
    away = (place - place[0]) * (1, 1, 1)
    begun = motion_of(new).positions[0]
    assert np.linalg.norm(begun - begun[0] - away, axis=1).max() < 0.01


def test_a_span_is_danced_at_half_its_speed(song, model, made, store):
    new = generate_poses(
        song, model=model, start=1.0, seconds=4.0, canvas="64x64", edit=made.digest, retime_span="2-4=0.5", store=store
    )
    apart = np.abs(motion_of(new).positions - motion_of(made).positions).max(axis=(1, 2))
    assert apart[:30].max() < 1e-3 and apart[90:].max() < 1e-3 and apart[45:75].max() > 0.02


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"pass_pose": "9=DANCE"}, "--pass-pose 9: this dance lasts from 1 to 5 s"),
        ({"pass_pose": "2=DANCE@7"}, "that dance lasts 4.0 seconds"),
        ({"pass_pose": "2=nowhere.json"}, "nowhere.json"),
        ({"pass_pose": "2=wrong.json"}, "no joint tail"),
        ({"retime_span": "0-2=0.5", "edit": "DANCE"}, "lasts from 1 to 5 s"),
        ({"retime_span": "2-3=0.5"}, "give it with --edit"),
        ({"pass_pose": "2=DANCE", "model": "GAN"}, "--pass-pose: "),
    ],
)
def test_what_cannot_be_is_said(asked, said, song, model, made, store, tmp_path, place):
    (tmp_path / "wrong.json").write_text(json.dumps({"joints": {"tail": [0, 0, 0]}}))
    names = {"DANCE": made.digest, "wrong.json": str(tmp_path / "wrong.json"), "GAN": str(place / "gan")}
    if asked.get("model"):
        tiny_model(place / "gan")
    for name, value in names.items():
        asked = {key: text.replace(name, value) for key, text in asked.items()}
    with pytest.raises((InputError, DancegenError), match=said):
        generate_poses(
            song, **{"model": model, "start": 1.0, "seconds": 4.0, "canvas": "64x64", "store": store, **asked}
        )
