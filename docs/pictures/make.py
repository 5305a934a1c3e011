"""Makes the README's moving picture from a video of dancegen's: a few seconds that end as they begin.

dancegen dance demo --size 560x420 --fps 20 --seed 10 -o demo.mp4
python docs/pictures/make.py demo.mp4 --start 8 --seconds 4 -o docs/pictures/dance.webp
"""

from __future__ import annotations

import argparse
from pathlib import Path

FADE_FRAMES = 3
"""Frames at the end that fade into those before the first, so that the loop has no jump."""


def main() -> None:
    import av
    from PIL import Image

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--quality", type=int, default=75)
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen = parser.parse_args()
    with av.open(str(chosen.video)) as container:
        fps = float(container.streams.video[0].average_rate)
        frames = [frame.to_image() for frame in container.decode(video=0)]
    first, count = round(chosen.start * fps), round(chosen.seconds * fps)
    if first < FADE_FRAMES or first + count > len(frames):
        parser.error(f"choose a span of the video ({len(frames) / fps:g} s) with {FADE_FRAMES} frames before it")
    loop = frames[first : first + count]
    for i in range(FADE_FRAMES):
        before = frames[first - FADE_FRAMES + i]
        loop[count - FADE_FRAMES + i] = Image.blend(loop[count - FADE_FRAMES + i], before, (i + 1) / (FADE_FRAMES + 1))
    loop[0].save(
        chosen.output, save_all=True, append_images=loop[1:], duration=round(1000 / fps), loop=0,
        quality=chosen.quality, method=4,
    )  # fmt: skip
    print(f"{chosen.output}: {count} frames, {chosen.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
