"""All that one can choose about a film painted with AnimateDiff."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dancegen.errors import InputError
from dancegen.options.declare import Role, choice, option, shares, within
from dancegen.renderers.animatediff.windows import CONTEXTS, MOVING
from dancegen.renderers.film.pulse import Pulse, parse_pulses
from dancegen.renderers.film.settings import (
    MODELS,
    WORK,
    FilmOptions,
    Reach,
    acting_on,
    check_within,
    named_way,
    redeclared,
)

OWN = "Painting with animatediff, the usual engine"
"""A panel of the help."""
BASE = "SG161222/Realistic_Vision_V5.1_noVAE"
VAE = "stabilityai/sd-vae-ft-mse"
MOTION_ADAPTER = "guoyww/animatediff-motion-adapter-v1-5-2"
CONTROLNET = "lllyasviel/control_v11p_sd15_openpose"
DEPTH_CONTROLNET = "lllyasviel/control_v11f1p_sd15_depth"
TEMPORALNET = "CiaraRowles/TemporalNet"
IP_ADAPTER = "h94/IP-Adapter/models/ip-adapter-plus_sd15.safetensors"
LCM_ADAPTER = "wangfuyun/AnimateLCM"
LCM_LORA = "wangfuyun/AnimateLCM/AnimateLCM_sd15_t2v_lora.safetensors"
LIGHTNING_ADAPTER = "ByteDance/AnimateDiff-Lightning/animatediff_lightning_{}step_diffusers.safetensors"
LIGHTNING_STEPS = (1, 2, 4, 8)
"""There are modules for each."""

NEGATIVE_PROMPT = (
    "deformed body, extra limbs, missing limbs, fused fingers, malformed hands, twisted joints, disfigured face, "
    "several people, cropped, out of frame, text, caption, watermark, logo, blurry, low quality, jpeg artifacts, "
    "overexposed, monochrome"
)
SIZE = (512, 768)
"""Stable Diffusion 1.5's own 512 pixels across, and upright as people are."""
LATENT_SIDE = 8
"""Pixels a side that one latent stands for; both sides of a film must be multiples of it."""
SAMPLERS = ("dpm++", "lcm", "euler")
WINDOW = 16
"""Frames that AnimateDiff's motion modules were trained on at once."""
LONGEST_WINDOW, LONGEST_SEGMENT = 32, 512

USUAL = {"sampler": "dpm++", "steps": 20, "guidance": 7.5}
LCM = {"sampler": "lcm", "steps": 6, "guidance": 1.5}
LIGHTNING = {"sampler": "euler", "steps": 4, "guidance": 1.0}
WAYS = {None: USUAL, "lcm": LCM, "lightning": LIGHTNING}
"""What --fast chooses."""


@dataclass(frozen=True, kw_only=True)
class Settings(FilmOptions):
    """What any film takes, and AnimateDiff's own. None leaves the choice to `completed`.

    base to ip_adapter: a model each, as `weights.ModelRef` reads it. lora, motion_lora: models with an optional
    weight, MODEL=0.8.
    """

    negative_prompt: str = redeclared("negative_prompt", NEGATIVE_PROMPT)
    steps: int = redeclared("steps", None)
    guidance: float = redeclared("guidance", None)
    control_scale: float = redeclared("control_scale", 1.0)
    base: str = redeclared("base", BASE)
    sampler: str = redeclared("sampler", None, parse=choice(*SAMPLERS))
    segment: int = redeclared("segment", 128)
    overlap: int = redeclared("overlap", 8)
    vram: str = redeclared("vram", "auto", role=Role.DERIVED, through="window")

    key_fps: float = acting_on(
        Reach.FILM,
        option(
            10.0, help="Frames a second to paint; others are interpolated.", metavar="FPS", panel=OWN,
            parse=within(1.0, 60.0),
        ),
    )  # fmt: skip
    temporal: bool = acting_on(
        Reach.SECOND_PASS, option(False, help="A second pass against flicker, with TemporalNet.", panel=OWN)
    )
    temporal_strength: float = acting_on(
        Reach.SECOND_PASS,
        option(
            0.35, help="How much of each frame the second pass paints anew.", metavar="X", panel=OWN,
            parse=within(0.05, 1.0),
        ),
    )  # fmt: skip
    control_span: tuple[float, float] = option(
        "0-1", help="From when to when in the denoising the poses lead; 0 is its start.", metavar="FROM-TO", panel=OWN,
        parse=shares,
    )  # fmt: skip
    depth: bool = option(
        False, help="Lead by depth too: who is turned how, which limb is in front. Takes joints in space.", panel=OWN
    )
    depth_scale: float = option(
        0.6, help="How much depth weighs beside the poses.", metavar="X", panel=OWN, parse=within(0.0, 2.0)
    )
    depth_span: tuple[float, float] = option(
        "0-0.8", help="From when to when in the denoising depth leads.", metavar="FROM-TO", panel=OWN, parse=shares
    )
    upscale: float | None = option(
        None, help="Paint every frame once more, so many times as large: 1.5, say.", metavar="X", panel=OWN,
        parse=within(1.1, 3.0),
    )  # fmt: skip
    upscale_strength: float = option(
        0.45, help="How much of the larger picture is painted anew.", metavar="X", panel=OWN, parse=within(0.05, 1.0)
    )
    refine_face: bool = option(False, help="Paint the face once more, by itself and large.", panel=OWN)
    face_strength: float = option(
        0.4, help="How much of the face is painted anew.", metavar="X", panel=OWN, parse=within(0.05, 1.0)
    )
    pulse: tuple[str, ...] = acting_on(
        Reach.FILM,
        option(
            (), help="Strength with the song: control=0.6-1 goes up on beats; prompt, lora, depth; repeatable.",
            metavar="WHAT=A-B", panel=OWN, parse=parse_pulses,
        ),
    )  # fmt: skip
    ip_scale: float = option(0.7, help="How much the portrait weighs.", metavar="X", panel=OWN, parse=within(0.0, 2.0))
    vae: str = option(VAE, help="The VAE.", metavar="MODEL", panel=MODELS, role=Role.INPUT)
    motion_adapter: str = option(
        None, help="AnimateDiff's motion modules.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    controlnet: str = option(
        CONTROLNET, help="ControlNet for OpenPose skeletons.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    depth_controlnet: str = option(
        DEPTH_CONTROLNET, help="ControlNet for depth.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    temporalnet: str = acting_on(
        Reach.SECOND_PASS,
        option(
            TEMPORALNET, help="ControlNet that sees the frame before.", metavar="MODEL", panel=MODELS, role=Role.INPUT
        ),
    )
    ip_adapter: str = option(
        IP_ADAPTER, help="IP-Adapter, its image encoder beside it.", metavar="MODEL", panel=MODELS, role=Role.INPUT
    )
    embedding: tuple[str, ...] = option(
        (), help="A learnt word for prompts (textual inversion), named as its file or WORD; repeatable.",
        metavar="MODEL[=WORD]", panel=MODELS, role=Role.INPUT,
    )  # fmt: skip
    motion_lora: tuple[str, ...] = option(
        (), help="A LoRA of the motion modules; repeatable.", metavar="MODEL[=X]", panel=MODELS, role=Role.INPUT
    )
    window: int = option(
        None, help="Frames denoised together, up to 32. 16, or as --vram N allows.", metavar="N", panel=WORK,
        parse=within(2, LONGEST_WINDOW),
    )  # fmt: skip
    stride: int = option(
        None, help="Frames from one window to the next. Three quarters of it.", metavar="N", panel=WORK
    )
    context: str = option(
        MOVING, help="Where windows lie: at every step elsewhere (moving), or always in the same places (static).",
        metavar="NAME", panel=WORK, parse=choice(*CONTEXTS),
    )  # fmt: skip

    def completed(self) -> Settings:
        """With everything filled in that was left out, and checked. Raises InputError.

        Fast mode is AnimateLCM's adapter and LoRA, or Lightning's adapter for so many steps, unless one is named, and
        the sampler made for them.
        """
        fast = named_way(self.fast, "animatediff", "lcm", "lightning")
        if fast != self.fast:
            return replace(self, fast=fast).completed()
        usual = WAYS[fast]
        chosen: dict[str, object] = {name: value for name, value in usual.items() if getattr(self, name) is None}
        if self.motion_adapter is None:
            chosen["motion_adapter"] = self._adapter()
            if self.fast == "lcm":
                chosen["lora"] = (f"{LCM_LORA}=0.8", *self.lora)
        window = self.window or WINDOW
        chosen |= {"window": window, "stride": max(1, window * 3 // 4) if self.stride is None else self.stride}
        if self.seeds:  # what they differ in is seen before: a draft is painted once, and is there soon
            chosen |= {"upscale": None, "refine_face": False, "temporal": False}
        settings = replace(self, **chosen)
        check_within("--stride", settings.stride, 1, window)
        check_within("--segment", settings.segment, window, LONGEST_SEGMENT)
        check_within("--overlap", settings.overlap, 0, min(window, settings.segment // 2))
        settings.check()
        settings.check_pulses()
        return settings

    def pulses(self, *targets: str) -> tuple[Pulse, ...]:
        """What goes with the song, of these targets."""
        found = (Pulse.parse("--pulse", text) for text in self.pulse)
        return tuple(pulse for pulse in found if pulse.target in targets)

    def check_pulses(self) -> None:
        """Raises InputError for a strength that has nothing to act on."""
        if self.pulses("lora") and not self.lora:
            raise InputError("--pulse lora=: there is no --lora whose strength could change")
        if self.pulses("depth") and not self.depth:
            raise InputError("--pulse depth=: add --depth, whose strength is to change")
        if self.pulses("prompt") and not self.guided:
            raise InputError(f"--pulse prompt=: at --guidance {self.guidance:g} the prompt has no strength to change")

    def _adapter(self) -> str:
        """The motion modules where none are named. Raises InputError for steps that Lightning has none for."""
        if self.fast != "lightning":
            return LCM_ADAPTER if self.fast else MOTION_ADAPTER
        steps = self.steps or LIGHTNING["steps"]
        if steps not in LIGHTNING_STEPS:
            raise InputError(f"--steps {steps}: AnimateDiff-Lightning is made for 1, 2, 4 or 8 steps")
        return LIGHTNING_ADAPTER.format(steps)

    @property
    def larger_steps(self) -> int:
        """Steps of the larger pass: the last ones of the whole schedule, at least one."""
        return max(1, min(self.steps, int(self.steps * self.upscale_strength))) if self.upscale else 0

    @property
    def face_steps(self) -> int:
        """Steps of the pass over faces: the last ones, at least one."""
        return max(1, min(self.steps, int(self.steps * self.face_strength))) if self.refine_face else 0

    def enlarged(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of what is shown of a film that is painted in a size."""
        width, height = (round(side * (self.upscale or 1) / LATENT_SIDE) * LATENT_SIDE for side in size)
        return width, height

    @property
    def guided(self) -> bool:
        """Whether the negative prompt counts: at a guidance scale of 1 it would cancel out."""
        return self.guidance > 1
