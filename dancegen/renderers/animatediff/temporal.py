"""The second pass against flicker: each frame painted again a little, with an eye on the one before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dancegen.renderers.animatediff.noise import generator
from dancegen.renderers.animatediff.settings import Settings

if TYPE_CHECKING:
    import torch

    from dancegen.renderers.animatediff.loading import Models

BEFORE_SCALE = 0.6
"""How much the frame before weighs against the pose; with more, colours creep."""


class TemporalPainter:
    """Image to image with two ControlNets: OpenPose sees the pose, TemporalNet the frame that was painted before."""

    def __init__(self, models: Models, settings: Settings, *, device: str, dtype: torch.dtype) -> None:
        from diffusers import AutoencoderKL, ControlNetModel, StableDiffusionControlNetImg2ImgPipeline

        from dancegen.renderers.animatediff.loading import load_base, load_network, make_scheduler, quiet_libraries

        self.settings, self.device = settings, device
        self._embedded: dict[str, torch.Tensor] = {}
        with quiet_libraries():
            vae = load_network(AutoencoderKL, models.one("vae"), dtype)
            unet, text_encoder, tokenizer = load_base(models, vae, dtype)
            nets = [load_network(ControlNetModel, models.one(role), dtype) for role in ("controlnet", "temporalnet")]
            self.pipeline = StableDiffusionControlNetImg2ImgPipeline(
                vae, text_encoder, tokenizer, unet, nets, make_scheduler("dpm++"), safety_checker=None,
                feature_extractor=None, requires_safety_checker=False,
            ).to(device)  # fmt: skip
        self.pipeline.set_progress_bar_config(disable=True)

    def paint(
        self,
        frame: np.ndarray,
        pose: np.ndarray,
        before: np.ndarray,
        texts: Sequence[str],
        shares: np.ndarray,
        *,
        seed: int,
        number: int,
    ) -> np.ndarray:
        """Frame `number` again: all of frame, pose and before are (H, W, 3) uint8 RGB, and so is the result."""
        import torch
        from PIL import Image

        strength = self.settings.temporal_strength
        with torch.inference_mode():
            painted = self.pipeline(
                image=Image.fromarray(frame),
                control_image=[Image.fromarray(pose), Image.fromarray(before)],
                prompt_embeds=self._words(texts, shares),
                negative_prompt_embeds=self._embedding(self.settings.negative_prompt)[None],
                strength=strength,
                num_inference_steps=max(self.settings.steps, math.ceil(1 / strength)),
                guidance_scale=self.settings.guidance,
                controlnet_conditioning_scale=[float(self.settings.control_scale), BEFORE_SCALE],
                generator=generator(seed, "temporal", number),
                output_type="np",
            ).images[0]
        return (painted * 255).round().astype(np.uint8)

    def _words(self, texts: Sequence[str], shares: np.ndarray) -> torch.Tensor:
        """(1, tokens, D): the frame's blend of the texts."""
        blend = sum(self._embedding(text).float() * float(share) for text, share in zip(texts, shares, strict=True))
        return blend[None].to(self.pipeline.unet.dtype)

    def _embedding(self, text: str) -> torch.Tensor:
        if text not in self._embedded:
            self._embedded[text] = self.pipeline.encode_prompt(text, self.device, 1, False)[0][0]
        return self._embedded[text]
