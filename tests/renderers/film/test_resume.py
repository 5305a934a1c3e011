"""Latents on disk: whichever scheduler diffusers has goes on as if it had never stopped."""

from __future__ import annotations

import diffusers
import pytest
import torch

from dancegen.renderers.film.resume import load_latents, save_latents

STEPS = 8


@pytest.mark.parametrize(
    "kind", ["UniPCMultistepScheduler", "DPMSolverMultistepScheduler", "EulerDiscreteScheduler", "LCMScheduler"]
)
@pytest.mark.parametrize("stop", [1, 2, 5])
def test_a_scheduler_goes_on_to_the_same_bits(kind, stop, tmp_path):
    def begun():
        scheduler = getattr(diffusers, kind)()
        scheduler.set_timesteps(STEPS)
        return scheduler, torch.randn(
            2, 4, 3, 3, generator=torch.Generator().manual_seed(0)
        ) * scheduler.init_noise_sigma

    def walk(scheduler, latents, first, last):
        for step, t in enumerate(scheduler.timesteps[first:last], first):
            noise_pred = torch.sin(scheduler.scale_model_input(latents, t) * (step + 1))
            drawn = {"generator": torch.Generator().manual_seed(step)} if kind.startswith("LCM") else {}
            latents = scheduler.step(noise_pred, t, latents, **drawn).prev_sample
        return latents

    whole = walk(*begun(), 0, STEPS)
    scheduler, latents = begun()
    save_latents(tmp_path / "scene" / "latents.safetensors", walk(scheduler, latents, 0, stop), scheduler, stop)
    later, _ = begun()
    found = load_latents(tmp_path / "scene" / "latents.safetensors", later, "cpu")
    assert found is not None and found[1] == stop
    assert torch.equal(walk(later, found[0], stop, STEPS), whole)
