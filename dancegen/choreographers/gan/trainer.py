"""Training the GAN: clips unrolled through the ConvLSTM, more and more on the generator's own output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dancegen.choreographers.gan import losses
from dancegen.choreographers.gan.beat_critic import Metronome
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import ClipDataset, Take
from dancegen.choreographers.gan.discriminator import MultiScaleDiscriminator
from dancegen.choreographers.gan.footprint import footprint
from dancegen.choreographers.gan.generator import UNetGenerator, normalise_mel
from dancegen.choreographers.gan.image import clean, picture
from dancegen.choreographers.gan.model import Model, StartPoses, load_discriminator, load_model, save_model
from dancegen.choreographers.gan.mood import HASTE, PLACE, haste, measure, place
from dancegen.choreographers.gan.rollout import Lesson, Memory, Rollout, at, clip_noise, history, lead_frames, unroll
from dancegen.choreographers.gan.validation import Validation, validate
from dancegen.choreographers.training.checkpoint import save_checkpoint
from dancegen.choreographers.training.clock import Clock
from dancegen.choreographers.training.collapse import Sign, Watch, dance_signs, never_wrong
from dancegen.choreographers.training.descent import Descent, advice
from dancegen.choreographers.training.history import History, mean_losses
from dancegen.choreographers.training.loading import stream
from dancegen.choreographers.training.precision import autocast, settled
from dancegen.choreographers.training.processes import ALONE, Processes
from dancegen.choreographers.training.run import go_on, run
from dancegen.progress import SILENT, Progress

LOSSES = (
    "adversarial",
    "feature_matching",
    "l1",
    "position",
    "divergence",
    "perceptual",
    "synchrony",
    "mood",
    "haste",
    "real",
    "fake",
    "gradient_penalty",
)
OFF_STAGE = 0.25
"""Image widths from her place at which a dancer has lost her way: from there on there is nothing to learn."""
CLIP, JUDGE_CLIP = 50.0, 10.0
"""Norms of the generator's and the discriminator's gradients beyond which a step is shortened: for accidents, lest all
steps count alike."""


class Case(NamedTuple):
    """Frames as the discriminator judges them: (N, C, S, S), (N, 3 * history, S, S) and (N, mel_width, bands)."""

    image: Tensor
    history: Tensor
    song: Tensor


class Trainer:
    """Trains one GAN in `folder`, which holds all that a killed run needs to go on: `checkpoint.pt`, `best/`,
    `history.csv`, `samples/` and TensorBoard's events.

    init: a model directory to start from; vgg: VGG16's weights, needed where the perceptual loss counts; wandb: a
    project of Weights & Biases to tell of it.
    """

    def __init__(
        self,
        config: GanConfig,
        train: list[Take],
        held_out: list[Take],
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
        self.config, self.folder, self.seed, self.progress = config, folder, seed, progress
        self.processes, self.device = processes, (device := processes.device)
        self.starts, self.held_out = starts, held_out
        self.data = ClipDataset(train, config, seed=seed)
        self.generator = load_model(init).generator if init else UNetGenerator(config)
        self.generator.longest, self.taught = starts.longest, init is not None
        self.discriminator = MultiScaleDiscriminator(config)
        if self.generator.mood is not None and not init:
            self.generator.mood.learn(self.data[i]["mood"] for i in range(len(self.data)))
        if init:
            load_discriminator(init, self.discriminator)
        for network in (self.generator, self.discriminator):
            network.to(device, memory_format=torch.channels_last).train()
        self.average = {k: v.detach().clone() for k, v in self.generator.state_dict().items()}
        t = config.train
        self.paint_optimiser = torch.optim.Adam(
            self.generator.parameters(), t.learning_rate, (t.beta1, t.beta2), fused=True
        )
        self.judge_optimiser = torch.optim.Adam(
            self.discriminator.parameters(), t.discriminator_rate, (t.beta1, t.beta2), fused=True
        )
        self.perceptual = losses.PerceptualLoss(vgg).to(device) if config.loss.perceptual else None
        self.metronome = Metronome(config).to(device) if config.loss.synchrony else None
        self.clock = Clock(t, math.ceil(len(self.data) / t.batch), processes)
        self.history = History(folder, wandb=wandb, settings=config.to_dict(), progress=progress)
        self.watch = Watch()
        self.dancers: Memory | None = None
        self.asked: Tensor | None = None
        self.best = float("inf")
        self.kept: Validation | None = None
        self.recent: list[dict[str, float]] = []
        hints = advice(t.learning_rate, settled(t.precision, device), folder / "best")
        self.descent = Descent((self.generator, self.discriminator), processes, progress, hints)
        if not go_on(self) and self.metronome is not None:
            self.metronome.learn(train, config, self.descent, seed=seed, progress=progress)
            self.clock.start()
        processes.agree(self.clock.step)
        processes.share(self.generator, self.discriminator, *([self.metronome] if self.metronome else []))

    def run(self) -> dict[str, float]:
        """Train to the end; returns the figures of the model in `best/`, which the main process alone knows.

        Ctrl-C ends it after the step at hand, with all that was learnt in the folder; a second one ends it at once.
        """
        if self.processes.main and self.clock.done < 1.0:
            footprint(self).state(self.device, self.progress)
        run(self, self._label(), self.config.train.validate_every)
        if not self.processes.main:
            return {}
        if self.kept is None:  # a run that was killed between its last step and its publication
            self.kept = validate(
                load_model(self.folder / "best", self.device).generator, self.held_out, None, seed=self.seed
            )
        return asdict(self.kept)

    def _label(self) -> str:
        millions = sum(p.numel() for p in self.generator.parameters()) / 1e6
        return f"training the GAN ({millions:.1f} M parameters, {len(self.data)} clips)"

    def batches(self) -> Iterator[dict[str, Tensor]]:
        """From the clock's step on, endlessly: every clip once an epoch, in an order drawn from the epoch's number."""
        keys = ((step // self.clock.epoch_steps, self._clips(step)) for step in count(self.clock.step))
        return stream(self.data.draw, keys, self.device)

    def _clips(self, step: int) -> list[int]:
        """Which clips this process learns from in a step."""
        epoch, batch = divmod(step, self.clock.epoch_steps)
        order = torch.randperm(len(self.data), generator=torch.Generator().manual_seed(self.seed + epoch))
        return self.processes.part(order.tensor_split(self.clock.epoch_steps)[batch].tolist())

    def _maturity(self, step: int) -> float:
        """0 at first, when clips are short and real frames lead; 1 once the generator lives on its own output."""
        ramp = self.config.train.own_output_ramp
        return min(1.0, self.clock.done_at(step) / ramp) if ramp else 1.0

    def _led_share(self, step: int) -> float:
        """After which share of the frames of clips that follow their real dance the real pose leads."""
        return max(1 - self._maturity(step), self.config.train.led_share)

    def _clip_frames(self, step: int) -> int:
        """How many frames are learnt from in this step."""
        t = self.config.train
        return round(t.first_clip_frames + (t.clip_frames - t.first_clip_frames) * self._maturity(step))

    def _going_on(self, clips: int, step: int, chance: torch.Generator) -> Tensor:
        """Which dances of the step before go on in this one: their rows, fewer at first, none that left the stage."""
        t = self.config.train
        if self.dancers is None:
            return torch.zeros(0, dtype=torch.long)
        rows = torch.arange(min(round(clips * t.alone_share * self._maturity(step)), len(self.dancers.latest)))
        rows = rows[torch.rand(len(rows), generator=chance) >= t.clip_frames / t.alone_frames]
        strayed = place(self.dancers.latest[rows, None], self.config.image.size) - self.asked[rows, -PLACE:]
        return rows[(strayed.abs().amax(-1) < OFF_STAGE).cpu()]

    def step(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """One update of both networks on one batch; returns the losses by name, none where it had to be left out."""
        t, step = self.config.train, self.clock.step
        dice = self.processes.dice(self.seed, step)
        torch.manual_seed(dice)
        chance = torch.Generator().manual_seed(dice)
        for optimiser, rate in ((self.paint_optimiser, t.learning_rate), (self.judge_optimiser, t.discriminator_rate)):
            warm = min(1.0, (step + 1) / max(1, t.warmup_steps))
            decay = t.decay ** (step // (t.decay_steps or self.clock.epoch_steps))
            optimiser.param_groups[0]["lr"] = rate * warm * decay
        mel, poses, mood = (batch[name].to(self.device, non_blocking=True) for name in ("mel", "keypoints", "mood"))
        clips, frames = len(poses), self._clip_frames(step)
        mel, first, real = mel[:, -frames:], poses[:, -frames - 1], poses[:, -frames:]
        noise = clip_noise(self.config, clips, frames, chance).to(self.device)
        memory, going = Memory.start(self.generator, first), self._going_on(clips, step, chance)
        told = torch.ones(clips, dtype=torch.bool)
        if len(going):
            memory, told[going] = memory.with_rows(going, self.dancers), False
            mood[going, -PLACE:] = self.asked[going, -PLACE:]
        self.asked = mood
        led = lead_frames(told, frames, self._led_share(step), chance)
        paintings = clean(real.flatten(0, 1), self.config.image).unflatten(0, (clips, frames))
        lesson = Lesson(real, paintings, told.to(self.device), led.to(self.device))
        with self.precision():
            dance = unroll(self.generator, memory, mel, noise, mood, lesson)
        self.dancers = Memory.of(dance.memory.tensors())
        seen = torch.cat([picture(first, self.config.image)[:, None], (paintings[:, :-1, :3] + 1) / 2], 1)
        times = torch.multinomial(torch.ones(clips, frames), min(t.judged_frames, frames), generator=chance)
        song = normalise_mel(at(mel, times))
        fake = Case(self._judged(dance, times), history(dance.pictures, times, self.config), song)
        real_case = Case(at(paintings, times), history(seen, times, self.config), song)
        found = self._update_discriminator(fake, real_case)
        if self.metronome is not None and self.processes.any(not told.all()):
            danced, draw = torch.cat([dance.origin, dance.joints], 1)[~told], (self.seed, step, self.processes.index)
            self.metronome.keep_up(self.data.takes, danced, self.config, self.descent, seed=draw)
        found |= self._update_generator(dance, lesson, mel, mood, fake, real_case, times)
        if not self.descent.finish(step):
            self.dancers = None
            return {}
        self._follow()
        return found

    def _judged(self, dance: Rollout, times: Tensor) -> Tensor:
        """The images to be judged: what the dance looks like, so the generated joints drawn clean.

        Judged by its brush, a generator would learn to please with patterns in the dark instead of with motion.
        """
        image = self.config.image
        return clean(at(dance.joints, times), image) if image.heatmaps else at(dance.images, times)

    def _update_discriminator(self, fake: Case, real: Case) -> dict[str, float]:
        weights = self.config.loss
        with self.precision():
            real_loss = losses.real_loss(self.discriminator(*real), weights.label_smoothing)
            fake_loss = losses.fake_loss(self.discriminator(*(part.detach() for part in fake)))
        total, terms = real_loss + fake_loss, {"real": real_loss, "fake": fake_loss}
        if weights.gradient_penalty and self.clock.step % weights.penalty_every == 0:
            few = slice(0, None, max(1, self.config.train.judged_frames // 2))
            penalty = losses.gradient_penalty(
                self.discriminator, real.image[few], fake.image[few], real.history[few], real.song[few]
            )
            total = total + weights.gradient_penalty * weights.penalty_every * penalty
            terms["gradient_penalty"] = penalty
        return self.descent.step("discriminator", self.judge_optimiser, total, terms, JUDGE_CLIP)

    def _update_generator(
        self, dance: Rollout, lesson: Lesson, mel: Tensor, mood: Tensor, fake: Case, real: Case, times: Tensor
    ) -> dict[str, float]:
        """One step of the generator; times: (B, K), the frames that were judged.

        Where the encoder did not tell what comes, the real clip cannot say what should have come: the dance goes its
        own way, held to the music's beat, and an image is held to its own pose, drawn clean.
        """
        weights, image = self.config.loss, self.config.image
        self.discriminator.requires_grad_(False)
        trust = lesson.told.float()[:, None].expand(mel.shape[:2])
        images, paintings, trusted = dance.images.flatten(0, 1), lesson.images.flatten(0, 1), trust.flatten()
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
            terms["position"] = losses.position_loss(images, lesson.poses.flatten(0, 1), image.sigma, trusted)
        if self.metronome is not None:
            shown = self.metronome(self.metronome.glance(torch.cat([dance.origin, dance.joints], 1)))[:, 1:]
            terms["synchrony"] = losses.synchrony_loss(shown, mel[:, :, mel.shape[2] // 2], 1 - trust)
        if self.generator.mood is not None:
            danced = torch.cat([dance.origin[:, 1:], dance.joints], 1)
            shown = measure(danced, image.size, image.fps)
            apart = self.generator.mood.relative(shown) - self.generator.mood.relative(mood)
            terms["mood"] = losses.mood_loss(apart, 1 - lesson.told.float())
            hurried = haste(dance.joints, image.size, image.fps) - haste(lesson.poses, image.size, image.fps)
            terms["haste"] = losses.mood_loss(hurried / HASTE, 1 - lesson.told.float())
        with self.precision():
            if self.perceptual is not None:
                few = torch.multinomial(trusted.clamp(min=1e-6), min(self.config.train.perceptual_frames, len(trusted)))
                terms["perceptual"] = self.perceptual(images[few], paintings[few])
        total = sum(getattr(weights, name) * term for name, term in terms.items())
        found = self.descent.step("generator", self.paint_optimiser, total, terms, CLIP)
        self.discriminator.requires_grad_(True)
        return found

    def precision(self) -> AbstractContextManager:
        return autocast(self.config.train.precision, self.device)

    def _follow(self) -> None:
        """Exponential moving average of the generator: what is validated, kept and danced with."""
        keep = self.config.train.ema
        if not self.taught:  # the first weights are worth nothing
            keep = min(keep, (1 + self.clock.step) / (10 + self.clock.step))
        with torch.no_grad():
            for name, value in self.generator.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)

    def averaged(self) -> UNetGenerator:
        """The averaged generator, ready to dance."""
        network = UNetGenerator(self.config)
        network.load_state_dict(self.average)
        network.longest = self.starts.longest
        return network.to(self.device, memory_format=torch.channels_last).eval()

    def report(self) -> None:
        """Validate by free-running, keep the best, write history, samples and the checkpoint, and say how it goes."""
        self.descent.check(self.clock.step, self.average, self.discriminator.state_dict())
        said = self._judge() if self.processes.main else ""
        self.recent = []
        self.save_checkpoint()
        self.progress.say(said)

    def _judge(self) -> str:
        """Validate, keep the last and the best, write history and samples; returns what to say of it."""
        generator = self.averaged()
        sheet = self.folder / "samples" / f"step_{self.clock.step:06d}.png"
        with self.precision():
            v = validate(generator, self.held_out, sheet, seed=self.seed)
        means = mean_losses(self.recent, LOSSES)
        self._log(means, v, sheet)
        self._warn(means, v)
        model = Model(self.config, generator, self.starts)
        save_model(self.folder / "last", model, self.discriminator)
        if v.score < self.best or not (self.folder / "best").is_dir():
            self.best, self.kept = v.score, v
            save_model(self.folder / "best", model, self.discriminator)
        return (
            f"step {self.clock.step}: l1 {means['l1']:.3f}, position {means['position']:.2f}, "
            f"divergence {means['divergence']:.1f}, synchrony {means['synchrony']:.2f}, mood {means['mood']:.2f}, "
            f"haste {means['haste']:.2f}, "
            f"adversarial {means['adversarial']:.2f}, real/fake {means['real']:.2f}/{means['fake']:.2f}; "
            f"free-running: speed {v.speed:.2f} (real {v.real_speed:.2f}), acceleration {v.accel:.1f} "
            f"({v.real_accel:.1f}), freeze {v.freeze:.2f}, missing {v.missing:.3f}, "
            f"shape {v.shape:.3f}, place {v.place:.3f}, rhythm {v.rhythm:.2f} ({v.real_rhythm:.2f}), "
            f"score {v.score:.2f}"
        )

    def _warn(self, means: dict[str, float], validation: Validation) -> None:
        """Say what has been wrong for several reports, and what to try."""
        t, weights = self.config.train, self.config.loss
        remedy = f"a larger --batch or --set loss.feature_matching={weights.feature_matching * 2:g}"
        won = never_wrong(means["real"], means["fake"], weights.label_smoothing)
        said = (
            f"the discriminator is never wrong (its losses are {means['real']:.2f} on real and {means['fake']:.2f} on "
            "generated dance), so the generator learns nothing from it any more; try --set train.discriminator_rate="
            f"{t.discriminator_rate / 4:g} or --set loss.gradient_penalty={max(weights.gradient_penalty * 5, 1):g}"
        )
        for words in self.watch.notice([*dance_signs(validation, remedy), Sign("won", won, said)]):
            self.progress.warn(f"step {self.clock.step}: {words}")

    def _log(self, means: dict[str, float], validation: Validation, sheet: Path) -> None:
        row = {"step": self.clock.step, "epoch": self.clock.epoch, "seconds": round(self.clock.elapsed_s, 1)}
        row |= {k: round(v, 5) for k, v in means.items()} | {k: round(v, 5) for k, v in asdict(validation).items()}
        row["skipped"] = self.descent.skipped
        self.history.add(row, sheet)

    def save_checkpoint(self) -> None:
        """All that a later run needs to go on as if there had been no break; a kill leaves the old one whole."""
        self.descent.check(self.clock.step, self.average, self.discriminator.state_dict())
        state = {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average,
            "paint": self.paint_optimiser.state_dict(),
            "judge": self.judge_optimiser.state_dict(),
            "metronome": self.metronome.state_dict() if self.metronome else None,
            "beat": self.metronome.optimiser.state_dict() if self.metronome else None,
            "step": self.clock.step,
            "seconds": self.clock.elapsed_s,
            "best": self.best,
            "kept": asdict(self.kept) if self.kept else None,
            "recent": self.recent,
            "skipped": self.descent.skipped,
            "signs": self.watch.seen,
            "asked": self.processes.gather(self.asked) if self.asked is not None else None,
            "dancers": [self.processes.gather(t) for t in self.dancers.tensors()] if self.dancers else None,
        }
        if self.processes.main:
            save_checkpoint(self.folder, state)

    def restore(self, state: dict) -> None:
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.paint_optimiser.load_state_dict(state["paint"])
        self.judge_optimiser.load_state_dict(state["judge"])
        if self.metronome is not None:
            self.metronome.load_state_dict(state["metronome"])
            self.metronome.optimiser.load_state_dict(state["beat"])
            self.metronome.judge()
        self.average, self.recent, self.best = state["average"], state["recent"], state["best"]
        self.clock.start(state["step"], state["seconds"])
        self.kept = Validation(**state["kept"]) if state["kept"] else None
        self.descent.start(state.get("skipped", 0))
        self.watch.seen = state.get("signs", {})
        own = self.processes.own
        self.asked = own(state["asked"]) if state["asked"] is not None else None
        self.dancers = Memory.of([own(t) for t in state["dancers"]]) if state["dancers"] else None
