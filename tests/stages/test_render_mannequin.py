"""render --style mannequin: by the real command, of a dance that a model made in space; a flat one is refused."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest

from dancegen import generate_poses, render
from dancegen.cli import main
from dancegen.errors import InputError
from dancegen.motion.body import BodyMotion
from dancegen.pose.sequence import PoseSequence
from dancegen.store import open_store
from dancegen.video import probe_video, read_frames
from helpers.songs import write_song
from helpers.tiny_diffusion import saved_model
from helpers.tiny_gan import tiny_model

SECONDS = 2.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def dance(place, store):
    song = write_song(place / "song.wav", SECONDS)
    model = saved_model(place / "body")
    return generate_poses(song, model=model, canvas="128x128", camera="follow", store=store)


def frames(video) -> np.ndarray:
    return np.stack(list(read_frames(video.file("video.mp4")))).astype(int)


def test_the_command_makes_a_film_with_the_music_and_its_words_make_it_again(dance, store, place, capfd):
    target = place / "film.mp4"
    words = ["render", dance.digest[:12], "--style", "mannequin", "--size", "160x128", "--background", "skyblue",
             "--store", str(store.root)]  # fmt: skip
    assert main([*words, "-o", str(target)]) == 0
    info = probe_video(target)
    assert (info.frames, info.size, info.fps) == (round(SECONDS * 30), (160, 128), 30.0) and info.audio is not None
    again = shlex.split(info.metadata["command"])[1:]
    assert "--background" in again and "#87ceeb" in again
    capfd.readouterr()
    assert main([*again, "--store", str(store.root), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["digest"] == info.metadata["digest"]


def test_it_is_filmed_by_the_dances_own_camera_unless_another_is_asked_for(dance, store):
    how = {"style": "mannequin", "size": "96x96", "fps": 10, "store": store}
    usual, same, other = (render(dance, **how, **camera) for camera in ({}, {"camera": "follow"}, {"camera": "side"}))
    assert usual.digest == same.digest != other.digest and usual.params["filmed_by"] == "follow"
    assert np.abs(frames(usual) - frames(other)).mean() > 1


def test_depth_and_normals_are_films_too(dance, store):
    how = {"style": "mannequin", "size": "128x128", "fps": 10, "store": store}
    depth, normal = (frames(render(dance, render_pass=name, **how)) for name in ("depth", "normal"))
    assert np.abs(depth - depth.mean(axis=3, keepdims=True)).max() < 12 and depth[:, 0].max() < 16
    body = depth[..., 0] > 80
    assert 0.02 < body.mean() < 0.4 and np.median(normal[body][:, 2]) > 170
    assert np.abs(np.median(normal[:, 0].reshape(-1, 3), axis=0) - (128, 128, 255)).max() < 8


def test_every_rate_shows_the_whole_dance(dance, store):
    made = render(dance, style="mannequin", size="64x64", fps=24, store=store)
    assert probe_video(made.file("video.mp4")).frames == round(SECONDS * 24)


def test_a_body_in_space_is_enough(dance, store, place):
    """poses.npz with joints3d, without the body's motion beside it."""
    sequence = PoseSequence.load(dance.file("poses.npz"))
    assert sequence.joints3d is not None and BodyMotion.load(dance.file("motion.npz"))
    (place / "elsewhere").mkdir()
    sequence.slice(0, 30).save(place / "elsewhere" / "poses.npz")
    made = render(place / "elsewhere" / "poses.npz", style="mannequin", size="96x96", fps=10, music="none", store=store)
    shown = frames(made)
    assert len(shown) == 10 and shown.std(axis=(1, 2, 3)).min() > 4


def test_a_flat_dance_is_refused_in_words(place, store, capsys):
    flat = generate_poses(place / "song.wav", model=tiny_model(place / "flat"), canvas="64x64", store=store)
    words = ["render", flat.digest[:12], "--style", "mannequin", "--size", "64x64", "--store", str(store.root)]
    assert main(words) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "in the picture only" in said and "generate-poses --model diffusion" in said and "--style neon" in said


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"background": "white"}, "--background is for the mannequin"),
        ({"render_pass": "depth"}, "--pass is for the mannequin"),
        ({"camera": "side"}, "--camera is for the mannequin"),
        ({"style": "mannequin", "background": "whitish"}, "--background whitish: write a colour"),
        ({"style": "mannequin", "background": "white", "render_pass": "depth"}, "leave --background out"),
        ({"style": "mannequin", "camera": "drone"}, "choose one of front"),
        ({"style": "mannequin", "over": "a.mp4"}, "leave --over out"),
        ({"style": "mannequin", "background": "white", "prompt": "a robot"}, "--prompt paints"),
    ],
)
def test_options_that_do_not_go_together(how, said, dance, store):
    with pytest.raises(InputError, match=said):
        render(dance, **how, store=store)


def test_dance_films_its_own_dance_so(place, store, capfd):
    words = ["dance", str(place / "song.wav"), "--model", str(place / "body"), "--style", "mannequin", "--json"]
    words += ["--camera", "orbit", "--size", "64x64", "--fps", "10", "--store", str(store.root)]
    words += ["-o", str(place / "orbit.mp4")]
    assert main(words) == 0
    made = store.find(json.loads(capfd.readouterr().out)["digest"], "render")
    assert made.params["filmed_by"] == "orbit" and made.params["style"] == "mannequin"
