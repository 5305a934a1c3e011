"""render: poses become a video with the music they were made for."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.codecs import USUAL
from dancegen.context import Context
from dancegen.errors import InputError, choose_one
from dancegen.options.dance import MannequinOptions, RenderOptions, SkeletonOptions
from dancegen.options.declare import flag_of, recipe_for
from dancegen.progress import Progress
from dancegen.renderers import MANNEQUIN
from dancegen.stages.control_files import write_controls
from dancegen.stages.dance_files import AUDIO, BEATS, FEATURES, POSES
from dancegen.stages.drawn_video import DRAWN_SIZE, even_size, rate_in_words, shaped_like, write_drawn
from dancegen.stages.filmed_dance import framed_as_filmed, is_filmed, picture_size
from dancegen.stages.import_poses import dance_to_render
from dancegen.stages.in_space import check_source_in_space, what_needs_space
from dancegen.stages.mannequin import DRAWING, camera_of, check_mannequin, mannequin_frames, words_of
from dancegen.stages.overlay import footage_of, overlay
from dancegen.store import Artifact, Input

if TYPE_CHECKING:
    from dancegen.stages.film_request import FilmRequest

STAGE = "render"
VERSION = 7
SKELETON, OPENPOSE = "skeleton", "openpose"


def render(
    options: RenderOptions, context: Context, poses: Artifact | None = None, request: FilmRequest | None = None
) -> Artifact:
    """A video of a choreography, with its music, and a poster.

    options: of `render_options()`, with those of painted films. The engine `skeleton` draws the dancer in a style, or
    over footage, the others paint what the prompt says. poses: those of the options, where they are known already.
    request: what `check_render` found. Raises InputError for what no engine here can do, ModelError for a model that
    cannot be had.
    """
    request = request or check_render(options, context, poses)
    if poses is None:
        check_source_in_space(what_needs_space(options, request), options, context)
    if request is not None:
        from dancegen.stages.film import film_job, render_film

        return render_film(film_job(request, context, poses), context)
    poses = poses or dance_to_render(options, context)
    if options.over is not None or options.beside:
        return overlay(options, context, poses)
    return _render_skeleton(options, context, poses)


def check_render(options: RenderOptions, context: Context, poses: Artifact | None = None) -> FilmRequest | None:
    """Everything about a video that can be checked before there are poses. Raises InputError, ModelError.

    Of a painted film it is what was found on the way, such as where each model is.
    """
    from dancegen.renderers.film.registry import BACKENDS

    if options.engine is not None and options.engine not in (SKELETON, *BACKENDS):
        raise InputError(f"there is no engine {options.engine!r}; {choose_one(options.engine, (SKELETON, *BACKENDS))}")
    check_mannequin(options)
    if options.prompt is not None:
        if options.engine == SKELETON:
            raise InputError("--engine skeleton reads no --prompt: leave one of them out")
        if options.over is not None or options.beside:
            raise InputError("--over and --beside draw, and --prompt paints: leave one of them out")
        from dancegen.stages.film_request import request_film

        shown = picture_size(poses or options.poses, context)
        return request_film(options, note_missing=context.dry, shown=shown)
    own = {field.name for field in fields(RenderOptions)}
    given = [field for field in fields(options) if field.name in options.given() and field.name not in own]
    if given or options.engine not in (None, SKELETON):
        why = flag_of(given[0]) if given else f"--engine {options.engine}"
        raise InputError(f'{why} paints what a prompt says: add --prompt "what to paint"')
    if options.over is not None or options.beside:
        footage_of(options)
    if options.alpha and (options.style != OPENPOSE or options.over is not None or options.beside):
        raise InputError("--alpha: only drawings on black have a background to leave clear: add --style openpose")
    drawn_size(options)
    return None


def drawn_size(options: RenderOptions, poses: Artifact | None = None) -> tuple[int, int]:
    """The size in pixels of a drawn video: of one that was filmed in the video's proportions, unless a person says.

    InputError for one that no video can have.
    """
    if options.size is not None:
        return even_size(options.size, options.codec)
    if poses is None or not is_filmed(poses):
        return DRAWN_SIZE
    width, height = poses.params["size"]  # type: ignore[misc]
    return shaped_like((width, height), DRAWN_SIZE)


def rate_of(options: RenderOptions, poses: Artifact) -> float:
    """Frames a second: those asked for, else the poses' own."""
    return float(options.fps if options.fps is not None else poses.summary["fps"])  # type: ignore[arg-type]


def _render_skeleton(options: RenderOptions, context: Context, poses: Artifact) -> Artifact:
    size, fps = drawn_size(options, poses), rate_of(options, poses)
    command = ["dancegen", "render", poses.digest[:16], "--style", options.style, "--size", f"{size[0]}x{size[1]}"]
    own, camera = options.only(SkeletonOptions), {}
    if options.style == MANNEQUIN:
        own = options.only(MannequinOptions)
        camera = {"filmed_by": camera_of(poses, options.camera), "drawn_by": DRAWING}
        command += words_of(options)
    own = replace(own, frames=own.frames or own.alpha)
    recipe = recipe_for(
        STAGE, VERSION, own, {"poses": (Input.artifact("poses", poses),)}, engine=SKELETON, fps=fps, size=list(size),
        **camera,
    )  # fmt: skip
    command += [*(["--codec", own.codec] if own.codec != USUAL else []), "--fps", rate_in_words(fps)]
    tags = {"digest": recipe.digest, "command": shlex.join(command)}

    def build(directory: Path) -> dict:
        return _build(directory, poses, own, fps, size, tags, context.progress)

    return context.obtain(recipe, build)


def _build(
    directory: Path,
    poses: Artifact,
    own: SkeletonOptions,
    fps: float,
    size: tuple[int, int],
    tags: dict[str, str],
    progress: Progress,
) -> dict:
    from dancegen.audio.song import SongFeatures
    from dancegen.pose.sequence import PoseSequence
    from dancegen.renderers import PlanarRenderer, get_renderer
    from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope
    from dancegen.renderers.skeleton.openpose import placed

    sequence = PoseSequence.load(poses.file(POSES))
    envelope = AudioEnvelope.of(SongFeatures.load(poses.file(FEATURES), poses.file(BEATS)))
    as_filmed = framed_as_filmed(poses, size)
    if isinstance(own, MannequinOptions):
        frames = mannequin_frames(poses, sequence, own, size, fps)
    elif own.codec == USUAL and not own.frames and isinstance(renderer := get_renderer(own.style), PlanarRenderer):
        frames = renderer.planes(sequence, envelope, size=size, fps=fps)
    else:
        frames = get_renderer(own.style).frames(sequence, envelope, size=size, fps=fps, as_filmed=as_filmed)
    if own.frames and own.style == OPENPOSE:
        write_controls(directory, placed(sequence, size, fps, as_filmed=as_filmed))
    return write_drawn(
        directory, frames, round(sequence.seconds * fps), size=size, fps=fps, audio=poses.file(AUDIO), tags=tags,
        label=f"rendering ({own.style})", progress=progress, codec=own.codec, keep_frames=own.frames, alpha=own.alpha,
    )  # fmt: skip
