"""render --prompt: poses and words become a film, painted by a backend segment by segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.codecs import CODECS
from dancegen.context import Context
from dancegen.detectors.registry import DetectorSpec, resolve
from dancegen.options.shared import NO_DETECTOR
from dancegen.progress import Progress
from dancegen.renderers.film.backend import FilmBackend, Grid
from dancegen.renderers.film.frames import Composition
from dancegen.renderers.film.settings import FilmOptions
from dancegen.stages.dance_files import AUDIO, BEATS, POSES
from dancegen.stages.film_command import tags_of
from dancegen.stages.film_picture import Picture
from dancegen.stages.film_poses import ShownPoses, rounded, solid_of
from dancegen.stages.film_recipes import Inputs, film_recipe, model_inputs
from dancegen.stages.film_request import FilmRequest
from dancegen.stages.film_segments import SegmentTask, frames_of, joined, paint_segments
from dancegen.stages.filmed_dance import framed_as_filmed
from dancegen.stages.import_poses import dance_to_render
from dancegen.store import Artifact, Input, Recipe
from dancegen.weights import Models

if TYPE_CHECKING:
    from dancegen.motion.solid import Solid
    from dancegen.pose.sequence import PoseSequence
    from dancegen.renderers.film.plan import Plan
    from dancegen.renderers.film.segments import Segment

STAGE = "render"
VERSION = 8


@dataclass(frozen=True)
class FilmJob:
    """A film of certain poses, with everything about it that is known before any weights are loaded."""

    request: FilmRequest
    poses: Artifact
    device: str
    progress: Progress

    @property
    def backend(self) -> FilmBackend[Any]:
        """What paints it."""
        return self.request.backend

    @property
    def settings(self) -> FilmOptions:
        """The backend's settings, with everything filled in."""
        return self.request.settings

    @property
    def fps(self) -> float:
        """Frames a second: those asked for, else the poses' own."""
        asked = self.request.options.fps
        return float(asked if asked is not None else self.poses.summary["fps"])  # type: ignore[arg-type]

    @cached_property
    def grid(self) -> Grid:
        """Which frames the backend paints, and how many at once."""
        return self.backend.grid(self.settings)

    @cached_property
    def dance(self) -> PoseSequence:
        """The dance as it was made."""
        from dancegen.pose.sequence import PoseSequence

        return PoseSequence.load(self.poses.file(POSES))

    @cached_property
    def person(self) -> np.ndarray | None:
        """(18, 3) keypoints of the portrait's one person, if something can look."""
        from dancegen.renderers.film.portrait import find_person

        image, portrait = self.settings.image, self.request.portrait
        if image is None or portrait is None or self.settings.detector == NO_DETECTOR:
            return None
        if self.detector is not None:
            self.detector.tell(self.progress)
        return find_person(portrait, image, self.detector, self.device, self.progress)

    @cached_property
    def portrait(self) -> np.ndarray | None:
        """(N, S, S, 3), or (N, H, W, 3) in the film's size: what of the portrait and its like is looked at."""
        from dancegen.renderers.film.portrait import about_squares, on_white, squares

        if self.backend.sees_whole(self.settings):
            given = [each for each in (self.request.portrait, *self.request.pictures) if each is not None]
            return np.stack([on_white(each, self.request.size) for each in given]) if given else None
        if self.request.portrait is None:
            return None
        head = self.backend.sees_head(self.settings)
        taken = squares(self.request.portrait, self.person, head=head)
        self.progress.say(about_squares(taken, self.person, head=head))
        return taken

    @cached_property
    def detector(self) -> DetectorSpec | None:
        """What looks at the portrait, if anything does."""
        named = self.settings.person_detector()
        return None if named is None else resolve(named, offline=self.settings.offline)

    @cached_property
    def danced(self) -> PoseSequence:
        """The dance at the film's rate, by the portrait's body if that is asked for."""
        from dancegen.pose.retargeting import retarget

        dance = self.dance.resample(self.fps)
        return retarget(dance, self.person) if self.settings.align and self.person is not None else dance

    @cached_property
    def sequence(self) -> PoseSequence:
        """The same in its picture, to a quarter of a pixel."""
        return rounded(self.picture.of(self.danced, self.dance.cuts_at(self.fps))).slice(*self.part)

    @cached_property
    def part(self) -> tuple[int, int]:
        """(first frame, frame after the last) of the dance at the film's rate: all, or what a draft shows.

        Raises InputError for a draft of what is not there.
        """
        from dancegen.stages.film_draft import part_of

        return part_of(self.settings, len(self.dance.resample(self.fps)), self.fps, self.grid)

    @property
    def picture(self) -> Picture:
        """What the film shows of the canvas."""
        size = self.request.size
        return Picture(size, self.settings.framing, framed_as_filmed(self.poses, size))

    @cached_property
    def solid(self) -> Solid | None:
        """The dancer as a solid body, where the backend wants depth. Raises as `solid_of` does."""
        wanted = self.backend.sees_depth(self.settings)
        return solid_of(self.sequence, self.dance, self.poses.digest) if wanted else None

    @cached_property
    def cuts(self) -> list[int]:
        """The frames at which a shot begins, but the first."""
        first, stop = self.part
        return [int(frame) - first for frame in self.dance.cuts_at(self.fps) if first < frame < stop]

    @cached_property
    def keys(self) -> np.ndarray:
        """(K,) the frames that are painted."""
        from dancegen.renderers.film.keyframes import choose_keyframes, even_frames

        if self.grid.on_beats:
            found = choose_keyframes(len(self.sequence), self.fps, self.grid.rate, self.beats_s, self.cuts)
        else:
            found = even_frames(len(self.sequence), self.fps, self.grid.rate, self.cuts)
        return found[: self.grid.shortest] if self.settings.seeds else found

    @property
    def shown_frames(self) -> int:
        """Frames of the video: with --seeds, it ends with what is painted."""
        return int(self.keys[-1]) + 1 if self.settings.seeds else len(self.sequence)

    @cached_property
    def strengths(self) -> dict[str, np.ndarray]:
        """(K,) of each strength that goes with the song."""
        pulses = self.backend.pulses(self.settings)
        return {pulse.target: pulse.at(self.key_times_s, self.sequence.start_s + self.beats_s) for pulse in pulses}

    @cached_property
    def beats_s(self) -> np.ndarray:
        """(B,) seconds from the first frame: the beats of the song."""
        from dancegen.audio.beats import Beats

        return Beats.load(self.poses.file(BEATS)).times_s - self.part[0] / self.fps

    @cached_property
    def key_times_s(self) -> np.ndarray:
        """(K,) the second of the song of each painted frame."""
        return self.sequence.times_s[self.keys]

    @cached_property
    def segments(self) -> list[Segment]:
        """What is painted at once; each text of the prompt begins one, and so does each shot."""
        from dancegen.renderers.film.segments import cut, cut_chained

        grid, frames = self.grid, len(self.keys)
        borders = [
            int(np.searchsorted(self.key_times_s, border - 1e-6)) for border in self.request.schedule.borders_s()
        ]
        cuts = [int(np.searchsorted(self.keys, frame)) for frame in self.cuts]
        if not self.backend.chained:
            return cut(frames, borders, cuts, longest=grid.longest, overlap=grid.overlap, shortest=grid.shortest)
        return cut_chained(frames, borders, cuts, longest=grid.down(grid.longest), overlap=grid.overlap)

    def own_frames(self, painted: Sequence[Artifact], place: int) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 of one segment's own frames, of all that are painted; the last go over into the next one."""
        overlap = 0 if self.backend.chained else self.grid.overlap  # in a chain there is one version of shared frames
        return joined(self.segments, painted, overlap, place)

    def all_frames(self, painted: Sequence[Artifact]) -> Iterator[np.ndarray]:
        """The same of all segments, one after the other."""
        return chain.from_iterable(self.own_frames(painted, place) for place in range(len(self.segments)))

    def plan(self) -> Plan:
        """What painting it will take."""
        from dancegen.devices import choose_device
        from dancegen.renderers.film.plan import make_plan
        from dancegen.stages.film_draft import left_out

        _ = self.solid  # a dance that has none is refused before anything is downloaded
        return make_plan(
            self.backend, self.request.models, self.settings, self.segments * (self.settings.seeds or 1),
            size=self.request.size, frames=self.shown_frames, device=choose_device(self.device),
            left_out=left_out(self.request.asked, self.settings),
        )  # fmt: skip

    def recipe(self, models: Inputs) -> Recipe:
        """What makes the film. models: its models as inputs."""
        settings, schedule = self.settings, self.request.schedule
        inputs = {"poses": (Input.artifact("poses", self.poses),), "image": (), "detector": (), **models}
        for name, paths in self.backend.pictures(settings).items():
            inputs[name] = tuple(Input.file(name, path) for path in paths)
        if settings.image is not None:
            inputs["image"] = (Input.file("image", settings.image),)
        if settings.image is not None and self.detector is not None:
            inputs["detector"] = (self.detector.input("detector"),)
        return film_recipe(
            STAGE, VERSION, self.backend, settings, inputs, fps=self.fps, size=list(self.request.size),
            seed=self.request.options.seed, codec=self.request.options.codec, frames=self.request.options.frames,
            prompt=[list(entry) for entry in zip(schedule.starts_s, schedule.texts, strict=True)],
        )  # fmt: skip

    def tasks(self, models: Models, inputs: Inputs, tier: str) -> list[SegmentTask]:
        """Its segments, each with all that painting it takes. models: as they are now; inputs: in recipes."""
        schedule, seed = self.request.schedule, self.request.options.seed
        weights, strengths = schedule.weights(self.key_times_s), self.strengths
        found = []
        for segment in self.segments:
            own = slice(segment.first, segment.stop)
            found.append(
                SegmentTask(
                    segment, ShownPoses.of(self.sequence, self.keys[own], self.solid), self.request.size,
                    schedule.texts, weights[own], seed, self.backend, self.settings, models, inputs, tier, self.device,
                    self.portrait, {name: each[own] for name, each in strengths.items()},
                )
            )  # fmt: skip
        return found


def film_job(request: FilmRequest, context: Context, poses: Artifact | None = None) -> FilmJob:
    """The film that is asked for, of some poses, else of those of its options. Raises as `dance_to_render` does."""
    poses = poses or dance_to_render(request.options, context)
    return FilmJob(request, poses, context.device, context.progress)


def render_film(job: FilmJob, context: Context) -> Artifact:
    """A film of a choreography in the words of a prompt. Raises InputError, ModelError; see `stages.render.render`."""
    _ = job.person  # a portrait of several people is refused before anything is painted
    context.foresee(job.request.models, job.plan)
    for line in job.picture.notes(job.danced, job.dance.cuts_at(job.fps)):
        context.progress.say(line)
    inputs = model_inputs(job.request.models, context.progress)
    recipe = job.recipe(inputs)

    def build(directory: Path) -> dict:
        made = _ready(job, inputs, context)
        if job.settings.seeds:
            from dancegen.stages.film_draft import build_draft

            return build_draft(directory, job, made, recipe, context)
        return _build(directory, job, made, recipe, context)

    artifact = context.obtain(recipe, build)
    if not artifact.cached:
        return artifact
    # What it says of this run, not of the one that made it.
    summary = {**artifact.summary, **{name: 0 for name in artifact.summary if name.endswith("_computed")}}
    return replace(artifact, manifest=replace(artifact.manifest, summary=summary))


def _ready(job: FilmJob, inputs: Inputs, context: Context) -> list[SegmentTask]:
    """What is to be painted, once all models are here; what it takes is said."""
    from dancegen.hub import fetch

    plan = job.plan()
    for line in plan.lines():
        context.progress.say(line)
    models = Models(tuple(fetch(model, context.progress) for model in job.request.models.located))
    job.backend.check(models, job.settings)  # also what only the files themselves say
    return job.tasks(models, inputs, plan.tier.name)


def _build(directory: Path, job: FilmJob, tasks: list[SegmentTask], recipe: Recipe, context: Context) -> dict:
    progress = context.progress
    painted = _painted(tasks, job, context)
    counts = {"segments_total": len(painted), "segments_computed": _computed(painted)}

    def first_pass(place: int) -> Iterator[np.ndarray]:
        return job.own_frames(painted, place)

    frames = job.all_frames(painted)
    if job.backend.has_second_pass(job.settings):
        from dancegen.stages.film_temporal import render_temporal

        again = render_temporal(
            tasks, painted, first_pass, context.store, force=context.force, progress=progress
        )  # fmt: skip
        counts |= {"temporal_total": len(again), "temporal_computed": _computed(again)}
        frames = chain.from_iterable(
            frames_of(artifact, task.segment.start, task.segment.stop)
            for task, artifact in zip(tasks, again, strict=True)
        )
    size = job.backend.shown_size(job.settings, job.request.size)
    film = Composition(
        size, job.fps, len(job.sequence), job.keys.tolist(), job.poses.file(AUDIO), tags_of(job, recipe),
        CODECS[job.request.options.codec], job.request.options.frames, job.part[0] / job.fps,
    )  # fmt: skip
    seconds = film.write(directory, frames, progress)
    return {
        "seconds": round(seconds, 3),
        "frames": len(job.sequence),
        "fps": job.fps,
        "size": list(size),
        "key_frames": len(job.keys),
        **counts,
    }


def _painted(tasks: list[SegmentTask], job: FilmJob, context: Context) -> list[Artifact]:
    """The segments, painted here or on workers."""
    with context.progress.task(f"painting {len(tasks)} segments", sum(task.steps for task in tasks)) as advance:
        if job.settings.backend is not None:
            from dancegen.stages.film_workers import paint_on_workers

            return paint_on_workers(tasks, context.store, job.settings, force=context.force, advance=advance)
        with tasks[0].held_painter(context.progress) as painter:
            return paint_segments(
                tasks, context.store, painter, force=context.force, progress=context.progress, advance=advance
            )


def _computed(artifacts: list[Artifact]) -> int:
    return sum(not artifact.cached for artifact in artifacts)
