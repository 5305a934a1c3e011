"""How fast a skeleton video is drawn and encoded.

    python benchmarks/render_skeleton.py [--size 1280x720] [--fps 30] [--seconds 10] [--cores 2] [--json]

Draws a synthetic dance to a synthetic song, with sound, in each style, and writes a real MP4. The mannequin's is a body
in space, which a camera follows: that is when the whole picture moves. The peer is controlnet-aux, whose drawings of
the same poses are encoded in the same way. The share of the playing time is printed as well: below 1 is faster than
real time on as many cores.
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

    from dancegen.motion.staged import Staged

PEER = "controlnet-aux"


def measure(size: tuple[int, int], fps: float, seconds: float, rounds: int) -> dict[str, Compared]:
    """A video of each style, and the peer's, with the song as sound."""
    from dancegen.audio.song import analyse
    from dancegen.renderers import MANNEQUIN, STYLES, get_renderer
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
            solid = {"staged": staged_body(seconds, fps, size)} if style == MANNEQUIN else {}
            encode(get_renderer(style).frames(dance, envelope, size=size, fps=fps, **solid))

        return compare({PEER: by_peer, **{style: partial(by, style) for style in STYLES}}, peer=PEER, rounds=rounds)


def staged_body(seconds: float, fps: float, size: tuple[int, int]) -> Staged:
    """Arms, legs and trunk swing at 120 BPM while the body sways across the floor and turns; a camera follows it."""
    import numpy as np

    from dancegen.motion.body import AT, TURNING, Body, BodyMotion
    from dancegen.motion.rotations import about
    from dancegen.motion.staged import Staged

    lengths = {"hips": 0.18, "shoulders": 0.3, "trunk": 0.48, "neck": 0.18, "thigh": 0.4, "shank": 0.4,
               "upper_arm": 0.28, "forearm": 0.25}  # fmt: skip
    body, times = Body.of(lengths, 1.7), np.arange(round(seconds * fps)) / fps
    beat = np.sin(2 * np.pi * times)
    turns = {"pelvis": (1, 0.8 * np.sin(0.9 * times)), "spine2": (1, 0.4 * beat)}
    for side, sign in (("l", 1), ("r", -1)):
        lift = 0.6 * np.maximum(sign * beat, 0)
        turns |= {
            f"{side}_hip": (0, -lift),
            f"{side}_knee": (0, 2 * lift),
            f"{side}_elbow": (1, -sign * (1 + beat) / 2),
        }
        turns |= {f"{side}_shoulder": (2, -sign * (0.9 + 0.4 * beat))}
    rotations = np.broadcast_to(np.eye(3), (len(times), len(TURNING), 3, 3)).copy()
    for name, (axis, radians) in turns.items():
        rotations[:, TURNING.index(AT[name])] = about(axis, radians)
    height = np.full_like(times, body.leg + body.floor_heights[0])
    motion = BodyMotion(body, np.stack([np.sin(0.7 * times), height, 0.3 * np.sin(times)], 1), rotations, fps)
    return Staged.filmed(motion, "follow", size)


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
