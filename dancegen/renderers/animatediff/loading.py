"""Diffusers' AnimateDiffControlNetPipeline, put together from located models."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import DancegenError, ModelError
from dancegen.renderers.animatediff.settings import Settings, weighted
from dancegen.renderers.film.memory import is_out_of_memory
from dancegen.renderers.film.weights import Located

if TYPE_CHECKING:
    import torch
    from diffusers import AnimateDiffControlNetPipeline

SD15 = Path(__file__).parent / "sd15"
"""Configurations of Stable Diffusion 1.5 and its companions, in the layout of a diffusers repository."""


@dataclass(frozen=True)
class Models:
    """A film's models by role; there may be several of `lora` and `motion-lora`, in the order of the settings."""

    located: tuple[Located, ...]

    def one(self, role: str) -> Located:
        return next(model for model in self.located if model.ref.role == role)

    def all(self, role: str) -> list[Located]:
        return [model for model in self.located if model.ref.role == role]


def load_pipeline(
    models: Models, settings: Settings, *, device: str, dtype: torch.dtype
) -> AnimateDiffControlNetPipeline:
    """The pipeline with all its parts on `device`, LoRAs merged in, the IP-Adapter in place. Raises ModelError."""
    from diffusers import AnimateDiffControlNetPipeline, AutoencoderKL, ControlNetModel, MotionAdapter

    with quiet_libraries():
        vae = load_network(AutoencoderKL, models.one("vae"), dtype)
        unet, text_encoder, tokenizer = load_base(models, vae, dtype)
        adapter = load_network(MotionAdapter, models.one("motion-adapter"), dtype)
        with explained(models.one("motion-adapter")):
            pipeline = AnimateDiffControlNetPipeline(
                vae=vae,
                text_encoder=text_encoder,
                tokenizer=tokenizer,
                unet=unet,
                motion_adapter=adapter,
                controlnet=load_network(ControlNetModel, models.one("controlnet"), dtype),
                scheduler=make_scheduler(settings.sampler),
            )
        merge_loras(pipeline, zip(models.all("lora"), settings.lora, strict=True))
        merge_loras(pipeline, zip(models.all("motion-lora"), settings.motion_lora, strict=True))
        if settings.image is not None:
            load_ip_adapter(pipeline, models.one("ip-adapter"), settings.ip_scale, dtype)
        pipeline.to(device)
    for part in pipeline.components.values():
        if hasattr(part, "requires_grad_"):
            part.requires_grad_(False)
    return pipeline


def load_base(models: Models, vae, dtype) -> tuple:
    """(unet, text_encoder, tokenizer) of the base: a directory in diffusers' layout, or one checkpoint file."""
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    base = models.one("base")
    with explained(base):
        if not _is_file(base):
            folder = base.folder
            return (
                UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=dtype, **_variant(base, "unet/")),
                CLIPTextModel.from_pretrained(
                    folder / "text_encoder", dtype=dtype, **_variant(base, "text_encoder/")
                ),
                CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            )  # fmt: skip
        tokenizer = CLIPTokenizer.from_pretrained(models.one("tokenizer").folder)
        whole = StableDiffusionPipeline.from_single_file(
            str(base.folder / base.files[0]), config=str(SD15), vae=vae, tokenizer=tokenizer, safety_checker=None,
            feature_extractor=None, torch_dtype=dtype, local_files_only=True,
        )  # fmt: skip
        return whole.unet, whole.text_encoder, tokenizer


def load_network(kind: type, located: Located, dtype: torch.dtype):
    """One network of diffusers from a directory or from a single file. Raises ModelError."""
    with explained(located):
        prefix = next((name[: -len("config.json")] for name in located.files if name.endswith("config.json")), "")
        if not _is_file(located):
            folder = located.folder / prefix
            return kind.from_pretrained(folder, torch_dtype=dtype, **_variant(located, prefix))
        file = located.folder / located.files[0]
        known = {"AutoencoderKL": "vae", "ControlNetModel": "controlnet", "MotionAdapter": "motion_adapter"}
        beside = (file.parent / "config.json").is_file()
        config = {"config": str(file.parent)} if beside else {"config": str(SD15), "subfolder": known[kind.__name__]}
        return kind.from_single_file(str(file), torch_dtype=dtype, local_files_only=True, **config)


def make_scheduler(sampler: str, betas: str = "linear"):
    """One of three samplers over a noise schedule: the one that AnimateDiff's motion modules were trained with.

    dpm++: DPM-Solver++ of second order. lcm: for latent consistency models. euler: with trailing spacing, for
    AnimateDiff-Lightning. betas: how noise grows; `scaled_linear` is Stable Diffusion's own, for single pictures.
    """
    import diffusers

    kinds: Mapping[str, tuple[type, dict]] = {
        "dpm++": (diffusers.DPMSolverMultistepScheduler, {}),
        "lcm": (diffusers.LCMScheduler, {}),
        "euler": (diffusers.EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
    }
    kind, changes = kinds[sampler]
    shared = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": betas, "steps_offset": 1}
    if sampler == "dpm++":
        shared |= {"timestep_spacing": "linspace", "final_sigmas_type": "sigma_min", "algorithm_type": "dpmsolver++"}
    return kind(**shared, **changes)


@contextlib.contextmanager
def explained(located: Located) -> Iterator[None]:
    """Turn whatever loading raises into a ModelError that names the model; a lack of memory stays what it is."""
    try:
        yield
    except DancegenError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"{located.ref.option} {located.ref.text} cannot be loaded: {first}") from error


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Without the libraries' own bars and advice: what a person should know, dancegen says itself."""
    import diffusers.utils.logging as diffusers_logging
    import transformers.utils.logging as transformers_logging

    before = [(log, log.get_verbosity()) for log in (diffusers_logging, transformers_logging)]
    for log, _ in before:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, level in before:
            log.set_verbosity(level)
            log.enable_progress_bar()


def merge_loras(pipeline, given: Iterable[tuple[Located, str]]) -> None:
    """Merge LoRAs, each with what a person wrote for it, into the weights: then they cost nothing a step."""
    for located, text in given:
        with explained(located):
            pipeline.load_lora_weights(str(located.folder), weight_name=located.files[0], local_files_only=True)
            if not pipeline.get_active_adapters():
                raise ModelError(f"{located.ref.option} {located.ref.text} fits no layer of this base")
            pipeline.fuse_lora(lora_scale=weighted(text)[1])
            pipeline.unload_lora_weights()


def load_ip_adapter(pipeline, located: Located, scale: float, dtype: torch.dtype) -> None:
    """Cross-attention to a picture, and the encoder that reads pictures."""
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

    config = next(name for name in located.files if name.endswith("config.json"))
    weights = next(name for name in located.files if "/" not in _below(config, name))
    with explained(located):
        encoder = CLIPVisionModelWithProjection.from_pretrained((located.folder / config).parent, dtype=dtype)
        side = encoder.config.image_size
        crop = {"height": side, "width": side}
        pipeline.register_modules(
            image_encoder=encoder,
            feature_extractor=CLIPImageProcessor(size={"shortest_edge": side}, crop_size=crop),
        )
        pipeline.load_ip_adapter(
            str((located.folder / weights).parent), subfolder="", weight_name=Path(weights).name,
            image_encoder_folder=None, local_files_only=True,
        )  # fmt: skip
        pipeline.set_ip_adapter_scale(scale)


def _below(config: str, name: str) -> str:
    """The file's name seen from the folder that holds the image encoder's."""
    above = str(Path(config).parent.parent)
    return name if above == "." else name.removeprefix(f"{above}/")


def _is_file(located: Located) -> bool:
    return not any(name.endswith("config.json") for name in located.files)


def _variant(located: Located, prefix: str) -> dict[str, object]:
    """Which of a directory's sets of weights was chosen, as from_pretrained takes it; it must not ask the hub."""
    weights: Sequence[str] = [name for name in located.files if name.startswith(prefix) and "model" in Path(name).name]
    chosen: dict[str, object] = {"local_files_only": True}
    if any(".fp16." in name for name in weights):
        chosen["variant"] = "fp16"
    if not any(name.endswith(".bin") for name in weights):
        chosen["use_safetensors"] = True
    return chosen
