"""render --prompt: how the dancer lies in the picture, what a longer dance paints, and what a cut keeps apart."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen.cli import main
from dancegen.pose.figure import seen_height
from dancegen.pose.sequence import PoseSequence
from dancegen.stages.film_picture import Picture
from helpers.songs import write_song
from helpers.tiny_diffusion import light_footed
from helpers.tiny_film import FEW, PROMPT, QUICK, dance, film, flags, shown, tiny_temporalnet
from helpers.tiny_gan import STANDING

CUT = 50
"""Of twenty frames a second."""


def test_a_longer_dance_paints_only_what_is_new(store, models, capfd):
    """Of a 30 s film of three segments the first two are those of the 60 s film, frame for frame."""
    few = {**FEW, **models, "segment": 24, "overlap": 4, "window": 8, "stride": 6, "steps": 1}
    short = film(store, dance(store, 30.0), PROMPT, capfd, **few)["summary"]
    longer = film(store, dance(store, 60.0), PROMPT, capfd, **few)["summary"]
    assert short["segments_total"] == short["segments_computed"] == 3 and longer["segments_total"] == 6
    assert longer["segments_total"] - longer["segments_computed"] == 2


@pytest.mark.slow
def test_the_first_part_of_a_song_is_painted_once_however_much_of_it_is_danced(store, models, capfd, tmp_path):
    """The dance begins alike, and so do its pictures."""
    few = {**QUICK, **FEW, **models, "segment": 8, "overlap": 4, "window": 8, "stride": 6, "steps": 1, "fps": 30}
    song, choreographer = write_song(tmp_path / "song.wav", 28.0), light_footed(tmp_path / "model")
    counts = []
    for seconds in (18, 28):
        words = [str(song), "--prompt", PROMPT, "--seconds", str(seconds), "--model", str(choreographer)]
        capfd.readouterr()
        assert main(["dance", *words, "--json", "--store", str(store.root), *flags(few)]) == 0
        summary = json.loads(capfd.readouterr().out)["summary"]
        counts.append((summary["segments_total"], summary["segments_computed"]))
    (short, all_new), (longer, new) = counts
    assert all_new == short < longer and longer - new >= 2


def test_no_frame_is_painted_from_two_shots(store, models, capfd, tmp_path):
    """Each shot is a segment of its own that shares nothing, in the first pass and in the second."""
    temporal = {"temporal": True, "temporalnet": tiny_temporalnet(models, tmp_path / "temporalnet")}
    few = {**FEW, **models, **temporal, "key_fps": 5, "window": 8, "stride": 6, "segment": 24, "overlap": 6}
    one = film(store, dance(store, 6.0, cut=CUT), PROMPT, capfd, **few)
    made = [a for a in store.artifacts("render-segment") if a.params["key_frames"] in ([0, 11], [11, 27])]
    assert len(made) == 2  # the last frame before the cut and the first after it are painted too
    assert one["summary"]["segments_total"] == one["summary"]["temporal_total"] == 2
    again = sorted(store.artifacts("render-temporal"), key=lambda artifact: artifact.created)
    assert all(len([item for item in artifact.inputs if item.role == "painted"]) == 1 for artifact in again)
    assert not any(item.role == "before" for artifact in again for item in artifact.inputs)


def test_the_dancer_is_large_unless_all_of_the_way_is_asked_for(store, models, capfd):
    poses = dance(store)
    few = {**FEW, **models, "steps": 1, "key_fps": 1, "size": "64x96"}
    near, whole, upright = (
        film(store, poses, PROMPT, capfd, **few, **more) for more in ({}, {"framing": "whole"}, {"framing": "follow"})
    )
    assert near["digest"] != whole["digest"] and upright["summary"]["segments_computed"] == 0
    assert np.abs(shown(store, near) - shown(store, whole)).mean() > 0.2


def test_a_small_dancer_is_said(store):
    """Who walks far is small in a picture of all of the way, and a note says so and what helps."""
    poses = PoseSequence.load(dance(store).file("poses.npz"))
    keypoints = poses.keypoints.copy()
    keypoints[..., 0] += np.linspace(-900, 900, len(keypoints))[:, None]
    far = PoseSequence(keypoints, poses.fps)
    whole, follows = (Picture((768, 768), framing, False) for framing in ("whole", None))
    (line,) = whole.notes(far, [])
    assert "% of the picture's height" in line and "--framing follow" in line
    assert not any("of the picture's height" in line for line in follows.notes(far, []))
    share = seen_height(whole.of(far, []).keypoints, poses.fps) / 768
    assert np.median(share) < 0.3


@pytest.mark.parametrize("share, said", [(0.53, True), (0.57, False)])
def test_a_dancer_under_55_per_cent_of_the_height_is_small(share, said):
    body = np.concatenate([np.tile(STANDING * 200, (40, 1, 1)), np.ones((40, 18, 1))], -1).astype(np.float32)
    body[..., :2] = body[..., :2] * (share * 512 / seen_height(body, 20.0)[0]) + 256
    lines = list(Picture((512, 512), None, True).notes(PoseSequence(body, 20.0), []))
    assert len(lines) == said and all(f"the dancer is {share:.0%} of the picture's height" in line for line in lines)


def test_whoever_drops_to_the_floor_makes_the_camera_hurry_which_is_said(store):
    poses = PoseSequence.load(dance(store).file("poses.npz"))
    still = np.repeat(poses.keypoints[:1], len(poses), axis=0)
    floor = still.copy()
    floor[80:, :, :2] = 2 * floor[80:, :, 1::-1]  # along the picture, and much nearer
    calm, hurried = (list(Picture((512, 768), None, False).notes(PoseSequence(k, 20.0), [])) for k in (still, floor))
    assert any("draws back quickly" in line for line in hurried)
    assert not any("draws back quickly" in line for line in calm)


def test_another_framing_is_refused_by_name(store, models, capfd):
    words = flags({**QUICK, **models, "framing": "near", "store": store.root})
    assert main(["render", dance(store).digest[:16], "--prompt", PROMPT, *words]) == 2
    assert "follow" in capfd.readouterr().err


def test_films_are_upright_and_of_the_models_own_size_by_default():
    from dancegen.renderers.film.registry import find_backend

    assert find_backend().size == (512, 768)
