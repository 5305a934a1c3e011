"""What it costs to make what a training reads: a drawn frame, its heatmaps, a synthesised song.

    python benchmarks/training_data.py [--size 64] [--frames 512] [--json]

The peers: controlnet-aux, which draws the same poses at the same size, and librosa, which computes the log-mel
spectrogram of the same song. Each takes turns with ours; ratios are of CPU time.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from harness import Compared, command, compare, drawn_by_controlnet_aux, show, synthetic_dance, table, use_cores

FRAMES_PEER, SONG_PEER = "controlnet-aux", "librosa's log-mel"
BATCH = 8
"""Frames that are decoded at once."""


def measure_frames(side: int, frames: int) -> dict[str, Compared]:
    """What is done to so many frames of `side` pixels, beside controlnet-aux's drawing of them."""
    from dancegen.pose.drawing import draw_poses
    from dancegen.pose.geometry import to_canvas
    from dancegen.pose.heatmaps import decode_heatmaps, draw_heatmaps

    size = (side, side)
    poses = to_canvas(synthetic_dance(frames / 30, 30).keypoints, (512, 512), size)
    maps = draw_heatmaps(poses[:BATCH], size)
    return compare(
        {
            FRAMES_PEER: lambda: list(drawn_by_controlnet_aux(poses, size)),
            "draw": lambda: draw_poses(poses, size),
            "draw heatmaps": lambda: draw_heatmaps(poses, size),
            "decode heatmaps": lambda: [decode_heatmaps(maps) for _ in range(frames // BATCH)],
        },
        peer=FRAMES_PEER,
    )


def measure_synthesis(seconds: float) -> dict[str, Compared]:
    """Making a song of so many seconds, beside librosa's log-mel spectrogram of it."""
    import librosa

    from dancegen.audio.synth.song_maker import random_spec, synthesise

    make = partial(synthesise, random_spec(1, seconds=seconds))
    samples = make().samples.mean(axis=1)
    return compare(
        {
            SONG_PEER: lambda: librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=44_100)),
            "synthesise": make,
        },
        peer=SONG_PEER,
        rounds=2,
    )


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--size", type=int, default=64, help="side of a frame in pixels")
    parser.add_argument("--frames", type=int, default=512, help=f"a multiple of {BATCH}")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the song")
    options = parser.parse_args()
    if options.frames % BATCH or options.frames < BATCH:
        parser.error(f"--frames must be a multiple of {BATCH}")
    use_cores(options.cores)
    frames, song = measure_frames(options.size, options.frames), measure_synthesis(options.seconds)
    rows = [
        (name, f"{1e3 * row.cpu_s / options.frames:.3f} ms a frame", *_ratios(row, FRAMES_PEER))
        for name, row in frames.items()
    ]
    rows += [
        (name, f"{1e3 * row.cpu_s / options.seconds:.3f} ms a second", *_ratios(row, SONG_PEER))
        for name, row in song.items()
    ]
    found = {
        "frames": {name: asdict(row) for name, row in frames.items()},
        "song": {name: asdict(row) for name, row in song.items()},
    }
    show(found, table(("", "CPU time", "ratio, least", "ratio, median", "to"), rows), as_json=options.json)


def _ratios(row: Compared, peer: str) -> tuple[str, str, str]:
    return f"{row.ratio:.2f}", f"{row.median_ratio:.2f}", peer


if __name__ == "__main__":
    main()
