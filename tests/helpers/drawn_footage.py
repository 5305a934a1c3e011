"""Footage with a known answer: a white figure, moved by known keypoints, and a click at known moments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from dancegen.pose.drawing import draw_poses
from helpers.pose_examples import standing
from helpers.songs import clicks

TICKS, SOUND_RATE = 90_000, 44_100
SIZE = (320, 240)
GROUND, FIGURE = 60, 230
STROKE = 1 / 40
"""Of the figure's joints, as `draw_pose` takes it."""
QUARTERS = {0: 0, 90: 1, 180: 2, -90: 3}

Pose = Callable[[float], np.ndarray]
"""(18, 3) keypoints at a moment, in pixels of SIZE."""


def hopping(time_s: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Somebody who travels through the picture and back in two seconds, fast enough to tell frames apart."""
    pose = standing(size[1])
    pose[:, 0] += (size[0] - size[1]) / 2 + 0.28 * size[0] * np.sin(np.pi * time_s)
    pose[:, 1] += 0.04 * size[1] * np.sin(2 * np.pi * time_s)
    return pose


def figure(keypoints: np.ndarray, size: tuple[int, int] = SIZE, wider: float = 1.0) -> np.ndarray:
    """(H, W) bool: where the figure is."""
    return draw_poses(keypoints[None], size, stroke=wider * STROKE)[0].max(axis=2) > 90


def footage(
    path: Path,
    times_s: Iterable[float],
    *,
    pose: Pose | None = hopping,
    rate: float = 25.0,
    size: tuple[int, int] = SIZE,
    turn: int = 0,
    sound_s: float | None = None,
    clicks_s: Iterable[float] = (),
) -> Path:
    """A video with a picture at each of the times, of the figure at that moment, or of nobody.

    turn: degrees by which a player turns the pictures, which are upright then. sound_s: when its sound begins, which
    clicks at `clicks_s`; None: it has none.
    """
    import av

    times = [float(time) for time in times_s]
    quarters = QUARTERS[turn]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options={"crf": "8"})
        stream.width, stream.height = size[::-1] if quarters % 2 else size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        if turn:
            stream.set_display_rotation(turn)
        voice = container.add_stream("aac", rate=SOUND_RATE, layout="mono") if sound_s is not None else None
        for time_s in times:
            picture = np.full((size[1], size[0], 3), GROUND, np.uint8)
            if pose is not None:
                picture[figure(pose(time_s), size)] = FIGURE
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(picture, -quarters)), "rgb24")
            frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if voice is not None and sound_s is not None:
            heard = clicks(np.asarray(list(clicks_s)), times[-1] + 1 / rate, rate=SOUND_RATE)
            heard = heard[round(sound_s * SOUND_RATE) :].astype(np.float32)
            for first in range(0, len(heard), 1024):
                block = av.AudioFrame.from_ndarray(heard[None, first : first + 1024].copy(), "fltp", "mono")
                block.rate, block.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
                block.pts = round(sound_s * SOUND_RATE) + first
                container.mux(voice.encode(block))
            container.mux(voice.encode())
    return path


def clicks_in(video: Path) -> np.ndarray:
    """When the sound of a video clicks, in seconds on the clock of its pictures."""
    import av

    with av.open(str(video)) as container:
        sound = container.streams.audio[0]
        rate, parts, begins = sound.rate, [], None
        for part in container.decode(sound):
            begins = part.time if begins is None else begins
            parts.append(part.to_ndarray().mean(axis=0))
    samples = np.concatenate(parts)
    loud = np.flatnonzero(np.abs(samples) > 0.25)
    return loud[np.diff(loud, prepend=-rate) > 0.15 * rate] / rate + (begins or 0.0)
