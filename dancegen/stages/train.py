"""train: a choreographer of any family learns from a dataset."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.errors import Cancelled, DancegenError, InputError
from dancegen.options.data import TrainOptions
from dancegen.options.declare import recipe_for
from dancegen.progress import SILENT
from dancegen.store import SHORT, Artifact, Input, Recipe

if TYPE_CHECKING:
    from dancegen.choreographers.family import Family
    from dancegen.choreographers.training.processes import Processes

STAGE = "train"
KEPT = ("history.csv", "samples", "events")
FLAGS = (
    "epochs", "max_steps", "minutes", "batch", "learning_rate", "decay", "decay_steps", "perceptual", "vgg",
)  # fmt: skip
"""Options that stand for settings of a family."""


def train(options: TrainOptions, context: Context) -> Artifact:
    """A model: the one that danced best on its own, with its history, sample sheets and TensorBoard events.

    Each family learns from the datasets of one stage: `diffusion` of prepare, `gan` of extract-poses. `epochs` (each
    shows every clip once), `max_steps` and `minutes` each end it. A run that is interrupted keeps what it learnt, and
    the same call goes on from there. Several processes, under `accelerate launch`, share each batch.

    Raises InputError for settings that fit nothing, for missing weights and where Weights & Biases is not there, and
    TrainingError for a training whose numbers are not finite any more.
    """
    from dancegen.choreographers import find_model
    from dancegen.choreographers.family import TrainingJob
    from dancegen.choreographers.registry import find_family
    from dancegen.choreographers.training.logging import check_wandb

    check_wandb(options.wandb)
    family = find_family(options.family)
    if family.learns_from is None:
        raise InputError(f"--family {family.name}: {family.who} does not learn")
    flags = {name: getattr(options, name) for name in FLAGS}
    init = find_model(options.init, context.store) if options.init else None
    config = family.configure(options.preset, flags, options.settings, init)
    weights = family.weights(config, flags)
    with context.progress.task("loading PyTorch"):
        from dancegen.choreographers.training.processes import join, settled_for
    processes = join(context.device, config.train.precision)
    config = settled_for(config, processes)
    context = replace(context, progress=context.progress if processes.main else SILENT)
    dataset = _dataset(options, family, context)
    inputs = {
        "dataset": (Input.artifact("dataset", dataset),),
        "vgg": (),
        **{name: (Input.file(name, path),) for name, path in weights.items()},
        "init": tuple(
            Input.file(f"init {name}", init / name) for name in family.init_files if (init / name).is_file()
        ) if init is not None else (),
    }  # fmt: skip
    recipe = recipe_for(STAGE, family.training_version, options, inputs, config=config.to_dict())

    def learn(folder: Path) -> dict[str, float]:
        job = TrainingJob(
            dataset.path, folder, processes, init, weights, options.seed, options.wandb, context.progress
        )  # fmt: skip
        return family.train(config, job)

    return _obtain(recipe, learn, processes, context)


def _dataset(options: TrainOptions, family: Family, context: Context) -> Artifact:
    """The dataset to learn from. Raises InputError, with what to do, for that of another stage, NotFoundError."""
    needed, given = str(family.learns_from), options.dataset
    try:
        return context.resolve(given, needed)
    except InputError as error:
        if (stage := _stage_of(given, context)) not in _OTHER_DATASET or stage == needed:
            raise
        name = given.digest[:SHORT] if isinstance(given, Artifact) else given
        advice = _OTHER_DATASET[stage].format(who=family.who, dataset=name)
        raise InputError(f"{name} is a dataset of {stage}; {advice}") from error


_OTHER_DATASET = {
    "prepare": "{who} learns from poses in pictures: make them with: dancegen extract-poses {dataset}",
    "extract-poses": "{who} learns from motion in space: give the dataset of prepare that it was made from",
}
"""What to do about a dataset of this stage where that of another is needed."""


def _stage_of(dataset: Artifact | str | Path | None, context: Context) -> str:
    """Which stage an artifact is of; empty where it is none."""
    if dataset is None or isinstance(dataset, Artifact):
        return dataset.stage if dataset else ""
    try:
        return context.store.look_up(dataset).stage
    except DancegenError:
        return ""


def _obtain(
    recipe: Recipe, learn: Callable[[Path], dict[str, float]], processes: Processes, context: Context
) -> Artifact:
    """The model of a recipe: `learn` trains in a folder that outlives an interruption, and gives the best's figures.

    Of several processes the main one alone asks the store, holds its lock, fills the folder and publishes. The others
    wait to be told whether there is anything to train, train beside it in the folder, which they only read, and are
    given the artifact.
    """
    store, progress = context.store, context.progress
    if not processes.main:
        if processes.from_main(None):
            learn(store.scratch(recipe))
        return processes.from_main(None)

    def build(directory: Path) -> dict:
        scratch = store.scratch(recipe)
        processes.from_main(True)
        try:
            figures = learn(scratch)
        except (KeyboardInterrupt, Cancelled):
            if (scratch / "best").is_dir():
                progress.say(f"the best model so far is {scratch / 'best'}: use it with --model, or run again to go on")
            raise
        return _collect(scratch, directory, figures)

    artifact = context.obtain(recipe, build)
    if artifact.cached:
        processes.from_main(False)
    return processes.from_main(artifact)


def _collect(scratch: Path, directory: Path, figures: dict[str, float]) -> dict:
    """The payload from what the trainer kept: the best model, and the record of how it came about."""
    shutil.copytree(scratch / "best", directory, dirs_exist_ok=True)
    for name in KEPT:
        source = scratch / name
        if source.is_dir():
            shutil.copytree(source, directory / name)
        elif source.exists():
            shutil.copyfile(source, directory / name)
    return {name: round(value, 4) for name, value in figures.items()}
