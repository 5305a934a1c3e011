"""What ControlNets are shown of a dance, and when: hands and faces, depth, from which step to which, how strongly."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dancegen.cli import main
from dancegen.pose.drawing import draw_openpose
from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.skeleton.mannequin.depth import draw_depth
from helpers.tiny_film import (
    FEW,
    PROMPT,
    QUICK,
    dance,
    film,
    flags,
    shown,
    stored,
    tasks_of,
    tiny_lora,
    tiny_temporalnet,
)
from helpers.tiny_gan import dancing


@pytest.fixture(scope="module")
def body():
    return PoseSequence(dancing(40, 20.0), 20.0)


def with_hands_and_face(body: PoseSequence) -> PoseSequence:
    """The same with hands round the wrists and a face round the nose."""
    rng = np.random.default_rng(0)

    def strewn(joint: int, count: int) -> np.ndarray:
        spread = rng.normal(0, 14, (count, 2)).astype(np.float32)
        points = body.keypoints[:, None, joint, :2] + spread
        return np.concatenate([points, np.ones((*points.shape[:2], 1), np.float32)], axis=2)

    return replace(body, hands=np.stack([strewn(7, 21), strewn(4, 21)], axis=1), face=strewn(0, 70))


def test_the_controlnet_sees_hands_and_faces_where_they_were_found(store, models, body, capfd):
    whole = with_hands_and_face(body)
    plain, handed = stored(store, body, name="body"), stored(store, whole, name="hands")
    job, (task,) = tasks_of(handed, **models)
    placed, size = job.sequence, job.request.size
    for place, frame in enumerate(job.keys):
        wanted = draw_openpose(
            placed.keypoints[frame], size, hands=placed.hands[frame], face=placed.face[frame]
        )  # fmt: skip
        np.testing.assert_array_equal(task.scene().poses[place], wanted)
        assert (wanted == 255).all(axis=2).any()  # a point of the face
    films = [film(store, poses, PROMPT, capfd, **FEW, **models) for poses in (plain, handed)]
    assert np.abs(shown(store, films[0]) - shown(store, films[1])).mean() > 0.2


def test_in_a_larger_picture_hands_and_face_are_where_the_body_is(store, models, body):
    poses = stored(store, with_hands_and_face(body), name="hands")
    job, (task,) = tasks_of(poses, **models, upscale=1.5)
    larger, placed = task.scene().larger, job.sequence

    def enlarged(points: np.ndarray) -> np.ndarray:
        return np.concatenate([(points[..., :2] + 0.5) * 1.5 - 0.5, points[..., 2:]], -1).astype(np.float32)

    for place, frame in enumerate(job.keys[:3]):
        whole, hands, face = (enlarged(each[frame]) for each in (placed.keypoints, placed.hands, placed.face))
        np.testing.assert_array_equal(larger.poses[place], draw_openpose(whole, (96, 96), hands=hands, face=face))


def test_hands_that_nobody_saw_change_no_recipe(store, models, body):
    unseen = replace(body, hands=np.zeros((len(body), 2, 21, 3)), face=np.zeros((len(body), 70, 3)))
    recipes = [
        tasks_of(stored(store, dance, name=name), **models)[1][0].recipe()
        for name, dance in (("b", body), ("u", unseen))
    ]
    assert recipes[0].digest == recipes[1].digest


@pytest.fixture(scope="module")
def depth_net(models, tmp_path_factory):
    return str(tiny_temporalnet(models, tmp_path_factory.mktemp("depth")))


def test_the_depth_of_a_dance_leads_the_film_beside_its_poses(store, models, depth_net, capfd):
    poses = dance(store, 2.0, in_space=True)
    given = {**models, "depth": True, "depth_controlnet": depth_net}
    job, (task,) = tasks_of(poses, **given)
    seen = task.scene().depth
    assert seen.shape == task.scene().poses.shape and job.solid is not None
    for place, frame in enumerate(job.keys):
        np.testing.assert_array_equal(seen[place], draw_depth(job.solid, frame, job.request.size))
        assert len(np.unique(seen[place])) > 10
    films = [film(store, poses, PROMPT, capfd, **FEW, **each) for each in (models, given)]
    assert np.abs(shown(store, films[0]) - shown(store, films[1])).mean() > 0.2
    assert any(item.role == "depth-controlnet" for item in store.find(films[1]["digest"]).inputs)


def test_the_larger_pass_sees_the_same_depth_in_its_own_size(store, models, depth_net):
    poses = dance(store, 2.0, in_space=True)
    scene = tasks_of(poses, **models, depth=True, depth_controlnet=depth_net, upscale=1.5)[1][0].scene()
    assert scene.larger is not None and scene.larger.depth is not None
    assert scene.larger.depth.shape == (len(scene), 96, 96, 3)
    for small, large in zip(scene.depth, scene.larger.depth, strict=True):
        reduced = cv2.resize(large, small.shape[1::-1], interpolation=cv2.INTER_AREA).astype(float)
        assert np.corrcoef(reduced.ravel(), small.ravel())[0, 1] > 0.95
        assert abs(float(reduced.max()) - float(small.max())) < 30


def test_depth_of_poses_that_only_pictures_know_is_refused_before_anything_is_painted(
    store, models, depth_net, body, capfd
):
    flat = stored(store, body, name="flat")
    words = flags({**QUICK, **models, "depth": True, "depth_controlnet": depth_net, "store": store.root})
    for more in ([], ["--dry-run"]):
        assert main(["render", flat.digest[:16], "--prompt", PROMPT, *words, *more]) == 2
        err = capfd.readouterr().err
        assert "--depth" in err and "in space" in err and "diffusion" in err


@pytest.mark.parametrize("span", ["0.5", "0.5-0.2", "0-2", "a-b"])
def test_a_span_that_is_none_is_refused(span, store, body, capfd):
    flat = stored(store, body, name="flat")
    words = ["--prompt", PROMPT, "--control-span", span, "--store", str(store.root)]
    assert main(["render", flat.digest[:16], *words]) == 2
    assert "--control-span" in capfd.readouterr().err


def test_strengths_go_up_on_beats_and_are_in_the_recipe_of_their_segment(store, models):
    poses = dance(store, 6.0)  # a beat every half second
    given = {**models, "key_fps": 10, "pulse": ("control=0.5-1", "prompt=0:00 1 | 0:03 0.5 | 0:05 1")}
    job, tasks = tasks_of(poses, **given)
    beats = np.isin(job.keys, np.arange(0, 120, 10))
    control, prompt = job.strengths["control"], job.strengths["prompt"]
    assert (control[beats] == 1).all() and (control[~beats] < 0.85).all() and control.min() >= 0.5
    assert np.allclose(prompt, np.interp(job.key_times_s, [0, 3, 5], [1, 0.5, 1]), atol=1e-4)
    assert [len(task.recipe().params["strengths"]["control"]) for task in tasks] == [len(t.segment) for t in tasks]
    other = tasks_of(poses, **{**given, "pulse": ("control=0.5-1", "prompt=0:00 1 | 0:03 0.5 | 0:05 0.9")})[1]
    same = [one.recipe().digest == two.recipe().digest for one, two in zip(tasks, other, strict=True)]
    assert same[0] and not same[-1]  # what changes after its end changes no segment


@pytest.mark.parametrize(
    "pulse, words",
    [("colour=0-1", "prompt, lora, control, depth"), ("control=1", "0.6-1"), ("control=0-9", "0 to 3"),
     ("lora=0-1", "--lora"), ("depth=0-1", "--depth"), ("control=0:10 1 | 0:05 1", "later")],
)  # fmt: skip
def test_a_pulse_that_makes_no_sense_is_refused(pulse, words, store, models, body, capfd):
    flat = stored(store, body, name="flat")
    given = flags({**QUICK, **models, "pulse": pulse, "store": store.root})
    assert main(["render", flat.digest[:16], "--prompt", PROMPT, *given]) == 2
    assert words in capfd.readouterr().err


def test_a_pulse_through_the_whole_stage_changes_the_film(store, models, body, capfd, tmp_path):
    lora = tiny_lora(models, tmp_path / "style.safetensors", motion=False, size=3.0)
    poses, few = stored(store, body, name="body"), {**FEW, **models, "lora": lora}
    plain, pulsing, off = (
        shown(store, film(store, poses, PROMPT, capfd, **few, **more))
        for more in ({}, {"pulse": "lora=0-1"}, {"pulse": "lora=0-0"})
    )
    without = shown(store, film(store, poses, PROMPT, capfd, **FEW, **models))
    assert np.abs(off - without).mean() < 0.2 < 0.5 < np.abs(plain - without).mean()
    assert np.abs(pulsing - off).mean() > 0.2
