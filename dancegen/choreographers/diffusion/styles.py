"""The styles of a model: what each was learnt from, and new ones for a model that goes on learning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from dancegen.choreographers.diffusion.data import SPREAD_FLOOR, TrainClip
from dancegen.choreographers.diffusion.denoiser import Denoiser
from dancegen.choreographers.diffusion.model import Model
from dancegen.choreographers.genres import Genre

_EMBEDDING = "style.weight"


def learnt_from(clips: Sequence[TrainClip], before: Mapping[str, Genre]) -> dict[str, Genre]:
    """What each style is learnt from, by name.

    before: what the model that is trained on had learnt. Of a style that both know the longer one counts: mostly it is
    the same dance.
    """
    found = dict(before)
    for style in sorted({clip.style for clip in clips}):
        genre = _learnt(style, [clip for clip in clips if clip.style == style])
        known = found.get(style)
        if known is None or (known.seconds or 0.0) < (genre.seconds or 0.0):
            found[style] = genre
    return found


def _learnt(style: str, clips: Sequence[TrainClip]) -> Genre:
    seconds = sum(clip.seconds for clip in clips)
    in_time = [clip for clip in clips if clip.beats.tempo_bpm]
    tempo = sum(clip.beats.tempo_bpm * len(clip) for clip in in_time) / max(1, sum(map(len, in_time)))
    return Genre(style, seconds, tempo, float(np.concatenate([clip.speed for clip in clips]).mean()))


def with_styles(model: Model, clips: Iterable[TrainClip]) -> Model:
    """The model with room for the styles of clips that it does not know.

    A new one begins as the mean of those it knows, and with the liveliness of its own clips.
    """
    clips = list(clips)
    new = sorted({clip.style for clip in clips} - set(model.styles))
    if not new:
        return model
    styles = (*model.styles, *new)
    weights = model.denoiser.state_dict()
    known = weights[_EMBEDDING]
    weights[_EMBEDDING] = torch.cat([known, known[1:].mean(0, keepdim=True).expand(len(new), -1)])
    denoiser = Denoiser(model.config, len(styles)).to(known.device)
    denoiser.load_state_dict(weights)
    lively = [_liveliness([clip for clip in clips if clip.style == style]) for style in new]
    liveliness = torch.cat([model.normalizer.liveliness, torch.stack(lively).to(model.normalizer.liveliness)])
    normalizer = replace(model.normalizer, liveliness=liveliness)
    return replace(model, denoiser=denoiser.train(model.denoiser.training), normalizer=normalizer, styles=styles)


def _liveliness(clips: Sequence[TrainClip]) -> torch.Tensor:
    """Mean and spread (2,) of the logarithm of joint speed, clip by clip."""
    logs = np.log([max(float(clip.speed.mean()), 1e-3) for clip in clips])
    return torch.tensor([logs.mean(), max(float(logs.std()), SPREAD_FLOOR)], dtype=torch.float32)
