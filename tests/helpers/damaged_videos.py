"""Two hundred videos that are not as they should be, made from small whole ones."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np

from helpers.filmed_dances import film

SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm")
SECONDS = 2.4
SIZE = (64, 64)
CUT, FLIPPED, ZEROED, SHUFFLED = 10, 12, 8, 7
"""Videos of each suffix that are cut off, have bits flipped, lost a span to zeros, or have one twice."""


def whole_films(folder: Path) -> dict[str, Path]:
    """A good video of each suffix."""
    times = np.arange(round(SECONDS * 25)) / 25
    return {suffix: film(folder / f"good{suffix}", times, size=SIZE) for suffix in SUFFIXES}


def damaged_films(folder: Path) -> list[Path]:
    """Write them into a folder that holds `whole_films`; returns them all."""
    made: list[Path] = []

    def write(name: str, data: bytes) -> None:
        path = folder / name
        path.write_bytes(data)
        made.append(path)

    for suffix in SUFFIXES:
        data, random = (folder / f"good{suffix}").read_bytes(), Random(suffix)
        for number in range(CUT):
            write(f"cut{number}{suffix}", data[: random.randrange(1, len(data) * 9 // 10)])
        for number in range(FLIPPED):
            write(f"flipped{number}{suffix}", _flipped(data, 2 ** (number // 2), random))
        for number in range(ZEROED):
            first = random.randrange(len(data) // 2)
            last = first + random.randrange(20, len(data) // 3)
            write(f"zeroed{number}{suffix}", data[:first] + bytes(len(data[first:last])) + data[last:])
        for number in range(SHUFFLED):
            first, second = sorted(random.randrange(len(data)) for _ in range(2))
            write(f"shuffled{number}{suffix}", data[:second] + data[first:])
    _oddities(folder, write, made)
    return made


def _flipped(data: bytes, count: int, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(count):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _oddities(folder: Path, write, made: list[Path]) -> None:
    """Those that are damaged as a whole."""
    import soundfile

    write("empty.mp4", b"")
    write("text.mov", b"This is no video.\n" * 100)
    write("song.mkv", _wave(folder / "song.wav"))
    write("picture.avi", _png())
    write("no-rate.avi", _without_rate((folder / "good.avi").read_bytes()))
    for name, target in (("loop.mp4", "loop.mp4"), ("nowhere.mov", "gone.mov")):
        os.symlink(target, folder / name)
        made.append(folder / name)
    (folder / "folder.mp4").mkdir()
    (folder / "folder.mp4" / "notes.txt").write_text("no video")
    os.mkfifo(folder / "pipe.mkv")
    made += [folder / "folder.mp4", folder / "pipe.mkv"]
    steady = np.arange(60) / 25
    made.append(film(folder / "one-picture.mp4", [0.0], size=SIZE))
    made.append(film(folder / "slow.mp4", np.arange(8) / 2, rate=2, size=SIZE))
    made.append(film(folder / "short.mp4", steady[:20], size=SIZE))
    made.append(film(folder / "wide.mp4", steady[:55], size=(16_384, 16), sound_s=None))
    soundfile.write(folder / "wide.wav", np.zeros(100_000), 44_100)
    made.append(film(folder / "silent.mp4", steady, size=SIZE, sound_s=None))
    made.append(film(folder / "sound-first.mkv", steady + 9, size=SIZE, seconds=3.0))
    made.append(film(folder / "frozen.mp4", [*steady, *(steady + 40)], size=SIZE))


def _wave(path: Path) -> bytes:
    import soundfile

    soundfile.write(path, np.zeros(100_000), 44_100)
    data = path.read_bytes()
    path.unlink()
    return data


def _png() -> bytes:
    import cv2

    return cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()


def _without_rate(avi: bytes) -> bytes:
    """An AVI whose pictures have a rate of 0 / 0: the two numbers that follow 28 bytes after `strh`."""
    at = avi.index(b"strh") + 28
    assert Fraction(*struct.unpack_from("<II", avi, at)[::-1]) == 25
    return avi[:at] + bytes(8) + avi[at + 8 :]
