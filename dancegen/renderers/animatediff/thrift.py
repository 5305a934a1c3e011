"""How AnimateDiff keeps within a VRAM tier."""

from __future__ import annotations

from dataclasses import dataclass

from dancegen.renderers.film.tiers import Tier


@dataclass(frozen=True)
class Thrift:
    """None of this changes a film, but for how numbers are rounded.

    resident: all networks stay on the device, else those that rest wait in main memory. together: with and without the
    prompt in one batch. control_frames, decode_frames: how many frames the ControlNet and the VAE see at once.
    layer_frames: how many frames, of a window, each layer of the UNet sees at once; None: all of them.
    """

    resident: bool
    together: bool
    control_frames: int
    decode_frames: int
    layer_frames: int | None = None

    def __str__(self) -> str:
        return ", ".join(
            (
                "all networks on the device" if self.resident else "networks wait in main memory",
                "prompt and negative prompt together" if self.together else "prompt and negative prompt in turn",
                f"ControlNet by {self.control_frames} and VAE by {self.decode_frames} frames at a time",
                *((f"layers of the UNet by {self.layer_frames} frames at a time",) if self.layer_frames else ()),
            )
        )


LAYER_PLACES = 1024
"""Places that motion modules see at once, where layers see only some frames."""
_THRIFT = {
    "24": Thrift(True, True, 32, 8),
    "16": Thrift(True, True, 8, 2),
    "12": Thrift(False, False, 8, 1),
    "8": Thrift(False, False, 2, 1, 2),
}


def thrift_on(tier: Tier) -> Thrift:
    """How memory is saved on a tier."""
    return _THRIFT[tier.name]
