"""The second pass against flicker: what each frame is painted from, and that what is still stays still."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

import dancegen
from dancegen.context import Context
from dancegen.options.verbs import render_options
from dancegen.progress import SILENT
from dancegen.renderers.animatediff.temporal import TemporalPainter
from dancegen.stages.film import film_job
from dancegen.stages.film_poses import ShownPoses
from dancegen.stages.film_recipes import model_inputs
from dancegen.stages.film_request import request_film
from dancegen.stages.film_segments import frames_of
from dancegen.stages.film_temporal import render_temporal
from dancegen.store import open_store
from helpers.tiny_film import FEW, PROMPT, QUICK, dance, film, pictures, tasks_of, tiny_lora, tiny_temporalnet


@pytest.fixture(scope="module")
def net(models, tmp_path_factory):
    return tiny_temporalnet(models, tmp_path_factory.mktemp("temporalnet") / "net")


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_the_second_pass_sees_the_frame_before_across_segments_and_is_not_done_twice(store, poses, models, net, capfd):
    few = {**FEW, **models, "temporal": True, "temporalnet": net, "segment": 8, "overlap": 2, "window": 8, "stride": 6}
    made = film(store, poses, PROMPT, capfd, **few)
    assert (made["summary"]["temporal_total"], made["summary"]["temporal_computed"]) == (2, 2)
    chunks = sorted(store.artifacts("render-temporal"), key=lambda artifact: artifact.params["own"])
    first = next(a for a in store.artifacts("render-segment") if a.params["key_frames"] == [0, 8])
    assert apart(pictures(chunks[0].path)[:4].astype(float), pictures(first.path)[:4].astype(float)) > 1
    # What the second chunk is made from names the first: a change in one frame reaches all that come after.
    assert chunks[0].content in [item.digest for item in chunks[1].inputs]
    shutil.rmtree(chunks[1].path)
    shutil.rmtree(store.find(made["digest"]).path)
    again = film(store, poses, PROMPT, capfd, **few)
    assert (again["summary"]["segments_computed"], again["summary"]["temporal_computed"]) == (0, 1)
    assert again["content"] == made["content"]


def over_a_still(store, poses, models, net, place, *, key_fps=2, **more) -> tuple[np.ndarray, np.ndarray]:
    """((H, W, 3), (F, H, W, 3)): a frame that goes in again and again in one pose, and what the second pass makes."""
    few = {**QUICK, **FEW, **models, "size": (64, 64), "temporal": True, "temporalnet": str(net), "key_fps": key_fps}
    few = {name: value for name, value in {**few, **more}.items() if name != "device"}
    first = dancegen.render(poses, prompt=PROMPT, **{**few, "temporal": False}, device="cpu", store=store)
    assert first.summary["segments_total"] == 1
    job = film_job(request_film(render_options()(**few, prompt=PROMPT)), Context(store), store.find(poses.digest))
    (task, *_) = job.tasks(job.request.models, model_inputs(job.request.models, SILENT), "24")
    (segment,) = [a for a in store.artifacts("render-segment") if a.digest == task.recipe().digest]
    (still, *_) = frames_of(segment, 0, 1)
    task = replace(task, poses=ShownPoses(np.repeat(task.poses.keypoints[:1], len(task.segment), axis=0)))
    (again,) = render_temporal(
        [task], [segment], lambda number: iter([still] * len(task.segment)), open_store(place), force=False,
        progress=SILENT,
    )  # fmt: skip
    return still, pictures(again.path).astype(float)


def test_the_second_pass_keeps_still_what_is_still(store, poses, models, net, tmp_path):
    still, frames = over_a_still(store, poses, models, net, tmp_path / "other")
    assert len(frames) == 13 and apart(frames[:1], still) > 1
    assert np.abs(np.diff(frames, axis=0)).mean() < 0.1


def test_the_first_frame_of_a_shot_sees_itself_and_each_other_one_the_frame_before(
    store, models, net, capfd, monkeypatch, tmp_path
):  # fmt: skip
    """Also over the border of two segments; nobody sees a black frame, or another shot's."""
    calls: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    paint = TemporalPainter.paint

    def told(self, frame, pose, before, *args, **more):
        made = paint(self, frame, pose, before, *args, **more)
        calls.append((frame, before, made))
        return made

    monkeypatch.setattr(TemporalPainter, "paint", told)
    few = {**FEW, **models, "temporal": True, "temporalnet": net, "segment": 8, "overlap": 2, "window": 8, "key_fps": 5}
    made = film(store, dance(store, 4.0, cut=50), PROMPT, capfd, **few)
    job, tasks = tasks_of(dance(store, 4.0, cut=50), **{**few, "temporalnet": str(net)})
    assert made["summary"]["temporal_total"] == len(tasks) > len(job.cuts) + 1 == 2
    begins = {int(np.searchsorted(job.keys, frame)) for frame in (0, *job.cuts)}
    assert len(calls) == len(job.keys)
    for place, (frame, before, _) in enumerate(calls):
        np.testing.assert_array_equal(before, frame if place in begins else calls[place - 1][2], err_msg=str(place))


@pytest.mark.parametrize("target", ["control", "prompt", "lora"])
def test_the_second_pass_goes_with_the_song_as_the_first_does(target, store, poses, models, net, tmp_path):
    """A beat every second frame: on it a strength is whole, between there is none of it."""
    more: dict = {"pulse": (f"{target}=0-1",), "segment": 32, "key_fps": 4, "temporal_strength": 0.8}
    if target == "lora":
        more["lora"] = (str(tiny_lora(models, tmp_path / "style.safetensors", motion=False, size=3.0)),)
    _, frames = over_a_still(store, poses, models, net, tmp_path / "other", **more)
    on, between = frames[2:-1:2], frames[3:-1:2]
    assert len(frames) == 25 and len(on) >= 10
    apart_in_turn = apart(on.mean(axis=0), between.mean(axis=0))
    assert apart_in_turn > 0.5 and max(on.std(axis=0).mean(), between.std(axis=0).mean()) < 0.5 * apart_in_turn
