"""What a diffusion model's config.json says. It is read without the network, which takes seconds to import."""

from __future__ import annotations

from pathlib import Path

from dancegen.choreographers.config import read_settings
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.family import CONFIG
from dancegen.errors import InputError, ModelError, reading

FORMAT = 3
FAMILY = "diffusion"


def load_config(folder: Path) -> DiffusionConfig:
    """The settings of the model in `folder`. Raises ModelError as `load_model` does."""
    return read_model_settings(folder)[0]


def load_styles(folder: Path) -> tuple[str, ...]:
    """The genres that the model in `folder` knows. Raises ModelError as `load_model` does."""
    return read_model_settings(folder)[2]


def read_model_settings(folder: Path) -> tuple[DiffusionConfig, float, tuple[str, ...]]:
    """The settings, the body's height in metres and the styles. Raises ModelError."""
    settings = read_settings(folder / CONFIG)
    with reading(folder / CONFIG, "model's config.json", ModelError):
        family, version = settings.pop("family"), settings.pop("format")
        height, styles = float(settings.pop("height_m")), tuple(settings.pop("styles"))
        if (family, version) == (FAMILY, FORMAT):
            if not (0 < height < 10 and all(isinstance(style, str) for style in styles)):
                raise ModelError(f"{folder} is damaged: its {CONFIG} states no height or styles that can be")
            try:
                return DiffusionConfig.from_dict(settings), height, styles
            except InputError as error:
                raise ModelError(f"{folder} is not a model of this dancegen: {error}") from None
        raise ModelError(f"{folder} is a model of family {family!r}, format {version}, which is not read here")
