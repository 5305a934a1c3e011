"""generate-poses: a song becomes a choreography."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.stages.reference import resolve
from dancegen.stages.size import parse_size
from dancegen.store import Artifact, Input, Recipe, Store, open_store

if TYPE_CHECKING:
    from dancegen.audio import SongFeatures
    from dancegen.choreographers import ChosenModel
    from dancegen.pose.sequence import PoseSequence

STAGE = "generate-poses"
VERSION = 3
POSES, JSON, AUDIO, BEATS, PREVIEW = "poses.npz", "openpose.json", "audio.flac", "beats.json", "preview.mp4"
SLOWEST, FASTEST = 1.0, 120.0
SUMMARY_FIGURES = (
    "speed_median", "accel_mean", "freeze_ratio", "missing", "bas_music", "bas_shifted", "footfall", "footfall_shifted",
)  # fmt: skip
"""What of evaluate's figures the summary shows."""


def generate_poses(
    song: str | Path,
    *,
    model: str | Path = "gan",
    fps: float = 30.0,
    size: str | tuple[int, int] = "512x512",
    start: float = 0.0,
    seconds: float | None = None,
    seed: int = 0,
    device: str = "auto",
    store: Store | str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Artifact:
    """A choreography of the song's span: poses, OpenPose JSON, the span's music and beats, and a preview video.

    model: a bundled model's name, a model's directory, a training's digest, or a baseline (baseline:freeze, :random,
    :shuffle, :copy; they dance with the newest pose dataset). size: the canvas in pixels. start and
    seconds: the span, to the song's end by default. The same song, model and seed give the same dance. Raises
    AudioError for what is not a song, ModelError for what is not a model, InputError for settings out of range.
    """
    return choreograph(
        song, model=model, fps=fps, size=size, start=start, seconds=seconds, seed=seed, device=device, store=store,
        force=force, progress=progress,
    )  # fmt: skip


def choreograph(
    song: str | Path,
    *,
    model: str | Path,
    fps: float,
    size: str | tuple[int, int],
    start: float,
    seconds: float | None,
    seed: int,
    device: str,
    store: Store | str | Path | None,
    force: bool,
    progress: Progress,
    dataset: Artifact | None = None,
    standalone: bool = True,
) -> Artifact:
    """generate_poses, also as a step of something larger: then `standalone` is False.

    dataset: the pose dataset that baselines dance with; by default the newest.
    """
    from dancegen.audio.load import probe
    from dancegen.choreographers import choose_model

    song, canvas = Path(song), parse_size(size)
    if not SLOWEST <= fps <= FASTEST:
        raise InputError(f"--fps {fps}: choose {SLOWEST:g} to {FASTEST:g} frames a second")
    info = probe(song)
    check_span(start, seconds, info.seconds)
    store = open_store(store)
    chosen = choose_model(model, store, lambda: resolve(dataset, "extract-poses", store, progress))
    recipe = Recipe(
        STAGE,
        VERSION,
        {
            "fps": float(fps),
            "size": list(canvas),
            "start": float(start),
            "seconds": seconds and float(seconds),
            "seed": int(seed),
        },
        (Input.file("song", song), *chosen.inputs),
    )

    def build(directory: Path) -> dict:
        return _build(directory, song, chosen, fps, canvas, start, seconds, seed, device, progress)

    return store.obtain(recipe, build, force=force, progress=progress, standalone=standalone)


def check_span(start: float, seconds: float | None, length: float) -> None:
    """InputError where less than a second of a song of `length` seconds lies in the span that is asked for."""
    if not start >= 0:
        raise InputError(f"--start {start:g}: a song begins at 0 seconds")
    if start > length - 1:
        raise InputError(f"--start {start:g}: the song is {length:.1f} seconds long; leave at least one to dance to")
    if seconds is not None and not 1 <= seconds < float("inf"):
        raise InputError(f"--seconds {seconds:g}: a dance lasts at least one second")


def _build(
    directory: Path,
    song: Path,
    chosen: ChosenModel,
    fps: float,
    size: tuple[int, int],
    start: float,
    seconds: float | None,
    seed: int,
    device: str,
    progress: Progress,
) -> dict:
    from dancegen.audio.load import write_flac
    from dancegen.audio.song import analyse
    from dancegen.metrics.dance import Dance, measure, rounded
    from dancegen.metrics.verdict import faults
    from dancegen.pose.openpose_json import write_openpose_json
    from dancegen.pose.sequence import PoseSequence

    dancer = chosen.load(device)
    features = analyse(song, start_s=start, seconds=seconds, progress=progress)
    features.beats.save(directory / BEATS)
    write_flac(song, directory / AUDIO, start_s=start, seconds=seconds)
    chunks = dancer.generate(features, seed=seed, fps=fps, size=size, progress=progress)
    sequence = PoseSequence.concatenate(_previewed(chunks, features, directory, fps, size))
    sequence.save(directory / POSES)
    write_openpose_json(sequence, directory / JSON)
    figures = measure(Dance.of(sequence, features.beats.times_s))
    wrong = faults(figures)
    for fault in wrong:
        progress.warn(fault)
    return {
        "seconds": round(sequence.seconds, 3),
        "frames": len(sequence),
        "fps": fps,
        "tempo_bpm": round(features.beats.tempo_bpm, 1),
        "beats": len(features.beats.times_s),
        **rounded({name: figures[name] for name in SUMMARY_FIGURES}),
        "verdict": "; ".join(wrong) or "nothing looks wrong",
    }


def _previewed(
    chunks: Iterator[PoseSequence], song: SongFeatures, directory: Path, fps: float, size: tuple[int, int]
) -> Iterator[PoseSequence]:
    """The pieces of a dance as they come, each drawn into the preview video on its way."""
    from dancegen.pose.drawing import draw_pose
    from dancegen.video import VideoWriter

    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    with VideoWriter(directory / PREVIEW, even, fps, audio=directory / AUDIO) as video:
        for chunk in chunks:
            for keypoints in chunk.keypoints:
                video.write(draw_pose(keypoints, even))
            yield chunk
