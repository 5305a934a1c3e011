"""How fast a skeleton video is drawn and encoded.

    python benchmarks/render_skeleton.py [--size 1280x720] [--fps 30] [--seconds 10] [--cores 2] [--json]

Draws a synthetic dance to a synthetic song, with sound, in each style, and writes a real MP4. The peer is
controlnet-aux, whose drawings of the same poses are encoded in the same way. The share of the playing time is printed
as well: below 1 is faster than real time on as many cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness import (
    Compared,
    command,
    compare,
    drawn_by_controlnet_aux,
    show,
    synthetic_dance,
    table,
    use_cores,
    write_song,
)

if TYPE_CHECKING:
    import numpy as np

PEER = "controlnet-aux"


def measure(size: tuple[int, int], fps: float, seconds: float, rounds: int) -> dict[str, Compared]:
    """A video of each style, and the peer's, with the song as sound."""
    from dancegen.audio.song import analyse
    from dancegen.renderers import STYLES, get_renderer
    from dancegen.renderers.skeleton.audio_envelope import AudioEnvelope
    from dancegen.video import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        write_song(song, seconds)
        dance, envelope = synthetic_dance(seconds, fps), AudioEnvelope.of(analyse(song))
        poses = dance.fitted(size).keypoints

        def encode(frames: Iterable[np.ndarray]) -> None:
            with VideoWriter(Path(folder) / "video.mp4", size, fps, audio=song) as video:
                for frame in frames:
                    video.write(frame)

        def by_peer() -> None:
            encode(drawn_by_controlnet_aux(poses, size))

        def by(style: str) -> None:
            encode(get_renderer(style).frames(dance, envelope, size=size, fps=fps))

        return compare({PEER: by_peer, **{style: partial(by, style) for style in STYLES}}, peer=PEER, rounds=rounds)


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2, help="after one that pays for the imports")
    options = parser.parse_args()
    use_cores(options.cores)
    width, height = (int(side) for side in options.size.split("x"))
    found = measure((width, height), options.fps, options.seconds, options.rounds)
    rows = [
        (
            name, f"{row.wall_s / options.seconds:.2f}", f"{row.cpu_s / options.seconds:.2f}", f"{row.ratio:.2f}",
            f"{row.median_ratio:.2f}",
        )
        for name, row in found.items()
    ]  # fmt: skip
    titles = (
        f"{width}x{height}, {options.fps:g} fps", "wall / playing time", "CPU / playing time", "ratio, least",
        "ratio, median",
    )  # fmt: skip
    show({name: asdict(row) for name, row in found.items()}, table(titles, rows), as_json=options.json)


if __name__ == "__main__":
    main()
