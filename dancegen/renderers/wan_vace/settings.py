"""All that one can choose about a film painted with Wan VACE."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dancegen.errors import InputError
from dancegen.options.declare import Role, choice, option, within
from dancegen.renderers.film.settings import FilmOptions, check_within, named_way, redeclared

NAME = "wan-vace"
OWN = f"Painting with {NAME}"
"""A panel of the help."""
SMALL, LARGE = "Wan-AI/Wan2.1-VACE-1.3B-diffusers", "Wan-AI/Wan2.1-VACE-14B-diffusers"
SELF_FORCING, LIGHTX2V = "self-forcing", "lightx2v"
LORAS = {
    SELF_FORCING: (
        "Kijai/WanVideo_comfy/LoRAs/Wan2_1_self_forcing_1_3B/Wan2_1_self_forcing_dmd_1_3B_lora_rank_32_fp16.safetensors"
    ),
    LIGHTX2V: "Kijai/WanVideo_comfy/Lightx2v/lightx2v_T2V_14B_cfg_step_distill_v2_lora_rank64_bf16.safetensors",
}
"""What --fast merges into the 1.3B and into the 14B."""
NEGATIVE_PROMPT = (
    "Bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, images, static, overall "
    "gray, worst quality, low quality, JPEG compression residue, ugly, incomplete, extra fingers, poorly drawn hands, "
    "poorly drawn faces, deformed, disfigured, misshapen limbs, fused fingers, still picture, messy background, three "
    "legs, many people in the background, walking backwards"
)
"""The one that Wan's makers give, in English."""
SIZE = (480, 832)
"""480p, upright as people are."""
SIDE = 16
"""Pixels a side that the transformer sees as one: 8 of the VAE's, two by two."""
RATE = 16.0
"""Frames a second that Wan was trained on."""
TOGETHER = 4
"""Frames that one latent stands for; the first frame of a video has one of its own."""
SEGMENT, SHORTEST_SEGMENT, LONGEST_SEGMENT = 81, 9, 161
LEAD, LONGEST_LEAD = 10, 42
DRAFT = 33
"""Frames of a draft, at most: two seconds."""
SAMPLERS = ("unipc", "euler")
USUAL = {"sampler": "unipc", "steps": 30, "guidance": 5.0}
FAST = {"sampler": "euler", "steps": 4, "guidance": 1.0}
FAST_SHIFTS = {SELF_FORCING: 8.0, LIGHTX2V: 5.0}
SHIFT_480P, SHIFT_720P = 3.0, 5.0
_PIXELS_480P = 480 * 832


@dataclass(frozen=True, kw_only=True)
class Settings(FilmOptions):
    """What any film takes, and Wan VACE's own. None leaves the choice to `completed` and `sized`."""

    negative_prompt: str = redeclared("negative_prompt", NEGATIVE_PROMPT)
    steps: int = redeclared("steps", None)
    guidance: float = redeclared("guidance", None)
    control_scale: float = redeclared("control_scale", 1.0)
    blend_s: float = redeclared("blend_s", 0.0)
    base: str = redeclared("base", SMALL)
    sampler: str = redeclared("sampler", None, parse=choice(*SAMPLERS), names=SAMPLERS)
    segment: int = redeclared("segment", SEGMENT)
    overlap: int = redeclared("overlap", LEAD)

    shift: float | None = option(
        None, help="How much of the denoising decides the layout (flow shift): 3 at 480p, 5 at 720p.", metavar="X",
        panel=OWN, parse=within(0.5, 20.0),
    )  # fmt: skip
    looks: tuple[str, ...] = option(
        (), help="Another picture to take looks from: clothes, a thing, the place; repeatable.", metavar="IMAGE",
        panel=OWN, role=Role.INPUT,
    )  # fmt: skip
    no_colour_match: bool = option(
        False, help="Leave colours as they come; else each segment keeps those of the first.", panel=OWN
    )

    def completed(self) -> Settings:
        """With everything filled in that was left out but the shift, and checked. Raises InputError."""
        way = named_way(self.fast, NAME, *((LIGHTX2V,) if self.is_large else (SELF_FORCING,)))
        if way != self.fast:
            return replace(self, fast=way).completed()
        usual = USUAL if way is None else FAST
        chosen: dict[str, object] = {name: value for name, value in usual.items() if getattr(self, name) is None}
        if way is not None and self.shift is None:
            chosen["shift"] = FAST_SHIFTS[way]
        settings = replace(self, **chosen)
        settings.check_frames()
        settings.check()
        return settings

    def sized(self, size: tuple[int, int]) -> Settings:
        """With the shift for a film's (width, height), where none is chosen."""
        if self.shift is not None:
            return self
        return replace(self, shift=SHIFT_480P if size[0] * size[1] <= 1.5 * _PIXELS_480P else SHIFT_720P)

    def check_frames(self) -> None:
        """Raises InputError for numbers of frames that the model would change."""
        check_within("--segment", self.segment, SHORTEST_SEGMENT, LONGEST_SEGMENT)
        if self.segment % TOGETHER != 1:
            below = (self.segment - 1) // TOGETHER * TOGETHER + 1
            raise InputError(
                f"--segment {self.segment}: the engine {NAME} paints 4n+1 frames at once, such as {below} or "
                f"{below + TOGETHER}"
            )
        check_within("--overlap", self.overlap, 2, min(LONGEST_LEAD, self.segment - 3))
        if self.overlap % TOGETHER != 2:
            below = max(2, (self.overlap - 2) // TOGETHER * TOGETHER + 2)
            raise InputError(
                f"--overlap {self.overlap}: the engine {NAME} knows frames of the segment before again in 2, 6, 10 and "
                f"so on: take {below} or {below + TOGETHER}"
            )

    @property
    def is_large(self) -> bool:
        """Whether the base is called a 14B."""
        return "14b" in str(self.base).casefold()

    @property
    def merged(self) -> tuple[str, ...]:
        """The LoRAs: the one of fast mode before those that were named."""
        return (*((LORAS[str(self.fast)],) if self.fast else ()), *self.lora)

    @property
    def guided(self) -> bool:
        """Whether the negative prompt counts: at a guidance scale of 1 it would cancel out."""
        return self.guidance > 1
