"""generate-poses with a model in joint space: motion and BVH beside the poses, cameras, and editing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen import extract_poses, generate_poses, prepare, train
from dancegen.errors import InputError, NotFoundError
from dancegen.motion.body import BodyMotion
from dancegen.motion.readers.bvh import read_bvh
from dancegen.pose.sequence import PoseSequence
from dancegen.stages.generate_poses import SUMMARY_FIGURES
from helpers.processes import run
from helpers.songs import write_song
from helpers.tiny_diffusion import light_footed, saved_model
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def model(place):
    return saved_model(place / "model")


@pytest.fixture(scope="module")
def song(place):
    return write_song(place / "song.wav", 5.0)


@pytest.fixture(scope="module")
def made(place, model, song):
    return generate_poses(song, model=model, canvas="96x128", store=place / "store")


def test_the_motion_and_a_bvh_file_lie_beside_the_poses(made):
    poses, motion = PoseSequence.load(made.file("poses.npz")), BodyMotion.load(made.file("motion.npz"))
    assert len(poses) == len(motion) == 150
    assert np.abs(poses.joints3d - motion.motion().joints3d).max() < 1e-4
    assert read_bvh(made.file("dance.bvh")).positions.shape[0] == 150


@pytest.mark.parametrize("camera", ["front", "follow"])
def test_a_longer_dance_begins_as_the_shorter_one(camera, place, tmp_path):
    """Up to the window of the denoiser that sees where the shorter one ends; in pixels, too, bit for bit.

    A foot that stands there is held over all of its stand: then it is up to the stand.
    """
    model = light_footed(place / f"light-{camera}")
    loudening = write_song(tmp_path / "song.wav", 20.0, bpm=123)
    short, longer = (
        generate_poses(loudening, model=model, camera=camera, seconds=seconds, store=place / "store")
        for seconds in (10, 20)
    )
    one, two = (PoseSequence.load(dance.file("poses.npz")) for dance in (short, longer))
    same = round((10 - 6.5) * 30)  # a window of two seconds, the beats steps are moved by, what is smoothed, the camera
    assert np.array_equal(one.keypoints[:same], two.keypoints[:same])
    assert np.array_equal(one.joints3d[:same], two.joints3d[:same])
    assert not np.array_equal(one.keypoints, two.keypoints[: len(one)])


@pytest.mark.parametrize("fps", [24, 29.97, 60])
def test_the_bvh_has_the_rate_that_was_asked_for_and_the_same_movement(place, model, song, fps):
    other = generate_poses(song, model=model, canvas="96x128", fps=fps, store=place / "store")
    poses, motion = PoseSequence.load(other.file("poses.npz")), read_bvh(other.file("dance.bvh"))
    assert motion.fps == pytest.approx(fps, rel=2e-6)  # 29.97 is read as what it rounds
    assert len(motion.positions) == len(poses) == round(5 * fps)
    shown = BodyMotion.load(other.file("motion.npz")).resample(fps, len(poses))
    assert np.abs(shown.motion().joints3d - poses.joints3d).max() < 1e-4  # what the video shows
    assert np.abs(shown.root - motion.positions[:, 0]).max() < 1e-4


def test_another_camera_sees_the_same_dance(made, place, model, song):
    side = generate_poses(song, model=model, canvas="96x128", camera="side", store=place / "store")
    assert side.digest != made.digest
    one, other = (PoseSequence.load(artifact.file("poses.npz")) for artifact in (made, side))
    assert np.abs(one.joints3d - other.joints3d).max() < 1e-5
    assert np.abs(one.keypoints - other.keypoints).max() > 3
    assert all(side.summary[name] == made.summary[name] for name in SUMMARY_FIGURES)  # of the dancer, not the camera


def test_a_dance_is_edited_and_begun_from_another(made, place, model, song):
    store = place / "store"
    old = BodyMotion.load(made.file("motion.npz")).positions
    edited = generate_poses(song, model=model, edit=made.digest, keep="1.0-2.0", seed=5, canvas="96x128", store=store)
    new = BodyMotion.load(edited.file("motion.npz")).positions
    assert np.abs(new[30:60] - old[30:60]).max() < 1e-3 and np.abs(new[80:] - old[80:]).max() > 0.01
    begun = generate_poses(
        song, model=model, start_pose=f"{made.file('motion.npz')}@2.0", seed=5, canvas="96x128", store=store
    )
    first = BodyMotion.load(begun.file("motion.npz")).positions[0]
    assert np.abs((first - first[0]) - (old[60] - old[60, 0])).max() < 1e-3
    assert begun.digest != generate_poses(song, model=model, seed=5, canvas="96x128", store=store).digest


def test_what_cannot_be_granted_is_refused_by_name(made, place, model, song):
    store = place / "store"
    for wrong, said in (
        ({"camera": "drone"}, "front"), ({"floor": "wide"}, "3x3"), ({"keep": "1-2"}, "--edit"),
        ({"edit": made.digest}, "--keep"), ({"genre": "polka"}, "stepping"),
        ({"start_pose": f"{made.digest}@99"}, "lasts 5.0"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            generate_poses(song, model=model, store=store, **wrong)
    with pytest.raises(NotFoundError):
        generate_poses(song, model=model, edit="0123456789abcdef", keep="1-2", store=store)
    flat = tiny_model(place / "flat")
    with pytest.raises(InputError, match="--camera: the GAN"):
        generate_poses(song, model=flat, camera="orbit", store=store)


def test_motion_capture_becomes_a_model_in_joint_space_that_dances(place, song):
    """prepare, train --family diffusion, generate-poses, as a person would."""
    from helpers.songs import write_click
    from helpers.stepping_dancer import write_dancer

    for folder in ("steps", "music"):
        (place / folder).mkdir()
    for number in range(4):
        write_dancer(place / "steps" / f"take{number}.bvh", 7.0, 0.45 + 0.03 * number)
    write_click(place / "music" / "click.wav", 120)
    store = place / "chain"
    dataset = prepare(
        place / "steps", music=place / "music", pairs=1, clip_seconds=6.0, val_fraction=0.3, workers=1, store=store
    )
    tiny = (
        "window.frames=60", "window.prefix=12", "window.context=4", "denoiser.width=32", "denoiser.layers=2",
        "denoiser.hidden=48", "denoiser.heads=2", "train.validate_every=2", "train.beat_critic_steps=4",
    )  # fmt: skip
    model = train(dataset, family="diffusion", max_steps=2, batch=4, settings=tiny, store=store)
    assert {"model.safetensors", "config.json", "history.csv"} <= {entry.path for entry in model.files}
    assert json.loads(model.file("config.json").read_text())["styles"] == ["steps"]
    assert train(dataset, family="diffusion", max_steps=2, batch=4, settings=tiny, store=store).cached
    dance = generate_poses(song, model=model.digest, genre="steps", energy=0.7, canvas="96x128", store=store)
    assert dance.summary["frames"] == 150
    poses = extract_poses(dataset, views="0", workers=1, store=store)
    with pytest.raises(InputError, match="prepare"):
        train(poses.path, family="diffusion", max_steps=2, store=store)
    with pytest.raises(InputError, match="--perceptual: the diffusion choreographer has no such setting"):
        train(dataset, family="diffusion", perceptual=0.5, store=store)


def test_a_video_is_filmed_by_the_camera_that_is_asked_for(place, model, song):
    from dancegen import dance
    from dancegen.video import probe_video

    options = {"model": model, "size": "128x96", "seconds": 1.0, "store": place / "store"}
    front, orbit = (
        dance(song, camera=camera, output=place / f"{camera}.mp4", **options) for camera in ("front", "side")
    )
    assert front.digest != orbit.digest and probe_video(place / "side.mp4").frames == 30


def test_the_command_dances_for_a_camera(place, model, song):
    done = run(
        "generate-poses", song, "--model", model, "--camera", "cuts", "--floor", "none", "--canvas", "96x128",
        "--json", "-o", place / "dance.bvh", DANCEGEN_STORE=str(place / "store"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["frames"] == 150
    assert read_bvh(place / "dance.bvh").positions.shape[0] == 150
