"""Motion capture: from a skeleton in motion, in a file's own names, units and axes, to a dancer in metres."""

from __future__ import annotations

from pathlib import Path

from dancegen.errors import MocapError
from dancegen.formatting import duration, frame_rate
from dancegen.motion.calibration import calibration_frames
from dancegen.motion.cleaning import Cleaned, as_it_is, clean, moves_too_fast, moves_too_slowly, stands_still
from dancegen.motion.kinematics import Armature
from dancegen.motion.motion import Motion
from dancegen.motion.readers.body_rotations import find_rotations
from dancegen.motion.readers.joint_names import find_body
from dancegen.motion.readers.person import measure
from dancegen.motion.readers.protocol import Hints
from dancegen.progress import Progress

FEWEST_FRAMES = 4
"""Of a movement: its speed and how that changes."""
LONGEST_TAKE_S = 3 * 3600.0
"""What lasts longer at its rate has the wrong one."""


def to_motion(armature: Armature, path: Path, fps: float, hints: Hints, progress: Progress) -> Motion:
    """The dancer in an armature.

    Scale: the file's own unit where it states one; BVH states none, so the body is taken to be 1.7 m tall. Warns where
    the body moves faster or slower than people do, which a wrong rate makes it. Mends what `dancegen.motion.cleaning`
    knows of, and says so; what dancegen wrote itself is taken as it is. Raises MocapError for unknown skeletons and for
    what is no motion.
    """
    if len(armature.positions) < FEWEST_FRAMES:
        frames = "one frame" if len(armature.positions) == 1 else f"{len(armature.positions)} frames"
        raise MocapError(f"{path} has {frames}: that is a pose, not a motion")
    if len(armature.positions) / fps > LONGEST_TAKE_S:
        raise MocapError(
            f"{path} would last {duration(len(armature.positions) / fps)} at {frame_rate(fps)} frames a second, which "
            "nobody dances: give the true rate with --source-fps"
        )
    names = find_body(armature, path, hints.joints)
    for note in armature.notes:
        progress.warn(f"{path.name}: {note}")
    dancer = measure(armature, names)
    cut = 0 if dancer.own else calibration_frames(dancer.joints, fps)
    if cut > len(armature.positions) - FEWEST_FRAMES:
        cut = 0
    if cut:
        progress.say(f"{path.name}: left out the calibration pose at its start ({cut} frames).")
        armature = armature.from_frame(cut)
        dancer = measure(armature, names)  # anew: it stood on no floor
    if dancer.mirrored:
        progress.warn(f"{path.name}: the toes point backwards, so left and right are taken to be swapped: mirrored")
    if dancer.turned_up:
        progress.say(f"{path.name}: {dancer.turned_up} points up in this file; turned to y.")
    mended = as_it_is if dancer.own else clean
    cleaned = mended(dancer.joints, dancer.head_forward, dancer.head_up, fps, dancer.ends)
    say_cleaned(path, cleaned, fps, progress)
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
        begins_s=cut / fps,
    )


def say_cleaned(path: Path, cleaned: Cleaned, fps: float, progress: Progress) -> None:
    """Say what was mended in a recording, and warn of a body that moves faster or slower than people do."""
    done = []
    if cleaned.flipped:
        done.append(f"turned a flipped knee back ({cleaned.flipped} frames)")
    if cleaned.mended:
        done.append(f"bridged jumps that no body makes ({cleaned.mended} frames)")
    if done:
        progress.say(f"{path.name}: {', '.join(done)}.")
    if moves_too_fast(cleaned.joints, fps):
        progress.warn(
            f"{path.name}: at {frame_rate(fps)} frames a second this body moves faster than people do, so the rate is "
            f"probably wrong (CMU's salsa is published at twice its speed): try --source-fps {frame_rate(fps / 2)}"
        )
    elif not stands_still(cleaned.joints, fps) and moves_too_slowly(cleaned.joints, fps):
        progress.warn(
            f"{path.name}: at {frame_rate(fps)} frames a second this body moves slower than people dance, so the rate "
            "is probably wrong: give the true one with --source-fps (captures have 30 to 120)"
        )
