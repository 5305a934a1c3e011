"""generate-poses: a song becomes a choreography."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.choreographers import DEFAULT_MODEL
from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.stages.reference import resolve
from dancegen.stages.size import parse_size
from dancegen.stages.wishes import Wishes, read_wishes
from dancegen.store import Artifact, Input, Recipe, Store, open_store
from dancegen.store.hashing import hash_value

if TYPE_CHECKING:
    from dancegen.audio import SongFeatures
    from dancegen.choreographers import Choreographer
    from dancegen.pose.sequence import PoseSequence

STAGE = "generate-poses"
VERSION = 8
POSES, JSON, AUDIO, BEATS, PREVIEW = "poses.npz", "openpose.json", "audio.flac", "beats.json", "preview.mp4"
MOTION, BVH = "motion.npz", "dance.bvh"
"""Of a model that dances in three dimensions: the body's motion, to edit and start from, and to take to Blender."""
SLOWEST, FASTEST = 1.0, 120.0
SUMMARY_FIGURES = (
    "speed_median", "accel_mean", "freeze_ratio", "missing", "bas_music", "bas_shifted", "footfall", "footfall_shifted",
)  # fmt: skip
"""What of evaluate's figures the summary shows."""


def generate_poses(
    song: str | Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    fps: float = 30.0,
    size: str | tuple[int, int] = "512x512",
    start: float = 0.0,
    seconds: float | None = None,
    camera: str = "front",
    guidance: float | None = None,
    stage: str | tuple[float, float] | None = "3x3",
    style: str | None = None,
    energy: float = 0.5,
    start_pose: str | Path | None = None,
    end_pose: str | Path | None = None,
    edit: str | Path | None = None,
    keep: Sequence[str] | str | None = None,
    keep_joints: Sequence[str] | str | None = None,
    repeat_sections: bool = False,
    retime: bool = False,
    seed: int = 0,
    device: str = "auto",
    store: Store | str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Artifact:
    """A choreography of the song's span: poses, OpenPose JSON, the span's music and beats, and a preview video.

    model: a bundled model's name, a model's directory, a training's digest, or a baseline (baseline:freeze, :random,
    :shuffle, :copy; they dance with the newest pose dataset). size: the canvas in pixels. start and seconds: the span,
    to the song's end by default. The same song, model and seed give the same dance, another song gives another.

    A model of family diffusion also leaves the motion and a BVH file, and can be asked for more (see `Steering`):
    camera, guidance, stage (metres, or None), style, energy, start_pose and end_pose (dances whose first frames to
    begin and to end with; with "@12.5" the frame that many seconds later), and edit: an earlier dance of which the
    spans `keep` ("12.0-20.5" of the song) and the limbs `keep_joints` (legs, trunk, or arms with the trunk) stay.
    With repeat_sections a chorus that returns brings its moves back; with retime steps are put onto the beats
    afterwards. Dances are named by digest, directory or motion.npz. Raises AudioError for what is not a song,
    ModelError for what is not a model, InputError for settings out of range.
    """
    store = open_store(store)
    wishes = read_wishes(
        store, camera=camera, guidance=guidance, stage=stage, style=style, energy=energy, start_pose=start_pose,
        end_pose=end_pose, edit=edit, keep=keep, keep_joints=keep_joints, repeat_sections=repeat_sections,
        retime=retime,
    )  # fmt: skip
    return choreograph(
        song, model=model, fps=fps, size=size, start=start, seconds=seconds, seed=seed, device=device, store=store,
        force=force, progress=progress, wishes=wishes,
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
    wishes: Wishes | None = None,
) -> Artifact:
    """generate_poses, also as a step of something larger: then `standalone` is False.

    wishes: what else is asked of the dance. dataset: the pose dataset that baselines dance with; by default the newest.
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
    wishes = wishes or Wishes()
    source = Input.file("song", song)
    recipe = Recipe(
        STAGE,
        VERSION,
        {
            "fps": float(fps),
            "size": list(canvas),
            "start": float(start),
            "seconds": seconds and float(seconds),
            "seed": int(seed),
            **({"steering": wishes.steering.settings} if wishes.steering.settings else {}),
            **wishes.moments,
        },
        (source, *chosen.inputs, *wishes.inputs),
    )

    def build(directory: Path) -> dict:
        dancer = chosen.load(device, wishes.steering)
        return _build(directory, song, dancer, fps, canvas, start, seconds, _chance(seed, source), progress)

    return store.obtain(recipe, build, force=force, progress=progress, standalone=standalone)


def _chance(seed: int, song: Input) -> int:
    """A song's own number for a seed, however much of it is danced: two songs are not danced alike."""
    return int(hash_value([int(seed), song.digest])[:16], 16)


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
    dancer: Choreographer,
    fps: float,
    size: tuple[int, int],
    start: float,
    seconds: float | None,
    seed: int,
    progress: Progress,
) -> dict:
    from dancegen.audio.load import write_flac
    from dancegen.audio.song import analyse
    from dancegen.metrics.dance import Dance, measure, rounded
    from dancegen.metrics.verdict import faults
    from dancegen.pose.openpose_json import write_openpose_json
    from dancegen.pose.sequence import PoseSequence

    features = analyse(song, start_s=start, seconds=seconds, progress=progress)
    features.beats.save(directory / BEATS)
    write_flac(song, directory / AUDIO, start_s=start, seconds=seconds)
    chunks, unmoved = _danced(dancer, features, directory, fps, size, seed, progress)
    sequence = PoseSequence.concatenate(_previewed(chunks, features, directory, fps, size))
    sequence.save(directory / POSES)
    write_openpose_json(sequence, directory / JSON)
    figures = measure(Dance.of(sequence if unmoved is None else unmoved, features.beats.times_s))
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


def _danced(
    dancer: Choreographer,
    features: SongFeatures,
    directory: Path,
    fps: float,
    size: tuple[int, int],
    seed: int,
    progress: Progress,
) -> tuple[Iterator[PoseSequence], PoseSequence | None]:
    """The pieces of the dance; one in three dimensions is first written as such.

    Of one in three dimensions also what a camera sees that does not move: what is measured is the dancer.
    """
    from dancegen.choreographers import BodyChoreographer
    from dancegen.motion.export.bvh import write_bvh
    from dancegen.motion.filming import film

    if not isinstance(dancer, BodyChoreographer):
        return dancer.generate(features, seed=seed, fps=fps, size=size, progress=progress), None
    motion = dancer.dance(features, seed=seed, progress=progress)
    motion.save(directory / MOTION)
    write_bvh(motion, directory / BVH)
    unmoved = film(motion.motion(), "front", size=size, start_s=motion.start_s)
    return dancer.filmed(motion, features, fps=fps, size=size), unmoved


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
