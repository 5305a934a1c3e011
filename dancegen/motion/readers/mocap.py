"""Motion capture: from a skeleton in motion, in a file's own names, units and axes, to a dancer in metres."""

from __future__ import annotations

from pathlib import Path

from dancegen.motion.cleaning import Cleaned, clean, moves_too_fast
from dancegen.motion.kinematics import Armature
from dancegen.motion.motion import Motion
from dancegen.motion.readers.body_rotations import find_rotations
from dancegen.motion.readers.joint_names import find_body
from dancegen.motion.readers.person import measure
from dancegen.progress import Progress


def to_motion(armature: Armature, path: Path, fps: float, progress: Progress) -> Motion:
    """The dancer in an armature.

    Scale: the file's own unit where it states one; BVH states none, so the body is taken to be 1.7 m tall. Warns where
    the body moves faster than people do, which a wrong rate makes it. Mends what `dancegen.motion.cleaning` knows of,
    and says so. Raises MocapError for unknown skeletons.
    """
    names = find_body(armature, path)
    dancer = measure(armature, names)
    if dancer.mirrored:
        progress.warn(f"{path.name}: the toes point backwards, so left and right are taken to be swapped: mirrored.")
    if dancer.turned_up:
        progress.say(f"{path.name}: {dancer.turned_up} points up in this file; turned to y.")
    cleaned = clean(dancer.joints, dancer.head_forward, dancer.head_up, fps, dancer.ends)
    _say_cleaned(path, cleaned, progress)
    if moves_too_fast(cleaned.joints, fps):
        progress.warn(
            f"{path.name}: at {fps:g} frames a second this body moves faster than people do, so the rate is probably "
            f"wrong (CMU's salsa is published at twice its speed): try --source-fps {fps / 2:g}."
        )
    return Motion(
        joints3d=cleaned.joints,
        head_forward=cleaned.head_forward,
        head_up=cleaned.head_up,
        fps=float(fps),
        height_m=dancer.height_m,
        name=path.stem,
        source=path,
        ends=cleaned.ends,
        rotations=find_rotations(armature, names, dancer, cleaned),
    )


def _say_cleaned(path: Path, cleaned: Cleaned, progress: Progress) -> None:
    done = []
    if cleaned.cut:
        done.append(f"left out the calibration pose at its start ({cleaned.cut} frames)")
    if cleaned.flipped:
        done.append(f"turned a flipped knee back ({cleaned.flipped} frames)")
    if cleaned.mended:
        done.append(f"bridged jumps that no body makes ({cleaned.mended} frames)")
    if done:
        progress.say(f"{path.name}: {', '.join(done)}.")
