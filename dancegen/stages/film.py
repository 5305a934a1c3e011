"""render --prompt: poses and words become a film, painted by diffusion segment by segment."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.context import Context
from dancegen.detectors import weights_input
from dancegen.errors import InputError
from dancegen.options.verbs import RenderOptions
from dancegen.progress import Progress
from dancegen.renderers.animatediff.settings import LATENT_SIDE, NO_DETECTOR, SIZE, Execution, Settings, split_options
from dancegen.stages.film_segments import SegmentTask, dismiss_painter, frames_of, render_segments, write_frame
from dancegen.stages.film_temporal import render_temporal
from dancegen.stages.generate_poses import AUDIO, BEATS, POSES
from dancegen.store import SHORT, Artifact, Input, Recipe

if TYPE_CHECKING:
    from dancegen.pose.sequence import PoseSequence
    from dancegen.renderers.animatediff.loading import Models
    from dancegen.renderers.animatediff.plan import Plan
    from dancegen.renderers.film.prompts import Schedule
    from dancegen.renderers.film.segments import Segment

STAGE = "render"
VERSION = 3
ENGINE = "animatediff"
VIDEO, POSTER, FRAMES = "video.mp4", "poster.png", "frames"
FIT_GRID = 32.0
"""Pixels of the poses' canvas: see PoseSequence.fitted."""


@dataclass(frozen=True)
class Film:
    """A film that is asked for, with everything about it that is known before any weights are loaded."""

    poses: Artifact
    prompt: str
    fps: float
    size: tuple[int, int]
    seed: int
    device: str
    settings: Settings
    execution: Execution
    progress: Progress

    @cached_property
    def schedule(self) -> Schedule:
        from dancegen.renderers.film.prompts import Schedule

        return Schedule.parse(self.prompt, self.settings.blend_s)

    @cached_property
    def dance(self) -> PoseSequence:
        """The dance as it was made."""
        from dancegen.pose.sequence import PoseSequence

        return PoseSequence.load(self.poses.file(POSES))

    @cached_property
    def sequence(self) -> PoseSequence:
        """The dance at the film's rate, on its canvas, to a quarter of a pixel."""
        from dancegen.pose.retargeting import retarget

        dance = self.dance.resample(self.fps)
        if self.settings.align:
            dance = retarget(dance, self.person)
        dance = dance.fitted(self.size, grid=FIT_GRID)
        return replace(dance, keypoints=np.round(dance.keypoints * [4, 4, 64]) / [4, 4, 64])

    @cached_property
    def portrait(self) -> np.ndarray | None:
        """(H, W, 3) uint8 of whom the dancer is to look like."""
        from dancegen.renderers.film.portrait import load_portrait

        return None if self.settings.image is None else load_portrait(self.settings.image)

    @cached_property
    def person(self) -> np.ndarray | None:
        """(18, 3) keypoints of the portrait's one person, if something can look."""
        from dancegen.renderers.film.portrait import find_person

        if self.portrait is None or self.execution.detector == NO_DETECTOR:
            return None
        return find_person(self.portrait, self.settings.image, self.execution.looker(), self.progress)

    @cached_property
    def keys(self) -> np.ndarray:
        """(K,) the frames that are painted."""
        from dancegen.audio.beats import Beats
        from dancegen.renderers.film.keyframes import choose_keyframes

        beats = Beats.load(self.poses.file(BEATS)).times_s
        cuts = self.dance.cuts_at(self.fps)
        return choose_keyframes(len(self.sequence), self.fps, self.settings.key_fps, beats, cuts)

    @cached_property
    def key_times_s(self) -> np.ndarray:
        """(K,) the second of the song of each key frame."""
        return self.sequence.times_s[self.keys]

    @cached_property
    def segments(self) -> list[Segment]:
        from dancegen.renderers.film.segments import cut

        borders = [int(np.searchsorted(self.key_times_s, border - 1e-6)) for border in self.schedule.borders_s()]
        settings = self.settings
        return cut(len(self.keys), borders, longest=settings.segment, overlap=settings.overlap, window=settings.window)

    @cached_property
    def models(self) -> Models:
        """Where each model is. Raises ModelError where one cannot be had."""
        from dancegen.renderers.animatediff.loading import Models
        from dancegen.renderers.film.weights import locate, references

        offline = self.execution.offline
        return Models(tuple(locate(ref, offline=offline) for ref in references(self.settings)))

    def settings_in_memory(self, options: Mapping[str, object]) -> Settings:
        """The settings with the longest window that the memory holds which was named. Raises InputError."""
        from dancegen.renderers.animatediff.plan import fitting_window

        window = fitting_window(self.models, self.settings, self.size, str(self.execution.vram))
        return split_options({**options, "window": window})[0]

    def plan(self) -> Plan:
        from dancegen.devices import choose_device
        from dancegen.renderers.animatediff.plan import make_plan

        return make_plan(
            self.models, self.settings, self.segments, size=self.size, frames=len(self.sequence),
            device=choose_device(self.device), vram=str(self.execution.vram),
        )  # fmt: skip


def paint_film(options: RenderOptions, context: Context, poses: Artifact | None = None) -> Artifact:
    """A film of a choreography in the words of a prompt. Raises InputError, ModelError; see `stages.render.render`."""
    from dancegen.renderers.animatediff.loading import Models
    from dancegen.renderers.film.weights import fetch

    film = describe(options, context, poses)
    store, force, progress = context.store, context.force, context.progress
    _ = film.person  # a portrait of several people is refused before anything is painted
    recipe = _recipe(film, tuple(model.input(progress) for model in film.models.located))

    def build(directory: Path) -> dict:
        plan = film.plan()
        for line in plan.lines():
            progress.say(line)
        models = Models(tuple(fetch(model) for model in film.models.located))
        tasks = _tasks(film, models, recipe.inputs, plan.level.name)
        try:
            painted = render_segments(tasks, store, film.execution, force=force, progress=progress)
        finally:
            dismiss_painter()
        counts = {"segments_total": len(painted), "segments_computed": _computed(painted)}

        def first_pass(place: int) -> Iterator[np.ndarray]:
            return joined(film.segments, painted, film.settings.overlap, place)

        own = first_pass
        if film.settings.temporal:
            inputs = tuple(item for item in recipe.inputs if item.role == "temporalnet")
            again = render_temporal(tasks, painted, first_pass, inputs, store, force=force, progress=progress)
            counts |= {"temporal_total": len(again), "temporal_computed": _computed(again)}

            def own(place: int) -> Iterator[np.ndarray]:
                segment = film.segments[place]
                return frames_of(again[place], segment.start, segment.stop)

        frames = chain.from_iterable(own(place) for place in range(len(painted)))
        return _compose(directory, film, frames, _tags(film, recipe), progress) | counts

    artifact = context.obtain(recipe, build)
    if not artifact.cached:
        return artifact
    # What it says of this run, not of the one that made it.
    summary = artifact.summary | {name: 0 for name in artifact.summary if name.endswith("_computed")}
    return replace(artifact, manifest=replace(artifact.manifest, summary=summary))


def describe(options: RenderOptions, context: Context, poses: Artifact | None = None) -> Film:
    """Everything checked that can be checked without a model. Raises InputError."""
    chosen = _film_options(options)
    settings, execution = split_options(chosen)
    size = film_size(options.size)
    poses = poses or context.resolve(options.poses, "generate-poses")
    rate = float(options.fps if options.fps is not None else poses.summary["fps"])  # type: ignore[arg-type]
    prompt = options.prompt or ""
    film = Film(poses, prompt, rate, size, options.seed, context.device, settings, execution, context.progress)
    if chosen["window"] is None and execution.vram != "auto":
        return replace(film, settings=film.settings_in_memory(chosen))
    return film


def check_film(options: RenderOptions) -> None:
    """InputError for a prompt, a size or a setting that cannot be, ModelError for a model that cannot be had."""
    from dancegen.renderers.film.portrait import load_portrait
    from dancegen.renderers.film.prompts import Schedule
    from dancegen.renderers.film.weights import locate, references

    settings, execution = split_options(_film_options(options))
    Schedule.parse(options.prompt or "", settings.blend_s)
    film_size(options.size)
    if settings.image is not None:
        load_portrait(settings.image)
    if settings.align and execution.looker() is None:
        raise InputError(
            "--align needs to see the portrait's limbs: pip install 'dancegen[blazepose]', or give OpenPose weights "
            "with --detector"
        )
    for ref in references(settings):
        locate(ref, offline=execution.offline)


def _film_options(options: RenderOptions) -> dict[str, object]:
    names = [field.name for kind in (Settings, Execution) for field in fields(kind)]
    return {name: getattr(options, name) for name in names}


def film_size(size: tuple[int, int] | None) -> tuple[int, int]:
    """(width, height) of a painted film. Raises InputError."""
    width, height = SIZE if size is None else size
    # The coarsest layer of the UNet sees an eighth of the latents; diffusers pads where a side does not divide evenly.
    if width % LATENT_SIDE or height % LATENT_SIDE:
        raise InputError(f"--size {width}x{height}: diffusion needs sides that are multiples of {LATENT_SIDE}")
    return width, height


def _recipe(film: Film, models: tuple[Input, ...]) -> Recipe:
    settings = film.settings
    params = {
        "engine": ENGINE,
        "prompt": [list(entry) for entry in zip(film.schedule.starts_s, film.schedule.texts, strict=True)],
        "fps": film.fps,
        "size": list(film.size),
        "seed": int(film.seed),
        **settings.recipe_params(),
        **{name: getattr(settings, name) for name in ("key_fps", "segment", "overlap", "blend_s")},
    }
    inputs = [Input.artifact("poses", film.poses), *models]
    if film.execution.frames:
        params["frames"] = True
    if settings.temporal:
        params["temporal_strength"] = settings.temporal_strength
    if settings.image is not None:
        inputs.append(Input.file("image", settings.image))
    if settings.align:
        params["align"] = True
        inputs.append(weights_input(film.execution.looker()))
    return Recipe(STAGE, VERSION, params, tuple(inputs))


def _tasks(film: Film, models: Models, inputs: tuple[Input, ...], level: str) -> list[SegmentTask]:
    weights = film.schedule.weights(film.key_times_s)
    keypoints = film.sequence.keypoints[film.keys]
    used = tuple(item for item in inputs if item.role not in ("poses", "temporalnet", "image", "detector"))
    return [
        SegmentTask(
            segment, keypoints[segment.first : segment.stop], film.size, film.schedule.texts,
            weights[segment.first : segment.stop], int(film.seed), film.settings, models, used, level, film.device,
            film.portrait,
        )
        for segment in film.segments
    ]  # fmt: skip


def joined(segments: list[Segment], painted: list[Artifact], overlap: int, place: int) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 of one segment's own key frames; those that the next one shares fade into its version."""
    import cv2

    from dancegen.renderers.film.segments import crossfade

    segment, shared = segments[place], 0
    if place + 1 < len(segments):
        after = segments[place + 1]
        shared = min(overlap, segment.stop - segment.start, after.start - after.first)
    yield from frames_of(painted[place], segment.start, segment.stop - shared)
    if shared:
        both = (frames_of(artifact, segment.stop - shared, segment.stop) for artifact in painted[place : place + 2])
        for share, old, new in zip(crossfade(shared), *both, strict=True):
            yield cv2.addWeighted(old, 1 - float(share), new, float(share), 0)


def _compose(
    directory: Path, film: Film, frames: Iterable[np.ndarray], tags: dict[str, str], progress: Progress
) -> dict:  # fmt: skip
    """Key frames to the film's rate, with the music, a poster, and the frames themselves if they are wanted."""
    from dancegen.video import VideoWriter
    from dancegen.video.frames import interpolate

    if film.execution.frames:
        (directory / FRAMES).mkdir()
    with (
        VideoWriter(directory / VIDEO, film.size, film.fps, audio=film.poses.file(AUDIO), metadata=tags) as video,
        progress.task("putting the film together", len(film.sequence)) as advance,
    ):
        for number, frame in enumerate(interpolate(zip(film.keys.tolist(), frames, strict=True))):
            if number == 0:
                write_frame(directory / POSTER, frame)
            if film.execution.frames:
                write_frame(directory / FRAMES / f"{number:06d}.png", frame)
            video.write(frame)
            advance(1)
    return {
        "seconds": round(video.frames / film.fps, 3),
        "frames": video.frames,
        "fps": film.fps,
        "size": list(film.size),
        "key_frames": len(film.keys),
    }


def _computed(artifacts: list[Artifact]) -> int:
    return sum(not artifact.cached for artifact in artifacts)


def _tags(film: Film, recipe: Recipe) -> dict[str, str]:
    """What the video says about itself: enough to make it again."""
    models = ", ".join(f"{item.role} {item.name}" for item in recipe.inputs if item.kind == "weights")
    return {
        "digest": recipe.digest,
        "command": shlex.join(_command(film)),
        "seed": str(film.seed),
        "prompt": film.prompt,
        "models": models,
    }


def _command(film: Film) -> list[str]:
    width, height = film.size
    words = ["dancegen", "render", film.poses.digest[:SHORT], "--prompt", film.prompt, "--seed", str(film.seed)]
    words += ["--size", f"{width}x{height}", "--fps", f"{film.fps:g}"]
    usual = Settings.of({"fast": film.settings.fast, "image": film.settings.image})
    for field in fields(Settings):
        value = getattr(film.settings, field.name)
        if value != getattr(usual, field.name) or (field.name in ("fast", "image") and value):
            words += _option(field.name, value)
    if film.settings.image is not None:
        words += ["--detector", str(film.execution.looker() or NO_DETECTOR)]
    return [*words, "--frames"] if film.execution.frames else words


def _option(name: str, value: object) -> list[str]:
    flag = f"--{name.removesuffix('_s').replace('_', '-')}"
    if isinstance(value, tuple):
        return [word for each in value for word in (flag, str(each))]
    return [flag] if value is True else [flag, f"{value:g}" if isinstance(value, float) else str(value)]
