"""The neon style: a glowing dancer on a reflecting floor, with lights that pulse with the song."""

from dancegen.renderers.skeleton.neon.renderer import NeonRenderer

__all__ = ["NeonRenderer"]
