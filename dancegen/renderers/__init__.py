"""Poses to frames. A style is a name, a renderer is what draws it; every renderer answers to one small protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from dancegen.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence
    from dancegen.renderers.skeleton.audio_envelope import SongLight

STYLES = ("neon", "openpose")


class Renderer(Protocol):
    """Draws a dance."""

    def frames(
        self, sequence: PoseSequence, light: SongLight, *, size: tuple[int, int], fps: float
    ) -> Iterator[np.ndarray]:
        """Yield (height, width, 3) uint8 RGB frames: as many as `sequence.resample(fps)` has.

        light: the song as light, its time counted from the sequence's first frame. size: (width, height).
        The same dance and song give the same frames, and memory does not grow with their length.
        """


def get_renderer(style: str) -> Renderer:
    """The renderer of a style. Raises InputError, naming the styles there are."""
    if style == "neon":
        from dancegen.renderers.skeleton.neon import NeonRenderer

        return NeonRenderer()
    if style == "openpose":
        from dancegen.renderers.skeleton.openpose import OpenposeRenderer

        return OpenposeRenderer()
    raise InputError(f"There is no style {style!r}: choose one of {', '.join(STYLES)}.")
