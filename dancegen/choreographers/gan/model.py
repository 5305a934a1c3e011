"""A trained GAN on disk: `model.safetensors` and `config.json`, enough to rebuild it. Never a pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dancegen.choreographers.config import read_settings
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.discriminator import MultiScaleDiscriminator
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.choreographers.rebuilding import rebuilt
from dancegen.errors import InputError, ModelError, reading
from dancegen.files import load_tensors
from dancegen.pose.geometry import limb_lengths
from dancegen.pose.skeleton import N_JOINTS

FORMAT = 2
WEIGHTS, CONFIG, DISCRIMINATOR = "model.safetensors", "config.json", "discriminator.safetensors"


@dataclass(frozen=True)
class StartPoses:
    """Real poses a dance may start from, in image pixels, and how lively the music was where they were danced."""

    keypoints: np.ndarray
    """(K, 18, 3) float32."""
    energy: np.ndarray
    """(K,) float32: mean log-mel of the second around the pose, less its clip's mean."""

    @property
    def longest(self) -> np.ndarray:
        """(17,) pixels that no limb of these dancers exceeds; infinite where none shows it."""
        lengths = limb_lengths(self.keypoints)
        shown = np.isfinite(lengths).any(axis=0)
        longest = np.full(lengths.shape[1], np.inf)
        longest[shown] = 1.05 * np.nanpercentile(lengths[:, shown], 97, axis=0)
        return longest


@dataclass(frozen=True)
class Model:
    """A generator with what it needs to dance."""

    config: GanConfig
    generator: UNetGenerator
    starts: StartPoses


def save_model(folder: Path, model: Model, discriminator: MultiScaleDiscriminator | None = None) -> None:
    """Write the model's files into `folder`; weights as float16, which halves the download and moves no joint."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"generator.{k}": _half(v) for k, v in model.generator.state_dict().items()}
    tensors["start.keypoints"] = torch.from_numpy(model.starts.keypoints).float().contiguous()
    tensors["start.energy"] = torch.from_numpy(model.starts.energy).float().contiguous()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    if discriminator is not None:
        save_file({k: _half(v) for k, v in discriminator.state_dict().items()}, folder / DISCRIMINATOR)
    description = {"family": "gan", "format": FORMAT, **model.config.to_dict()}
    (folder / CONFIG).write_text(json.dumps(description, indent=2) + "\n")


def _half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().half().contiguous() if tensor.is_floating_point() else tensor.detach().cpu()


def load_config(folder: Path) -> GanConfig:
    """The configuration of the model in `folder`; ModelError where it is not one of ours."""
    values = read_settings(folder / CONFIG)
    family, written = values.pop("family", None), values.pop("format", None)
    if family != "gan" or written != FORMAT:
        raise ModelError(
            f"{folder}/{CONFIG} describes a model of family {family!r}, format {written!r}: not known here"
        )
    with reading(folder / CONFIG, "model's config.json", ModelError):
        try:
            return GanConfig.from_dict(values)
        except InputError as error:
            raise ModelError(f"{folder} is not a model of this dancegen: {error}") from None


def load_model(folder: Path, device: str | torch.device = "cpu") -> Model:
    """Rebuild the model in `folder`. ModelError where files are missing, damaged or of another architecture."""
    config = load_config(folder)
    tensors = load_tensors(folder / WEIGHTS)
    if config.generator.residual_blocks > len(tensors):
        raise ModelError(f"{folder / WEIGHTS} does not fit the architecture in its {CONFIG}: it has too few tensors")
    prefix = "generator."
    weights = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
    generator = rebuilt(lambda: UNetGenerator(config), weights, folder / WEIGHTS)
    starts = _starts(tensors, folder / WEIGHTS)
    generator.longest = starts.longest
    return Model(config, generator.to(device).to(memory_format=torch.channels_last).eval(), starts)


def _starts(tensors: dict[str, torch.Tensor], path: Path) -> StartPoses:
    with reading(path, "model", ModelError):
        keypoints, energy = (tensors[f"start.{name}"].float().numpy() for name in ("keypoints", "energy"))
        if keypoints.shape != (len(energy), N_JOINTS, 3) or energy.ndim != 1 or len(energy) == 0:
            raise ModelError(f"{path} is damaged: it holds no poses to start from")
        if not (np.isfinite(keypoints).all() and np.isfinite(energy).all()):
            raise ModelError(f"{path} is damaged: the poses to start from are not finite")
        return StartPoses(keypoints, energy)


def load_discriminator(folder: Path, discriminator: MultiScaleDiscriminator) -> bool:
    """Fill the discriminator from the model's folder; False where the model came without one."""
    if not (folder / DISCRIMINATOR).is_file():
        return False
    _fill(discriminator, load_tensors(folder / DISCRIMINATOR), folder / DISCRIMINATOR)
    return True


def _fill(network: torch.nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    try:
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit the architecture in its {CONFIG}: {error}") from None
