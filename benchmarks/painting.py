"""What painting a dance as small pictures costs it: the ceiling of a GAN that paints, however well it has learnt.

    python benchmarks/painting.py --dataset DIR [--songs DIR] [--seconds 60] [--reference FILE] [--json]

Held-out real dance is drawn as the GAN draws it, at its size and its rate, read back as its own pictures are read, and
measured as `dancegen evaluate` measures any dance; then with each joint of each picture off by so many pixels, as a
painter errs who is not perfect. The peer is the same real dance that nobody painted. With `--songs` the bundled GAN
itself follows, on these songs. DIR is a dataset of `dancegen extract-poses`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import command, show, table, use_cores

if TYPE_CHECKING:
    from dancegen.metrics.dance import Dance
    from dancegen.pose.sequence import PoseSequence

UNPAINTED = "real dance, not painted"
PAINTED = (
    *((None, 10.0, 0.0), (32, 10.0, 0.0), (32, 10.0, 0.1), (32, 10.0, 0.25), (32, 10.0, 0.5)),
    *((64, 10.0, 0.25), (64, 30.0, 0.25)),
)
"""Pixels of the picture (None: kept as numbers), pictures a second, and how far joints are off, in pixels (a standard
deviation)."""
COLUMNS = {
    "speed": "speed_median", "accel": "accel_mean", "skating": "skating", "beat": "bas_music", "step": "footfall",
    "FID k": "fid_k", "FID g": "fid_g",
}  # fmt: skip


def held_out(root: Path) -> Iterator[tuple[PoseSequence, object]]:
    """Poses of the clips that are not trained on, as each camera sees them, with their beats in seconds."""
    from dancegen.audio.beats import Beats
    from dancegen.dataset.format import clip_dir, clip_views, poses_path, read_clips
    from dancegen.pose.sequence import PoseSequence

    for clip in read_clips(root):
        if clip.split == "train":
            continue
        beats = clip_dir(root, clip) / "beats.json"
        times = Beats.load(beats).times_s if beats.exists() else None
        for view in clip_views(root, clip):
            yield PoseSequence.load(poses_path(root, clip, view)), times


def painter(size: int | None, fps: float, error: float) -> Callable[[PoseSequence], PoseSequence]:
    """A dance as it comes out of pictures of so many pixels, so many a second, with joints off by `error` pixels."""
    import numpy as np
    import torch

    from dancegen.choreographers.gan.config import ImageConfig
    from dancegen.choreographers.gan.image import heat, read
    from dancegen.pose.geometry import to_canvas
    from dancegen.pose.resampling import resample_keypoints

    rng = np.random.default_rng(0)

    def painted(dance: PoseSequence) -> PoseSequence:
        seen = replace(dance, hands=None, face=None, joints3d=None).resample(fps)
        keypoints = seen.keypoints
        if size is not None:
            image, canvas = ImageConfig(size=size, heatmaps=True, sigma=1.0, fps=fps), (size, size)
            keypoints = to_canvas(keypoints, seen.size, canvas)
            keypoints[..., :2] += rng.normal(0, error, keypoints[..., :2].shape)
            blobs = heat(torch.from_numpy(keypoints), image)
            keypoints = read(torch.cat([torch.zeros(len(blobs), 3, size, size), blobs], 1), image)
            keypoints = to_canvas(keypoints, canvas, seen.size)
        frames = np.arange(len(dance)) / dance.fps * fps
        return replace(
            seen, keypoints=resample_keypoints(keypoints, frames.clip(max=len(keypoints) - 1)), fps=dance.fps
        )

    return painted


def figures(dances: list[Dance], reference) -> dict[str, float]:
    """The mean figures of dances, with their distances to real dance."""
    from dancegen.metrics.dance import Windows, average, distances, measure

    found = average([measure(dance) for dance in dances])
    return found | distances(Windows.of(dances), reference.kinetic, reference.geometric)


def gan_dances(songs: list[Path], seconds: float) -> list[Dance]:
    """The bundled GAN's dances to these songs."""
    from dancegen.audio.song import analyse
    from dancegen.choreographers import find_model
    from dancegen.choreographers.gan.choreographer import GanChoreographer
    from dancegen.metrics.dance import Dance
    from dancegen.pose.sequence import PoseSequence
    from dancegen.store import open_store

    dancer, made = GanChoreographer(find_model("gan", open_store())), []
    for path in songs:
        print(f"gan: {path.stem} ...", file=sys.stderr, flush=True)
        song = analyse(path, seconds=seconds)
        made.append(Dance.of(PoseSequence.concatenate(list(dancer.choreograph(song))), song.beats.times_s))
    return made


def name_of(size: int | None, fps: float, error: float) -> str:
    """A row's name."""
    if size is None:
        return f"{fps:g} poses a second, a spline between them"
    return f"{size} px, {fps:g} a second" + (f", off by {error:g} px" if error else "")


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("--dataset", required=True, type=Path, metavar="DIR")
    parser.add_argument("--songs", type=Path, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--reference", type=Path, help="the bundled one by default")
    options = parser.parse_args()
    use_cores(options.cores, ask=False)
    from dancegen.assets import asset
    from dancegen.audio import AUDIO_SUFFIXES
    from dancegen.metrics.dance import Dance, rounded
    from dancegen.metrics.reference import Reference

    reference = Reference.load(options.reference or asset("reference.npz"))
    real = list(held_out(options.dataset))
    rows = {UNPAINTED: figures([Dance.of(poses, beats) for poses, beats in real], reference)}
    for kind in PAINTED:
        print(name_of(*kind), "...", file=sys.stderr, flush=True)
        paint = painter(*kind)
        rows[name_of(*kind)] = figures([Dance.of(paint(poses), beats) for poses, beats in real], reference)
    if options.songs:
        songs = sorted(path for path in options.songs.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES)
        rows["the bundled GAN"] = figures(gan_dances(songs, options.seconds), reference)
    cells = [(name, *(f"{row[column]:.3f}" for column in COLUMNS.values())) for name, row in rows.items()]
    show(
        {name: rounded(row) for name, row in rows.items()},
        table(("held-out dance", *COLUMNS), cells),
        as_json=options.json,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
