"""train: a model out of a pose dataset, interruptible, and its settings checked before any work."""

from __future__ import annotations

import csv
import json
import re
import signal
from contextlib import contextmanager

import numpy as np
import pytest

from dancegen import generate_poses, prepare, train
from dancegen.choreographers import load_choreographer
from dancegen.choreographers.gan.family import Gan
from dancegen.choreographers.gan.model import load_config, load_model
from dancegen.choreographers.training.processes import settled
from dancegen.errors import InputError, ModelError, NotFoundError
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY
from dancegen.progress import SILENT, Silent
from dancegen.store import open_store
from helpers.listening import Listener
from helpers.processes import run, start
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer
from helpers.tiny_diffusion import CONFIG as tiny_diffusion
from helpers.tiny_gan import SETTINGS, filmed_dataset, pose_dataset, tiny_config, tiny_model


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a pose dataset in it."""
    made = open_store(tmp_path_factory.mktemp("store"))
    pose_dataset(made)
    return made


@pytest.fixture(scope="module")
def model(store):
    return train(max_steps=3, settings=(*SETTINGS, "train.validate_every=2"), store=store, family="gan")


def test_a_training_leaves_a_model_with_its_record(model):
    names = {entry.path for entry in model.files}
    assert {"model.safetensors", "discriminator.safetensors", "config.json", "history.csv"} <= names
    assert {"samples/step_000002.png", "samples/step_000003.png"} <= names
    assert not [name for name in names if name.endswith((".pt", ".pth", ".pkl", ".ckpt"))]
    rows = list(csv.DictReader(model.file("history.csv").open()))
    assert [row["step"] for row in rows] == ["2", "3"]
    assert model.summary["score"] == pytest.approx(min(float(row["score"]) for row in rows), abs=1e-3)
    assert load_config(model.path).generator == tiny_config().generator
    assert load_choreographer(model.path, "cpu")


def test_tensorboard_has_the_losses_if_it_is_installed(model):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = loader.EventAccumulator(str(model.path / "events")).Reload()
    assert {"l1", "adversarial", "score"} <= set(events.Tags()["scalars"])
    assert len(list((model.path / "events").iterdir())) == 1


def test_a_setting_given_twice_is_refused():
    for flag, setting in (
        ("max_steps", "train.steps"), ("batch", "train.batch"), ("perceptual", "loss.perceptual"),
        ("epochs", "train.epochs"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"--{flag.replace('_', '-')} both"):
            Gan().configure("small", {flag: 3}, (f"{setting}=1",))
        assert Gan().configure("small", {flag: None}, (f"{setting}=1",))


def test_the_second_run_is_answered_from_the_store_and_nothing_is_left_over(model, store):
    settings = (*SETTINGS, "train.validate_every=2")
    again = train(max_steps=3, settings=settings, store=store, family="gan")
    assert again.cached and again.digest == model.digest
    assert not list((store.root / ".scratch").glob("train/*"))
    assert train(max_steps=3, settings=settings, seed=1, store=store, family="gan").digest != model.digest


def test_a_training_starts_from_a_model_and_takes_its_architecture(model, store, tmp_path):
    wider = tiny_model(tmp_path / "given", tiny_config("generator.channels=8,16,32"))
    settings = [text for text in SETTINGS if text.startswith(("train.", "loss."))]
    made = train(max_steps=1, learning_rate=1e-9, init=str(wider), settings=settings, store=store, family="gan")
    assert load_config(made.path).generator.channels == (8, 16, 32)
    began, ended = (load_model(path).generator.state_dict() for path in (wider, made.path))
    assert all((began[name] - ended[name]).abs().max() < 1e-3 for name in began)
    by_digest = train(max_steps=1, init=model.digest[:10], settings=settings, store=store, family="gan")
    assert load_config(by_digest.path).generator.channels == (8, 16, 24)


def test_without_vgg_it_stops_and_says_what_to_do(store, tmp_path):
    done = run("train", "--family", "gan", "--max-steps", "1", "--store", store.root, TORCH_HOME=str(tmp_path))
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    for part in ("error:", "https://download.pytorch.org", "528 MB", "--vgg", "--perceptual 0"):
        assert part in done.stderr


def test_ctrl_c_keeps_the_best_so_far_and_the_same_command_goes_on(store, tmp_path):
    settings = [text for name in (*SETTINGS, "train.validate_every=3") for text in ("--set", name)]
    command = ["train", "--family", "gan", "--max-steps", "12", "--store", store.root, "--json", *settings]
    process = start(*command)
    for line in process.stderr:
        if line.startswith("step 3:"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "Traceback" not in err
    (best,) = (store.root / ".scratch").glob("train/*/best")
    assert str(best) in err and "run again" in err
    assert load_choreographer(best, "cpu")  # a model as it is
    again = run(*command)
    assert again.returncode == 0 and "continuing from step" in again.stderr, again.stderr
    result = json.loads(again.stdout)
    rows = list(csv.DictReader((open_store(store).find(result["path"]).file("history.csv")).open()))
    assert [int(row["step"]) for row in rows] == list(range(3, 13, 3))
    assert not best.exists()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"preset": "huge"}, "small, base, original"),
        ({"family": "polka"}, "gan"),
        ({"epochs": 0}, "--epochs 0"),
        ({"max_steps": -1}, "--max-steps -1"),
        ({"minutes": float("nan")}, "--minutes nan"),
        ({"batch": 0}, "--batch 0"),
        ({"learning_rate": -1.0}, "--learning-rate -1"),
        ({"decay": 0.0}, "--decay 0"),
        ({"decay_steps": 0}, "--decay-steps 0"),
        ({"perceptual": -1.0}, "perceptual"),
        ({"seed": -1}, "--seed -1"),
        ({"settings": ["loss.l2=1"]}, "--set loss.l2=1"),
        ({"settings": ["loss.l1=-1"]}, "l1"),
        ({"settings": ["loss.penalty_every=0"]}, "penalty_every"),
        ({"settings": ["train.alone_frames=0"]}, "alone_frames"),
        ({"settings": ["generator.activation=gelu"]}, "leaky or relu"),
        ({"settings": ["generator.norm=layer"]}, "group or batch"),
        ({"vgg": "nowhere.safetensors"}, "--vgg nowhere.safetensors"),
        ({"device": "tpu", "perceptual": 0}, "--device tpu"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(options, words, store):
    with pytest.raises(InputError, match=words.replace(".", r"\.")):
        train(store=store, **{"family": "gan", **options})


def test_what_is_no_model_or_dataset_is_refused(store, tmp_path):
    with pytest.raises(ModelError, match="not a model"):
        train(init=str(tmp_path), perceptual=0, store=store, family="gan")
    with pytest.raises(InputError):
        train(tmp_path, perceptual=0, store=store, family="gan")
    with pytest.raises(NotFoundError, match="dancegen extract-poses"):
        train(perceptual=0, store=tmp_path / "empty", family="gan")


def test_clips_that_are_too_short_are_said_to_be(tmp_path):
    store = open_store(tmp_path)
    pose_dataset(store, seconds=1.0)
    with pytest.raises(InputError, match=r"no train clip of 1.3 s or more"):
        train(max_steps=1, perceptual=0, store=store, family="gan")


class Order(Silent):
    """Notes in which order things are begun and said."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def say(self, message: str) -> None:
        self.events.append(message)

    @contextmanager
    def task(self, label, total=None):
        self.events.append(label)
        yield lambda amount=1.0: None

    def at(self, words: str) -> int:
        (found,) = [place for place, event in enumerate(self.events) if event.startswith(words)]
        return found


def test_it_says_what_it_does_from_the_beginning_and_its_memory_before_it_reads_the_dataset(store):
    order = Order()
    settings = (*SETTINGS, "train.validate_every=100")
    train(max_steps=22, settings=settings, store=store, family="gan", seed=3, progress=order)
    places = [
        order.at(words)
        for words in (
            "loading PyTorch", "measuring the memory that the training needs", "memory: about ", "reading train clips",
            "reading val clips", "training the GAN", "a step takes ", "step 22:",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    pace = order.events[order.at("a step takes ")]
    assert re.fullmatch(r"a step takes \S+ s; the first report comes in about .+", pace)


@pytest.mark.parametrize("family", ["gan", "diffusion"])
def test_what_one_clip_tells_of_the_memory_is_what_the_whole_dataset_needs(family, store, tmp_path):
    from dancegen.choreographers.diffusion import data as bodies
    from dancegen.choreographers.diffusion import trainer as diffusion
    from dancegen.choreographers.family import TrainingJob
    from dancegen.choreographers.gan import data as views
    from dancegen.choreographers.gan import trainer as gan
    from dancegen.choreographers.training.processes import ALONE

    if family == "gan":
        job = TrainingJob(store.newest("extract-poses").path, tmp_path, ALONE)
        config = tiny_config("train.batch=2")
        train_clips, held_out = (views.load_clips(job.dataset, split, config, SILENT) for split in ("train", "val"))
        starts = views.choose_starts(train_clips, config, 0)
        said, whole = gan.memory_needed(config, job), gan.GanTrainer(config, train_clips, held_out, starts, tmp_path)
    else:
        (tmp_path / "takes").mkdir()
        write_dancer(tmp_path / "takes" / "one.bvh", 20.0, 0.5)
        write_dancer(tmp_path / "takes" / "two.bvh", 9.0, 0.45)
        write_click(tmp_path / "click.wav", 120)
        made = prepare(
            tmp_path / "takes", music=tmp_path / "click.wav", pairs=1, clip_seconds=6, val_fraction=0.5, workers=1,
            store=store,
        )  # fmt: skip
        job, config = TrainingJob(made.path, tmp_path, ALONE), tiny_diffusion
        moved = [bodies.load_motions(job.dataset, split, SILENT) for split in ("train", "val")]
        body = bodies.body_of(moved[0])
        clips = [bodies.train_clips(job.dataset, each, body, config, SILENT) for each in moved]
        said, whole = diffusion.memory_needed(config, job), diffusion.DiffusionTrainer(config, *clips, body, tmp_path)
    there = whole.memory_estimate()
    assert said.networks == pytest.approx(there.networks, rel=0.02)  # one genre more or less
    assert said.activations == pytest.approx(there.activations, rel=0.1) and said.clips == there.clips
    assert said.data == pytest.approx(there.data, rel=0.25)


def test_only_what_is_learnt_from_is_accented_and_the_record_says_in_which_precision(store, monkeypatch):
    from dancegen.choreographers.gan import data

    loaded = {}
    load = data.load_clips
    monkeypatch.setattr(
        data, "load_clips", lambda folder, split, *given, **kinds: (
            loaded.update({split: kinds.get("accent", 0.0)}) or load(folder, split, *given, **kinds)
        ),
    )  # fmt: skip
    settings = (*SETTINGS, "train.accent=0.2", "train.precision=auto")
    made = train(max_steps=1, settings=settings, store=store, device="cpu", family="gan")
    assert loaded == {"train": 0.2, "val": 0.0}
    assert load_config(made.path).train.precision == settled("auto", "cpu") != "auto"
    with pytest.raises(InputError, match=r"train\.accent"):
        train(max_steps=1, settings=(*SETTINGS, "train.accent=1"), store=store, family="gan")


def test_a_model_of_filmed_dances_is_trained_through_a_break_and_dances(tmp_path):
    store = open_store(tmp_path / "store")
    filmed_dataset(store)
    options = {"family": "gan", "max_steps": 4, "settings": (*SETTINGS, "train.validate_every=2"), "store": store}

    class Breaks(Listener):
        @contextmanager
        def task(self, label, total=None):
            def advance(amount=1.0):
                if label.startswith("training"):
                    signal.raise_signal(signal.SIGINT)

            yield advance

    with pytest.raises(KeyboardInterrupt):
        train(**options, progress=Breaks())
    heard = Listener()
    model = train(**options, progress=heard)
    assert [line for line in heard.said if line.startswith(("train: 4 clips", "val: 2 clips"))]
    rows = list(csv.DictReader(model.file("history.csv").open()))
    assert [row["step"] for row in rows] == ["2", "4"] and all(float(row["score"]) < float("inf") for row in rows)
    song = write_click(tmp_path / "song.wav", 120, 4.0)
    dance = generate_poses(song, model=str(model.path), store=store)
    keypoints = PoseSequence.load(dance.file("poses.npz")).keypoints
    assert len(keypoints) == 120 and np.isfinite(keypoints).all() and (keypoints[:, BODY, 2] > 0).mean() > 0.95


def test_a_dataset_of_the_wrong_stage_is_answered_with_the_way_to_the_right_one(store, tmp_path):
    poses = store.newest("extract-poses")
    with pytest.raises(InputError, match="learns from motion in space: give the dataset of prepare"):
        train(str(poses.path), max_steps=1, store=store)
    write_dancer(tmp_path / "dancer.bvh")
    write_click(tmp_path / "song.wav", 120)
    dances = prepare(
        [tmp_path / "dancer.bvh"], music=tmp_path / "song.wav", clip_seconds=3.0, workers=1, store=store
    )  # fmt: skip
    for given in (dances, dances.digest[:10], dances.path):
        with pytest.raises(InputError, match=r"is a dataset of prepare; .* dancegen extract-poses"):
            train(given, family="gan", perceptual=0, max_steps=1, store=store)
    with pytest.raises(NotFoundError):
        train("0123456789", family="gan", perceptual=0, max_steps=1, store=store)
