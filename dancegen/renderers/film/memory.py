"""Running out of memory: how to tell, and the levels of thrift that a film can be painted with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """How thrifty. None of this changes the film, but for how numbers are rounded.

    gigabytes: of an accelerator that this level is made for. resident: all networks stay on the device, else those that
    rest wait in main memory. together: with and without prompt in one batch. control_frames, decode_frames: how many
    frames the ControlNet and the VAE see at once.
    """

    name: str
    gigabytes: int
    resident: bool
    together: bool
    control_frames: int
    decode_frames: int

    @property
    def settings(self) -> str:
        """In words."""
        return ", ".join(
            (
                "all networks on the device" if self.resident else "networks wait in main memory",
                "prompt and negative prompt together" if self.together else "prompt and negative prompt in turn",
                f"ControlNet by {self.control_frames} and VAE by {self.decode_frames} frames at a time",
            )
        )


LEVELS = (
    Level("24", 24, True, True, 32, 8),
    Level("16", 16, True, True, 8, 2),
    Level("12", 12, False, False, 8, 1),
    Level("8", 8, False, False, 2, 1),
)


def level_named(name: str) -> Level:
    return next(level for level in LEVELS if level.name == name)


def levels_within(vram: str) -> tuple[Level, ...]:
    """The levels for a memory, "auto" or the name of a level: that one and all that are thriftier, roomiest first."""
    return LEVELS if vram == "auto" else LEVELS[LEVELS.index(level_named(vram)) :]


def thriftier(level: Level) -> Level | None:
    """The next level down, or None."""
    below = levels_within(level.name)[1:]
    return below[0] if below else None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator said no: CUDA's has an error of its own, those of MPS and CPU speak in RuntimeErrors."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(
        words in text for words in ("out of memory", "not enough memory", "can't allocate memory")
    )


def release() -> None:
    """Give back what the allocators keep for later."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
