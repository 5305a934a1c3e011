"""train: a choreographer learns from a pose dataset."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.declare import recipe_for
from dancegen.options.verbs import FAMILIES, TrainOptions
from dancegen.progress import SILENT, Progress
from dancegen.store import Artifact, Input, Recipe

if TYPE_CHECKING:
    from dancegen.choreographers.gan.config import GanConfig
    from dancegen.choreographers.training.processes import Processes

STAGE = "train"
VERSION = 3
MODEL_FILES = ("model.safetensors", "config.json", "discriminator.safetensors")
KEPT = ("history.csv", "samples", "events")


def train(options: TrainOptions, context: Context) -> Artifact:
    """A model: the one that danced best on its own, with its history, sample sheets and TensorBoard events.

    The family `diffusion` learns from a prepare artifact: motion in three dimensions; `gan` from one of extract-poses.
    `epochs` (each shows every clip once), `max_steps` and `minutes` each end it. A run that is interrupted keeps what
    it learnt, and the same call goes on from there. Several processes, under `accelerate launch`, share each batch.

    Raises InputError for settings that fit nothing, for missing VGG weights and where Weights & Biases is not there,
    and TrainingError for a training that has left the finite.
    """
    from dancegen.choreographers import find_model
    from dancegen.choreographers.gan.losses import find_vgg
    from dancegen.choreographers.training.history import check_wandb
    from dancegen.choreographers.training.processes import join

    family, store, progress, seed = options.family, context.store, context.progress, options.seed
    check_wandb(options.wandb)
    if family not in FAMILIES:
        raise InputError(f"there is no family {family!r} of choreographers; choose one of {', '.join(FAMILIES)}")
    numbers = {
        "epochs": options.epochs, "steps": options.max_steps, "minutes": options.minutes, "batch": options.batch,
        "learning_rate": options.learning_rate, "decay": options.decay, "decay_steps": options.decay_steps,
        "perceptual": options.perceptual,
    }  # fmt: skip
    start = find_model(options.init, store) if options.init else None
    if family == "diffusion":
        return _train_diffusion(options, context, numbers | {"vgg": options.vgg}, start)
    config = configure(options.preset, **numbers, settings=options.settings)
    weights = find_vgg(Path(options.vgg) if options.vgg else None) if config.loss.perceptual else None
    if start is not None:
        config = _architecture_of(start, config)
    processes = join(context.device, config.train.precision)
    config = _settled(config, processes)
    progress = progress if processes.main else SILENT
    dataset = context.step(progress=progress).resolve(options.dataset, "extract-poses")
    inputs = {
        "dataset": (Input.artifact("dataset", dataset),),
        "vgg": () if weights is None else (Input.file("vgg", weights),),
        "init": _files_of(start),
    }
    recipe = recipe_for(STAGE, VERSION, options, inputs, config=config.to_dict())

    def learn(scratch: Path) -> dict[str, float]:
        return _train(dataset.path, config, scratch, start, weights, seed, processes, options.wandb, progress)

    return _obtain(recipe, learn, processes, replace(context, progress=progress))


def _files_of(model: Path | None) -> tuple[Input, ...]:
    if model is None:
        return ()
    return tuple(Input.file(f"init {name}", model / name) for name in MODEL_FILES if (model / name).is_file())


def _train_diffusion(options: TrainOptions, context: Context, numbers: dict, start: Path | None) -> Artifact:
    from dancegen.choreographers.training.processes import join
    from dancegen.stages.train_diffusion import configured, train_diffusion

    config = configured(options.preset, numbers, options.settings, start)
    processes = join(context.device, config.train.precision)
    config = _settled(config, processes)
    context = replace(context, progress=context.progress if processes.main else SILENT)
    dataset = context.resolve(options.dataset, "prepare")
    inputs = {"dataset": (Input.artifact("dataset", dataset),), "init": _files_of(start)}
    recipe = recipe_for(STAGE, VERSION, options, inputs, config=config.to_dict())
    learn = train_diffusion(
        dataset, config, init=start, seed=options.seed, processes=processes, wandb=options.wandb,
        progress=context.progress,
    )  # fmt: skip
    return _obtain(recipe, learn, processes, context)


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
        except KeyboardInterrupt:
            if (scratch / "best").is_dir():
                progress.say(f"the best model so far is {scratch / 'best'}: use it with --model, or run again to go on")
            raise
        return _collect(scratch, directory, figures)

    artifact = context.obtain(recipe, build)
    if artifact.cached:
        processes.from_main(False)
    return processes.from_main(artifact)


def configure(
    preset: str,
    *,
    epochs: int | None,
    steps: int | None,
    minutes: float | None,
    batch: int | None,
    learning_rate: float | None,
    decay: float | None,
    decay_steps: int | None,
    perceptual: float | None,
    settings: Sequence[str] = (),
) -> GanConfig:
    """The preset with the person's settings in place; steps or minutes alone lift the preset's limit on epochs."""
    from dancegen.choreographers.gan.config import change, override
    from dancegen.choreographers.gan.config import preset as named

    flags = {
        "train.epochs": epochs, "train.steps": steps, "train.minutes": minutes, "train.batch": batch,
        "train.learning_rate": learning_rate, "train.decay": decay, "train.decay_steps": decay_steps,
        "loss.perceptual": perceptual,
    }  # fmt: skip
    for setting in settings:
        name = setting.partition("=")[0].strip()
        if flags.get(name) is not None:
            flag = name.partition(".")[2].replace("_", "-")
            raise InputError(f"--set {setting} and --{flag} both give {name}: leave one of them out")
    if epochs is None and (steps is not None or minutes is not None):
        epochs = 1_000_000
    config = override(
        named(preset),
        epochs=epochs,
        steps=steps,
        minutes=minutes,
        batch=batch,
        learning_rate=learning_rate,
        decay=decay,
        decay_steps=decay_steps,
    )
    if perceptual is not None:
        config = replace(config, loss=replace(config.loss, perceptual=perceptual))
    for setting in settings:
        config = change(config, setting)
    _check(config)
    return config


def _check(config: GanConfig) -> None:
    """InputError for settings that nothing can be trained with."""
    from dancegen.choreographers.accent import check_accent
    from dancegen.choreographers.training.precision import check_precision

    check_precision(config.train.precision)
    check_accent(config.train.accent)
    for name in ("epochs", "steps", "minutes", "batch", "learning_rate", "decay", "decay_steps"):
        value = getattr(config.train, name)
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"--{name.replace('_', '-')} {value}: it must be more than 0")
    for name, value in vars(config.loss).items():
        if not 0 <= value < float("inf"):
            raise InputError(f"the loss setting {name} is {value:g}: it must be 0 or more")
    for name in ("clip_frames", "first_clip_frames", "alone_frames", "judged_frames"):
        if not getattr(config.train, name) > 0:
            raise InputError(f"the training setting {name} is {getattr(config.train, name)}: it must be more than 0")
    for name, known in (("norm", ("group", "batch")), ("activation", ("leaky", "relu"))):
        if (value := getattr(config.generator, name)) not in known:
            raise InputError(f"the generator setting {name} is {value!r}: choose {' or '.join(known)}")
    if config.loss.penalty_every < 1:
        raise InputError("the loss setting penalty_every is 0: it must be 1 or more")


def _settled(config, processes: Processes):
    """The settings of either family with `auto` made the precision that the main process's device computes in: it is
    part of what the result is kept by, and all processes must have the same."""
    from dancegen.choreographers.training.precision import settled

    precision = processes.from_main(settled(config.train.precision, processes.device))
    return replace(config, train=replace(config.train, precision=precision))


def _architecture_of(model: Path, config: GanConfig) -> GanConfig:
    """A training that starts from given weights has their architecture, and its own losses and schedule."""
    from dancegen.choreographers.gan.model import load_config

    given = load_config(model)
    return replace(config, image=given.image, generator=given.generator, discriminator=given.discriminator)


def _train(
    dataset: Path,
    config: GanConfig,
    scratch: Path,
    init: Path | None,
    vgg: Path | None,
    seed: int,
    processes: Processes,
    wandb: str | None,
    progress: Progress,
) -> dict[str, float]:
    from dancegen.choreographers.gan.data import choose_starts, load_takes
    from dancegen.choreographers.gan.trainer import Trainer

    clips = load_takes(dataset, "train", config, progress, accent=config.train.accent)
    held_out = load_takes(dataset, "val", config, progress)
    trainer = Trainer(
        config,
        clips,
        held_out,
        choose_starts(clips, config, seed),
        scratch,
        init=init,
        vgg=vgg,
        seed=seed,
        processes=processes,
        wandb=wandb,
        progress=progress,
    )
    return trainer.run()


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
