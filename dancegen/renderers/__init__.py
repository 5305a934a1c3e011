"""Renderers: poses to frames. Each style of drawing is a folder or module and one line of STYLES."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dancegen.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence
    from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope

STYLES = {
    "neon": "dancegen.renderers.skeleton.neon:NeonRenderer",
    "openpose": "dancegen.renderers.skeleton.openpose:OpenposeRenderer",
    "mannequin": "dancegen.renderers.skeleton.mannequin:MannequinRenderer",
}
"""A style's name, as --style takes it, and where its Renderer is; its module is imported when it is used."""


MANNEQUIN = "mannequin"
"""The style that draws a body in space."""
PASSES = DEPTH, NORMAL = ("depth", "normal")
"""What else it can show of the figure."""


class Renderer(Protocol):
    """Draws a dance in one style. It is made without arguments."""

    def frames(
        self,
        sequence: PoseSequence,
        envelope: AudioEnvelope,
        *,
        size: tuple[int, int],
        fps: float,
        as_filmed: bool = False,
    ) -> Iterator[np.ndarray]:
        """Yield (height, width, 3) uint8 RGB frames: as many as `sequence.resample(fps)` has.

        envelope: of the song, its time counted from the sequence's first frame. size: (width, height) in pixels.
        as_filmed: leave the dancer where the canvas has them, in a style that has no stage of its own.
        The same dance and song give the same frames, and memory does not grow with their length.
        """
        ...


@runtime_checkable
class PlanarRenderer(Renderer, Protocol):
    """One that also gives what most video is made of, without a way through red, green and blue."""

    def planes(
        self, sequence: PoseSequence, envelope: AudioEnvelope, *, size: tuple[int, int], fps: float
    ) -> Iterator[np.ndarray]:
        """Yield the frames of `frames` as (height * 3 / 2, width) uint8 planes, as `VideoWriter.write` takes them."""
        ...


def get_renderer(style: str) -> Renderer:
    """The renderer of a style. Raises InputError, naming the styles there are."""
    if style not in STYLES:
        raise InputError(f"There is no style {style!r}: choose one of {', '.join(STYLES)}.")
    module, name = STYLES[style].split(":")
    return getattr(import_module(module), name)()
