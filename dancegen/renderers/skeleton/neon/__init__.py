"""A dancer of light on a mirroring floor, in a night that pulses with the song."""

from dancegen.renderers.skeleton.neon.renderer import NeonRenderer

__all__ = ["NeonRenderer"]
