"""What a person asks of a dance beside song and model: from options to the controls of a choreographer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.choreographers.controls import DanceControls
from dancegen.choreographers.genres import GenreSpan, read_spans
from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.dance import GeneratePosesOptions
from dancegen.options.times import seconds_of
from dancegen.stages.dance_files import GENRES, MOTION, find_dance
from dancegen.stages.lift_poses import lift_poses
from dancegen.stages.pose_files import is_motion_file, is_pose_file, poses_of, read_pose_file
from dancegen.store import Input

if TYPE_CHECKING:
    from dancegen.choreographers import ChosenModel


@dataclass(frozen=True)
class Controls:
    """The controls, and what of them enters a recipe: files by the option that names them, and moments in seconds."""

    controls: DanceControls
    inputs: dict[str, tuple[Input, ...]] = field(default_factory=dict)
    moments: dict[str, float] = field(default_factory=dict)


def read_controls(options: GeneratePosesOptions, chosen: ChosenModel, context: Context) -> Controls:
    """Raises InputError for what cannot be read or done, NotFoundError for dances that are not there."""
    from dancegen.motion.body import BodyMotion

    given = [name for name in ("start_pose", "end_pose", "edit") if getattr(options, name) is not None]
    chosen.family.check_names(given)
    inputs, moments, poses, edit = {}, {}, {}, None
    genres: tuple[GenreSpan, ...] = ()
    for name in given:
        reference = getattr(options, name)
        flag = f"--{name.replace('_', '-')}"
        place, moment = (reference, 0.0) if name == "edit" else _place_and_moment(str(reference))
        path = find_motion(place, flag, options, chosen, context)
        motion = BodyMotion.load(path)
        inputs[name] = (Input.file(name, path),)
        if name == "edit":
            edit = motion
            danced = path.with_name(GENRES)
            if options.genre is None and danced.is_file():
                genres = read_spans(danced)
                inputs[name] = (*inputs[name], Input.file("edited genres", danced))
            continue
        if not 0 <= moment < motion.seconds:
            raise InputError(f"{flag} {reference}: that dance lasts {motion.seconds:.1f} seconds")
        frame = min(round(moment * motion.fps), len(motion) - 1)
        poses[name] = motion.slice(frame, frame + 1)
        moments[f"{name}_s"] = moment
    controls = DanceControls(
        camera=options.camera,
        music_guidance=options.music_guidance,
        floor=options.floor,
        genre=options.genre,
        energy=options.energy,
        **poses,
        edit=edit,
        keep=options.keep,
        keep_joints=options.keep_joints,
        repeat_sections=options.repeat_sections,
        retime=not options.no_retime,
        edited_genres=genres,
    )
    return Controls(controls, inputs, moments)


def find_motion(
    reference: str | Path, flag: str, options: GeneratePosesOptions, chosen: ChosenModel, context: Context
) -> Path:
    """The motion.npz of a dance that a person means: the file, a directory with it, or a digest.

    Poses in a picture, such as an OpenPose JSON that was edited, become the motion of the model's body. Raises
    InputError and NotFoundError for what is no dance.
    """
    path = Path(reference)
    if (path / MOTION).is_file():
        return context.store.checked_path(path) / MOTION
    if path.is_file() and is_motion_file(path):
        return context.store.checked_path(path)
    if is_pose_file(path):
        canvas = options.json_canvas or options.canvas
        found = read_pose_file(path, context.store, json_fps=options.json_fps, canvas=canvas)
    else:
        dance = find_dance(reference, context.store)
        if (dance.path / MOTION).is_file():
            return dance.file(MOTION)
        found = poses_of(dance, context.store)
    if not found.states_time and found.origin is None:
        found = replace(found, sequence=replace(found.sequence, start_s=options.start))
    return lift_poses(found, chosen, context)


def _place_and_moment(text: str) -> tuple[str, float]:
    place, at, written = text.rpartition("@")
    moment = seconds_of(written)
    return (place, moment) if at and moment is not None else (text, 0.0)
