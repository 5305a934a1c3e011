"""The second pass against flicker: image to image with TemporalNet, each frame with an eye on the one before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.hub import quiet_libraries
from dancegen.renderers.animatediff.precision import latents_of, pictures_of, widen
from dancegen.renderers.animatediff.settings import USUAL, Settings
from dancegen.renderers.animatediff.texts import Texts, learn_words
from dancegen.renderers.animatediff.windows import seeded_generator
from dancegen.renderers.film.backend import NO_STRENGTHS
from dancegen.renderers.film.finite import NotFinite, check_finite
from dancegen.weights import Models

if TYPE_CHECKING:
    import torch

BEFORE_SCALE = 0.6
"""How much the frame before weighs against the pose; with more, colours creep."""


def still_settings(settings: Settings) -> Settings:
    """A film's settings for one frame at a time.

    AnimateDiff-Lightning's few steps are learnt by its motion modules, which a single frame does not go through.
    """
    return replace(settings, **USUAL) if settings.sampler == "euler" else settings


def steps_of(settings: Settings) -> tuple[int, int]:
    """(the whole schedule's steps, those that are taken): of image to image's steps only the last are."""
    steps = max(still_settings(settings).steps, math.ceil(1 / settings.temporal_strength))
    return steps, min(steps, int(steps * settings.temporal_strength))


class TemporalPainter:
    """Image to image with two ControlNets: OpenPose sees the pose, TemporalNet the frame that was painted before.

    LoRAs and the portrait lead it as they lead the first pass; motion modules do not, since it sees single frames.
    """

    def __init__(
        self, models: Models, settings: Settings, *, device: str, dtype: torch.dtype, portrait: np.ndarray | None = None
    ) -> None:
        from diffusers import AutoencoderKL, ControlNetModel

        from dancegen.renderers.animatediff.loading import (
            load_base,
            load_ip_adapter,
            load_network,
            make_scheduler,
        )
        from dancegen.renderers.animatediff.loras import LoraStrength, merge_loras

        self.settings, self.device = still_settings(settings), device
        scheduler = make_scheduler(self.settings.sampler, betas="scaled_linear")
        with quiet_libraries():
            vae = load_network(AutoencoderKL, models.one("vae"), dtype)
            unet, text_encoder, tokenizer = load_base(models, vae, dtype)
            nets = [load_network(ControlNetModel, models.one(role), dtype) for role in ("controlnet", "temporalnet")]
            self.pipeline = _pipeline_kind(guided=settings.guided)(
                vae, text_encoder, tokenizer, unet, nets, scheduler, safety_checker=None, feature_extractor=None,
                requires_safety_checker=False,
            )  # fmt: skip
            learn_words(self.pipeline, models.all("embedding"), settings.embedding)
            if settings.pulses("lora"):
                self.pipeline.lora_strength = LoraStrength(self.pipeline, models.all("lora"))
            else:
                merge_loras(self.pipeline, models.all("lora"))
            if portrait is not None:
                load_ip_adapter(self.pipeline, models.one("ip-adapter"), settings.ip_scale, dtype)
            self.pipeline.to(device)
        self.texts = Texts(self.pipeline, device)
        self.pipeline.set_progress_bar_config(disable=True)
        self._image_embeds = {} if portrait is None else {"ip_adapter_image_embeds": self._encode_image(portrait)}
        self.thrifty = False

    def save_memory(self) -> None:
        """From now on networks wait in main memory until their turn, and large pictures pass the VAE in tiles."""
        self.thrifty = True
        self.pipeline.vae.enable_tiling()
        if self.device != "cpu":
            self.pipeline.enable_model_cpu_offload(device=self.device)

    def widen(self, fault: NotFinite) -> str:
        """From now on compute in numbers of a wider range: see `precision.widen`."""
        pipeline = self.pipeline
        controlnet, temporalnet = pipeline.controlnet.nets
        parts = {"vae": pipeline.vae, "controlnet": controlnet, "temporalnet": temporalnet, "base": pipeline.unet}
        encoders = {"text_encoder": pipeline.text_encoder, "image_encoder": pipeline.image_encoder}
        parts |= {name: network for name, network in encoders.items() if network is not None}
        done = widen(parts, fault, self.settings, self.device)
        self.texts.known.clear()
        self._image_embeds = {
            name: [each.to(pipeline.unet.dtype) for each in embeds] for name, embeds in self._image_embeds.items()
        }
        return done

    def paint(
        self, frame: np.ndarray, pose: np.ndarray, before: np.ndarray, texts: Sequence[str], weights: np.ndarray, *,
        seed: int, strengths: Mapping[str, float] = NO_STRENGTHS,
    ) -> np.ndarray:  # fmt: skip
        """A frame again: all of frame, pose and before are (H, W, 3) uint8 RGB, and so is the result.

        strengths: of the prompt, LoRAs and the pose in this frame, in times what is usual.
        Every frame of a film begins with the same noise: with noise of its own, what is still would flicker. Raises
        NotFinite.
        """
        import torch
        from PIL import Image

        steps, _ = steps_of(self.settings)
        guidance = self.settings.guidance * strengths.get("prompt", 1.0)
        pose_scale = self.settings.control_scale * strengths.get("control", 1.0)
        with torch.inference_mode(), self._lora_strength(strengths):
            negative, prompt = self._encode_texts(texts, weights)
            latents = self.pipeline(
                image=latents_of(self.pipeline.vae, frame[None], self.device),
                control_image=[Image.fromarray(pose), Image.fromarray(before)],
                prompt_embeds=prompt,
                negative_prompt_embeds=negative,
                strength=self.settings.temporal_strength,
                num_inference_steps=steps,
                guidance_scale=guidance,
                controlnet_conditioning_scale=[float(pose_scale), BEFORE_SCALE],
                generator=seeded_generator(seed, "temporal"),
                output_type="latent",
                **self._image_embeds,
            ).images
        check_finite(latents, "in the second pass")
        return pictures_of(self.pipeline.vae, latents, self.device)[0]

    def _lora_strength(self, strengths: Mapping[str, float]) -> AbstractContextManager[None]:
        """While LoRAs are as strong as they are in this frame."""
        import torch

        strength = strengths.get("lora")
        if strength is None:
            return nullcontext()
        return self.pipeline.lora_strength.of(torch.tensor([strength], device=self.device))

    def _encode_image(self, portrait: np.ndarray) -> list[torch.Tensor]:
        """The portrait as the IP-Adapter reads it, computed once."""
        import torch

        from dancegen.renderers.animatediff.painter import portrait_embeds

        with torch.inference_mode():
            return [portrait_embeds(self.pipeline, portrait, self.device, guided=self.settings.guided)]

    def _encode_texts(self, texts: Sequence[str], weights: np.ndarray) -> list[torch.Tensor]:
        """The negative prompt and the frame's blend of the texts, each (1, tokens, D)."""
        negative, *found = self.texts.of([self.settings.negative_prompt, *texts])
        blend: Any = sum(each.float() * float(weight) for each, weight in zip(found, weights, strict=True))
        return [each[None].to(self.pipeline.unet.dtype) for each in (negative, blend)]


def _pipeline_kind(*, guided: bool) -> Any:
    """Diffusers' pipeline, guided or not whatever its guidance scale is at the moment.

    A prompt whose strength goes with the song may have one of 1 or less, which diffusers takes for none at all.
    """
    from diffusers import StableDiffusionControlNetImg2ImgPipeline

    class Again(StableDiffusionControlNetImg2ImgPipeline):
        @property
        def do_classifier_free_guidance(self) -> bool:
            return guided

    return Again
