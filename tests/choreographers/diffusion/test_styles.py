"""What a style was learnt from goes with the model, and with one that goes on learning from it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dancegen import prepare
from dancegen.choreographers.diffusion.data import body_of, learnt_from, load_motions, train_clips
from dancegen.choreographers.diffusion.model import load_model
from dancegen.choreographers.diffusion.trainer import DiffusionTrainer
from dancegen.choreographers.genres import Genre
from dancegen.errors import ModelError
from dancegen.progress import SILENT
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer
from helpers.tiny_diffusion import BODY, CONFIG, clips, saved_model


def test_dance_counts_once_however_many_songs_it_is_danced_to(tmp_path):
    for name in ("slow", "fast"):
        (tmp_path / name).mkdir()
    for number in range(2):
        write_dancer(tmp_path / "slow" / f"s{number}.bvh", 9.0, 0.55 + 0.01 * number)
        write_dancer(tmp_path / "fast" / f"f{number}.bvh", 6.0, 0.47 + 0.01 * number)
    (tmp_path / "music").mkdir()
    for bpm in (108, 120, 126):
        write_click(tmp_path / "music" / f"{bpm}.wav", bpm)
    options = {
        "music": tmp_path / "music",
        "clip_seconds": 3.0,
        "val_fraction": 0.0,
        "workers": 1,
        "store": tmp_path / "s",
    }
    found = {}
    for pairs in (1, 3):
        made = prepare([tmp_path / "slow", tmp_path / "fast"], pairs=pairs, **options)
        motions = load_motions(made.path, "train", SILENT)
        found[pairs] = learnt_from(train_clips(made.path, motions, body_of(motions), CONFIG, SILENT), {})
        assert set(found[pairs]) == {"slow", "fast"}
    for style, most in (("slow", 18.0), ("fast", 12.0)):
        once, thrice = (found[pairs][style] for pairs in (1, 3))
        assert 0.7 * most < once.seconds < 1.15 * most
        assert thrice.seconds == pytest.approx(once.seconds, rel=0.15)
        assert 100 < thrice.tempo_bpm < 130 and thrice.speed > 0


def test_what_was_learnt_comes_back_from_the_files_and_models_without_it_load(tmp_path):
    learnt = {"stepping": Genre("stepping", 90.04, 120.0, 0.25)}
    assert load_model(saved_model(tmp_path / "new", learnt=learnt)).learnt == {
        "stepping": Genre("stepping", 90.0, 120.0, 0.25)
    }
    old = saved_model(tmp_path / "old")
    assert "style_training" not in json.loads((old / "config.json").read_text())
    assert load_model(old).learnt == {}


@pytest.mark.parametrize(
    "wrong",
    [
        [], {"stepping": 3}, {"stepping": {"seconds": 3}}, {"stepping": {"seconds": -1, "tempo_bpm": 1, "speed": 1}},
        {"stepping": {"seconds": float("inf"), "tempo_bpm": 1, "speed": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_damage_to_what_was_learnt_is_told(tmp_path, wrong):
    folder = saved_model(tmp_path)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "style_training": wrong}))
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(folder)


def test_a_training_that_starts_from_a_model_says_what_it_had_learnt_too(tmp_path):
    learnt = {"stepping": Genre("stepping", 90.0, 120.0, 0.25)}
    folder = saved_model(tmp_path / "given", learnt=learnt)
    swaying = [replace(clip, seconds=5.0) for clip in clips(style="swaying")]
    DiffusionTrainer(CONFIG, swaying, clips(1, "swaying"), BODY, tmp_path / "run", init=folder).run()
    made = load_model(tmp_path / "run" / "best")
    assert made.styles == ("stepping", "swaying")
    assert made.learnt["stepping"] == learnt["stepping"] and made.learnt["swaying"].seconds == 10.0
