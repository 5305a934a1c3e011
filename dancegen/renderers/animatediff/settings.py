"""All that one can choose about a painted film: what changes its pixels, and what only changes how it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from dancegen.errors import InputError
from dancegen.options.declare import Options, Role, choice, option, within

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
SIZE = (384, 512)
SAMPLERS = ("dpm++", "lcm", "euler")
WINDOW = 16
LATENT_SIDE = 8
"""Pixels a side that one latent stands for; both sides of a film must be multiples of it."""

VRAM = ("auto", "8", "12", "16", "24")
BACKENDS = ("dask", "ray", "loky")
NO_DETECTOR = "none"

USUAL = {"sampler": "dpm++", "steps": 20, "guidance": 7.5}
LCM = {"sampler": "lcm", "steps": 6, "guidance": 1.5}


LOOK, MODELS, WORK = "Painting (with --prompt)", "Models of a painted film", "How a film is painted"
"""Panels of the help."""


@dataclass(frozen=True, kw_only=True)
class Settings(Options):
    """What changes the pixels. None leaves the choice to `completed`.

    base to ip_adapter: a model each, as `weights.ModelRef` reads it. lora, motion_lora: models with an optional weight,
    MODEL=0.8.
    """

    negative_prompt: str = option(NEGATIVE_PROMPT, help="What must not be in the picture.", metavar="TEXT", panel=LOOK)
    image: str | Path | None = option(
        None, help="A portrait; the dancer takes its looks.", metavar="PATH", panel=LOOK, role=Role.INPUT
    )
    align: bool = option(False, help="Give the dancer the portrait's proportions.", panel=LOOK)
    steps: int | None = option(
        None, help="Denoising steps: 20, or 6 with --fast.", metavar="N", panel=LOOK, parse=within(1, 200)
    )
    guidance: float | None = option(
        None, help="How closely to follow the prompt: 7.5, or 1.5 with --fast.", metavar="X", panel=LOOK,
        parse=within(1.0, 30.0),
    )  # fmt: skip
    key_fps: float = option(
        10.0, help="Frames a second to paint; others are interpolated.", metavar="FPS", panel=LOOK,
        parse=within(1.0, 60.0),
    )  # fmt: skip
    fast: bool = option(False, help="Paint in a few steps, with AnimateLCM.", panel=LOOK)
    temporal: bool = option(False, help="A second pass against flicker, with TemporalNet.", panel=LOOK)
    temporal_strength: float = option(
        0.35, help="How much of each frame the second pass paints anew.", metavar="X", panel=LOOK,
        parse=within(0.05, 1.0),
    )  # fmt: skip
    control_scale: float = option(
        1.0, help="How much the poses weigh.", metavar="X", panel=LOOK, parse=within(0.0, 2.0)
    )
    ip_scale: float = option(0.7, help="How much the portrait weighs.", metavar="X", panel=LOOK, parse=within(0.0, 2.0))
    blend_s: float = option(
        1.0, help="Seconds from one prompt to the next.", metavar="S", panel=LOOK, flag="--blend",
        parse=within(0.0, 60.0),
    )  # fmt: skip
    base: str = option(
        BASE, help="Stable Diffusion 1.5 or made from it.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    vae: str = option(VAE, help="The VAE.", metavar="MODEL", panel=MODELS, role=Role.INPUT)
    motion_adapter: str | None = option(
        None, help="AnimateDiff's motion modules.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    controlnet: str = option(
        CONTROLNET, help="ControlNet for OpenPose skeletons.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    temporalnet: str = option(
        TEMPORALNET, help="ControlNet that sees the frame before.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    ip_adapter: str = option(
        IP_ADAPTER, help="IP-Adapter, its image encoder beside it.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    lora: tuple[str, ...] = option(
        (), help="A LoRA, with its weight; repeatable.", metavar="MODEL[=X]", panel=MODELS, role=Role.INPUT
    )
    motion_lora: tuple[str, ...] = option(
        (), help="A LoRA of the motion modules; repeatable.", metavar="MODEL[=X]", panel=MODELS, role=Role.INPUT
    )
    sampler: str | None = option(None, help="dpm++, lcm or euler.", metavar="NAME", panel=WORK, parse=choice(*SAMPLERS))
    window: int | None = option(
        None, help="Frames denoised together, up to 32. 16, or as --vram N allows.", metavar="N", panel=WORK,
        parse=within(2, 32),
    )  # fmt: skip
    stride: int | None = option(
        None, help="Frames from one window to the next. Three quarters of it.", metavar="N", panel=WORK
    )
    segment: int = option(128, help="Painted frames a segment, at most.", metavar="N", panel=WORK)
    overlap: int = option(8, help="Frames that neighbouring segments share.", metavar="N", panel=WORK)

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Settings:
        """The settings from keywords, checked, with fast mode's choices filled in. Raises InputError, TypeError."""
        settings = cls(**{name: value for name, value in options.items() if value is not None})._completed()
        settings._check()
        return settings

    def _completed(self) -> Settings:
        """Fast mode is AnimateLCM's adapter and LoRA, unless an adapter is named, and the sampler made for them."""
        chosen = {name: value for name, value in (LCM if self.fast else USUAL).items() if getattr(self, name) is None}
        if self.motion_adapter is None:
            chosen["motion_adapter"] = LCM_ADAPTER if self.fast else MOTION_ADAPTER
            if self.fast:
                chosen["lora"] = (f"{LCM_LORA}=0.8", *self.lora)
        window = self.window or WINDOW
        chosen |= {"window": window, "stride": max(1, window * 3 // 4) if self.stride is None else self.stride}
        return replace(self, **chosen)

    def _check(self) -> None:
        _within("--stride", self.stride, 1, self.window)
        _within("--segment", self.segment, self.window, 512)
        _within("--overlap", self.overlap, 0, min(self.window, self.segment // 2))
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


@dataclass(frozen=True, kw_only=True)
class Execution(Options):
    """What changes how a film is made, not what is in it, but that `frames` keeps its frames beside it.

    detector: what looks at the portrait, see `dancegen.detectors`; None is `blazepose` if it is installed, `none`
    nobody.
    """

    frames: bool = option(False, help="Keep the frames as PNG files too.", panel=LOOK)
    vram: str = option(
        "auto", help="GB of GPU memory to plan for: auto, 8, 12, 16, 24.", metavar="GB", panel=WORK, role=Role.DERIVED,
        through="window", parse=choice(*VRAM),
    )  # fmt: skip
    offline: bool = option(False, help="Never ask the network for models.", panel=WORK, role=Role.HARMLESS)
    backend: str | None = option(
        None, help="Paint segments in parallel: dask, ray or loky.", metavar="NAME", panel=WORK, role=Role.HARMLESS,
        parse=choice(*BACKENDS),
    )  # fmt: skip
    scheduler: str | None = option(
        None, help="The address of Dask's scheduler or Ray's head.", metavar="ADDRESS", panel=WORK, role=Role.HARMLESS
    )
    workers: int | None = option(None, help="Processes at work.", metavar="N", panel=WORK, role=Role.HARMLESS)
    detector: str | Path | None = option(
        None, help="Finds the person in the portrait: blazepose, OpenPose weights (non-commercial use), or none.",
        metavar="DETECTOR", panel=WORK, role=Role.INPUT,
    )  # fmt: skip

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Execution:
        """From keywords, checked. Raises InputError, TypeError."""
        execution = cls(**{name: value for name, value in options.items() if value is not None})
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


def _within(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{option} {value:g}: choose {low:g} to {high:g}")
