"""train --family diffusion: a denoiser learns from the motion of a prepared dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.progress import Progress
from dancegen.store import Artifact

if TYPE_CHECKING:
    from dancegen.choreographers.diffusion.config import DiffusionConfig
    from dancegen.choreographers.training.processes import Processes


def train_diffusion(
    dataset: Artifact,
    config: DiffusionConfig,
    *,
    init: Path | None,
    seed: int,
    processes: Processes,
    wandb: str | None,
    progress: Progress,
) -> Callable[[Path], dict[str, float]]:
    """What trains in a folder, and gives the figures of the best model. config: as `configured` gives it."""

    def learn(folder: Path) -> dict[str, float]:
        from dancegen.choreographers.diffusion.data import dancer_of, load_motions, record
        from dancegen.choreographers.diffusion.model import load_model
        from dancegen.choreographers.diffusion.trainer import Trainer

        clips, held_out = (load_motions(dataset.path, split, progress) for split in ("train", "val"))
        body = load_model(init).body if init is not None else dancer_of(clips)
        recordings = record(dataset.path, clips, body, config, progress, accent=config.train.accent)
        kept_apart = record(dataset.path, held_out, body, config, progress)
        trainer = Trainer(
            config, recordings, kept_apart, body, folder, init=init, seed=seed, processes=processes, wandb=wandb,
            progress=progress,
        )  # fmt: skip
        return trainer.run()

    return learn


def configured(
    preset: str, flags: dict[str, float | None], settings: Sequence[str], init: Path | None
) -> DiffusionConfig:
    """The settings of a training, which has the architecture of the model that it starts from.

    flags: the command's own numbers by the name of the training setting, None where not given; those that mean nothing
    to a denoiser raise InputError.
    """
    config = configure(preset, flags, settings)
    return config if init is None else _architecture_of(init, config)


def configure(preset: str, flags: dict[str, float | None], settings: Sequence[str]) -> DiffusionConfig:
    """The preset with the person's settings in place; steps or minutes alone lift the preset's limit on epochs."""
    from dancegen.choreographers.diffusion.config import TrainConfig, check
    from dancegen.choreographers.diffusion.config import preset as named
    from dancegen.choreographers.gan.config import change, override

    given = {name: value for name, value in flags.items() if value is not None}
    known = TrainConfig.__dataclass_fields__
    for name in given:
        if name not in known:
            raise InputError(
                f"--{name.replace('_', '-')} is for the GAN; the diffusion choreographer has no such thing"
            )
    if "epochs" not in given and ("steps" in given or "minutes" in given):
        given["epochs"] = 1_000_000
    config = override(named(preset), **given)
    for setting in settings:
        name = setting.partition("=")[0].strip().removeprefix("train.")
        if flags.get(name) is not None:
            raise InputError(f"--set {setting} and --{name.replace('_', '-')} both give {name}: leave one of them out")
        config = change(config, setting)
    check(config)
    return config


def _architecture_of(model: Path, config: DiffusionConfig) -> DiffusionConfig:
    """A training that starts from given weights has their architecture, and its own losses and schedule."""
    from dancegen.choreographers.diffusion.model import load_model

    given = load_model(model).config
    return replace(config, window=given.window, denoiser=given.denoiser)
