"""What takes joints in space, refused before any work where a dance has none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.errors import DancegenError, InputError
from dancegen.options.dance import RenderOptions
from dancegen.renderers import MANNEQUIN
from dancegen.stages.dance_files import GENRES, MOTION
from dancegen.stages.pose_files import is_pose_file, read_pose_file
from dancegen.store import Artifact

if TYPE_CHECKING:
    from dancegen.stages.film_request import FilmRequest

IN_SPACE = (MOTION, GENRES)
"""Files of dances that only a model leaves which moves a body."""


def what_needs_space(options: RenderOptions, request: FilmRequest | None) -> str | None:
    """The option that shows a dance in space, with a verb, as an error begins; None where keypoints will do."""
    if request is None:
        return f"--style {MANNEQUIN} draws a body in space" if options.style == MANNEQUIN else None
    return "--depth takes joints in space" if request.backend.sees_depth(request.settings) else None


def check_model_in_space(why: str | None, reference: str | Path, context: Context) -> None:
    """InputError where a model dances in the plane, and something of its dance takes joints in space: `why`."""
    if why is None:
        return
    from dancegen.choreographers import choose_model

    model = choose_model(reference, context.store, lambda: context.resolve(None, "extract-poses"))
    if not model.family.in_space:
        raise InputError(
            f"{why}, and {model.family.who} dances in the plane: take --model diffusion, or leave that out"
        )


def check_source_in_space(why: str | None, options: RenderOptions, context: Context) -> None:
    """InputError for a video, or a file of poses, that shows a dance in the picture only."""
    from dancegen.video.info import is_video

    reference = options.poses
    if why is None or reference is None or isinstance(reference, Artifact):
        return
    if is_video(reference):
        found = f"{Path(reference).name} shows a dance in the picture only"
    elif is_pose_file(reference):
        found = read_pose_file(reference, context.store, json_fps=options.json_fps, canvas=options.json_canvas)
        if found.sequence.joints3d is not None:
            return
        found = f"{found.path.name} has poses in the picture only"
    else:
        return
    raise InputError(
        f"{why}, and {found}: take a dance of generate-poses --model diffusion, or poses with joints3d, or leave that "
        "out"
    )


def check_files_in_space(output: str | Path, model: str | Path, context: Context) -> None:
    """InputError where --output names a file that the model's dances do not have."""
    name = Path(output).name
    if name in IN_SPACE:
        try:
            check_model_in_space(f"--output {output} is of a body in space", model, context)
        except InputError:
            raise
        except DancegenError:  # no such model: the stage says so
            return
