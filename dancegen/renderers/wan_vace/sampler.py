"""The denoising loop of one segment; latents are saved at every step, which takes long."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.progress import Advance
from dancegen.renderers.film.finite import NotFinite, check_finite
from dancegen.renderers.film.resume import LATENTS, load_latents, save_latents
from dancegen.renderers.wan_vace.loading import make_scheduler
from dancegen.renderers.wan_vace.settings import Settings

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Sampler:
    """Denoises with a transformer, which is on the device or brings its blocks there."""

    transformer: Any
    settings: Settings
    device: str

    def sample(
        self, noise: torch.Tensor, led: torch.Tensor, prompt: torch.Tensor, negative: torch.Tensor | None, *,
        resume: Path | None, advance: Advance,
    ) -> torch.Tensor:  # fmt: skip
        """(1, C, R + n, h, w) float32 latents on the device, of noise of that shape.

        led: see `conditions.conditioning`. prompt, negative: (1, tokens, D); without guidance there is no negative.
        resume: a directory where latents are saved at every step. advance: called at each finished step. Raises
        NotFinite; the latents that were saved are gone then.
        """
        saved = None if resume is None else resume / LATENTS
        try:
            return self._denoised(noise, led, prompt, negative, saved, advance)
        except NotFinite:
            if saved is not None:
                saved.unlink(missing_ok=True)
            raise

    def _denoised(
        self, noise: torch.Tensor, led: torch.Tensor, prompt: torch.Tensor, negative: torch.Tensor | None,
        saved: Path | None, advance: Advance,
    ) -> torch.Tensor:  # fmt: skip
        scheduler = make_scheduler(self.settings)
        scheduler.set_timesteps(self.settings.steps, device=self.device)
        found = None if saved is None else load_latents(saved, scheduler, self.device)
        latents, done = found if found is not None else (noise.to(self.device), 0)
        advance(done)
        led, prompt = (each.to(self.device, self.transformer.dtype) for each in (led, prompt))
        negative = None if negative is None else negative.to(prompt)
        timesteps = scheduler.timesteps
        for step, t in enumerate(timesteps[done:], done):
            flow = self._flow(latents, t, led, prompt)
            if negative is not None:  # classifier-free guidance (Ho and Salimans 2022)
                against = self._flow(latents, t, led, negative)
                flow = against + self.settings.guidance * (flow - against)
            latents = scheduler.step(flow, t, latents, return_dict=False)[0]
            check_finite(latents, f"at step {step + 1} of {len(timesteps)}")
            if saved is not None:
                save_latents(saved, latents, scheduler, step + 1)
            advance(1)
        return latents

    def _flow(self, latents: torch.Tensor, t: torch.Tensor, led: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        import torch

        layers = len(self.transformer.config.vace_layers)
        strength = torch.full((layers,), self.settings.control_scale, device=self.device, dtype=led.dtype)
        return self.transformer(
            hidden_states=latents.to(led.dtype), timestep=t.expand(1), encoder_hidden_states=text,
            control_hidden_states=led, control_hidden_states_scale=strength, return_dict=False,
        )[0]  # fmt: skip


def noise_of(seed: int, first: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Standard normal float32 on the CPU, of the segment that begins with a frame of a film, the same anywhere."""
    import torch

    drawn = hashlib.sha256(repr((seed, first, "wan")).encode()).digest()
    return torch.randn(shape, generator=torch.Generator().manual_seed(int.from_bytes(drawn[:7], "little")))
