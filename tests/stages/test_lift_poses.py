"""generate-poses keeps what a person drew: edited pictures of a dance become a motion, and the model makes the rest."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen import generate_poses
from dancegen.cli import main
from dancegen.errors import InputError
from dancegen.motion.body import BodyMotion
from dancegen.pose.openpose_json import write_openpose_json
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from dancegen.store import open_store
from helpers.listening import Listener
from helpers.pose_examples import dancing
from helpers.songs import write_song
from helpers.tiny_diffusion import saved_model
from helpers.tiny_gan import tiny_model

EDITED = slice(30, 60)
SHOULDER, ARM = INDEX["l_shoulder"], [INDEX["l_elbow"], INDEX["l_wrist"]]


@pytest.fixture(scope="module")
def song(place):
    return write_song(place / "song.wav", 6.0)


@pytest.fixture(scope="module")
def model(place):
    return saved_model(place / "model")


@pytest.fixture(scope="module")
def made(song, model, store):
    return generate_poses(song, model=model, start=1.0, seconds=4.0, store=store)


def with_the_arm_down(poses: PoseSequence) -> PoseSequence:
    """The dance with its left arm drawn straight down for a second, gently there and back."""
    keypoints = poses.keypoints.copy()
    long = np.linalg.norm(keypoints[:, ARM[0], :2] - keypoints[:, SHOULDER, :2], axis=-1).max()
    share = np.sin(np.pi * np.linspace(0, 1, 30))[:, None]
    for joint, far in zip(ARM, (0.85, 1.7), strict=True):
        wanted = keypoints[EDITED, SHOULDER, :2] + np.array([4.0, far * long])
        keypoints[EDITED, joint, :2] += share * (wanted - keypoints[EDITED, joint, :2])
    return PoseSequence(keypoints, poses.fps, poses.size, poses.start_s, poses.joints3d)


@pytest.fixture(scope="module")
def edited(made, place):
    poses = with_the_arm_down(PoseSequence.load(made.file("poses.npz")))
    write_openpose_json(poses, place / "edited.json")
    return poses, place / "edited.json"


def apart(poses: PoseSequence, other: PoseSequence) -> np.ndarray:
    """(T, 18) pixels between two dances, once they are laid on each other by one scale and one shift."""
    both = (poses.keypoints[..., 2] > 0) & (other.keypoints[..., 2] > 0)
    one, two = poses.keypoints[..., :2].astype(float), other.keypoints[..., :2].astype(float)
    middles = one[both].mean(axis=0), two[both].mean(axis=0)
    scale = np.linalg.norm(one[both] - middles[0]) / np.linalg.norm(two[both] - middles[1])
    laid = (two - middles[1]) * scale + middles[0]
    return np.where(both, np.linalg.norm(one - laid, axis=-1), 0.0)


def test_what_was_drawn_is_kept_and_what_was_not_stays_as_it_was(made, edited, song, model, store):
    poses, path = edited
    heard = Listener()
    kept = generate_poses(
        song, model=model, start=1.0, seconds=4.0, edit=path, keep="1-5", store=store, progress=heard
    )  # fmt: skip
    assert "edited.json: 2" in "\n".join(heard.said) and "of 120 frames were edited" in "\n".join(heard.said)
    assert not heard.warned or "limb" not in "\n".join(heard.warned)
    new = PoseSequence.load(kept.file("poses.npz"))
    assert apart(poses, new).max() < 2
    assert apart(PoseSequence.load(made.file("poses.npz")), new)[EDITED].max() > 30
    old, moved = (BodyMotion.load(each.file("motion.npz")) for each in (made, kept))
    still = np.r_[0 : EDITED.start, EDITED.stop : 120]
    assert np.abs(old.positions[still] - moved.positions[still]).max() < 1e-3
    again = generate_poses(song, model=model, start=1.0, seconds=4.0, edit=path, keep="1-5", store=store)
    assert again.cached  # also now that the store has a dance that looks exactly like the edited one


def test_the_model_makes_the_rest(edited, song, model, store):
    poses, path = edited
    kept = generate_poses(song, model=model, start=1.0, seconds=4.0, edit=path, keep="1.5-3.5", seed=5, store=store)
    new = PoseSequence.load(kept.file("poses.npz"))
    part = slice(15, 75)
    assert apart(poses.slice(15, 75), new.slice(15, 75)).max() < 2
    assert len(new) == 120 and apart(poses, new)[: part.start].max() > 2


@pytest.mark.parametrize("camera", ["cuts", "orbit"])
def test_a_dance_seen_by_a_moving_camera_is_lifted_through_it(camera, song, model, store, tmp_path):
    options = {"model": model, "seconds": 5.5, "camera": camera, "store": store}
    made = generate_poses(song, **options)
    poses = with_the_arm_down(PoseSequence.load(made.file("poses.npz")))
    write_openpose_json(poses, tmp_path / "edited.json")
    before = {each.digest for each in store.artifacts("lift-poses")}
    generate_poses(song, edit=tmp_path / "edited.json", keep="0-5", **options)
    (lifted,) = [each for each in store.artifacts("lift-poses") if each.digest not in before]
    assert not lifted.summary["guessed"] and 20 < lifted.summary["changed"] <= 32
    assert lifted.summary["error_px"] < 1


def test_in_a_store_that_does_not_know_the_dance_its_joints_in_space_are_the_start(edited, song, model, tmp_path):
    poses, _ = edited
    poses.save(tmp_path / "poses.npz")
    elsewhere = open_store(tmp_path / "store")
    kept = generate_poses(
        song, model=model, start=1.0, seconds=4.0, edit=tmp_path / "poses.npz", keep="1-5", store=elsewhere
    )  # fmt: skip
    (lifted,) = elsewhere.artifacts("lift-poses")
    assert not lifted.summary["guessed"]
    assert apart(poses, PoseSequence.load(kept.file("poses.npz"))).max() < 4


def test_of_pictures_alone_the_depth_is_guessed_and_that_is_said(edited, song, model, tmp_path):
    poses, path = edited
    heard = Listener()
    kept = generate_poses(
        song, model=model, start=1.0, seconds=4.0, edit=path, keep="1-5", store=tmp_path / "store", progress=heard
    )  # fmt: skip
    assert "nothing but its pictures is known, so how deep it dances is a guess" in "\n".join(heard.said)
    error = apart(poses, PoseSequence.load(kept.file("poses.npz")))
    assert np.median(error) < 3 and np.percentile(error, 99) < 12


def test_a_dance_in_the_plane_can_be_kept_by_a_model_in_space(song, model, place, store):
    flat = generate_poses(song, model=tiny_model(place / "gan"), seconds=3.0, store=store)
    dance = generate_poses(song, model=model, seconds=3.0, edit=flat.digest[:12], keep="1-2", store=store)
    assert len(PoseSequence.load(dance.file("poses.npz"))) == 90


def test_a_dance_begins_in_a_pose_that_was_drawn(song, model, place, store):
    drawn = PoseSequence(dancing(40)[20:21], 30.0)
    write_openpose_json(drawn, place / "pose.json")
    (place / "pose.json").write_text(json.dumps(json.loads((place / "pose.json").read_text())[0]))
    dance = generate_poses(song, model=model, seconds=3.0, start_pose=place / "pose.json", store=store)
    first = PoseSequence.load(dance.file("poses.npz")).slice(0, 1)
    body = slice(1, 14)
    assert np.median(apart(drawn, first)[:, body]) < 12 and apart(drawn, first)[:, body].max() < 40
    write_openpose_json(PoseSequence(dancing(60), 30.0), place / "poses.json")
    later = generate_poses(song, model=model, seconds=3.0, start_pose=f"{place / 'poses.json'}@1.5", store=store)
    assert later.params["start_pose_s"] == 1.5


def test_what_cannot_be_is_said_in_words(edited, song, model, place, store, capsys):
    _, path = edited
    gan = tiny_model(place / "gan")
    with pytest.raises(InputError, match=r"--edit: the GAN dances in the plane and cannot do that"):
        generate_poses(song, model=gan, edit=path, keep="1-2", store=store)
    with pytest.raises(InputError, match="holds no poses"):
        generate_poses(song, model=model, edit=song, keep="1-2", store=store)
    with pytest.raises(InputError, match=r"nowhere\.json"):
        generate_poses(song, model=model, edit="nowhere.json", keep="1-2", store=store)
    legs = PoseSequence(dancing(30), 30.0)
    legs.keypoints[:, :8] = 0
    legs.keypoints[:, 14:] = 0
    write_openpose_json(legs, place / "legs.json")
    command = ["generate-poses", str(song), "--model", str(model), "--edit", str(place / "legs.json"), "--keep", "0-1"]
    assert main([*command, "--store", str(store.root)]) == 2
    assert "legs.json" in (said := capsys.readouterr().err) and "height is unknown" in said
