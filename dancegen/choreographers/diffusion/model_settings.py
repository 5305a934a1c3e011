"""What a diffusion model's config.json says. It is read without the network, which takes seconds to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dancegen.choreographers.config import read_settings
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.family import CONFIG
from dancegen.choreographers.genres import Genre, learnt
from dancegen.errors import InputError, ModelError, reading

FORMAT = 3
FAMILY = "diffusion"
LEARNT = "style_training"
"""What each style was learnt from; models of before 0.3 do not say."""


@dataclass(frozen=True)
class ModelSettings:
    """The settings, the body's height in metres, the styles, and what is known of how each was learnt."""

    config: DiffusionConfig
    height_m: float
    styles: tuple[str, ...]
    learnt: Mapping[str, Genre]

    @property
    def genres(self) -> tuple[Genre, ...]:
        """The styles, with what is known of each."""
        return tuple(self.learnt.get(style, Genre(style)) for style in self.styles)


def load_config(folder: Path) -> DiffusionConfig:
    """The settings of the model in `folder`. Raises ModelError as `load_model` does."""
    return read_model_settings(folder).config


def load_styles(folder: Path) -> tuple[str, ...]:
    """The genres that the model in `folder` knows. Raises ModelError as `load_model` does."""
    return read_model_settings(folder).styles


def read_model_settings(folder: Path) -> ModelSettings:
    """All of the file. Raises ModelError."""
    settings = read_settings(folder / CONFIG)
    with reading(folder / CONFIG, "model's config.json", ModelError):
        family, version = settings.pop("family"), settings.pop("format")
        height, styles = float(settings.pop("height_m")), tuple(settings.pop("styles"))
        if (family, version) != (FAMILY, FORMAT):
            raise ModelError(f"{folder} is a model of family {family!r}, format {version}, which is not read here")
        if not (0 < height < 10 and all(isinstance(style, str) for style in styles)):
            raise ModelError(f"{folder} is damaged: its {CONFIG} states no height or styles that can be")
        known = learnt(settings.pop(LEARNT, {}))
        try:
            return ModelSettings(DiffusionConfig.from_dict(settings), height, styles, known)
        except InputError as error:
            raise ModelError(f"{folder} is not a model of this dancegen: {error}") from None
