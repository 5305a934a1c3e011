"""Looking for dancers with weights of the hub: downloaded once, whoever looks, and said before."""

from __future__ import annotations

from collections import Counter

import pytest

from dancegen.stages.detect_people import STAGE
from dancegen.store import open_store
from helpers import tiny_film
from helpers.filmed_clips import Shot, drawn_dataset, filmed_dataset
from helpers.local_hub import hub_of
from helpers.processes import run
from helpers.tiny_film import FEW, QUICK, flags, options
from helpers.tiny_vitpose import tiny_models

VITPOSE, RTDETR = "usyd-community/vitpose-base-simple", "PekingU/rtdetr_r50vd_coco_o365"


@pytest.mark.slow
def test_weights_are_downloaded_once_for_all_workers_and_that_is_said(tmp_path, own_store):
    store, models = open_store(own_store), tiny_models(tmp_path / "models", seed=3)
    drawn_dataset(store, "one", tmp_path)
    drawn_dataset(store, "other", tmp_path)
    both = {name: Shot(tmp_path / f"{name}.mp4", 0.0, 1.5, 10.0) for name in ("one", "other")}
    dataset = str(filmed_dataset(store, both).path)
    with hub_of({VITPOSE: models / "vitpose", RTDETR: models / "rtdetr"}) as hub:
        given = hub.settings(tmp_path / "cache")
        words = ["extract-poses", dataset, "--detector", "vitpose", "--workers", "2", "--device", "cpu"]
        planned = run(*words, "--dry-run", **given)
        assert planned.returncode == 3, planned.stderr
        assert "0 of 2 filmed clips have been looked at by vitpose already" in planned.stdout
        assert f"{VITPOSE} would be downloaded from huggingface.co" in planned.stdout
        assert not any(path.endswith(".safetensors") for path in hub.asked)
        made = run(*words, **given)
        downloads = Counter(
            request.path for request in hub.requests if request.sent and request.path.endswith(".safetensors")
        )
    # What a network of random weights takes for a dancer is none: each clip was looked at all the same.
    assert made.returncode in (0, 2) and f"downloading {VITPOSE} from huggingface.co" in made.stderr, made.stderr
    assert len(store.artifacts(STAGE)) == 2
    assert len(downloads) == 2 and max(downloads.values()) == 1


@pytest.mark.slow
def test_a_video_that_is_rendered_says_what_is_downloaded_and_then_needs_no_network(tmp_path, own_store):
    """The detector's weights and a film's models are planned, announced and kept in the same way."""
    models = tiny_models(tmp_path / "models", seed=3)
    drawn_dataset(open_store(own_store), "one", tmp_path)
    paint = ["--prompt", "a dancer", *flags({**QUICK, **FEW, **options(tiny_film.tiny_models(tmp_path / "film"))})]
    with hub_of({VITPOSE: models / "vitpose", RTDETR: models / "rtdetr"}) as hub:
        given = hub.settings(tmp_path / "cache")
        words = ["render", tmp_path / "one.mp4", "--detector", "vitpose"]
        offline = run(*words, *paint, "--offline", **given)
        assert offline.returncode == 2 and "--offline asks nobody else" in offline.stderr and not hub.requests
        planned = run(*words, *paint, "--dry-run", **given)
        assert planned.returncode == 3, planned.stderr
        assert f"{RTDETR} would be downloaded from huggingface.co" in planned.stdout
        assert not any(path.endswith(".safetensors") for path in hub.asked)
        made = run(*words, *paint, **given)
        assert f"downloading {VITPOSE} from huggingface.co" in made.stderr, made.stderr
        hub.requests.clear()
        again = run(*words, *paint, "--offline", **given)
        assert made.returncode == again.returncode and not hub.requests
        assert "downloading" not in again.stderr
