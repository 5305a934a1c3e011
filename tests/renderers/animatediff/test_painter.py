"""What is painted of a scene beside its frames: faces once more by themselves, each where there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dancegen.hub import locate
from dancegen.renderers.animatediff import sampler as denoising
from dancegen.renderers.animatediff.loading import load_pipeline
from dancegen.renderers.animatediff.models import references
from dancegen.renderers.animatediff.painter import AnimateDiffPainter
from dancegen.renderers.animatediff.sampler import Sampler
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.film.backend import Scene
from dancegen.renderers.film.faces import Faces
from dancegen.renderers.film.tiers import TIERS
from dancegen.weights import Models
from helpers.tiny_animatediff import options, tiny_models

FRAMES, STEPS = 6, 3
AWAY = np.array([False, False, True, True, False, False])
SIDE = 24.0


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    models = options(tiny_models(tmp_path_factory.mktemp("models")))
    settings = Settings(
        **models, steps=STEPS, guidance=3, window=6, stride=4, overlap=2, refine_face=True, face_strength=0.7
    ).completed()
    located = Models(tuple(locate(ref, offline=True) for ref in references(settings)))
    pipeline = load_pipeline(located, settings, device="cpu", dtype=torch.float32)
    return AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")


@pytest.fixture(scope="module")
def scene():
    """Somebody whose face goes across the picture, and who looks away for two frames."""
    poses, near = (
        np.random.default_rng(seed).integers(0, 256, (FRAMES, side, side, 3), dtype=np.uint8)
        for seed, side in ((0, 64), (1, 48))
    )
    corners = np.stack([np.linspace(4, 30, FRAMES), np.full(FRAMES, 6.0)], axis=1)
    whole = Scene(0, poses, ("a dancer",), np.ones((FRAMES, 1), np.float32), 3)
    return replace(whole, faces=Faces(corners, SIDE, ~AWAY), face_poses=near)


def filmed(painter, scene, resume=None, advance=lambda steps: None) -> np.ndarray:
    frames: dict[int, np.ndarray] = {}
    painter.film(scene, frames.__setitem__, resume=resume, advance=advance)
    return np.stack([frames[place] for place in range(len(scene))]).astype(int)


def test_a_face_is_painted_in_its_square_and_not_where_the_dancer_looks_away(painter, scene):
    plain, refined = filmed(painter, replace(scene, faces=None, face_poses=None)), filmed(painter, scene)
    change = np.abs(refined - plain).max(axis=3)
    assert change[AWAY].max() <= 1
    for frame in np.flatnonzero(~AWAY):
        (left, top), (rows, columns) = scene.faces.corners[frame], np.nonzero(change[frame] > 1)
        assert top - 1 <= rows.min() and rows.max() <= top + SIDE + 1, frame
        assert left - 1 <= columns.min() and columns.max() <= left + SIDE + 1, frame


def test_a_face_is_led_by_the_pose_near_it(painter, scene):
    dark, bright = (filmed(painter, replace(scene, face_poses=np.full_like(scene.face_poses, n))) for n in (0, 255))
    apart = np.abs(dark - bright)
    assert apart[~AWAY].max() > 0 and apart[AWAY].max() == 0


def test_faces_go_on_where_they_were_to_the_same_frames(painter, scene, tmp_path, monkeypatch):
    whole, taken = filmed(painter, scene), []

    def stop_in_the_pass_over_faces(steps: float) -> None:
        taken.append(steps)
        if sum(taken) == STEPS + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(denoising, "SAVE_EVERY", 1)
    with pytest.raises(KeyboardInterrupt):
        filmed(painter, scene, tmp_path, stop_in_the_pass_over_faces)
    taken.clear()
    assert (filmed(painter, scene, tmp_path, taken.append) == whole).all()
    assert sum(taken) == STEPS + painter.settings.face_steps and taken[0] == STEPS and 1 in taken


@pytest.mark.parametrize("again", ["larger", "face"])
def test_what_goes_with_the_song_leads_what_is_painted_again_too(again, scene, tmp_path_factory):
    """A third of a guidance of 3 is one of 1, which is the prompt alone, in either pass."""
    models = options(tiny_models(tmp_path_factory.mktemp("models")))

    def painted(guidance: float, strengths: dict) -> np.ndarray:
        settings = Settings(
            **models, steps=STEPS, guidance=guidance, negative_prompt="fog", window=6, overlap=2,
            refine_face=again == "face", face_strength=0.9, upscale_strength=0.9,
            upscale=1.5 if again == "larger" else None,
        ).completed()  # fmt: skip
        located = Models(tuple(locate(ref, offline=True) for ref in references(settings)))
        pipeline = load_pipeline(located, settings, device="cpu", dtype=torch.float32)
        own = replace(scene, strengths=strengths)
        if again == "larger":
            poses = np.repeat(np.repeat(scene.poses, 2, axis=1), 2, axis=2)[:, :96, :96]
            own = replace(own, faces=None, face_poses=None)
            own = replace(own, larger=replace(own, poses=poses))
        return filmed(AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu"), own)

    third = {"prompt": np.full(FRAMES, 1 / 3, np.float32)}
    pulsing, weak, plain = painted(3.0, third), painted(1.0, {}), painted(3.0, {})
    apart = [float(np.abs(pulsing - other).mean()) for other in (weak, plain)]
    assert 20 * apart[0] < apart[1] and apart[0] < 0.1, apart


def test_what_a_sampler_draws_in_its_steps_is_each_frames_own_wherever_a_segment_begins(painter):
    """A consistency model's sampler adds noise again at every step: frames that shared it would be alike in it."""
    from diffusers import LCMScheduler

    class OfLcm:
        scheduler = LCMScheduler()

    sampler = Sampler(OfLcm(), painter.settings, painter.thrift, "cpu")  # type: ignore[arg-type]

    def drawn(first: int, step: int) -> list[list[float]]:
        scene = Scene(first, np.zeros((FRAMES, 8, 8, 3), np.uint8), ("a",), np.ones((FRAMES, 1), np.float32), 3)
        return [torch.randn(4, generator=each).tolist() for each in sampler._generators(scene, step)["generator"]]

    found = [tuple(each) for step in range(4) for each in drawn(0, step)]
    assert len(set(found)) == len(found) == 4 * FRAMES
    assert drawn(0, 1)[2:] == drawn(2, 1)[:-2]
