"""The denoising loop: context windows over a scene step together, and latents are saved on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.progress import Advance
from dancegen.renderers.animatediff.controls import Control, together
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.thrift import Thrift
from dancegen.renderers.animatediff.windows import (
    STATIC,
    Window,
    frame_noise,
    moved_windows,
    pyramid,
    seeded_generator,
    settled,
    windows,
)
from dancegen.renderers.film.backend import Scene
from dancegen.renderers.film.finite import NotFinite, check_finite
from dancegen.renderers.film.resume import LATENTS, SAVE_EVERY, load_latents, save_latents

if TYPE_CHECKING:
    import torch
    from diffusers import AnimateDiffControlNetPipeline

Finished = Callable[[int, "torch.Tensor"], None]
"""Takes the latents, (n, 4, h, w), of some frames of a scene that are done, and the place of the first."""


@dataclass(frozen=True)
class Conditioning:
    """What leads the networks; B is 2, the negative prompt and the prompt, or without guidance 1.

    prompt_embeds: (B, F, tokens, D). image_embeds: (B, 1, ...) of the portrait, or None. controls: what ControlNets are
    shown of the frames. strengths: (F,) of what goes with the song, by its name.
    """

    prompt_embeds: torch.Tensor
    image_embeds: torch.Tensor | None
    controls: tuple[Control, ...]
    strengths: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def part(self, frames: slice, passes: slice = slice(None)) -> Conditioning:
        """Of some frames, and of the prompt or the negative prompt alone."""
        image = None if self.image_embeds is None else self.image_embeds[passes]
        controls = tuple(each.part(frames) for each in self.controls)
        strengths = {name: each[frames] for name, each in self.strengths.items()}
        return Conditioning(self.prompt_embeds[passes, frames], image, controls, strengths)

    def during(self, step: int, steps: int) -> Conditioning:
        """What leads in one step of so many."""
        return replace(self, controls=tuple(each for each in self.controls if each.acts(step, steps)))


class Residuals:
    """What ControlNets say of the frames of windows, one after another: of frames that they share, they are asked once.

    windows: all of a step; each begins later than the one before.
    """

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = windows
        self._kept: list[torch.Tensor] = []  # each (B, n, C, h, w)

    def of(self, place: int, ask: Callable[[slice], list[torch.Tensor]]) -> list[torch.Tensor]:
        """Each (B * W, C, h, w), of the window at a place. ask: the residuals of some frames, each (B, n, C, h, w)."""
        import torch

        first, stop = self.windows[place]
        if not self._kept:
            self._kept = ask(slice(first, stop))
        else:
            new = ask(slice(first + self._kept[0].shape[1], stop))
            self._kept = [torch.cat(each, 1) for each in zip(self._kept, new, strict=True)]
        return [each.flatten(0, 1) for each in self._kept]

    def release(self, place: int) -> None:
        """Keep only what the window after the one at this place sees, too."""
        first, stop = self.windows[place]
        following = self.windows[place + 1][0] if place + 1 < len(self.windows) else stop
        self._kept = [each[:, following - first :].clone() for each in self._kept] if following < stop else []


@dataclass(frozen=True)
class Sampler:
    """Denoises scenes with a pipeline's networks."""

    pipeline: AnimateDiffControlNetPipeline
    settings: Settings
    thrift: Thrift
    device: str

    def sample(
        self, scene: Scene, conditioning: Conditioning, *, resume: Path | None, advance: Advance, finished: Finished,
        start: torch.Tensor | None = None, taken: int | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """(F, 4, h, w) latents of a scene, on the CPU.

        start: latents to set out from, for which only the last steps are taken, so many as `taken`, from as much noise
        as these begin with (SDEdit, Meng et al. 2022); else all are, from nothing but noise.
        resume: a directory where latents are saved every few steps, and read from if they are there. advance: called at
        each finished step. finished: given the latents of frames as soon as the last step has no more windows that see
        them. Raises NotFinite; the latents that were saved are gone then.
        """
        saved = None if resume is None else resume / LATENTS
        try:
            return self._denoised(scene, conditioning, saved, advance, finished, start, taken)
        except NotFinite:
            if saved is not None:  # what led there is no beginning for another attempt
                saved.unlink(missing_ok=True)
            raise

    def _denoised(
        self, scene: Scene, conditioning: Conditioning, saved: Path | None, advance: Advance, finished: Finished,
        start: torch.Tensor | None, taken: int | None,
    ) -> torch.Tensor:  # fmt: skip
        """The same. saved: a file of latents."""
        import torch

        scheduler = self.scheduler
        scheduler.set_timesteps(self.settings.steps, device=self.device)
        timesteps = scheduler.timesteps
        first = 0 if taken is None else len(timesteps) - taken
        scheduler.set_begin_index(first)
        latents, done = self._begin(scene, saved, first, start)
        advance(done - first)
        if done == len(timesteps):  # in the same pieces as ever: what is decoded together is rounded together
            for part in settled(self._windows(scene, done - 1)):
                finished(part.start, latents[part])
        for step, t in enumerate(timesteps[done:], done):
            model_input, leading = scheduler.scale_model_input(latents, t), conditioning.during(step, len(timesteps))
            predictions = self._noise_pred(model_input, t, leading, self._windows(scene, step))
            generators = self._generators(scene, step)
            last = step + 1 == len(timesteps)
            if last:
                latents = self._last_step(predictions, t, latents, generators, finished)
            else:
                noise_pred = torch.cat([noise for _, noise in predictions])
                latents = scheduler.step(noise_pred, t, latents, **generators).prev_sample
                check_finite(latents, f"at step {step + 1} of {len(timesteps)}")
            if saved is not None and ((step + 1) % SAVE_EVERY == 0 or last):
                save_latents(saved, latents, scheduler, step + 1)
            advance(1)
        return latents.cpu()

    @property
    def scheduler(self) -> Any:
        """The pipeline's, of whichever class."""
        return self.pipeline.scheduler

    def _begin(
        self, scene: Scene, saved: Path | None, first: int, start: torch.Tensor | None
    ) -> tuple[torch.Tensor, int]:  # fmt: skip
        """The latents to go on from, and how many steps they have behind them."""
        found = load_latents(saved, self.scheduler, self.device) if saved is not None else None
        if found is not None:
            return found
        height, width = scene.poses.shape[1:3]
        factor = self.pipeline.vae_scale_factor
        noise = frame_noise(
            scene.seed, scene.first, scene.first + len(scene),
            (self.pipeline.unet.config.in_channels, height // factor, width // factor),
            window=self.settings.window,
        )  # fmt: skip
        if start is None:
            return (noise * self.scheduler.init_noise_sigma).to(self.device), 0
        at = self.scheduler.timesteps[first : first + 1]
        return self.scheduler.add_noise(start.to(self.device), noise.to(self.device), at), first

    def _windows(self, scene: Scene, step: int) -> list[Window]:
        """The frames that are denoised together at a step; the last ones are what is decoded together."""
        settings, frames = self.settings, len(scene)
        if settings.context == STATIC:
            return windows(frames, settings.window, settings.stride)
        return moved_windows(
            frames, settings.window, settings.stride, seed=scene.seed, first=scene.first, step=step
        )  # fmt: skip

    def _noise_pred(
        self, latents: torch.Tensor, t: torch.Tensor, conditioning: Conditioning, found: Sequence[Window]
    ) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield the noise that is predicted, the mean of all windows that see a frame: (frames, (n, 4, h, w)).

        Frames come as soon as no other window sees them; together they are the whole scene, in order.
        """
        import torch

        total = torch.zeros_like(latents)
        weight = torch.zeros(len(latents), 1, 1, 1, device=self.device)
        led = [Residuals(found) for _ in self._passes]
        for place, ((first, stop), done) in enumerate(zip(found, settled(found), strict=True)):
            part = slice(first, stop)
            noise_pred = self._guided(latents, t, conditioning, led, place)
            share = torch.from_numpy(pyramid(stop - first)).to(self.device).view(-1, 1, 1, 1)
            total[part] += noise_pred * share
            weight[part] += share
            yield done, total[done] / weight[done]

    @property
    def _passes(self) -> list[slice]:
        """Which of the negative prompt and the prompt go through the networks together."""
        one_batch = self.thrift.together or not self.settings.guided
        return [slice(None)] if one_batch else [slice(0, 1), slice(1, 2)]

    def _guided(
        self, latents: torch.Tensor, t: torch.Tensor, conditioning: Conditioning, led: list[Residuals], place: int
    ) -> torch.Tensor:
        """(W, 4, h, w) float32 of the window at a place, with classifier-free guidance (Ho and Salimans 2022).

        latents, conditioning: of the whole scene. led: what leads each of the `_passes`.
        """
        import torch

        noise_pred = torch.cat(
            [
                self._networks(latents, t, conditioning.part(slice(None), each), residuals, place)
                for each, residuals in zip(self._passes, led, strict=True)
            ]
        )
        if not self.settings.guided:
            return noise_pred[0]
        noise_pred_uncond, noise_pred_text = noise_pred
        return noise_pred_uncond + self._guidance(conditioning, place, led) * (noise_pred_text - noise_pred_uncond)

    def _guidance(self, conditioning: Conditioning, place: int, led: list[Residuals]) -> torch.Tensor | float:
        """Of each frame of the window at a place, (W, 1, 1, 1), where the prompt's strength goes with the song."""
        strength = conditioning.strengths.get("prompt")
        if strength is None:
            return self.settings.guidance
        return self.settings.guidance * strength[slice(*led[0].windows[place])].view(-1, 1, 1, 1)

    def _networks(
        self, latents: torch.Tensor, t: torch.Tensor, conditioning: Conditioning, residuals: Residuals, place: int
    ) -> torch.Tensor:
        """(B, W, 4, h, w) float32: ControlNets and UNet on the window at a place."""
        part = slice(*residuals.windows[place])
        led = residuals.of(place, lambda frames: self._controlnets(latents, t, conditioning, frames))
        conditioning, window = conditioning.part(part), latents[part]
        batch = len(conditioning.prompt_embeds)
        sample = window.to(self.pipeline.unet.dtype).expand(batch, *window.shape)
        image_embeds = conditioning.image_embeds
        with self._lora_strength(conditioning):
            noise_pred = self.pipeline.unet(
                sample.permute(0, 2, 1, 3, 4),
                t,
                encoder_hidden_states=conditioning.prompt_embeds.flatten(0, 1),
                added_cond_kwargs=None if image_embeds is None else {"image_embeds": [image_embeds]},
                down_block_additional_residuals=led[:-1] or None,
                mid_block_additional_residual=led[-1] if led else None,
            ).sample
        residuals.release(place)
        return noise_pred.permute(0, 2, 1, 3, 4).float().reshape(batch, *window.shape)

    def _lora_strength(self, conditioning: Conditioning) -> AbstractContextManager[None]:
        """While LoRAs are as strong as they are in these frames."""
        strength = conditioning.strengths.get("lora")
        if strength is None:
            return nullcontext()
        return self.pipeline.lora_strength.of(strength.repeat(len(conditioning.prompt_embeds)))  # type: ignore[attr-defined]

    def _controlnets(
        self, latents: torch.Tensor, t: torch.Tensor, conditioning: Conditioning, frames: slice
    ) -> list[torch.Tensor]:
        """What ControlNets add to some frames, each (B, n, C, h, w), the last for the UNet's middle; or none.

        It is computed a few frames at a time: a ControlNet looks at each by itself.
        """
        conditioning, some_latents = conditioning.part(frames), latents[frames]
        batch = len(conditioning.prompt_embeds)
        sample = some_latents.to(self.pipeline.unet.dtype).expand(batch, *some_latents.shape).flatten(0, 1)
        prompt_embeds = conditioning.prompt_embeds.flatten(0, 1)
        residuals = together(conditioning.controls, sample, t, prompt_embeds, self.thrift.control_frames)
        return [each.unflatten(0, (batch, -1)) for each in residuals]

    def _generators(self, scene: Scene, step: int) -> dict[str, list[torch.Generator]]:
        """Where a sampler draws noise in its steps, each frame's is its own."""
        if "generator" not in self.scheduler.step.__code__.co_varnames:
            return {}
        frames = range(scene.first, scene.first + len(scene))
        return {"generator": [seeded_generator(scene.seed, "step", step, frame) for frame in frames]}

    def _last_step(
        self,
        predictions: Iterator[tuple[slice, torch.Tensor]],
        t: torch.Tensor,
        latents: torch.Tensor,
        generators: Mapping[str, list[torch.Generator]],
        finished: Finished,
    ) -> torch.Tensor:
        """The last step, some frames after others: samplers compute each frame by itself."""
        import torch

        done = torch.empty_like(latents)
        for part, noise_pred in predictions:
            of_part = copy(self.scheduler)
            if hasattr(of_part, "model_outputs"):  # of the steps before, for all frames
                of_part.model_outputs = [None if each is None else each[part] for each in of_part.model_outputs]
            drawn = {name: each[part] for name, each in generators.items()}
            done[part] = of_part.step(noise_pred, t, latents[part], **drawn).prev_sample
            check_finite(done[part], "at the last step")
            finished(part.start, done[part])
        return done
