"""render --style mannequin: a dance of the store in space, and the camera that sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.options.dance import MannequinOptions, RenderOptions, SkeletonOptions
from dancegen.options.declare import flag_of
from dancegen.renderers import MANNEQUIN
from dancegen.stages.dance_files import BEATS, FEATURES, MOTION
from dancegen.store import Artifact

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence

DRAWING = 2
"""Of how the mannequin is drawn; raise it when the same dance gives other pictures."""
_DRAWN = {each.name for each in fields(SkeletonOptions)}
_OWN = tuple(each for each in fields(MannequinOptions) if each.name not in _DRAWN)
"""The options that no other style has."""


def check_mannequin(options: RenderOptions) -> None:
    """InputError for options of the mannequin where something else is drawn, and the other way round."""
    given = [flag_of(each) for each in _OWN if each.name in options.given()]
    if options.style != MANNEQUIN and given:
        raise InputError(f"{given[0]} is for the mannequin: add --style {MANNEQUIN}, or leave it out")
    if options.style == MANNEQUIN and (options.over is not None or options.beside):
        flag = "--over" if options.over is not None else "--beside"
        raise InputError(f"--style {MANNEQUIN} has a room and a camera of its own: leave {flag} out")
    if options.prompt is not None and given:
        raise InputError(f"{given[0]} draws the mannequin, and --prompt paints: leave one of them out")
    if options.render_pass is not None and options.background is not None:
        raise InputError(f"--pass {options.render_pass} shows the figure alone: leave --background out")


def camera_of(poses: Artifact, asked: str | None) -> str | None:
    """The camera that is asked for, else that of the dance; None where nobody has said which it was."""
    own = poses.params.get("camera")
    return asked or (str(own) if own else None)


def words_of(options: RenderOptions) -> list[str]:
    """The mannequin's options as a command states them."""
    given = {flag_of(each): getattr(options, each.name) for each in _OWN}
    return [word for flag, value in given.items() if value is not None for word in (flag, str(value))]


def mannequin_frames(
    poses: Artifact, sequence: PoseSequence, options: MannequinOptions, size: tuple[int, int], fps: float
) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB frames of a dance. Raises InputError where it is known in the picture only."""
    from dancegen.audio.beats import bar_lines
    from dancegen.audio.song import SongFeatures
    from dancegen.motion.body import BodyMotion
    from dancegen.motion.staged import Staged
    from dancegen.renderers.skeleton.mannequin import MannequinRenderer
    from dancegen.renderers.skeleton.mannequin.renderer import PICTURE

    song = SongFeatures.load(poses.file(FEATURES), poses.file(BEATS))
    bars_s, camera = bar_lines(song.beats, song.mel), camera_of(poses, options.camera)
    if any(entry.path == MOTION for entry in poses.files):
        motion = BodyMotion.load(poses.file(MOTION)).resample(fps, max(1, round(sequence.seconds * fps)))
        staged = Staged.filmed(motion, camera or "front", size, bars_s)
    else:
        staged = Staged.of(sequence.resample(fps), size, camera, bars_s)
    background = None if options.background is None else bytes.fromhex(options.background[1:])
    return MannequinRenderer().frames(
        sequence, None, size=size, fps=fps, staged=staged, shown=options.render_pass or PICTURE,
        background=None if background is None else (background[0], background[1], background[2]),
    )  # fmt: skip
