"""Every number of the GAN: what the networks look like, what they see, how they are trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dancegen.choreographers.config import build, check_loss, check_training
from dancegen.errors import InputError


@dataclass(frozen=True)
class ImageConfig:
    """The pose image that the generator paints and reads."""

    size: int = 32
    """Width and height in pixels; a multiple of 2 to the number of down blocks."""
    heatmaps: bool = True
    """One heat channel a joint beside red, green and blue."""
    sigma: float = 1.0
    """Standard deviation of a joint's heat, in pixels."""
    fps: float = 10.0
    """Generated frames a second; the choreography is resampled to the rate that is wanted with a spline."""

    @property
    def channels(self) -> int:
        return 3 + (18 if self.heatmaps else 0)


@dataclass(frozen=True)
class GeneratorConfig:
    """The U-Net with a ConvLSTM at its bottleneck."""

    channels: tuple[int, ...] = (24, 48, 96, 192)
    """Width after each down block."""
    momentum: float | None = 0.9
    """Beside the previous pose it is shown heat where the dancer would be if this share of her last step's motion went
    on; None, or without heat channels: the previous pose alone. A joint moves by about a pixel a frame, which is easier
    to correct than to invent."""
    flow: float | None = 3.0
    """How far, in pixels, the image may be carried along the flows that the generator paints; None: it paints alone."""
    mel_width: int = 128
    """Spectrogram frames round a video frame, its middle at the frame (90 a second)."""
    audio_channels: int = 48
    noise_channels: int = 24
    """Width of the latent: what of the next pose neither song nor past determine. 0: dropout is the only randomness."""
    style: bool = True
    """Conditioned on how lively to dance, limb by limb: else it settles in the mean of all dancing."""
    dropout: float = 0.05
    """Also on at inference, as in pix2pix: without it a deterministic next-pose generator falls into a loop."""
    norm: str = "group"
    """`group` or `batch`; batch norm behaves differently once the batch is one song."""
    activation: str = "leaky"
    """`leaky` or `relu`, in all blocks; without the leak a channel that no frame lights up learns nothing more."""
    residual_blocks: int = 1
    dilations: tuple[int, ...] = (1, 2, 4)
    start_poses: int = 64


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Two PatchGANs, the second on the average-pooled input."""

    channels: tuple[int, ...] = (48, 96, 160)
    extra_layers: int = 0
    history: tuple[int, ...] = (1, 2, 4, 8)
    """Which earlier poses it sees beside the one it judges, in frames back: one pose cannot show a freeze."""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the generator's terms and of the discriminator's penalty."""

    adversarial: float = 1.0
    feature_matching: float = 2.0
    l1: float = 15.0
    position: float = 10.0
    """Where the heat channels' centroids lie; 0 for images without heat channels."""
    divergence: float = 0.15
    """Weight of KL(posterior || prior), a nat; 0 where there is no latent."""
    perceptual: float = 0.25
    synchrony: float = 1.0
    """How far the beat that a dance shows, where it is free-running, is from the music's; 0: no beat critic."""
    style: float = 0.5
    """How far a free-running dance is from its target style."""
    acceleration: float = 0.5
    """How far its accelerations are from those of the real dance that has this style."""
    gradient_penalty: float = 0.2
    black_weight: float = 0.1
    """What an L1 error on a black pixel counts beside one on the drawing."""
    label_smoothing: float = 0.1
    penalty_every: int = 8
    """The gradient penalty's second backward pass is dear: once in so many steps, times as much."""


@dataclass(frozen=True)
class TrainConfig:
    """How the pair is trained."""

    batch: int = 16
    clip_frames: int = 12
    """Frames of a clip that are learnt from in one step, once the generator lives on its own output."""
    first_clip_frames: int = 8
    """The same at first; short clips give many steps while the next frame is still to be learnt."""
    alone_share: float = 0.4
    """Share of the clips whose place is taken by a dance that goes on from the step before, with no real pose and no
    encoder to tell what comes: the discriminator judges it where it has long left what it was shown."""
    alone_frames: int = 200
    """For how many frames, on average, such a dance goes on."""
    judged_frames: int = 4
    """Frames of each clip that the discriminator judges in one step."""
    accent: float = 0.15
    """By what share the dances it learns from are slower on each beat and faster between two (`accented_s`)."""
    beat_critic_steps: int = 500
    """Steps in which the judge of synchrony learns the beat of real dance, before all else."""
    perceptual_frames: int = 1
    """Frames of a batch that the perceptual loss compares in one step."""
    own_output_ramp: float = 0.3
    """Share of the training after which clips are longest and most that the generator is shown is its own output."""
    teacher_forcing: float = 0.25
    """After how many of the other clips' frames the real pose still takes the place of the generated one in the end."""
    learning_rate: float = 0.0004
    discriminator_rate: float = 0.0004
    warmup_steps: int = 0
    """Steps in which the learning rate grows to its height: a trained model needs them, or Adam's first guesses
    spoil it."""
    decay: float = 0.8
    decay_steps: int | None = 400
    """Steps between two decays of the learning rate; None: an epoch."""
    beta1: float = 0.5
    beta2: float = 0.999
    ema: float = 0.995
    epochs: int = 10
    steps: int | None = None
    minutes: float | None = None
    validate_every: int = 100
    """Steps between two validations, checkpoints and rows of `history.csv`."""
    precision: str = "auto"
    """`bf16`, `fp32`, or `auto`: bf16 where the device computes in it."""


@dataclass(frozen=True)
class GanConfig:
    """Everything that rebuilds a model (`config.json`) or repeats its training."""

    image: ImageConfig = field(default_factory=ImageConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    @property
    def past_channels(self) -> int:
        """Channels of what the generator is shown: the previous pose image and, with momentum, where it leads."""
        carried = self.generator.momentum is not None and self.image.heatmaps
        return self.image.channels + (18 if carried else 0)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> GanConfig:
        """The configuration that `to_dict` gave; InputError names a setting that does not exist."""
        return build(cls, values)


PRESETS = {
    "small": GanConfig(),
    "base": GanConfig(
        image=ImageConfig(size=128, sigma=2.0),
        generator=GeneratorConfig(channels=(48, 96, 192, 320, 384), flow=5.0, audio_channels=160, residual_blocks=2),
        discriminator=DiscriminatorConfig(channels=(64, 128, 256, 384)),
    ),
    "original": GanConfig(
        image=ImageConfig(size=256, heatmaps=False, fps=30.0),
        generator=GeneratorConfig(
            channels=(64, 256, 512, 512, 512, 512, 512),
            audio_channels=408,
            dropout=0.5,
            norm="batch",
            residual_blocks=6,
            noise_channels=0,
            style=False,
            momentum=None,
            flow=None,
        ),
        discriminator=DiscriminatorConfig(channels=(64, 128, 256, 512), history=(1,)),
        loss=LossConfig(
            adversarial=1.0,
            l1=100.0,
            feature_matching=10.0,
            perceptual=10.0,
            gradient_penalty=10.0,
            penalty_every=1,
            synchrony=0.0,
            style=0.0,
            acceleration=0.0,
        ),
        train=TrainConfig(
            batch=10,
            learning_rate=0.001,
            discriminator_rate=0.001,
            decay=0.8,
            decay_steps=None,
            teacher_forcing=0.0,
            accent=0.0,
            epochs=20,
        ),
    ),
}


def check(config: GanConfig) -> None:
    """InputError for settings that nothing can be trained with."""
    check_training(
        config.train, ("epochs", "steps", "minutes", "batch", "learning_rate", "decay", "decay_steps")
    )  # fmt: skip
    check_loss(config.loss)
    for name in ("clip_frames", "first_clip_frames", "alone_frames", "judged_frames"):
        if not getattr(config.train, name) > 0:
            raise InputError(f"the training setting {name} is {getattr(config.train, name)}: it must be more than 0")
    for name, known in (("norm", ("group", "batch")), ("activation", ("leaky", "relu"))):
        if (value := getattr(config.generator, name)) not in known:
            raise InputError(f"the generator setting {name} is {value!r}: choose {' or '.join(known)}")
    if config.loss.penalty_every < 1:
        raise InputError("the loss setting penalty_every is 0: it must be 1 or more")
