"""How painted films are framed: how large the dancer is, how fast the picture grows and shrinks, who is whole in it.

    python benchmarks/framing.py MOTION [--size 512x768] [--cameras front,follow,cuts] [--sheet DIR] [--json]

MOTION is the `motion.npz` of a dance. `height`: the dancer from crown to sole, as a share of the picture's height;
`large`: the share of frames in which it is 60 to 85 %; `inside`: of those with all of them in the picture, hands and
feet too; `rate`: the fastest change of scale, a second; `hurried`: the share of frames in which it changes faster than
it should. `whole` is the height with one scale for all of the dance. With --sheet the skeletons that ControlNet sees
become contact sheets, one a camera: two rows over the whole dance, and two of one second each.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness import command, show, table

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence

COLUMNS, TILE = 15, (128, 192)


def measure(poses: PoseSequence, size: tuple[int, int]) -> dict[str, float]:
    """The figures of one dance as one camera saw it."""
    import numpy as np

    from dancegen.pose.figure import seen_height
    from dancegen.pose.framing import FramingFigures, follow

    framing = follow(poses, size)
    figures = FramingFigures.of(framing, poses)
    whole = poses.fitted(size)
    tall = figures.height[~np.isnan(figures.height)]
    return {
        "shots": len(framing.cuts) + 1,
        "height_p5": float(np.percentile(tall, 5)),
        "height": float(np.median(tall)),
        "height_p95": float(np.percentile(tall, 95)),
        "large": float(np.mean((tall >= 0.6) & (tall <= 0.85))),
        "inside": float(figures.inside.mean()),
        "rate": float(figures.rate.max()),
        "hurried": float(framing.hurried.mean()),
        "whole": float(np.nanmedian(seen_height(whole.keypoints, whole.fps)) / size[1]),
    }


def sheet(poses: PoseSequence, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 of what ControlNet sees."""
    import cv2
    import numpy as np

    from dancegen.pose.drawing import draw_openpose
    from dancegen.pose.framing import follow

    shown = follow(poses, size).shown(poses).keypoints
    spread = np.linspace(0, len(shown) - 1, 2 * COLUMNS).astype(int).reshape(2, -1)
    step = max(1, round(poses.fps / COLUMNS))
    close = [len(shown) * part // 3 + np.arange(COLUMNS) * step for part in (1, 2)]
    rows = []
    for frames in (*spread, *close):
        tiles = [cv2.resize(draw_openpose(shown[frame], size), TILE, interpolation=cv2.INTER_AREA) for frame in frames]
        border = (1, 1, 1, 1, cv2.BORDER_CONSTANT)
        rows.append(np.hstack([cv2.copyMakeBorder(tile, *border, value=(90, 90, 90)) for tile in tiles]))
    return np.vstack(rows)


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("motion", metavar="MOTION")
    parser.add_argument("--size", default="512x768")
    parser.add_argument("--cameras", default="front,follow,cuts")
    parser.add_argument("--sheet", metavar="DIR", type=Path)
    options = parser.parse_args()
    import cv2
    import numpy as np

    from dancegen.motion.body import BodyMotion
    from dancegen.motion.cameras import film

    width, height = (int(side) for side in options.size.split("x"))
    motion = BodyMotion.load(options.motion).motion()
    found = {}
    for camera in options.cameras.split(","):
        poses = film(motion, camera, bars_s=np.arange(0, motion.seconds, 2.0), lasting=True)
        found[camera] = measure(poses, (width, height))
        if options.sheet is not None:
            options.sheet.mkdir(parents=True, exist_ok=True)
            picture = sheet(poses, (width, height))
            cv2.imwrite(str(options.sheet / f"framing-{camera}.png"), picture[..., ::-1])
    titles = ("camera", *next(iter(found.values())))
    rows = [(camera, *(f"{value:.3g}" for value in figures.values())) for camera, figures in found.items()]
    show(found, table(titles, rows), as_json=options.json)


if __name__ == "__main__":
    main()
