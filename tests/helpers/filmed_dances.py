"""Videos with a known answer: a drawn dancer whose arm turns back at known moments, and a click at each of them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

SIZE = (64, 96)
TURN_S, FIRST_TURN_S = 0.53, 0.31
"""Between two turns, and when the first one is: at no rate's frames."""
SOUND_RATE = 44_100
TICKS = 90_000
BODY, ARM = 90, 255
QUARTERS = {0: 0, 90: 1, 180: 2, -90: 3}


def turns_until(seconds: float) -> np.ndarray:
    """When the arm turns, in seconds from the first picture."""
    return np.arange(FIRST_TURN_S, seconds, TURN_S)


def arm_at(time_s: float) -> float:
    """Where the wrist is, -1 to 1: a triangle wave."""
    phase = (time_s - FIRST_TURN_S) / TURN_S
    return 1 - 2 * abs((phase % 2) - 1)


def drawn(time_s: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 3) uint8 of the dancer at a moment: legs below, the moving arm, bright, above the head."""
    import cv2

    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)

    def line(start: tuple[float, float], end: tuple[float, float], shade: int) -> None:
        (x, y), (to_x, to_y) = start, end
        ends = [(round(16 * width * x), round(16 * height * y)), (round(16 * width * to_x), round(16 * height * to_y))]
        cv2.line(picture, ends[0], ends[1], (shade,) * 3, max(2, width // 16), cv2.LINE_AA, 4)

    for foot in (0.35, 0.65):
        line((0.5, 0.6), (foot, 0.95), BODY)
    line((0.5, 0.35), (0.5, 0.6), BODY)
    line((0.5, 0.35), (0.5 + 0.35 * arm_at(time_s), 0.1), ARM)
    return picture


def film(
    path: Path,
    times_s: Iterable[float],
    *,
    rate: float = 25.0,
    size: tuple[int, int] = SIZE,
    turn: int = 0,
    sound_s: float | None = 0.0,
    seconds: float | None = None,
) -> Path:
    """A video with a picture at each of the times, and a click at each turn.

    turn: degrees by which a player turns its pictures, which are upright then. sound_s: when its sound begins; what was
    to be heard before is not there; None: it has none. seconds: how long the sound goes on, else as the pictures.
    """
    import av

    times = [float(time) for time in times_s]
    with av.open(str(path), "w") as container:
        codec = {".webm": ("libvpx", "libopus"), ".mov": ("libx264", "pcm_s16le")}.get(path.suffix, ("libx264", "aac"))
        if path.suffix == ".avi":
            codec = ("mpeg4", "mp3")
        stream = container.add_stream(codec[0], rate=Fraction(rate).limit_denominator(1001))
        quarters = QUARTERS[turn]
        stream.width, stream.height = size[::-1] if quarters % 2 else size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        if path.suffix != ".avi":  # which knows nothing but its rate
            stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        if turn:
            stream.set_display_rotation(turn)
        voice = None
        if sound_s is not None:
            rate_s = 48_000 if codec[1] == "libopus" else SOUND_RATE
            voice = container.add_stream(codec[1], rate=rate_s, layout="mono")
        for number, time_s in enumerate(times):
            picture = np.rot90(drawn(time_s, size), -quarters)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            if path.suffix == ".avi":
                frame.pts, frame.time_base = number, 1 / Fraction(rate).limit_denominator(1001)
            else:
                frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if voice is not None and sound_s is not None:
            _add_sound(container, voice, sound_s, times[-1] + 1 / rate if seconds is None else seconds)
    return path


def _add_sound(container, voice, begins_s: float, ends_s: float) -> None:
    import av

    rate = voice.rate
    samples = click_track(ends_s, rate)[round(begins_s * rate) :]
    resampler = av.AudioResampler(format=voice.format.name, layout="mono", rate=rate)
    for first in range(0, len(samples), 1024):
        block = np.ascontiguousarray(samples[None, first : first + 1024])
        frame = av.AudioFrame.from_ndarray(block, "fltp", "mono")
        frame.rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round(begins_s * rate) + first
        for ready in resampler.resample(frame):
            container.mux(voice.encode(ready))
    container.mux(voice.encode())


def click_track(seconds: float, rate: int = SOUND_RATE) -> np.ndarray:
    """(samples,) float32 with a click at each turn."""
    samples = np.zeros(round(seconds * rate), np.float32)
    since = np.arange(rate // 50) / rate
    burst = 0.8 * np.sin(2 * np.pi * 1500 * since) * np.exp(-300 * since)
    for turn in turns_until(seconds - 0.03):
        start = round(turn * rate)
        samples[start : start + len(burst)] += burst
    return samples


def turns_seen(pictures: Iterable[np.ndarray], fps: float) -> np.ndarray:
    """When the arm turns in upright pictures, in seconds from the first: where lines through its ways meet."""
    places = []
    for picture in pictures:
        row = np.where(picture[: picture.shape[0] // 3, :, 1] > (BODY + ARM) / 2, 1.0, 0.0).sum(axis=0)
        places.append((row * np.arange(len(row))).sum() / max(row.sum(), 1))
    x, times = np.array(places), np.arange(len(places)) / fps
    direction = np.sign(np.gradient(np.convolve(np.pad(x, 1, mode="edge"), np.ones(3) / 3, mode="valid")))
    edges = np.flatnonzero(np.diff(direction) != 0)
    found = []
    for edge in edges:
        about = times[edge] + 0.5 / fps
        before = (times > about - 0.8 * TURN_S) & (times < about - 0.08)
        after = (times < about + 0.8 * TURN_S) & (times > about + 0.08)
        if min(before.sum(), after.sum()) < 5 or times[-1] - about < 0.8 * TURN_S or about < 0.8 * TURN_S:
            continue
        (slope_a, at_a), (slope_b, at_b) = (np.polyfit(times[way], x[way], 1) for way in (before, after))
        if slope_a * slope_b < 0:
            found.append((at_b - at_a) / (slope_a - slope_b))
    return np.unique(np.round(found, 3))


def clicks_heard(path: Path) -> np.ndarray:
    """When a sound file clicks, in seconds."""
    import soundfile

    samples, rate = soundfile.read(path, always_2d=True)
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 0.25)
    return loud[np.diff(loud, prepend=-rate) > 0.2 * rate] / rate
