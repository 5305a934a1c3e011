"""Training the GAN: clips unrolled through the ConvLSTM, more and more on the generator's own output."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dancegen.choreographers.family import TrainingJob
from dancegen.choreographers.gan import losses
from dancegen.choreographers.gan.beat_critic import PoseBeatCritic
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import ClipDataset, ClipViews, choose_starts, load_clips
from dancegen.choreographers.gan.discriminator import MultiScaleDiscriminator
from dancegen.choreographers.gan.generator import UNetGenerator, normalise_mel
from dancegen.choreographers.gan.image import clean, picture
from dancegen.choreographers.gan.memory import GanMemory, clips_bytes
from dancegen.choreographers.gan.missing import completed, hidden, unseen
from dancegen.choreographers.gan.model import Model, StartPoses, load_discriminator, load_model, save_model
from dancegen.choreographers.gan.rollout import (
    Rollout,
    RolloutState,
    TeacherForcing,
    at,
    clip_noise,
    history,
    teacher_forcing_mask,
    unroll,
)
from dancegen.choreographers.gan.style import ACCELERATION_STD, PLACE, acceleration, measure, place
from dancegen.choreographers.gan.validation import Validation, validate
from dancegen.choreographers.training.diagnostics import Sign, dance_signs, never_wrong
from dancegen.choreographers.training.loading import stream
from dancegen.choreographers.training.memory_estimate import MemoryEstimate, networks_bytes
from dancegen.choreographers.training.processes import ALONE, Processes
from dancegen.choreographers.training.trainer import Trainer
from dancegen.dataset.format import read_clips, share_of
from dancegen.progress import SILENT, Progress

STRAYED = 0.25
"""Image widths from its place at which a free-running dance is lost: from there on there is nothing to learn."""
CLIP_NORM, DISCRIMINATOR_CLIP_NORM = 50.0, 10.0
"""Norms of the gradients beyond which a step is shortened: for accidents, so that not all steps count alike."""


class Case(NamedTuple):
    """Frames as the discriminator judges them: (N, C, S, S), (N, 3 * history, S, S) and (N, mel_width, bands)."""

    image: Tensor
    history: Tensor
    song: Tensor


class GanTrainer(Trainer[dict[str, Tensor], UNetGenerator, Validation]):
    """Trains one GAN in `folder`.

    init: a model directory to start from; vgg: VGG16's weights, needed where the perceptual loss counts.
    """

    FIGURES = Validation
    LOSSES = (
        "adversarial", "feature_matching", "l1", "position", "divergence", "perceptual", "synchrony", "style",
        "acceleration", "real", "fake", "gradient_penalty",
    )  # fmt: skip

    def __init__(
        self,
        config: GanConfig,
        train: list[ClipViews],
        held_out: list[ClipViews],
        starts: StartPoses,
        folder: Path,
        *,
        init: Path | None = None,
        vgg: Path | None = None,
        seed: int = 0,
        processes: Processes = ALONE,
        wandb: str | None = None,
        progress: Progress = SILENT,
    ):
        torch.manual_seed(seed)
        device, t = processes.device, config.train
        self.starts, self.held_out = starts, held_out
        self.data = ClipDataset(train, config, seed=seed)
        self.epoch_steps = math.ceil(len(self.data) / t.batch)
        self.generator = load_model(init).generator if init else UNetGenerator(config)
        self.generator.longest = starts.longest
        self.discriminator = MultiScaleDiscriminator(config)
        if self.generator.style is not None and not init:
            self.generator.style.learn(self.data[i]["style"] for i in range(len(self.data)))
        if init:
            load_discriminator(init, self.discriminator)
        for network in (self.generator, self.discriminator):
            network.to(device).to(memory_format=torch.channels_last).train()
        self.generator_optimiser, self.discriminator_optimiser = (
            torch.optim.Adam(network.parameters(), rate, (t.beta1, t.beta2), fused=True)
            for network, rate in ((self.generator, t.learning_rate), (self.discriminator, t.discriminator_rate))
        )
        optimisers = {"generator": self.generator_optimiser, "discriminator": self.discriminator_optimiser}
        self.perceptual = losses.PerceptualLoss(losses.find_vgg(vgg)).to(device) if config.loss.perceptual else None
        self.beat_critic = PoseBeatCritic(config).to(device).freeze() if config.loss.synchrony else None
        if self.beat_critic is not None:
            optimisers["beat critic"] = self.beat_critic.optimiser
        super().__init__(
            config,
            folder,
            self.generator,
            others={"discriminator": self.discriminator},
            critics={} if self.beat_critic is None else {"beat critic": self.beat_critic},
            optimisers=optimisers,
            epoch_steps=self.epoch_steps,
            seed=seed,
            processes=processes,
            wandb=wandb,
            progress=progress,
        )
        self.trained_before = init is not None
        self.rollouts: RolloutState | None = None
        self.target_style: Tensor | None = None
        self.start()

    def title(self) -> str:
        millions = sum(p.numel() for p in self.generator.parameters()) / 1e6
        return f"training the GAN ({millions:.1f} M parameters, {len(self.data)} clips)"

    def begin(self) -> None:
        """The beat critic learns the beat of real dance, which the budget does not pay for."""
        if self.beat_critic is not None:
            self.beat_critic.learn(
                self.data.takes, self.config, self.guarded, seed=self.seed, progress=self.progress
            )  # fmt: skip
            self.budget.start()

    def batches(self) -> Iterator[dict[str, Tensor]]:
        """From the budget's step on, endlessly: every clip once an epoch, in an order drawn from the epoch's number."""
        keys = ((step // self.epoch_steps, self._clips(step)) for step in count(self.budget.step))
        return stream(self.data.draw, keys, self.device)

    def _clips(self, step: int) -> list[int]:
        """Which clips this process learns from in a step."""
        epoch, batch = divmod(step, self.epoch_steps)
        order = torch.randperm(len(self.data), generator=torch.Generator().manual_seed(self.seed + epoch))
        return self.processes.part(order.tensor_split(self.epoch_steps)[batch].tolist())

    def _maturity(self, step: int) -> float:
        """0 at first, when clips are short and real frames lead; 1 once the generator lives on its own output."""
        ramp = self.config.train.own_output_ramp
        return min(1.0, self.budget.done_at(step) / ramp) if ramp else 1.0

    def _forced_share(self, step: int) -> float:
        """After which share of the frames of clips that follow their real dance the real pose is shown."""
        return max(1 - self._maturity(step), self.config.train.teacher_forcing)

    def _clip_frames(self, step: int) -> int:
        """How many frames are learnt from in this step."""
        t = self.config.train
        return round(t.first_clip_frames + (t.clip_frames - t.first_clip_frames) * self._maturity(step))

    def _continued(self, clips: int, step: int, rng: torch.Generator) -> Tensor:
        """Which rollouts of the step before continue in this one: their rows, fewer at first, none that strayed."""
        t = self.config.train
        if self.rollouts is None or self.target_style is None:
            return torch.zeros(0, dtype=torch.long)
        rows = torch.arange(min(round(clips * t.alone_share * self._maturity(step)), len(self.rollouts.latest)))
        rows = rows[torch.rand(len(rows), generator=rng) >= t.clip_frames / t.alone_frames]
        strayed = place(self.rollouts.latest[rows, None], self.config.image.size) - self.target_style[rows, -PLACE:]
        return rows[(strayed.nan_to_num(0.0).abs().amax(-1) < STRAYED).cpu()]

    def _set_learning_rates(self, step: int) -> None:
        """A linear warm-up, and a decay each epoch or every `decay_steps`."""
        t = self.config.train
        warm = min(1.0, (step + 1) / max(1, t.warmup_steps))
        decay = t.decay ** (step // (t.decay_steps or self.epoch_steps))
        self.generator_optimiser.param_groups[0]["lr"] = t.learning_rate * warm * decay
        self.discriminator_optimiser.param_groups[0]["lr"] = t.discriminator_rate * warm * decay

    def step(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """One update of both networks on one batch; returns the losses by name, none where it had to be left out."""
        t, step = self.config.train, self.budget.step
        seed = self.processes.seed_for(self.seed, step)
        torch.manual_seed(seed)
        rng = torch.Generator().manual_seed(seed)
        self._set_learning_rates(step)
        mel, poses, style = (batch[name].to(self.device, non_blocking=True) for name in ("mel", "keypoints", "style"))
        clips, frames = len(poses), self._clip_frames(step)
        mel, first, real = mel[:, -frames:], poses[:, -frames - 1], poses[:, -frames:]
        noise = clip_noise(self.config, clips, frames, rng).to(self.device)
        start, continued = RolloutState.start(self.generator, first), self._continued(clips, step, rng)
        posterior = torch.ones(clips, dtype=torch.bool)
        if self.rollouts is not None and self.target_style is not None and len(continued):
            start, posterior[continued] = start.with_rows(continued, self.rollouts), False
            style[continued, -PLACE:] = self.target_style[continued, -PLACE:]
        self.target_style = style
        forced = teacher_forcing_mask(posterior, frames, self._forced_share(step), rng)
        images = clean(real.flatten(0, 1), self.config.image).unflatten(0, (clips, frames))
        teacher = TeacherForcing(real, images, posterior.to(self.device), forced.to(self.device))
        with self.precision():
            dance = unroll(self.generator, start, mel, noise, style, teacher)
        self.rollouts = RolloutState.of(dance.end.tensors())
        times = torch.multinomial(torch.ones(clips, frames), min(t.judged_frames, frames), generator=rng)
        fake_case, real_case = self._cases(dance, teacher, first, mel, times)
        found = self._update_discriminator(fake_case, real_case)
        if self.beat_critic is not None and self.processes.any(not posterior.all()):
            danced = torch.cat([dance.origin, dance.joints], 1)[~posterior]
            draw = (self.seed, step, self.processes.index)
            self.beat_critic.learn_on(self.data.takes, danced, self.config, self.guarded, seed=draw)
        found |= self._update_generator(dance, teacher, mel, style, fake_case, real_case, times)
        if not self.guarded.finish(step):
            self.rollouts = None
            return {}
        self.update_average()
        return found

    def _cases(
        self, dance: Rollout, teacher: TeacherForcing, first: Tensor, mel: Tensor, times: Tensor
    ) -> tuple[Case, Case]:
        """What the discriminator judges: generated and real frames at times (B, K), each with its history and music.

        A joint that the real frames do not show is hidden in the generated ones beside them.
        """
        image, images = self.config.image, teacher.images
        earlier = torch.cat([picture(first, image)[:, None], (images[:, :-1, :3] + 1) / 2], 1)
        before, pictures = torch.cat([first[:, None], teacher.poses[:, :-1]], 1), dance.pictures
        if unseen(before).any():
            drawn = picture(hidden(dance.previous, before).flatten(0, 1), image)
            pictures = drawn.unflatten(0, pictures.shape[:2])
        song = normalise_mel(at(mel, times))
        fake = Case(self._judged(dance, teacher, times), history(pictures, times, self.config), song)
        return fake, Case(at(images, times), history(earlier, times, self.config), song)

    def _judged(self, dance: Rollout, teacher: TeacherForcing, times: Tensor) -> Tensor:
        """The images to be judged: what the dance looks like, so the generated joints drawn clean.

        Judged by its own pixels, a generator would learn to please with patterns in the dark instead of with motion.
        """
        image = self.config.image
        if not image.heatmaps:
            return at(dance.images, times)
        return clean(hidden(at(dance.joints, times), at(teacher.poses, times)), image)

    def _wanted(self, dance: Rollout, teacher: TeacherForcing) -> Tensor:
        """The images (B * N, C, S, S) to be painted: those of the real dance, joints that it does not show where the
        generated dance has them."""
        if not unseen(teacher.poses).any():
            return teacher.images.flatten(0, 1)
        return clean(completed(teacher.poses, dance.joints.detach()).flatten(0, 1), self.config.image)

    def _update_discriminator(self, fake: Case, real: Case) -> dict[str, float]:
        weights = self.config.loss
        with self.precision():
            real_loss = losses.real_loss(self.discriminator(*real), weights.label_smoothing)
            fake_loss = losses.fake_loss(self.discriminator(*(part.detach() for part in fake)))
        total, terms = real_loss + fake_loss, {"real": real_loss, "fake": fake_loss}
        if weights.gradient_penalty and self.budget.step % weights.penalty_every == 0:
            few = slice(0, None, max(1, self.config.train.judged_frames // 2))
            penalty = losses.gradient_penalty(
                self.discriminator, real.image[few], fake.image[few], real.history[few], real.song[few]
            )
            total = total + weights.gradient_penalty * weights.penalty_every * penalty
            terms["gradient_penalty"] = penalty
        return self.guarded.update("discriminator", self.discriminator_optimiser, total, terms, DISCRIMINATOR_CLIP_NORM)

    def _update_generator(
        self, dance: Rollout, teacher: TeacherForcing, mel: Tensor, style: Tensor, fake: Case, real: Case, times: Tensor
    ) -> dict[str, float]:
        """One step of the generator; times: (B, K), the frames that were judged.

        Where the latent is not the posterior's, the real clip cannot say what should have come: the free-running dance
        is held to the music's beat, and an image to its own pose, drawn clean.
        """
        weights, image = self.config.loss, self.config.image
        self.discriminator.requires_grad_(False)
        trust = teacher.posterior.float()[:, None].expand(mel.shape[:2])
        images, paintings, trusted = dance.images.flatten(0, 1), self._wanted(dance, teacher), trust.flatten()
        own = clean(dance.joints.detach().flatten(0, 1), image)
        with self.precision():
            judged = self.discriminator(*fake)
            with torch.no_grad():
                wanted = self.discriminator(*real)
        terms = {
            "adversarial": losses.adversarial_loss(judged),
            "feature_matching": losses.feature_matching_loss(judged, wanted, at(trust, times)),
            "l1": losses.weighted_l1_loss(images, paintings, weights.black_weight, trusted)
            + losses.weighted_l1_loss(images, own, weights.black_weight, 1 - trusted),
        }
        if self.generator.latent is not None:
            terms["divergence"] = (dance.divergence.flatten() * trusted).mean()
        if image.heatmaps:
            terms["position"] = losses.position_loss(images, teacher.poses.flatten(0, 1), image.sigma, trusted)
        if self.beat_critic is not None:
            shown = self.beat_critic(self.beat_critic.observe(torch.cat([dance.origin, dance.joints], 1)))[:, 1:]
            terms["synchrony"] = losses.synchrony_loss(shown, mel[:, :, mel.shape[2] // 2], 1 - trust)
        if self.generator.style is not None:
            danced = torch.cat([dance.origin[:, 1:], dance.joints], 1)
            shown = measure(danced, image.size, image.fps)
            apart = self.generator.style.relative(shown) - self.generator.style.relative(style)
            terms["style"] = losses.style_loss(apart, 1 - teacher.posterior.float())
            made, true = (acceleration(poses, image.size, image.fps) for poses in (dance.joints, teacher.poses))
            terms["acceleration"] = losses.style_loss((made - true) / ACCELERATION_STD, 1 - teacher.posterior.float())
        with self.precision():
            if self.perceptual is not None:
                few = torch.multinomial(trusted.clamp(min=1e-6), min(self.config.train.perceptual_frames, len(trusted)))
                terms["perceptual"] = self.perceptual(images[few], paintings[few])
        total: Any = sum(getattr(weights, name) * term for name, term in terms.items())
        found = self.guarded.update("generator", self.generator_optimiser, total, terms, CLIP_NORM)
        self.discriminator.requires_grad_(True)
        return found

    def averaged(self) -> UNetGenerator:
        """The averaged generator, ready to dance."""
        network = UNetGenerator(self.config)
        network.load_state_dict(self.average)
        network.longest = self.starts.longest
        return network.to(self.device).to(memory_format=torch.channels_last).eval()

    def load(self, folder: Path) -> UNetGenerator:
        return load_model(folder, self.device).generator

    def save(self, folder: Path, dancer: UNetGenerator) -> None:
        save_model(folder, Model(self.config, dancer, self.starts), self.discriminator)

    def validate(self, dancer: UNetGenerator, sheet: Path | None) -> Validation:
        return validate(dancer, self.held_out, sheet, seed=self.seed)

    def summary(self, losses: Mapping[str, float], found: Validation) -> str:
        v = found
        return (
            f"l1 {losses['l1']:.3f}, position {losses['position']:.2f}, divergence {losses['divergence']:.1f}, "
            f"synchrony {losses['synchrony']:.2f}, style {losses['style']:.2f}, "
            f"acceleration {losses['acceleration']:.2f}, adversarial {losses['adversarial']:.2f}, "
            f"real/fake {losses['real']:.2f}/{losses['fake']:.2f}; "
            f"free-running: speed {v.speed:.2f} (real {v.real_speed:.2f}), acceleration {v.accel:.1f} "
            f"({v.real_accel:.1f}), freeze {v.freeze:.2f}, missing {v.missing:.3f}, "
            f"shape {v.shape:.3f}, place {v.place:.3f}, rhythm {v.rhythm:.2f} ({v.real_rhythm:.2f}), "
            f"score {v.score:.2f}"
        )

    def signs(self, losses: Mapping[str, float], found: Validation) -> list[Sign]:
        t, weights = self.config.train, self.config.loss
        remedy = f"a larger --batch or --set loss.feature_matching={weights.feature_matching * 2:g}"
        won = never_wrong(losses["real"], losses["fake"], weights.label_smoothing)
        words = (
            f"the discriminator is never wrong (its losses are {losses['real']:.2f} on real and {losses['fake']:.2f} "
            "on generated dance), so the generator learns nothing from it any more; try "
            f"--set train.discriminator_rate={t.discriminator_rate / 4:g} or "
            f"--set loss.gradient_penalty={max(weights.gradient_penalty * 5, 1):g}"
        )
        return [*dance_signs(found, remedy), Sign("won", won, words)]

    def columns(self) -> dict[str, float]:
        return {"epoch": self.budget.epoch, "seconds": round(self.budget.elapsed_s, 1)}

    def memory_estimate(self) -> MemoryEstimate:
        clips = len(self.processes.part(range(min(self.config.train.batch, len(self.data)))))
        memory = GanMemory(self.config, self.generator, self.discriminator, self.data, self.device)
        activations, each = memory.activations(clips)
        learning = [self.generator, self.discriminator, *self.critics.values()]
        return MemoryEstimate(
            networks=networks_bytes(learning, [self.generator], [] if self.perceptual is None else [self.perceptual]),
            activations=activations,
            data=clips_bytes([*self.data.takes, *self.held_out]),
            clips=clips,
            each=each,
        )

    def state(self) -> dict[str, list[Tensor] | Tensor | None]:
        gather = self.processes.gather
        return {
            "target_style": None if self.target_style is None else gather(self.target_style),
            "rollouts": None if self.rollouts is None else [gather(t) for t in self.rollouts.tensors()],
        }

    def restore_state(self, state: Mapping) -> None:
        own, style, rollouts = self.processes.own, state["target_style"], state["rollouts"]
        self.target_style = None if style is None else own(style)
        self.rollouts = None if rollouts is None else RolloutState.of([own(t) for t in rollouts])


class Measured(GanTrainer):
    """One that is built to be measured: it continues nothing and learns nothing."""

    def start(self) -> None:
        """Nothing."""


def memory_needed(config: GanConfig, job: TrainingJob) -> MemoryEstimate:
    """What a training will need of memory, measured on the dataset's longest clip before the others are read."""
    known = [clip for clip in read_clips(job.dataset) if clip.split == "train"]
    (clip,) = load_clips(job.dataset, "train", config, SILENT, most=1)
    own = len(job.processes.part(range(min(config.train.batch, len(known)))))
    config = replace(config, train=replace(config.train, batch=own))
    with TemporaryDirectory() as folder:
        trainer = Measured(
            config, [clip] * own, [], choose_starts([clip], config, job.seed), Path(folder), init=job.init,
            vgg=job.weights.get("vgg"), seed=job.seed, processes=Processes(job.processes.device),
        )  # fmt: skip
        longest = max(known, key=lambda each: each.seconds)
        return trainer.memory_estimate().of_dataset(own * share_of(job.dataset, longest))
