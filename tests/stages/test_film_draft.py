"""Drafts: a few seconds of a film, or one window of each of some seeds."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dancegen.audio.load import SAMPLE_RATE, load
from dancegen.cli import main
from dancegen.stages.film_draft import LABEL
from dancegen.video import probe_video
from helpers.tiny_film import PROMPT, QUICK, dance, film, flags, pictures, shown, tasks_of

FEW = {"steps": 2, "window": 8, "stride": 6, "segment": 24, "overlap": 4, "key_fps": 5}


@pytest.mark.slow
def test_a_preview_is_a_film_of_its_seconds_with_their_music(store, poses, models, capfd):
    made = film(store, poses, PROMPT, capfd, **FEW, **models, preview="1.5-3.5")
    info = probe_video(store.find(made["digest"]).file("video.mp4"))
    assert info.frames == 40 and abs(info.audio.end_s - info.video.end_s) <= 1 / 20
    assert made["summary"]["key_frames"] in (10, 11)
    # What the ControlNet is shown is what it would be shown there in the whole film.
    whole = film(store, poses, PROMPT, capfd, **FEW, **models)
    first = film(store, poses, PROMPT, capfd, **FEW, **models, preview=2)
    assert probe_video(store.find(first["digest"]).file("video.mp4")).frames == 40
    assert len({each["digest"] for each in (made, whole, first)}) == 3
    # A beat every half second: of the music, the third click comes first.
    said = shlex.split(info.metadata["command"])
    assert said[said.index("--preview") + 1] == "1.5-3.5"
    assert main([*said[1:], "--store", str(store.root), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["digest"] == made["digest"]


def test_poses_of_a_preview_are_those_of_the_film(store, poses, models):
    whole, part = (tasks_of(poses, **{**FEW, **models, **more})[0].sequence for more in ({}, {"preview": "1.5-3.5"}))
    np.testing.assert_array_equal(part.keypoints, whole.keypoints[30:70])
    assert part.start_s == whole.start_s + 1.5


def test_the_music_and_the_strengths_of_a_preview_are_those_of_its_seconds(store, poses, models, capfd):
    """A beat every half second, and the preview begins between two."""
    pulse = {"pulse": ("control=0.5-1", "prompt=0:00 1 | 0:06 0.4"), "key_fps": 10}
    whole, part = (tasks_of(poses, **{**FEW, **models, **pulse, **more})[0] for more in ({}, {"preview": "1.75-3.75"}))
    assert (part.beats_s[part.beats_s > 0][:2] == [0.25, 0.75]).all()
    at = {round(float(second), 3): place for place, second in enumerate(whole.key_times_s)}
    shared = [(place, at[second]) for place, s in enumerate(part.key_times_s) if (second := round(float(s), 3)) in at]
    ours, theirs = np.array(shared).T
    assert len(ours) >= 4  # those on beats, and more
    for name in ("control", "prompt"):
        np.testing.assert_allclose(part.strengths[name][ours], whole.strengths[name][theirs], atol=2e-3)
    assert part.strengths["control"][np.isclose(part.key_times_s % 0.5, 0)].min() == 1
    made = film(store, poses, PROMPT, capfd, **FEW, **models, preview="1.75-3.75")
    song = load(poses.file("audio.flac"))
    cut = song[round(1.75 * SAMPLE_RATE) : round(3.75 * SAMPLE_RATE)]
    heard = load(store.find(made["digest"]).file("video.mp4"))[: len(cut)]
    assert np.corrcoef(heard, cut[: len(heard)])[0, 1] > 0.9 > np.corrcoef(heard, song[: len(heard)])[0, 1]


def test_seeds_are_painted_beside_each_other_one_window_of_each(store, poses, models, capfd, tmp_path):
    made = film(store, poses, PROMPT, capfd, **FEW, **models, seeds=3, seed=4, output=tmp_path / "draft")
    summary = made["summary"]
    assert summary["seeds"] == [4, 5, 6] and (summary["segments_total"], summary["segments_computed"]) == (3, 3)
    assert summary["key_frames"] == 24 and summary["frames"] == shown(store, made).shape[0]
    segments = [a for a in store.artifacts("render-segment") if a.params["key_frames"] == [0, 8]]
    segments.sort(key=lambda artifact: artifact.params["seed"])
    assert [artifact.params["seed"] for artifact in segments] == [4, 5, 6]
    sheet = cv2.imread(str(tmp_path / "draft" / "sheet.png"))[..., ::-1]
    assert sheet.shape == (3 * (64 + LABEL), 6 * 64, 3)
    frames = shown(store, made)
    assert frames.shape[1:] == (64 + LABEL, 3 * 64, 3)
    for row, segment in enumerate(segments):
        own = pictures(segment.path)
        top = row * (64 + LABEL)
        assert (sheet[top + LABEL : top + LABEL + 64, :64] == own[0]).all() and sheet[top : top + LABEL].any()
        cell = frames[0, LABEL:, 64 * row : 64 * (row + 1)]
        off = [np.abs(cell - pictures(each.path)[0]).mean() for each in segments]  # H.264 takes something
        assert off[row] == min(off) < 0.7 * sorted(off)[1]
    # The seed that one likes is painted no second time in another draft.
    again = film(store, poses, PROMPT, capfd, **FEW, **models, seeds=2, seed=5)
    assert (again["summary"]["segments_total"], again["summary"]["segments_computed"]) == (2, 0)


def test_a_preview_is_painted_as_the_film_will_be(store, poses, models, capfd):
    """Larger too, and with the pass over faces: it shows what the film will look like."""
    more = {"upscale": 1.5, "refine_face": True}
    made = film(store, poses, PROMPT, capfd, **FEW, **models, **more, preview=1)
    assert made["summary"]["size"] == [96, 96]
    plans = []
    for part in ({}, {"preview": 1}):
        words = flags({**QUICK, **FEW, **models, **more, **part, "store": store.root})
        main(["render", poses.digest[:16], "--prompt", "unseen", "--dry-run", "--json", *words])
        plans.append(json.loads(capfd.readouterr().out))
    assert plans[0]["steps"] == plans[1]["steps"] > FEW["steps"] and plans[0]["key_frames"] > plans[1]["key_frames"]


def test_a_draft_of_seeds_is_painted_once_and_says_what_it_goes_without(store, poses, models, capfd):
    """Seeds are told apart before anything is painted once more; models for that alone are not even looked for."""
    plain = film(store, poses, PROMPT, capfd, **FEW, **models, seeds=2, seed=5)
    more = {"upscale": 1.5, "refine_face": True, "temporal": True, "temporalnet": "nobody/has-this", "offline": True}
    same = film(store, poses, PROMPT, capfd, **FEW, **models, **more, seeds=2, seed=5, force=True)
    assert same["digest"] == plain["digest"] and plain["summary"]["goes_without"] == []
    assert same["summary"]["goes_without"] == ["--temporal", "--upscale", "--refine-face"]
    assert "a draft of seeds goes without --temporal, --upscale and --refine-face" in " ".join(same["said"].split())
    words = flags({**QUICK, **FEW, **models, **more, "seeds": 3, "store": store.root})
    for kind in ([], ["--json"]):
        assert main(["render", poses.digest[:16], "--prompt", "unseen", "--dry-run", *kind, *words]) == 3
        out = capfd.readouterr().out
        assert json.loads(out)["goes_without"] == same["summary"]["goes_without"] if kind else "goes without" in out


def test_a_dry_run_of_a_draft_says_what_the_draft_takes(store, poses, models, capfd):
    words = ["render", poses.digest[:16], "--prompt", "unseen", "--store", str(store.root), "--dry-run", "--json"]
    plans = []
    for more in ({}, {"preview": 2}, {"seeds": 3}):
        assert main([*words, *flags({**QUICK, **FEW, **models, **more})]) == 3
        plans.append(json.loads(capfd.readouterr().out))
    whole, preview, seeds = plans
    assert whole["key_frames"] > 2 * preview["key_frames"] > preview["key_frames"] > seeds["key_frames"] / 3 == 8
    assert seeds["segments_total"] == 3 and preview["frames"] == 40
    drawn = film(store, poses, "unseen", capfd, **FEW, **models, seeds=3)["summary"]
    assert {name: seeds[name] for name in ("key_frames", "frames")} == {
        name: drawn[name] for name in ("key_frames", "frames")
    }


@pytest.mark.parametrize("prompt", [PROMPT, "0:00 a dancer | 0:00.4 a neon street"])
def test_seeds_are_shown_beyond_a_cut_and_in_the_next_words(prompt, store, models, capfd, tmp_path):
    """After a second, within the window of each seed, the camera cuts: each shot is a segment of its own."""
    poses = dance(store, 2.0, cut=20)
    given = {**FEW, **models, "overlap": 2, "seeds": 2}
    made = film(store, poses, prompt, capfd, **given, seed=3, output=tmp_path / "draft")
    job, tasks = tasks_of(poses, **{**given, "prompt": prompt})
    places = [(segment.start, segment.stop) for segment in job.segments]
    assert len(tasks) == (2 if prompt == PROMPT else 3) and places[-1] == (5, 8)
    summary = made["summary"]
    assert summary["segments_total"] == summary["segments_computed"] == 2 * len(tasks) and summary["key_frames"] == 16
    sheet = cv2.imread(str(tmp_path / "draft" / "sheet.png"))[..., ::-1]
    assert sheet.shape == (2 * (64 + LABEL), 6 * 64, 3) and len(shown(store, made)) == summary["frames"]
    for row in (0, 1):  # the last cell of each is the last frame of the second shot in this seed
        digest = replace(tasks[-1], seed=3 + row).recipe().digest
        cell = sheet[row * (64 + LABEL) + LABEL : (row + 1) * (64 + LABEL), 5 * 64 :]
        assert (cell == pictures(store.find(digest).path)[-1]).all()


@pytest.mark.parametrize(
    "choice, words", [({"preview": "9-12"}, "6.0 s"), ({"preview": "x"}, "--preview"), ({"seeds": 1}, "--seeds 1")]
)
def test_a_draft_of_what_is_not_there_is_refused(choice, words, store, poses, models, capfd):
    given = flags({**QUICK, **FEW, **models, **choice, "store": store.root})
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *given]) == 2
    assert words in capfd.readouterr().err
