"""A trained diffusion choreographer on disk: `model.safetensors` and `config.json`. Never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.denoiser import Denoiser
from dancegen.choreographers.diffusion.features import Normalizer
from dancegen.choreographers.diffusion.model_settings import CONFIG, FAMILY, FORMAT, LEARNT, read_model_settings
from dancegen.choreographers.family import WEIGHTS
from dancegen.choreographers.genres import Genre, described
from dancegen.choreographers.rebuilding import rebuilt
from dancegen.errors import ModelError, reading
from dancegen.files import load_tensors
from dancegen.motion.body import Body
from dancegen.threads import tune

MOST_THREADS = 2
"""On three and more, one window's products are summed in another order, and the dance is another."""
_DENOISER, _SCALE = "denoiser.", ("mean", "spread", "liveliness")


@dataclass(frozen=True, eq=False)
class Model:
    """The denoiser, the body it moves, the normalizer of its numbers, the styles it knows, and from what, by name."""

    config: DiffusionConfig
    denoiser: Denoiser
    body: Body
    normalizer: Normalizer
    styles: tuple[str, ...]
    learnt: Mapping[str, Genre] = field(default_factory=dict)


def save_model(folder: Path, model: Model) -> None:
    """Write the model; weights in half precision, a folder that holds one already stays whole until the end."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {_DENOISER + name: value.half() for name, value in model.denoiser.state_dict().items()}
    tensors |= {name: getattr(model.normalizer, name) for name in _SCALE}
    tensors["offsets"] = torch.from_numpy(model.body.offsets)
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    settings = {
        "family": FAMILY,
        "format": FORMAT,
        "height_m": model.body.height_m,
        "styles": list(model.styles),
        **({LEARNT: described(model.learnt.values())} if model.learnt else {}),
        **model.config.to_dict(),
    }
    save_file(tensors, folder / f"{WEIGHTS}.tmp")
    (folder / f"{CONFIG}.tmp").write_text(json.dumps(settings, indent=2) + "\n")
    for name in (WEIGHTS, CONFIG):
        (folder / f"{name}.tmp").replace(folder / name)


def load_model(folder: Path, device: str = "cpu") -> Model:
    """Rebuild a model. Raises ModelError where its files are missing, damaged, or do not fit together."""
    settings = read_model_settings(folder)
    config, styles = settings.config, settings.styles
    tensors = load_tensors(folder / WEIGHTS)
    if config.denoiser.layers > len(tensors):
        raise ModelError(f"{folder / WEIGHTS} does not fit the architecture in its {CONFIG}: it has too few tensors")
    weights = {k.removeprefix(_DENOISER): v for k, v in tensors.items() if k.startswith(_DENOISER)}
    denoiser = rebuilt(lambda: Denoiser(config, len(styles)), weights, folder / WEIGHTS).to(device).eval()
    tune(denoiser, MOST_THREADS)
    with reading(folder / WEIGHTS, "model", ModelError):
        normalizer = Normalizer(*(tensors[name].float() for name in _SCALE))
        body = _body(tensors, settings.height_m, folder)
    return Model(config, denoiser, body, normalizer.to(device), styles, settings.learnt)


def load_body(folder: Path) -> Body:
    """The body that the model in `folder` moves. Raises ModelError as `load_model` does."""
    return _body(load_tensors(folder / WEIGHTS), read_model_settings(folder).height_m, folder)


def _body(tensors: Mapping[str, torch.Tensor], height: float, folder: Path) -> Body:
    offsets = tensors.get("offsets")
    if offsets is None or offsets.shape != (24, 3) or not offsets.isfinite().all():
        raise ModelError(f"{folder / WEIGHTS} holds no body of 24 joints")
    return Body(offsets.double().numpy(), height)
