"""Diffusers' AnimateDiffControlNetPipeline, put together from located models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dancegen.hub import quiet_libraries
from dancegen.renderers.animatediff.loras import LoraStrength, merge_loras
from dancegen.renderers.animatediff.motion_modules import load_motion_modules
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.texts import learn_words
from dancegen.renderers.film.loading import explained, is_checkpoint, variant_of
from dancegen.weights import CONFIG, Located, Models

if TYPE_CHECKING:
    import torch
    from diffusers import AnimateDiffControlNetPipeline, AutoencoderKL, UNetMotionModel

SD15 = Path(__file__).parent / "sd15"
"""Configurations of Stable Diffusion 1.5 and its companions, in the layout of a diffusers repository."""


def load_pipeline(
    models: Models, settings: Settings, *, device: str, dtype: torch.dtype
) -> AnimateDiffControlNetPipeline:
    """The pipeline with all its parts on `device`, LoRAs merged in, the IP-Adapter in place. Raises ModelError."""
    from diffusers import AnimateDiffControlNetPipeline, AutoencoderKL, ControlNetModel, MotionAdapter

    with quiet_libraries():
        vae = load_network(AutoencoderKL, models.one("vae"), dtype)
        unet, text_encoder, tokenizer = load_base(models, vae, dtype)
        adapter = load_network(MotionAdapter, models.one("motion-adapter"), dtype)
        roles = ("controlnet", "depth-controlnet") if settings.depth else ("controlnet",)
        controlnets = [load_network(ControlNetModel, models.one(role), dtype) for role in roles]
        with explained(models.one("motion-adapter")):
            unet = motion_unet(unet, adapter)
        del adapter  # the UNet has its weights; a pipeline would keep them on the device a second time
        pipeline = AnimateDiffControlNetPipeline(
            vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, motion_adapter=None,  # type: ignore[arg-type]
            controlnet=controlnets if len(controlnets) > 1 else controlnets[0],
            scheduler=make_scheduler(settings.sampler),
        )  # fmt: skip
        learn_words(pipeline, models.all("embedding"), settings.embedding)
        merge_loras(pipeline, models.all("motion-lora"))
        if settings.pulses("lora"):
            pipeline.lora_strength = LoraStrength(pipeline, models.all("lora"))
        else:
            merge_loras(pipeline, models.all("lora"))
        if settings.image is not None:
            load_ip_adapter(pipeline, models.one("ip-adapter"), settings.ip_scale, dtype)
        pipeline.to(device)
    for part in pipeline.components.values():
        if hasattr(part, "requires_grad_"):
            part.requires_grad_(False)
    return pipeline


def motion_unet(unet: Any, adapter: Any) -> UNetMotionModel:
    """`UNetMotionModel.from_unet2d` without a second copy of either's weights: the new one has their very tensors."""
    import torch
    from diffusers import UNetMotionModel

    if adapter.config.conv_in_channels:  # PIA's first layer is put together of both
        return cast("UNetMotionModel", UNetMotionModel.from_unet2d(unet, adapter))
    with torch.device("meta"):
        made = cast("UNetMotionModel", UNetMotionModel.from_unet2d(unet, adapter, load_weights=False))
    made.load_state_dict({**unet.state_dict(), **adapter.state_dict()}, assign=True)
    return made.to(unet.dtype).eval()


def load_base(models: Models, vae: AutoencoderKL, dtype: torch.dtype) -> tuple[Any, Any, Any]:
    """(unet, text_encoder, tokenizer) of the base: a directory in diffusers' layout, or one checkpoint file."""
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    base = models.one("base")
    with explained(base):
        if not is_checkpoint(base):
            folder = base.directory
            return (
                UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=dtype, **variant_of(base, "unet/")),
                CLIPTextModel.from_pretrained(
                    folder / "text_encoder", dtype=dtype, **variant_of(base, "text_encoder/")
                ),
                CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            )  # fmt: skip
        tokenizer = CLIPTokenizer.from_pretrained(models.one("tokenizer").directory)
        whole = StableDiffusionPipeline.from_single_file(
            str(base.directory / base.files[0]), config=str(SD15), vae=vae, tokenizer=tokenizer, safety_checker=None,
            feature_extractor=None, torch_dtype=dtype, local_files_only=True,
        )  # fmt: skip
        return whole.unet, whole.text_encoder, tokenizer


def load_network(kind: Any, located: Located, dtype: torch.dtype) -> Any:
    """One network of diffusers from a directory or from a single file. Raises ModelError."""
    with explained(located):
        prefix = next((name[: -len(CONFIG)] for name in located.files if name.endswith(CONFIG)), "")
        if not is_checkpoint(located):
            folder = located.directory / prefix
            return kind.from_pretrained(folder, torch_dtype=dtype, **variant_of(located, prefix))
        file = located.directory / located.files[0]
        if kind.__name__ == "MotionAdapter":
            return load_motion_modules(file, SD15 / "motion_adapter", dtype)
        known = {"AutoencoderKL": "vae", "ControlNetModel": "controlnet"}
        beside = (file.parent / CONFIG).is_file()
        config = {"config": str(file.parent)} if beside else {"config": str(SD15), "subfolder": known[kind.__name__]}
        return kind.from_single_file(str(file), torch_dtype=dtype, local_files_only=True, **config)


def make_scheduler(sampler: str, betas: str = "linear") -> Any:
    """One of three samplers over a noise schedule: the one that AnimateDiff's motion modules were trained with.

    dpm++: DPM-Solver++ of second order. lcm: for latent consistency models. euler: with trailing spacing, for
    AnimateDiff-Lightning. betas: how noise grows; `scaled_linear` is Stable Diffusion's own, for single pictures.
    All end where there is no noise left: one that ends before leaves some of the first noise in the picture, as grain.
    """
    import diffusers

    kinds: Mapping[str, tuple[Any, dict]] = {
        "dpm++": (diffusers.DPMSolverMultistepScheduler, {}),
        "lcm": (diffusers.LCMScheduler, {}),
        "euler": (diffusers.EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
    }
    kind, changes = kinds[sampler]
    shared = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": betas, "steps_offset": 1}
    if sampler == "dpm++":
        shared |= {"timestep_spacing": "linspace", "final_sigmas_type": "zero", "algorithm_type": "dpmsolver++"}
    return kind(**shared, **changes)


def load_ip_adapter(pipeline: Any, located: Located, scale: float, dtype: torch.dtype) -> None:
    """Cross-attention to a picture, and the encoder that reads pictures."""
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

    config = next(name for name in located.files if name.endswith(CONFIG))
    weights = next(name for name in located.files if "/" not in _below(config, name))
    with explained(located):
        encoder = CLIPVisionModelWithProjection.from_pretrained((located.directory / config).parent, dtype=dtype)
        side = encoder.config.image_size
        crop = {"height": side, "width": side}
        pipeline.register_modules(
            image_encoder=encoder,
            feature_extractor=CLIPImageProcessor(size={"shortest_edge": side}, crop_size=crop),
        )
        pipeline.load_ip_adapter(
            str((located.directory / weights).parent), subfolder="", weight_name=Path(weights).name,
            image_encoder_folder=None, local_files_only=True,
        )  # fmt: skip
        pipeline.set_ip_adapter_scale(scale)


def _below(config: str, name: str) -> str:
    """The file's name seen from the folder that holds the image encoder's."""
    above = str(Path(config).parent.parent)
    return name if above == "." else name.removeprefix(f"{above}/")
