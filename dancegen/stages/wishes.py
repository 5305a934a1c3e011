"""What a person asks of a dance beside song and model, as it is written on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dancegen.choreographers.steering import Steering, parse_span, parse_stage
from dancegen.errors import InputError
from dancegen.store import Input, Store

ENDLESS = "none"
_MOTION = "motion.npz"


@dataclass(frozen=True)
class Wishes:
    """The steering, and what of it enters a recipe: files, and the moments at which poses are taken."""

    steering: Steering = field(default_factory=Steering)
    inputs: tuple[Input, ...] = ()
    moments: dict = field(default_factory=dict)


def read_wishes(
    store: Store,
    *,
    camera: str,
    guidance: float | None,
    stage: str | tuple[float, float] | None,
    style: str | None,
    energy: float,
    start_pose: str | Path | None,
    end_pose: str | Path | None,
    edit: str | Path | None,
    keep: Sequence[str] | str | None,
    keep_joints: Sequence[str] | str | None,
    repeat_sections: bool,
    retime: bool,
) -> Wishes:
    """Raises InputError for what cannot be read or granted, NotFoundError for dances that are not there."""
    from dancegen.motion.body import BodyMotion

    inputs, moments, poses, dance = [], {}, {}, None
    for name, reference in (("start", start_pose), ("end", end_pose)):
        if reference is None:
            continue
        place, moment = _place_and_moment(str(reference))
        path = find_motion(place, store, f"--{name}-pose")
        motion = BodyMotion.load(path)
        if not 0 <= moment < motion.seconds:
            raise InputError(f"--{name}-pose {reference}: that dance lasts {motion.seconds:.1f} seconds")
        frame = min(round(moment * motion.fps), len(motion) - 1)
        poses[f"{name}_pose"] = motion.slice(frame, frame + 1)
        inputs.append(Input.file(f"{name} pose", path))
        moments[f"{name}_pose_s"] = moment
    if edit is not None:
        path = find_motion(edit, store, "--edit")
        dance = BodyMotion.load(path)
        inputs.append(Input.file("edit", path))
    steering = Steering(
        camera=camera,
        guidance=guidance,
        stage=_stage(stage),
        style=style,
        energy=float(energy),
        **poses,
        dance=dance,
        keep=tuple(parse_span(span) for span in _listed(keep)),
        keep_joints=tuple(_listed(keep_joints)),
        repeat_sections=repeat_sections,
        retime=retime,
    )
    return Wishes(steering, tuple(inputs), moments)


def find_motion(reference: str | Path, store: Store, flag: str) -> Path:
    """The motion.npz of a dance that a person means: the file, a directory with it, or a digest."""
    path = Path(reference)
    if path.is_file():
        return path
    folder = path if path.is_dir() else store.find(reference, "generate-poses").path
    if not (folder / _MOTION).is_file():
        raise InputError(f"{flag} {reference} holds no {_MOTION}: give a dance that a model of family diffusion made")
    return folder / _MOTION


def _place_and_moment(text: str) -> tuple[str, float]:
    place, at, moment = text.rpartition("@")
    try:
        return (place, float(moment)) if at else (text, 0.0)
    except ValueError:
        return text, 0.0


def _stage(stage: str | tuple[float, float] | None) -> tuple[float, float] | None:
    if stage is None or stage == ENDLESS:
        return None
    return parse_stage(stage) if isinstance(stage, str) else (float(stage[0]), float(stage[1]))


def _listed(values: Sequence[str] | str | None) -> list[str]:
    """Each of several values, also where some are joined by commas."""
    texts = [values] if isinstance(values, str) else list(values or ())
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
