"""render-segment: a stretch of a film's key frames, painted by diffusion; each is an artifact of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.errors import DancegenError
from dancegen.progress import SILENT, Progress
from dancegen.renderers.animatediff.settings import Execution, Settings
from dancegen.renderers.film.segments import Segment
from dancegen.store import Artifact, Input, Recipe, Store, open_store

if TYPE_CHECKING:
    from dancegen.renderers.animatediff.loading import Models
    from dancegen.renderers.animatediff.sampler import Sampler, Scene

STAGE = "render-segment"
VERSION = 1
LATENTS = "latents.safetensors"
SAVE_EVERY = 4
"""Steps between two savings of a segment's latents."""


@dataclass(frozen=True)
class SegmentTask:
    """All that a process, on this machine or another, needs to paint one segment.

    segment: its key frames. keypoints: (F, 18, 3) float32 of them, in pixels of `size`. texts, shares: see
    `sampler.Scene`. portrait: (H, W, 3) uint8 or None. models, inputs: the located models, and what they are in a
    recipe. level: the name of the level of thrift to begin with. device: as a person names it.
    """

    segment: Segment
    keypoints: np.ndarray
    size: tuple[int, int]
    texts: tuple[str, ...]
    shares: np.ndarray
    seed: int
    settings: Settings
    models: Models
    inputs: tuple[Input, ...]
    level: str
    device: str
    portrait: np.ndarray | None = None

    @property
    def recipe(self) -> Recipe:
        """What makes the segment: neither how long the film is, nor what is said in other parts of it."""
        from dancegen.renderers.film.prompts import used

        params = {
            **self.settings.recipe_params(),
            "seed": self.seed,
            "frames": [self.segment.first, self.segment.stop],
            "size": list(self.size),
            "words": used(self.texts, self.shares),
        }
        poses = np.ascontiguousarray(self.keypoints, "<f4")
        name = f"{len(poses)} frames"
        inputs = [Input("poses", "keypoints", name, hashlib.sha256(poses.tobytes()).hexdigest()), *self.inputs]
        if self.portrait is not None:
            digest = hashlib.sha256(repr(self.portrait.shape).encode() + self.portrait.tobytes()).hexdigest()
            inputs.append(Input("image", "picture", "portrait", digest))
        return Recipe(STAGE, VERSION, params, tuple(inputs))

    def scene(self) -> Scene:
        """The segment as the sampler takes it."""
        from dancegen.pose.drawing import draw_openpose
        from dancegen.renderers.animatediff.sampler import Scene

        poses = np.stack([draw_openpose(keypoints, self.size) for keypoints in self.keypoints])
        return Scene(self.segment.first, poses, self.texts, self.shares, self.seed, self.portrait)


def render_segments(
    tasks: list[SegmentTask], store: Store, execution: Execution, *, force: bool, progress: Progress
) -> list[Artifact]:
    """All segments of a film, in order: from the store where they are there, else painted, here or by a backend.

    Raises DancegenError where a device's memory is too small even at the thriftiest level.
    """
    total = sum(len(task.segment) * task.settings.steps for task in tasks)
    with progress.task(f"painting {len(tasks)} segments", total) as advance:
        if execution.backend is None:
            return [paint_segment(task, store, force=force, progress=progress, advance=advance) for task in tasks]
        return _distributed(tasks, store, execution, force, advance)


def paint_segment(
    task: SegmentTask, store: Store, *, force: bool = False, progress: Progress = SILENT, advance=lambda amount: None
) -> Artifact:
    """One segment. Where memory runs out, it goes on a level thriftier, from the last latents that were saved."""
    recipe, told = task.recipe, 0.0

    def counted(steps: float) -> None:
        nonlocal told
        told += steps * len(task.segment)
        advance(steps * len(task.segment))

    while True:
        try:
            artifact = store.obtain(
                recipe,
                lambda directory: _build(directory, task, store.scratch(recipe) / LATENTS, progress, counted),
                force=force, progress=progress, standalone=False,
            )  # fmt: skip
            break
        except Exception as error:
            if not _is_out_of_memory(error):
                raise
            shortage = str(error).splitlines()[0] if str(error) else type(error).__name__
        # Out of the handler: the error would keep the very tensors alive that there was no room for.
        _step_down(task, shortage, progress)
    advance(max(0.0, len(task.segment) * task.settings.steps - told))
    return artifact


def frames_of(artifact: Artifact, first: int, stop: int) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 RGB of a segment's key frames, by their absolute numbers."""
    import cv2

    for number in range(first, stop):
        yield cv2.cvtColor(cv2.imread(str(artifact.file(frame_name(number)))), cv2.COLOR_BGR2RGB)


def frame_name(number: int) -> str:
    """The file of a key frame."""
    return f"{number:06d}.png"


def write_frame(path: Path, frame: np.ndarray) -> None:
    """(H, W, 3) uint8 RGB as PNG. Raises OSError where the disk does not take it."""
    import cv2

    done, data = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise DancegenError(f"{path.name} could not be encoded")
    path.write_bytes(data.tobytes())


def _build(directory: Path, task: SegmentTask, saved: Path, progress: Progress, advance) -> dict:
    from dancegen.renderers.animatediff.loading import quiet_libraries

    with quiet_libraries():
        return _paint(directory, task, saved, progress, advance)


def _paint(directory: Path, task: SegmentTask, saved: Path, progress: Progress, advance) -> dict:
    painter = _painter(task, progress)

    def write(place: int, frame: np.ndarray) -> None:
        write_frame(directory / frame_name(task.segment.first + place), frame)

    painter.film(task.scene(), write, resume=saved, save_every=SAVE_EVERY, advance=advance)
    return {"frames": len(task.segment)}


# The painter at work in this process

_AT_WORK: dict[str, tuple[object, Sampler]] = {}


def _painter(task: SegmentTask, progress: Progress) -> Sampler:
    """The networks, loaded once a process: segments of one film follow each other."""
    from dancegen.devices import choose_device
    from dancegen.renderers.animatediff.loading import Models, load_pipeline
    from dancegen.renderers.animatediff.plan import working_dtype
    from dancegen.renderers.animatediff.sampler import Sampler
    from dancegen.renderers.film.memory import level_named
    from dancegen.renderers.film.weights import at_hand

    key = (task.inputs, task.settings, task.device)
    held = _AT_WORK.get("painter")
    if held is not None and held[0] == key:
        return held[1]
    _AT_WORK.clear()
    device = choose_device(task.device)
    models = Models(tuple(at_hand(model) for model in task.models.located))
    with progress.task("loading the models", None):
        pipeline = load_pipeline(models, task.settings, device=device, dtype=working_dtype(device))
    painter = Sampler(pipeline, task.settings, level_named(task.level), device)
    for text in (*task.texts, task.settings.negative_prompt):
        if over := painter.words_over(text):
            progress.warn(f'"{text[:40]}..." is {over} tokens too long for CLIP: its end is not painted')
    _AT_WORK["painter"] = (key, painter)
    return painter


def dismiss_painter() -> None:
    """Give the networks' memory back."""
    from dancegen.renderers.film.memory import release

    _AT_WORK.clear()
    release()


def _step_down(task: SegmentTask, shortage: str, progress: Progress) -> None:
    from dancegen.renderers.film.memory import level_named, release, thriftier

    held = _AT_WORK.get("painter")
    level = held[1].level if held is not None else level_named(task.level)
    lower = thriftier(level) if held is not None else None
    if lower is None:
        raise DancegenError(
            f"the memory of this device is too small even for the thriftiest way ({shortage}): try a smaller --size, "
            "a --window of 8, or --device cpu"
        )
    progress.warn(f"out of memory ({shortage}); going on more thriftily, as with --vram {lower.name}: {lower.settings}")
    held[1].use(lower)
    release()


def _is_out_of_memory(error: Exception) -> bool:
    from dancegen.renderers.film.memory import is_out_of_memory

    return not isinstance(error, DancegenError) and is_out_of_memory(error)


# Several machines


def _distributed(
    tasks: list[SegmentTask], store: Store, execution: Execution, force: bool, advance
) -> list[Artifact]:  # fmt: skip
    """The segments painted by a joblib backend's workers; the store, which all must see, is how frames come back."""
    import joblib

    with _backend(execution) as workers:
        jobs = (joblib.delayed(_remote)(task, str(store.root), force) for task in tasks)
        made = {}
        results = "list" if execution.backend == "ray" else "generator_unordered"  # what Ray's backend knows
        for number, cached in joblib.Parallel(n_jobs=workers, return_as=results, batch_size=1)(jobs):
            made[number] = cached
            task = next(task for task in tasks if task.segment.first == number)
            advance(len(task.segment) * task.settings.steps)
    found = [store.find(task.recipe.digest, STAGE) for task in tasks]
    return [
        replace(artifact, cached=made[task.segment.first]) for artifact, task in zip(found, tasks, strict=True)
    ]  # fmt: skip


def _remote(task: SegmentTask, root: str, force: bool) -> tuple[int, bool]:
    """A worker's part: (the segment's first frame, whether it was there already)."""
    return task.segment.first, paint_segment(task, open_store(root), force=force).cached


def _backend(execution: Execution):
    """A context manager that makes joblib use the backend; it yields how many jobs to run at once."""
    from contextlib import contextmanager

    import joblib

    @contextmanager
    def used() -> Iterator[int]:
        if execution.backend == "ray":
            _reach_ray(execution.scheduler)
        if execution.backend != "dask":
            with joblib.parallel_config(backend=execution.backend):
                yield execution.workers or -1
            return
        client = _dask_client(execution.scheduler)
        try:
            with joblib.parallel_config(backend="dask", client=client, wait_for_workers_timeout=60):
                yield execution.workers or -1
        finally:
            client.close()

    return used()


def _reach_ray(address: str | None) -> None:
    """Join the Ray cluster at an address, or begin one of this machine's cores. Raises InputError."""
    import socket

    from dancegen.errors import InputError

    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError:
        raise InputError("--backend ray needs Ray: pip install 'dancegen[ray]'") from None
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    try:
        if host:
            socket.create_connection((host, int(port)), timeout=10).close()  # Ray itself would try for minutes
        ray.init(address, ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no Ray cluster answers there ({error})") from error
    register_ray()


def _dask_client(address: str):
    from dancegen.errors import InputError

    try:
        from distributed import Client
    except ImportError:
        raise InputError("--backend dask needs Dask: pip install 'dancegen[dask]'") from None
    try:
        return Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from error
