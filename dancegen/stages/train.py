"""train: a choreographer learns from a pose dataset."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.stages.reference import resolve
from dancegen.store import Artifact, Input, Recipe, Store, open_store

if TYPE_CHECKING:
    from dancegen.choreographers.gan.config import GanConfig
    from dancegen.choreographers.training.processes import Processes

STAGE = "train"
VERSION = 3
FAMILIES = ("gan", "diffusion")
MODEL_FILES = ("model.safetensors", "config.json", "discriminator.safetensors")
KEPT = ("history.csv", "samples", "events")


def train(
    dataset: Artifact | str | Path | None = None,
    *,
    family: str = "gan",
    preset: str = "small",
    epochs: int | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    decay: float | None = None,
    decay_steps: int | None = None,
    init: str | None = None,
    vgg: str | Path | None = None,
    perceptual: float | None = None,
    settings: Sequence[str] | None = None,
    wandb: str | None = None,
    seed: int = 0,
    device: str = "auto",
    store: Store | str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Artifact:
    """A model: the generator that danced best on its own, with its history, sample sheets and TensorBoard events.

    dataset: an extract-poses artifact, its path or digest; by default the newest. The family `diffusion` learns from a
    prepare artifact instead: motion in three dimensions. `epochs` (each shows every clip once), `steps` and `minutes`
    each end it. `init`: `gan` or a model's path or digest to start from. `vgg`: VGG16's weights for the perceptual
    loss, weighted `perceptual`. `settings`: any other number of the preset, like `loss.l1=40`. `wandb`: a project of
    Weights & Biases that is told of the training. A run that is interrupted keeps what it learnt, and the same call
    goes on from there. Several processes, under `accelerate launch`, share each batch of one training.

    Raises InputError for settings that fit nothing, for missing VGG weights and where Weights & Biases is not there,
    and TrainingError for a training that has left the finite.
    """
    from dancegen.choreographers import find_model
    from dancegen.choreographers.gan.losses import find_vgg
    from dancegen.choreographers.training.history import check_wandb
    from dancegen.choreographers.training.processes import join

    check_wandb(wandb)
    if family not in FAMILIES:
        raise InputError(f"there is no family {family!r} of choreographers; choose one of {', '.join(FAMILIES)}")
    if seed < 0:
        raise InputError(f"--seed {seed}: it must be 0 or more")
    if family == "diffusion":
        flags = {"epochs": epochs, "steps": steps, "minutes": minutes, "batch": batch, "learning_rate": learning_rate}
        flags |= {"decay": decay, "decay_steps": decay_steps, "perceptual": perceptual, "vgg": vgg}
        return _train_diffusion(
            dataset, preset, flags, settings or (), wandb, init, seed, device, open_store(store), force, progress
        )
    config = configure(
        preset, epochs, steps, minutes, batch, learning_rate, decay, decay_steps, perceptual, settings or ()
    )
    weights = find_vgg(Path(vgg) if vgg else None) if config.loss.perceptual else None
    store = open_store(store)
    start = find_model(init, store) if init else None
    if start is not None:
        config = _architecture_of(start, config)
    processes = join(device, config.train.precision)
    config = _settled(config, processes)
    progress = progress if processes.main else SILENT
    dataset = resolve(dataset, "extract-poses", store, progress)
    inputs = [Input.artifact("dataset", dataset)]
    if weights is not None:
        inputs.append(Input.file("vgg", weights))
    if start is not None:
        inputs += [Input.file(f"init {name}", start / name) for name in MODEL_FILES if (start / name).is_file()]
    recipe = Recipe(STAGE, VERSION, {"family": family, "config": config.to_dict(), "seed": seed}, tuple(inputs))

    def learn(scratch: Path) -> dict[str, float]:
        return _train(dataset.path, config, scratch, start, weights, seed, processes, wandb, progress)

    return _obtain(store, recipe, learn, force, processes, progress)


def _train_diffusion(dataset, preset, flags, settings, wandb, init, seed, device, store, force, progress) -> Artifact:
    from dancegen.choreographers import find_model
    from dancegen.choreographers.training.processes import join
    from dancegen.stages.train_diffusion import configured, train_diffusion

    start = find_model(init, store) if init else None
    config = configured(preset, flags, settings, start)
    processes = join(device, config.train.precision)
    config = _settled(config, processes)
    progress = progress if processes.main else SILENT
    recipe, learn = train_diffusion(
        dataset, config, stage=STAGE, version=VERSION, init=start, seed=seed, processes=processes, wandb=wandb,
        store=store, progress=progress,
    )  # fmt: skip
    return _obtain(store, recipe, learn, force, processes, progress)


def _obtain(
    store: Store,
    recipe: Recipe,
    learn: Callable[[Path], dict[str, float]],
    force: bool,
    processes: Processes,
    progress: Progress,
) -> Artifact:
    """The model of a recipe: `learn` trains in a folder that outlives an interruption, and gives the best's figures.

    Of several processes the main one alone asks the store, holds its lock, fills the folder and publishes. The others
    wait to be told whether there is anything to train, train beside it in the folder, which they only read, and are
    given the artifact.
    """
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

    artifact = store.obtain(recipe, build, force=force, progress=progress)
    if artifact.cached:
        processes.from_main(False)
    return processes.from_main(artifact)


def configure(
    preset: str,
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
