"""All that one can choose about a painted film: what changes its pixels, and what only changes how it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from dancegen.errors import InputError

BASE = "SG161222/Realistic_Vision_V5.1_noVAE"
VAE = "stabilityai/sd-vae-ft-mse"
MOTION_ADAPTER = "guoyww/animatediff-motion-adapter-v1-5-2"
CONTROLNET = "lllyasviel/control_v11p_sd15_openpose"
TEMPORALNET = "CiaraRowles/TemporalNet"
IP_ADAPTER = "h94/IP-Adapter/models/ip-adapter-plus_sd15.safetensors"
LCM_ADAPTER = "wangfuyun/AnimateLCM"
LCM_LORA = "wangfuyun/AnimateLCM/AnimateLCM_sd15_t2v_lora.safetensors"

NEGATIVE_PROMPT = (
    "deformed body, extra limbs, missing limbs, fused fingers, malformed hands, twisted joints, disfigured face, "
    "several people, cropped, out of frame, text, caption, watermark, logo, blurry, low quality, jpeg artifacts, "
    "overexposed, monochrome"
)
SIZE = "384x512"
SAMPLERS = ("dpm++", "lcm", "euler")
WINDOW = 16
LATENT_SIDE = 8
"""Pixels a side that one latent stands for; both sides of a film must be multiples of it."""

VRAM = ("auto", "8", "12", "16", "24")
BACKENDS = ("dask", "ray", "loky")
NO_DETECTOR = "none"

USUAL = {"sampler": "dpm++", "steps": 20, "guidance": 7.5}
LCM = {"sampler": "lcm", "steps": 6, "guidance": 1.5}


@dataclass(frozen=True)
class Settings:
    """What changes the pixels.

    base to ip_adapter: a model each, as `weights.ModelRef` reads it. lora, motion_lora: models with an optional weight,
    MODEL=0.8. image: a portrait whose looks the dancer takes. align: and its proportions. window, stride: frames of a
    context window, and from one to the next (None: three quarters of it). segment, overlap: the most key frames of a
    segment, and how many neighbours share. blend_s: seconds that one prompt takes to become the next. key_fps: frames a
    second that are painted. control_scale, ip_scale: how much the poses and the portrait weigh. temporal_strength: how
    much of each frame the second pass paints anew, 0 to 1. sampler, steps, guidance: None is the usual one, or fast
    mode's.
    """

    base: str = BASE
    vae: str = VAE
    motion_adapter: str | None = None
    controlnet: str = CONTROLNET
    temporalnet: str = TEMPORALNET
    ip_adapter: str = IP_ADAPTER
    lora: tuple[str, ...] = ()
    motion_lora: tuple[str, ...] = ()
    image: str | Path | None = None
    align: bool = False
    temporal: bool = False
    fast: bool = False
    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str = NEGATIVE_PROMPT
    window: int = WINDOW
    stride: int | None = None
    segment: int = 128
    overlap: int = 8
    blend_s: float = 1.0
    key_fps: float = 10.0
    control_scale: float = 1.0
    ip_scale: float = 0.7
    temporal_strength: float = 0.35

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Settings:
        """The settings from keywords, checked, with fast mode's choices filled in. Raises InputError, TypeError."""
        given = {name: value for name, value in options.items() if value is not None}
        given |= {name: _several(given[name]) for name in ("lora", "motion_lora") if name in given}
        settings = cls(**given)._completed()
        settings._check()
        return settings

    def _completed(self) -> Settings:
        """Fast mode is AnimateLCM's adapter and LoRA, unless an adapter is named, and the sampler made for them."""
        chosen = {name: value for name, value in (LCM if self.fast else USUAL).items() if getattr(self, name) is None}
        if self.motion_adapter is None:
            chosen["motion_adapter"] = LCM_ADAPTER if self.fast else MOTION_ADAPTER
            if self.fast:
                chosen["lora"] = (f"{LCM_LORA}=0.8", *self.lora)
        if self.stride is None:
            chosen["stride"] = max(1, self.window * 3 // 4)
        return replace(self, **chosen)

    def _check(self) -> None:
        if self.sampler not in SAMPLERS:
            raise InputError(f"--sampler {self.sampler}: choose one of {', '.join(SAMPLERS)}")
        _within("--steps", self.steps, 1, 200)
        _within("--guidance", self.guidance, 1, 30)
        _within("--window", self.window, 2, 32)
        _within("--stride", self.stride, 1, self.window)
        _within("--segment", self.segment, self.window, 512)
        _within("--overlap", self.overlap, 0, min(self.window, self.segment // 2))
        _within("--blend", self.blend_s, 0, 60)
        _within("--key-fps", self.key_fps, 1, 60)
        _within("--control-scale", self.control_scale, 0, 2)
        _within("--ip-scale", self.ip_scale, 0, 2)
        _within("--temporal-strength", self.temporal_strength, 0.05, 1)
        if self.align and self.image is None:
            raise InputError("--align takes the proportions of a portrait: give it with --image")

    def recipe_params(self) -> dict[str, object]:
        """What a painted frame depends on beside models, words, poses and the seed."""
        names = (
            "sampler", "steps", "guidance", "negative_prompt", "window", "stride", "control_scale",
        )  # fmt: skip
        params = {name: getattr(self, name) for name in names}
        if self.lora or self.motion_lora:
            # The files are inputs of the recipe; how much each weighs stands here.
            params["loras"] = [weighted(text)[1] for text in (*self.lora, *self.motion_lora)]
        return params | ({"ip_scale": self.ip_scale} if self.image is not None else {})


@dataclass(frozen=True)
class Execution:
    """What changes how a film is made, not what is in it.

    vram: gigabytes of the accelerator's memory to plan for, or `auto`. offline: never ask the network. backend:
    joblib's, to paint segments on several machines (`dask` with the `scheduler`'s address, `ray` with its head's or,
    without, on this machine) or in several processes (`loky`), `workers` at once. detector: what looks at the portrait,
    see `dancegen.detectors`; None is `blazepose` if it is installed, `none` nobody. frames: keep the film's frames as
    PNG files beside the video.
    """

    vram: str = "auto"
    offline: bool = False
    backend: str | None = None
    scheduler: str | None = None
    workers: int | None = None
    detector: str | Path | None = None
    frames: bool = False

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Execution:
        """From keywords, checked. Raises InputError, TypeError."""
        execution = cls(**{name: value for name, value in options.items() if value is not None})
        if str(execution.vram) not in VRAM:
            raise InputError(f"--vram {execution.vram}: choose one of {', '.join(VRAM)}")
        if execution.backend is not None and execution.backend not in BACKENDS:
            raise InputError(f"--backend {execution.backend}: choose one of {', '.join(BACKENDS)}")
        if execution.backend == "dask" and execution.scheduler is None:
            raise InputError("--backend dask needs --scheduler ADDRESS, the Dask scheduler's")
        if execution.scheduler is not None and execution.backend not in ("dask", "ray"):
            raise InputError(f"--scheduler {execution.scheduler}: say whose it is with --backend dask or --backend ray")
        return execution

    def looker(self) -> str | Path | None:
        """The detector that looks at the portrait, if any does."""
        from dancegen.detectors import usual_detector

        if self.detector is None:
            return usual_detector()
        return None if str(self.detector) == NO_DETECTOR else self.detector


def split_options(options: Mapping[str, object]) -> tuple[Settings, Execution]:
    """Keywords to the two kinds of choices. Raises InputError for values out of range, TypeError for unknown names."""
    ours = {field.name for field in fields(Execution)}
    execution = Execution.of({name: value for name, value in options.items() if name in ours})
    return Settings.of({name: value for name, value in options.items() if name not in ours}), execution


def weighted(text: str) -> tuple[str, float]:
    """A LoRA's model and weight from MODEL or MODEL=0.8. Raises InputError."""
    model, sign, weight = text.rpartition("=")
    if not sign or Path(text).exists():
        return text, 1.0
    try:
        return model, float(weight)
    except ValueError:
        raise InputError(f"--lora {text}: {weight} is no number; write MODEL=0.8") from None


def _several(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _within(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{option} {value:g}: choose {low:g} to {high:g}")
