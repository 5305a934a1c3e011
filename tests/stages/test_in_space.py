"""What takes joints in space is refused before any work where a dance has none."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from dancegen.cli import main
from dancegen.motion.readers.bvh import read_bvh
from dancegen.pose.openpose_json import write_openpose_json
from dancegen.pose.sequence import PoseSequence
from dancegen.store import open_store
from dancegen.video import VideoWriter
from helpers.songs import write_song
from helpers.tiny_animatediff import tiny_temporalnet
from helpers.tiny_diffusion import saved_model
from helpers.tiny_film import flags
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A song, a video, poses in the picture, a model that dances in the plane and one that dances in space."""
    place = tmp_path_factory.mktemp("place")
    song = write_song(place / "song.wav", 2.0)
    with VideoWriter(place / "clip.mp4", (64, 64), 10, audio=song) as video:
        for number in range(20):
            video.write(cv2.circle(np.zeros((64, 64, 3), np.uint8), (number + 10, 30), 5, (255, 255, 255), -1))
    poses = PoseSequence(np.full((20, 18, 3), 30.0, np.float32) * (1, 1, 1 / 30), 10.0, (64, 64))
    write_openpose_json(poses, place / "poses.json")
    tiny_model(place / "flat")
    saved_model(place / "body")
    return place


FLAT_DANCE = ("song.wav", "--model", "flat")
CASES = {
    "a mannequin of a model in the plane": ("dance", *FLAT_DANCE, "--style", "mannequin"),
    "its depth": ("dance", *FLAT_DANCE, "--style", "mannequin", "--pass", "depth"),
    "a mannequin of a video, danced": ("dance", "clip.mp4", "--style", "mannequin"),
    "a mannequin of a video": ("render", "clip.mp4", "--style", "mannequin"),
    "a mannequin of poses in a picture": ("render", "poses.json", "--style", "mannequin", "--music", "song.wav"),
    "a body's file of a model in the plane": ("generate-poses", *FLAT_DANCE, "-o", "motion.npz"),
    "its genres": ("generate-poses", *FLAT_DANCE, "-o", "danced-genres.json"),
}


@pytest.mark.parametrize("dry", [False, True], ids=["", "dry run"])
@pytest.mark.parametrize("kind", CASES)
def test_it_is_refused_before_any_work(kind, dry, place, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(place)
    words = [*CASES[kind], "--store", str(tmp_path / "store"), *(["--dry-run"] if dry else [])]
    assert main(words) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "--model diffusion" in said and "in space" in said, said
    assert not [path for path in (tmp_path / "store").rglob("manifest.json")]


@pytest.mark.parametrize(
    "source", [("dance", *FLAT_DANCE), ("dance", "clip.mp4"), ("render", "clip.mp4"), ("render", "poses.json")]
)
def test_depth_for_controlnet_is_refused_before_any_work(source, models, place, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(place)
    net = tiny_temporalnet(models, tmp_path / "depth")
    given = {**models, "depth": True, "depth_controlnet": net, "store": tmp_path / "store"}
    assert main([*source, "--prompt", "a dancer", "--size", "64x64", *flags(given)]) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "--depth takes joints in space" in said and "--model diffusion" in said, said
    assert not [path for path in (tmp_path / "store").rglob("manifest.json")]


def test_a_model_in_space_does_all_of_it(place, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(place)
    words = ["dance", "song.wav", "--model", "body", "--style", "mannequin", "--size", "64x64", "--fps", "10"]
    assert main([*words, "--store", str(tmp_path / "store"), "--json", "-o", str(tmp_path / "x.mp4")]) == 0
    assert open_store(tmp_path / "store").find(json.loads(capfd.readouterr().out)["digest"], "render")


def test_a_dance_in_the_plane_is_lifted_into_space_for_a_file_of_one(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    for name in ("flat.bvh", "flat.glb"):
        words = ["generate-poses", *FLAT_DANCE, "--canvas", "64x64", "--store", str(tmp_path / "store")]
        assert main([*words, "-o", str(tmp_path / name)]) == 0
    assert len(read_bvh(tmp_path / "flat.bvh").positions) == 60
