"""render-segment: a stretch of a film's painted frames; each segment is an artifact of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.progress import SILENT, Advance, Progress
from dancegen.renderers.film.backend import FilmBackend, Grid, Scene
from dancegen.renderers.film.frames import faded, frame_name, read_frame, write_frame
from dancegen.renderers.film.held import HeldPainter
from dancegen.renderers.film.segments import Segment
from dancegen.renderers.film.settings import FilmOptions, Reach
from dancegen.stages.film_poses import ShownPoses
from dancegen.stages.film_recipes import Inputs, array_input, film_recipe
from dancegen.store import Artifact, Input, Recipe, Store
from dancegen.text import read_json
from dancegen.weights import Models

if TYPE_CHECKING:
    from dancegen.renderers.film.backend import Painter
    from dancegen.renderers.film.tiers import Tier
    from dancegen.store.listing import Listed

STAGE = "render-segment"
VERSION = 3
FACE_SIDE = 512
"""Pixels of the square in which a face is painted anew, at most: Stable Diffusion 1.5's own size."""
WIDENED = "widened"
"""What a summary says of numbers that had to be wider: see `finite.Widened`."""
BEFORE = "before"
"""The role of the segment that a chained one goes on from."""
TOLD = "told.json"
"""What a painter says of a segment, for the one that goes on from it."""


@dataclass(frozen=True)
class SegmentTask:
    """All that a process, on this machine or another, needs to paint one segment.

    segment: its frames. poses: what of them ControlNets are shown, in pixels of `size`. texts, weights: see
    `film.backend.Scene`. inputs: the models in a recipe. portrait: (N, S, S, 3) uint8 or None. tier: the name of the
    VRAM tier to begin with. device: as a person names it.
    """

    segment: Segment
    poses: ShownPoses
    size: tuple[int, int]
    texts: tuple[str, ...]
    weights: np.ndarray
    seed: int
    backend: FilmBackend[Any]
    settings: FilmOptions
    models: Models
    inputs: Inputs
    tier: str
    device: str
    portrait: np.ndarray | None = None
    strengths: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Denoising steps of its frames, taken together."""
        return len(self.segment) * self.backend.steps(self.settings)

    def recipe(self, before: Artifact | None = None) -> Recipe:
        """What makes the segment: neither how long the film is, nor what is said in other parts of it.

        before: the segment that it goes on from, for a chained backend.
        """
        chain = () if before is None else (Input.artifact(BEFORE, before),)
        without = (Reach.FILM, Reach.SECOND_PASS)
        return self.recipe_of(STAGE, VERSION, {BEFORE: chain}, without)

    def recipe_of(
        self, stage: str, version: int, inputs: Inputs, without: Sequence[Reach], **worked_out: object
    ) -> Recipe:
        """The recipe of something that is made from this segment's poses and prompt."""
        from dancegen.renderers.film.prompts import prompt_weights

        own: dict[str, tuple[Input, ...]] = {"poses": self.poses.inputs()}
        own |= {name: () for name in self.backend.pictures(self.settings)}  # among the portrait's
        if self.portrait is not None:
            own["image"] = tuple(array_input("image", "picture", picture) for picture in self.portrait)
        return film_recipe(
            stage, version, self.backend, self.settings, {**inputs, **own, **self.inputs}, without=without,
            seed=self.seed, key_frames=[self.segment.first, self.segment.stop], size=list(self.size),
            prompt=prompt_weights(self.texts, self.weights), **self._strengths(), **worked_out,
        )  # fmt: skip

    def _strengths(self) -> dict[str, object]:
        """Those that go with the song, as a recipe says them."""
        if not self.strengths:
            return {}
        return {"strengths": {name: [round(float(each), 4) for each in own] for name, own in self.strengths.items()}}

    def scene(self) -> Scene:
        """The segment as a painter takes it; its last pose is held until it has as many frames as the grid allows."""
        grid: Grid = self.backend.grid(self.settings)
        more = grid.up(len(self.segment)) - len(self.segment)
        weights = np.concatenate([self.weights, np.repeat(self.weights[-1:], more, axis=0)])

        strengths = {name: np.concatenate([own, np.repeat(own[-1:], more)]) for name, own in self.strengths.items()}

        def drawn(poses: ShownPoses, size: tuple[int, int], larger: Scene | None = None) -> Scene:
            shown = np.stack([poses.openpose(frame, size) for frame in frames])
            depth = None if poses.solid is None else np.stack([poses.depth(frame, size) for frame in frames])
            return Scene(
                self.segment.first, shown, self.texts, weights, self.seed, self.portrait, depth, strengths, larger
            )

        frames = [min(frame, len(self.segment) - 1) for frame in range(len(self.segment) + more)]
        larger = drawn(self.shown_poses, self.shown_size) if self.shown_size != self.size else None
        return self._with_faces(drawn(self.poses, self.size, larger), frames, grid.rate)

    def _with_faces(self, scene: Scene, frames: list[int], rate: float) -> Scene:
        """The scene with the squares round the faces of its finished frames, where they are to be refined."""
        from dancegen.renderers.film.faces import Faces

        poses = self.shown_poses
        faces = Faces.of(poses.keypoints[frames], rate) if self.backend.refines_faces(self.settings) else None
        if faces is None:
            return scene
        side = min(FACE_SIDE, *self.shown_size) // 8 * 8
        near = poses.near(faces, frames, side)
        pictures = np.stack([near.openpose(place, (side, side)) for place in range(len(frames))])
        return replace(scene, faces=faces, face_poses=pictures)

    @property
    def shown_size(self) -> tuple[int, int]:
        """(width, height) of its finished frames."""
        return self.backend.shown_size(self.settings, self.size)

    @property
    def shown_poses(self) -> ShownPoses:
        """Its poses in finished frames."""
        return self.poses.enlarged(self.size, self.shown_size) if self.shown_size != self.size else self.poses

    def held_painter(self, progress: Progress) -> HeldPainter:
        """A painter for this segment and all others of the film."""
        from dancegen.renderers.film.tiers import tier_named

        return HeldPainter(
            lambda tier: _load(self, tier, progress), tier_named(self.tier), warn=progress.warn,
            thrift=self.backend.thrift, saves_memory=self.backend.saves_memory,
        )  # fmt: skip


def paint_segments(
    tasks: Sequence[SegmentTask],
    store: Store,
    painter: HeldPainter,
    *,
    force: bool = False,
    progress: Progress = SILENT,
    advance: Advance = lambda amount: None,
) -> list[Artifact]:
    """Segments that follow each other, in order: from the store where they are there, else painted.

    advance: called with each step of each frame. Raises DancegenError where a device's memory is too small even on the
    lowest tier, and Cancelled from `advance`; the latents that were saved stay.
    """
    made: list[Artifact] = []
    for task in tasks:
        before = made[-1] if made and follows(task) else None
        made.append(_paint_segment(task, before, store, painter, force, progress, advance))
        painter.begin_widened(made[-1].summary.get(WIDENED, ()))
    return made


def follows(task: SegmentTask) -> bool:
    """Whether a segment needs the one before: in a chain, except after a cut."""
    return task.backend.chained and task.segment.shared > 0


def painted_between(store: Store, since_s: float, until_s: float | None) -> list[tuple[Listed, str]]:
    """The segments that were made, or answered from the store, in a time (seconds since 1970), with the file of the
    first frame of each, in the order of the film."""
    there = [
        each for each in store.listing().artifacts
        if each.stage == STAGE and since_s - 1 <= each.used_s <= (until_s or each.used_s)
    ]  # fmt: skip
    firsts = [(each, min(name for name, _, _ in each.files if name.endswith(".png"))) for each in there]
    return sorted(firsts, key=lambda each: each[1])


def frames_of(artifact: Artifact, first: int, stop: int) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB of a segment's frames, by their numbers in the film."""
    for number in range(first, stop):
        yield read_frame(artifact.file(frame_name(number)))


def joined(
    segments: Sequence[Segment], painted: Sequence[Artifact], overlap: int, place: int
) -> Iterator[np.ndarray]:  # fmt: skip
    """(H, W, 3) uint8 of one segment's own frames; up to `overlap` that the next one shares fade into its version."""
    segment, shared = segments[place], 0
    if place + 1 < len(segments):
        shared = min(overlap, segment.stop - segment.start, segments[place + 1].shared)
    seam = segment.stop - shared
    yield from frames_of(painted[place], segment.start, seam)
    if shared:
        earlier, later = (frames_of(artifact, seam, segment.stop) for artifact in painted[place : place + 2])
        yield from faded(earlier, later, shared)


def _paint_segment(
    task: SegmentTask,
    before: Artifact | None,
    store: Store,
    painter: HeldPainter,
    force: bool,
    progress: Progress,
    advance: Advance,
) -> Artifact:
    recipe, reported = task.recipe(before), 0.0

    def counted(steps: float) -> None:
        """Never more than all: after a lack of memory, steps are taken again."""
        nonlocal reported
        amount = min(steps * len(task.segment), task.steps - reported)
        reported += amount
        advance(amount)

    def build(directory: Path) -> dict:
        def write(place: int, frame: np.ndarray) -> None:
            if place < len(task.segment):
                write_frame(directory / frame_name(task.segment.first + place), frame)

        from dancegen.hub import quiet_libraries

        segment = task.segment
        shared = None if before is None else np.stack([*frames_of(before, segment.first, segment.start)])
        with quiet_libraries():
            scene = replace(task.scene(), told=_told_by(before))
            said = painter.film(scene, write, resume=store.scratch(recipe), advance=counted, before=shared)
        if said is not None:
            (directory / TOLD).write_text(json.dumps(said, sort_keys=True), encoding="utf-8")
        return {"frames": len(segment), **({WIDENED: painter.widened} if painter.widened else {})}

    artifact = store.obtain(recipe, build, force=force, progress=progress, standalone=False)
    advance(task.steps - reported)
    return artifact


def _told_by(before: Artifact | None) -> Mapping[str, Any]:
    """What the painter of a segment said of it for the next one."""
    if before is None or TOLD not in {each.path for each in before.files}:
        return {}
    return read_json(before.file(TOLD), "what was said of a segment")


def _load(task: SegmentTask, tier: Tier, progress: Progress) -> Painter:
    from dancegen.devices import choose_device
    from dancegen.hub import at_hand

    models = Models(tuple(at_hand(model) for model in task.models.located))
    with progress.task("loading the models", None):
        painter = task.backend.load(models, task.settings, choose_device(task.device), tier)
        task.backend.prepare(painter, (*task.texts, task.settings.negative_prompt or ""))
    for text in (*task.texts, task.settings.negative_prompt or ""):
        if over := painter.tokens_over(text):
            progress.warn(f'"{text[:40]}..." is {over} tokens too long for the text encoder: its end is not painted')
    return painter
