"""The mannequin style: a plain figure in soft light on a studio's floor, and its depth and normals."""

from dancegen.renderers.skeleton.mannequin.renderer import MannequinRenderer

__all__ = ["MannequinRenderer"]
