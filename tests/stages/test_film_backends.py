"""A film backend is a module and one line: the command, its options, chained segments and resuming come with it."""

from __future__ import annotations

import inspect
import json
import signal
import threading
from contextlib import contextmanager
from itertools import pairwise

import pytest

import dancegen
from dancegen.cli import main
from dancegen.errors import Cancelled
from dancegen.progress import Silent
from dancegen.renderers.film import registry
from helpers.dummy_film import PAUSE
from helpers.processes import start_python, wait_until
from helpers.tiny_film import dance, elsewhere, flags, shown

PROMPT = "red | 0:03 green"
CHOICES = {"engine": "dummy", "steps": 4, "segment": 13}
COMMAND = """
import sys
from dancegen.cli import main
from dancegen.renderers.film.registry import BACKENDS
BACKENDS["dummy"] = "helpers.dummy_film"
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(registry.BACKENDS, "dummy", "helpers.dummy_film")


def paint(store, poses, capfd, prompt=PROMPT, **more) -> dict:
    words = ["render", poses.digest[:16], "--prompt", prompt, "--store", str(store.root), "--json"]
    capfd.readouterr()
    code = main([*words, *flags({**CHOICES, "size": "64x64", "fps": 20, "device": "cpu", **more})])
    out, err = capfd.readouterr()
    assert code == 0, err
    return json.loads(out)


def segments(store, engine="dummy") -> list:
    found = [artifact for artifact in store.artifacts("render-segment") if artifact.params["engine"] == engine]
    return sorted(found, key=lambda artifact: artifact.params["key_frames"])


def test_each_segment_goes_on_from_the_one_before_which_is_in_its_recipe(store, poses, capfd):
    made = paint(store, poses, capfd)
    painted = segments(store)
    assert made["summary"]["segments_total"] == len(painted) >= 6
    assert made["summary"]["key_frames"] in (60, 61) and made["summary"]["frames"] == 120
    frames = [artifact.params["key_frames"] for artifact in painted]
    assert frames[:3] == [[0, 13], [10, 23], [20, 30]]  # the next text begins at three seconds
    for before, artifact in pairwise(painted):
        assert [item.digest for item in artifact.inputs if item.role == "before"] == [before.content]
        name = f"{artifact.params['key_frames'][0]:06d}.png"
        assert artifact.file(name).read_bytes() == before.file(name).read_bytes()
    assert not [item for item in painted[0].inputs if item.role == "before"]
    colours = shown(store, made)[:, 2, 2]
    assert abs(colours[:50].mean(axis=0) - colours[-30:].mean(axis=0)).max() > 10


def test_what_comes_after_a_change_is_painted_anew_and_nothing_before_it(store, poses, capfd):
    paint(store, poses, capfd)
    changed = paint(store, poses, capfd, prompt="red | 0:03 blue")
    assert 0 < changed["summary"]["segments_computed"] < changed["summary"]["segments_total"]
    same = paint(store, poses, capfd, prompt="red | 0:03 blue")
    assert same["cached"] and same["digest"] == changed["digest"]


def test_after_a_cut_a_segment_begins_afresh(store, capfd):
    made = paint(store, dance(store, cut=45), capfd, prompt="a film with a cut")
    painted = [each for each in segments(store) if each.params["prompt"] == [["a film with a cut", 1.0]]]
    alone = [each for each in painted if not [item for item in each.inputs if item.role == "before"]]
    assert len(painted) == made["summary"]["segments_total"] and len(alone) == 2
    first = alone[1].params["key_frames"][0]
    assert [each for each in painted if each.params["key_frames"][1] == first]  # nothing is shared across the cut


def test_a_killed_film_goes_on_to_the_same_frames(store, poses, tmp_path, capfd):
    whole, other = paint(store, poses, capfd), elsewhere(poses, tmp_path / "other")
    words = ["render", poses.digest[:16], "--prompt", PROMPT, "--store", other.root]
    more = flags({**CHOICES, "size": "64x64", "fps": 20, "device": "cpu"})
    process = start_python("-c", COMMAND, *words, *more, **{PAUSE: "0.2"})
    scratch = other.root / ".scratch" / "render-segment"
    wait_until(
        lambda: len(other.artifacts("render-segment")) == 2 and list(scratch.glob("*/steps.json")),
        "a step of the third segment", process=process, every=0.005,
    )  # fmt: skip
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = paint(other, poses, capfd)
    assert again["summary"]["segments_computed"] == whole["summary"]["segments_total"] - 2
    assert (again["digest"], again["content"]) == (whole["digest"], whole["content"])


class CancelledAt(Silent):
    """Progress that cancels the run at a step of the painting."""

    def __init__(self, step: int, cancel: threading.Event) -> None:
        self.left, self.cancel = step, cancel

    @contextmanager
    def task(self, label: str, total: float | None = None):
        def advance(amount: float = 1.0) -> None:
            self.left -= label.startswith("painting") and amount > 0
            if self.left == 0:
                self.cancel.set()

        yield advance


def test_a_cancelled_film_keeps_its_steps_and_goes_on_to_the_same_frames(store, poses, tmp_path, capfd):
    whole, other = paint(store, poses, capfd), elsewhere(poses, tmp_path / "other")
    cancel = threading.Event()
    keywords = {"prompt": PROMPT, **CHOICES, "size": "64x64", "fps": 20, "device": "cpu", "store": other}
    with pytest.raises(Cancelled):
        dancegen.render(poses.digest[:16], **keywords, cancel=cancel, progress=CancelledAt(6, cancel))
    assert len(other.artifacts("render-segment")) == 1
    kept = list((other.root / ".scratch" / "render-segment").glob("*/steps.json"))
    assert json.loads(kept[0].read_text())[0] == 3 and not other.artifacts("render")
    again = dancegen.render(poses.digest[:16], **keywords)
    assert (again.digest, again.content) == (whole["digest"], whole["content"])


def test_two_workers_paint_a_chain_as_one_does(store, poses, tmp_path, capfd):
    whole, other = paint(store, poses, capfd), elsewhere(poses, tmp_path / "other")
    shared = paint(other, poses, capfd, backend="loky", workers=2)
    assert shared["content"] == whole["content"] and shared["digest"] == whole["digest"]


def test_its_own_option_is_a_flag_a_keyword_and_part_of_the_recipe(store, poses, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for verb in ("render", "dance"):
        main([verb, "--help"])
        assert "--brightness" in capfd.readouterr().out
        assert inspect.signature(getattr(dancegen, verb)).parameters["brightness"].default == 40
    plain, bright = paint(store, poses, capfd), paint(store, poses, capfd, brightness=90)
    assert plain["digest"] != bright["digest"] and bright["summary"]["segments_computed"] > 0
    assert shown(store, bright)[:, 2, 2].mean() > shown(store, plain)[:, 2, 2].mean() + 20


@pytest.mark.parametrize(
    "choices, words",
    [
        ({"window": 8}, "--window: the engine dummy has no such option; animatediff has it"),
        ({"guidance": 3}, "--guidance: the engine dummy has no such option"),
        ({"style": "openpose"}, "--style: the engine dummy has no such option; skeleton has it"),
        ({"engine": "animatediff", "brightness": 3}, "the engine animatediff has no such option; dummy has it"),
        ({"size": "72x64"}, "multiples of 16"), ({"segment": 4}, "--segment 4"),
        ({"engine": "oil"}, "skeleton, animatediff, wan-vace, dummy"),
    ],
)  # fmt: skip
def test_what_an_engine_cannot_do_is_refused_by_flag_and_engine(choices, words, store, poses, capfd):
    given = flags({**CHOICES, "store": store.root, **choices})
    assert main(["render", poses.digest[:16], "--prompt", PROMPT, *given]) == 2
    assert words in capfd.readouterr().err


def test_a_dry_run_knows_the_backend(store, poses, capfd):
    given = flags({**CHOICES, "size": "64x64", "fps": 20, "device": "cpu", "store": store.root})
    prompt = "0:00 a film that nobody painted | 0:03 another"
    assert main(["render", poses.digest[:16], "--prompt", prompt, "--dry-run", "--json", *given]) == 3
    plan = json.loads(capfd.readouterr().out)
    assert plan["segments_total"] >= 6 and plan["steps"] == 4 and plan["models"] == []
