"""A new family is one file and one line in the registry: the whole chain takes it, from takes to a dance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen.choreographers.registry import FAMILIES
from dancegen.cli import main
from dancegen.metrics.beats import with_half_beats
from dancegen.pose.sequence import PoseSequence
from dancegen.store import open_store
from helpers.songs import write_click, write_song
from helpers.stepping_dancer import write_dancer
from helpers.swaying_family import Swaying


@pytest.fixture
def chain(tmp_path, monkeypatch, capsys):
    """Runs a command with a store of its own, and gives what it prints as JSON, or its error."""
    monkeypatch.setitem(FAMILIES, "swaying", Swaying())

    def run(*words: object) -> dict:
        code = main([*map(str, words), "--store", str(tmp_path / "store"), "--json"])
        printed = capsys.readouterr()
        return json.loads(printed.out) if code == 0 else {"code": code, "error": printed.err}

    return run


def test_a_family_of_one_file_learns_and_dances(chain, tmp_path):
    for folder in ("takes", "music"):
        (tmp_path / folder).mkdir()
    for number in range(4):
        write_dancer(tmp_path / "takes" / f"take{number}.bvh", 7.0, 0.45 + 0.03 * number)
    write_click(tmp_path / "music" / "click.wav", 120)
    write_song(tmp_path / "song.wav", 5.0)
    chain(
        "prepare", tmp_path / "takes", "--music", tmp_path / "music", "--pairs", 1, "--clip-seconds", 6,
        "--val-fraction", 0.3, "--workers", 1,
    )  # fmt: skip
    chain("extract-poses", "--views", "0", "--workers", 1)
    trained = chain("train", "--family", "swaying", "--set", "motion.sway=0.1")
    assert trained["summary"]["clips"] >= 2
    assert chain("train", "--family", "swaying", "--set", "motion.sway=0.1")["cached"]
    danced = chain("generate-poses", tmp_path / "song.wav", "--model", trained["digest"][:10])
    made = open_store(tmp_path / "store").find(danced["digest"])
    poses = PoseSequence.load(made.file("poses.npz"))
    assert len(poses) == 150
    across = poses.keypoints[:, 1, 0]
    assert np.ptp(across) == pytest.approx(0.2 * 512, rel=0.1)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(across)))) / 30
    beats = with_half_beats(np.array(json.loads(made.file("beats.json").read_text())["times_s"]))
    assert all(np.abs(beats - time).min() < 0.1 for time in turns[1:-1])  # it turns on the beats

    refused = chain("train", "--family", "swaying", "--perceptual", 1)
    assert refused["code"] == 2 and "the swaying choreographer has no such setting" in refused["error"]
    refused = chain("generate-poses", tmp_path / "song.wav", "--model", trained["digest"][:10], "--genre", "salsa")
    assert refused["code"] == 2 and "--genre: the swaying choreographer dances in the plane" in refused["error"]


def test_an_unknown_family_is_answered_with_those_there_are(chain):
    refused = chain("train", "--family", "polka")
    assert refused["code"] == 2 and "diffusion, gan, swaying" in refused["error"]
