"""Every number of the diffusion choreographer: what it dances in, what its network looks like, how it is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dancegen.choreographers.config import build, check_loss, check_training
from dancegen.errors import InputError, nearest


@dataclass(frozen=True)
class WindowConfig:
    """The piece of a dance that is denoised at once."""

    fps: float = 30.0
    frames: int = 160
    """Frames of a window; a multiple of the denoiser's stride."""
    prefix: int = 30
    """Frames at its start that the window before has danced already."""
    context: int = 16
    """Frames of music that are seen before and after the window."""


@dataclass(frozen=True)
class DenoiserConfig:
    """A transformer over time."""

    width: int = 384
    """Numbers of a token. All that a stride of frames does goes through them: of real dance, 192 for 4 frames let feet
    slide twice as fast and joints tremble three times as much, 384 hardly."""
    layers: int = 4
    heads: int = 6
    hidden: int = 512
    stride: int = 4
    """Frames that share a token, as overlapping convolutions see them: 7.5 tokens a second, motion at 30. 1 or even."""
    cross_attention_every: int = 4
    """Every so many layers attend to the music, too, which every token holds its own part of already."""
    dropout: float = 0.0
    guidance_embeds: bool = False
    """Whether the strength of the guidance is an input, so that one pass does what two did (guidance-free training,
    Chen et al., 2025)."""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms (EDGE, section 3): of metres and seconds, but for the features, whose variance is about 1.

    In real dance the squares are 0.13 of positions, 0.34 of velocities and 31 of accelerations: so weighted, where a
    body is and how it moves count alike. The beat is in how it moves.
    """

    features: float = 1.0
    position: float = 5.0
    velocity: float = 2.0
    acceleration: float = 0.004
    contact: float = 2.0
    synchrony: float = 0.5
    """How much it weighs what a beat critic, which has learnt the beat of real dance, sees of the beat."""


@dataclass(frozen=True)
class TrainConfig:
    """How it is trained."""

    batch: int = 32
    """On two CPU cores many small steps learn more in an hour than few large ones."""
    learning_rate: float = 0.001
    warmup: int = 100
    weight_decay: float = 0.01
    ema: float = 0.998
    epochs: int = 500
    steps: int | None = None
    minutes: float | None = None
    validate_every: int = 1000
    """Steps between two validations, checkpoints and rows of `history.csv`."""
    precision: str = "auto"
    """`bf16`, `fp32`, or `auto`: bf16 where the device computes in it."""
    music_dropout: float = 0.15
    """Share of the windows that are danced without music, which guidance needs (Ho and Salimans, 2022); where the
    strength of the guidance is an input, without a style, too."""
    guided: float = 0.5
    """Share of the windows that learn to be guided, where the strength of the guidance is an input."""
    tempo: float = 0.1
    """By what share windows are faster or slower, at most, music and all."""
    mel_dropout: float = 0.4
    """Share of the windows that hear onsets and beats alone: a spectrogram tells few training songs apart too well."""
    condition_dropout: float = 0.25
    """Share of the windows that are denoised without a style, an energy or a destination, each for itself."""
    beat_critic_steps: int = 400
    """Steps in which the beat critic learns the beat of real dance, before the first of the denoiser."""
    accent: float = 0.12
    """By what share the dances it learns from are slower on each beat and faster between two (`accented_s`)."""
    prefix_noise: float = 0.02
    """Standard deviation of what is added to known frames, so that small errors of a dance's own past do not add up."""


@dataclass(frozen=True)
class SamplingConfig:
    """How it dances."""

    steps: int = 16
    guidance: float = 2.0
    eta: float = 0.5
    """How much of the noise is drawn anew at each step: 0 nothing (DDIM), 1 all of it. A little mends what the steps
    before got wrong; more makes dances calm."""


@dataclass(frozen=True)
class DiffusionConfig:
    """Everything that rebuilds a model (`config.json`) or repeats its training."""

    window: WindowConfig = field(default_factory=WindowConfig)
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DiffusionConfig:
        """The configuration that `to_dict` gave; InputError names a setting that does not exist."""
        return build(cls, values)


PRESETS = {
    "small": replace(DiffusionConfig(), denoiser=DenoiserConfig(guidance_embeds=True)),
    "base": replace(
        DiffusionConfig(),
        denoiser=DenoiserConfig(
            width=512,
            layers=8,
            heads=8,
            hidden=1536,
            stride=2,
            cross_attention_every=2,
            dropout=0.1,
            guidance_embeds=True,
        ),
        train=TrainConfig(batch=128, learning_rate=0.0002, ema=0.9995, epochs=2000),
    ),
}


def genre_number(genres: tuple[str, ...], name: str | None) -> int:
    """A genre's number as the denoiser has it; 0: none. Raises InputError for one that the model does not know."""
    if name is None:
        return 0
    if name not in genres:
        meant = nearest(name, genres)
        raise InputError(
            f"--genre {name}: {f'did you mean {meant}? ' if meant else ''}this model knows {', '.join(genres)}"
        )
    return genres.index(name) + 1


def check(config: DiffusionConfig) -> None:
    """InputError for settings that nothing can be trained with."""
    names = ("epochs", "steps", "minutes", "batch", "learning_rate", "validate_every", "beat_critic_steps")
    check_training(config.train, names)
    check_loss(config.loss)
    if not 0 <= config.sampling.eta <= 1:
        raise InputError(f"sampling.eta is {config.sampling.eta:g}: it must be 0 to 1")
    if not 0 <= config.train.guided <= 1 or not 0 <= config.train.tempo < 1:
        raise InputError("train.guided must be 0 to 1, and train.tempo 0 to less than 1")
    if config.sampling.steps < 1:
        raise InputError(f"sampling.steps is {config.sampling.steps}: it must be 1 or more")
    window, denoiser = config.window, config.denoiser
    if not 0 < window.prefix < window.frames:
        raise InputError(f"window.prefix is {window.prefix}: it must be under window.frames, {window.frames}")
    stride = denoiser.stride
    if not (stride == 1 or stride > 0 == stride % 2) or window.frames % stride or window.context % stride:
        raise InputError("denoiser.stride must be 1 or even, and window.frames and window.context multiples of it")
    if denoiser.width % denoiser.heads:
        raise InputError(f"denoiser.width {denoiser.width} must be a multiple of denoiser.heads, {denoiser.heads}")
