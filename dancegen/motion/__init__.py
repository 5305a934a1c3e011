"""Motion capture: files in, a dancer in metres or in a camera's pixels out."""

from dancegen.motion.camera import project
from dancegen.motion.motion import Motion, find_motion_files, load_motion

__all__ = ["Motion", "find_motion_files", "load_motion", "project"]
