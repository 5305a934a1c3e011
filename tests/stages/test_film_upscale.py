"""A film that is painted once more, larger."""

from __future__ import annotations

import json
import shlex

import numpy as np

from dancegen.cli import main
from dancegen.pose.drawing import draw_openpose
from dancegen.video import probe_video
from helpers.tiny_film import FEW, PROMPT, QUICK, dance, film, flags, pictures, shown, tasks_of


def test_a_larger_film_is_larger_led_by_larger_poses_and_its_command_makes_it_again(store, models, capfd):
    poses = dance(store, 2.0)
    given = {**models, "upscale": 1.5}
    made = film(store, poses, PROMPT, capfd, **FEW, **given)
    info = probe_video(store.find(made["digest"]).file("video.mp4"))
    assert info.size == (96, 96) and made["summary"]["size"] == [96, 96]
    small = film(store, poses, PROMPT, capfd, **FEW, **models)
    assert shown(store, small).shape[1:3] == (64, 64) and made["digest"] != small["digest"]
    job, (task,) = tasks_of(poses, **given)
    larger = task.scene().larger
    placed = job.sequence.keypoints[job.keys[1]].copy()
    placed[:, :2] = np.where(placed[:, 2:] > 0, (placed[:, :2] + 0.5) * 1.5 - 0.5, 0)
    np.testing.assert_array_equal(larger.poses[1], draw_openpose(placed.astype(np.float32), (96, 96)))
    assert task.scene().poses.shape[1:3] == (64, 64)
    assert main([*shlex.split(info.metadata["command"])[1:], "--store", str(store.root), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["digest"] == made["digest"]


def test_a_dry_run_counts_the_larger_pass(store, models, capfd):
    poses = dance(store, 2.0)
    words = ["render", poses.digest[:16], "--prompt", "unseen", "--store", str(store.root), "--dry-run", "--json"]
    plans = []
    for more in ({}, {"upscale": 2}):
        assert main([*words, *flags({**QUICK, **FEW, **models, **more})]) == 3
        plans.append(json.loads(capfd.readouterr().out))
    assert plans[1]["steps"] == plans[0]["steps"] + 1 and plans[1]["peak_gb"] > plans[0]["peak_gb"]


def test_the_face_is_painted_anew_and_nothing_else_is(store, models, capfd, tmp_path):
    poses = dance(store, 2.0)
    given = {**FEW, **models, "frames": True}
    plain, refined = (
        film(store, poses, PROMPT, capfd, **given, **more, output=tmp_path / name)
        for name, more in (("plain", {}), ("refined", {"refine_face": True, "face_strength": 0.9}))
    )
    assert plain["digest"] != refined["digest"]
    job, (task,) = tasks_of(poses, **models, refine_face=True)
    scene = task.scene()
    faces = scene.faces
    assert faces is not None and faces.seen.all() and scene.face_poses.shape == (len(scene), 64, 64, 3)
    nose = task.poses.keypoints[:, 0, :2]
    assert (np.abs(faces.corners + faces.side / 2 - nose) < 0.3 * faces.side).all()
    one, other = (pictures(tmp_path / name / "frames").astype(int) for name in ("plain", "refined"))
    for place, frame in enumerate(job.keys):
        change = np.abs(one[frame] - other[frame]).max(axis=2)
        rows, columns = np.nonzero(change > 1)
        left, top = faces.corners[place]
        assert len(rows) and rows.min() >= top - 1 and rows.max() <= top + faces.side + 1
        assert columns.min() >= left - 1 and columns.max() <= left + faces.side + 1
