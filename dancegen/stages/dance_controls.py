"""What a person asks of a dance beside song and model: from options to the controls of a choreographer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dancegen.choreographers.controls import DanceControls
from dancegen.errors import InputError
from dancegen.options.dance import GeneratePosesOptions
from dancegen.options.times import seconds_of
from dancegen.store import Input, Store

_MOTION = "motion.npz"


@dataclass(frozen=True)
class Controls:
    """The controls, and what of them enters a recipe: files by the option that names them, and moments in seconds."""

    controls: DanceControls
    inputs: dict[str, tuple[Input, ...]] = field(default_factory=dict)
    moments: dict[str, float] = field(default_factory=dict)


def read_controls(options: GeneratePosesOptions, store: Store) -> Controls:
    """Raises InputError for what cannot be read or done, NotFoundError for dances that are not there."""
    from dancegen.motion.body import BodyMotion

    inputs, moments, poses, edit = {}, {}, {}, None
    for name in ("start_pose", "end_pose"):
        if (reference := getattr(options, name)) is None:
            continue
        flag = f"--{name.replace('_', '-')}"
        place, moment = _place_and_moment(str(reference))
        path = find_motion(place, store, flag)
        motion = BodyMotion.load(path)
        if not 0 <= moment < motion.seconds:
            raise InputError(f"{flag} {reference}: that dance lasts {motion.seconds:.1f} seconds")
        frame = min(round(moment * motion.fps), len(motion) - 1)
        poses[name] = motion.slice(frame, frame + 1)
        inputs[name] = (Input.file(name, path),)
        moments[f"{name}_s"] = moment
    if options.edit is not None:
        path = find_motion(options.edit, store, "--edit")
        edit = BodyMotion.load(path)
        inputs["edit"] = (Input.file("edit", path),)
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
        retime=options.retime,
    )
    return Controls(controls, inputs, moments)


def find_motion(reference: str | Path, store: Store, flag: str) -> Path:
    """The motion.npz of a dance that a person means: the file, a directory with it, or a digest."""
    path = Path(reference)
    if path.is_file():
        return store.checked_path(path)
    folder = store.checked_path(path) if path.is_dir() else store.find(reference, "generate-poses").path
    if not (folder / _MOTION).is_file():
        raise InputError(f"{flag} {reference} holds no {_MOTION}: give a dance that a model of family diffusion made")
    return folder / _MOTION


def _place_and_moment(text: str) -> tuple[str, float]:
    place, at, written = text.rpartition("@")
    moment = seconds_of(written)
    return (place, moment) if at and moment is not None else (text, 0.0)
