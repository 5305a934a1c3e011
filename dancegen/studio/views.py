"""What the page's timeline and 3D view show of songs and dances: JSON, and compact binary for the body in space.

A dance is sent as `packed` arrays, little-endian: four bytes with the length of a JSON header, the header, filled up to
a multiple of four, and the arrays one behind the other. The header's `arrays` says of each its name, type, shape and
where it begins after the header.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.context import Context
from dancegen.stages.dance_files import AUDIO, BEATS, FEATURES, MOTION, POSES
from dancegen.stages.songs import SongFile, song_path
from dancegen.stages.track_beats import finder, tracker_of
from dancegen.store import Artifact

if TYPE_CHECKING:
    import numpy as np

    from dancegen.audio.song import SongFeatures
    from dancegen.motion.body import BodyMotion
    from dancegen.options.shared import Listening
    from dancegen.pose.sequence import PoseSequence

PEAKS_A_SECOND, MOST_PEAKS = 100, 24_000
STANDING = 0.74
"""Share of the canvas's height that a dancer takes whose joints are known in the picture only."""
USUAL_HEIGHT_M = 1.7
UNIT = 32_767
"""What 1 is in the 16-bit numbers of a quaternion."""


def song_view(song: str | Path, context: Context, options: Listening | None = None) -> dict[str, Any]:
    """What `<dance-timeline>` shows of a song or `demo`: peaks, beats, bars and sections. Its beats go into the store.

    Raises AudioError for what is no song.
    """
    from dancegen.audio.song import analyse
    from dancegen.options.dance import GeneratePosesOptions

    file = SongFile(song_path(song))
    tracker = tracker_of(options or GeneratePosesOptions(song=str(song)))
    heard = analyse(file.path, beats=finder(file, context, tracker), progress=context.progress)
    return _timeline(heard, file.path, 0.0)


def dance_song_view(dance: Artifact) -> dict[str, Any]:
    """The same of the span of a song that is danced to; times are those of the whole song."""
    from dancegen.audio.song import SongFeatures

    start_s = _poses(dance).start_s
    return _timeline(SongFeatures.load(dance.file(FEATURES), dance.file(BEATS)), dance.file(AUDIO), start_s)


def _timeline(heard: SongFeatures, sound: Path, start_s: float) -> dict[str, Any]:
    from dancegen.audio.structure import song_sections
    from dancegen.choreographers.phrases import phrases

    beats = heard.beats
    spans, numbers = song_sections(heard.mel, beats, heard.seconds)
    return {
        "start_s": round(start_s, 3),
        "seconds": round(heard.seconds, 3),
        "tempo_bpm": round(beats.tempo_bpm, 1),
        "metre": beats.metre,
        "beats_s": _rounded(beats.times_s + start_s),
        "downbeats_s": _rounded(beats.times_s[beats.downbeats] + start_s),
        "phrases_s": _rounded(phrases(heard) + start_s),
        "sections": [
            {"start_s": round(first + start_s, 3), "end_s": round(last + start_s, 3), "label": _letter(number)}
            for (first, last), number in zip(spans, numbers, strict=True)
        ],
        "peaks": _peaks(sound, heard.seconds),
    }


def _letter(number: int) -> str:
    """A, B, ... Z, A2, ...: sections of one letter sound alike."""
    return chr(ord("A") + number % 26) + (str(number // 26 + 1) if number > 25 else "")


def _rounded(times_s: Iterable[float]) -> list[float]:
    return [round(float(time), 3) for time in times_s]


def _peaks(sound: Path, seconds: float) -> list[int]:
    """How loud the song is at most in each piece of it, 0 to 255, where 255 is its loudest moment."""
    import numpy as np

    from dancegen.audio.load import decode, probe

    count = int(min(MOST_PEAKS, max(1, seconds * PEAKS_A_SECOND)))
    info, found, begins = probe(sound), np.zeros(count, np.float32), 0
    for block in decode(info):
        places = ((begins + np.arange(len(block))) * (count / (seconds * info.sample_rate))).astype(int)
        np.maximum.at(found, places.clip(max=count - 1), np.abs(block).max(axis=1))
        begins += len(block)
    return np.rint(255 * found / max(float(found.max()), 1e-6)).astype(int).tolist()


def _poses(dance: Artifact) -> PoseSequence:
    from dancegen.pose.sequence import PoseSequence

    return PoseSequence.load(dance.file(POSES))


def dance_view(dance: Artifact) -> bytes:
    """What `<dance-view>` shows of a dance, `packed`: joints (T, 18, 3) in metres, NaN where one is missing; and of a
    body with bones its mannequin and how each of 24 joints stands and turns in every frame.

    Raises PoseError or MocapError where the dance's files are damaged.
    """
    from dancegen.audio.beats import Beats
    from dancegen.motion.body import BodyMotion

    sequence, beats = _poses(dance), Beats.load(dance.file(BEATS))
    has_body = any(entry.path == MOTION for entry in dance.files)
    body = BodyMotion.load(dance.file(MOTION)).resample(sequence.fps, len(sequence)) if has_body else None
    header = {
        "digest": dance.digest,
        "fps": sequence.fps,
        "start_s": round(sequence.start_s, 6),
        "seconds": round(sequence.seconds, 3),
        "flat": sequence.joints3d is None,
        "beats_s": _rounded(beats.times_s + sequence.start_s),
        "downbeats_s": _rounded(beats.times_s[beats.downbeats] + sequence.start_s),
    }
    arrays = {"joints": _joints(sequence)} | ({} if body is None else _bones(body))
    return packed(header, arrays)


def _joints(sequence: PoseSequence) -> np.ndarray:
    """(T, 18, 3) float32 metres. A dance that is known in the picture only stands upright like a picture."""
    import numpy as np

    if sequence.joints3d is not None:
        return sequence.joints3d
    points, shown = sequence.keypoints[..., :2], sequence.keypoints[..., 2] > 0
    joints = np.full((*points.shape[:2], 3), np.nan, np.float32)
    if not shown.any():
        return joints
    scale = USUAL_HEIGHT_M / (STANDING * sequence.size[1])
    floor = np.percentile(points[..., 1][shown], 99)
    flat = np.stack([points[..., 0] - sequence.size[0] / 2, floor - points[..., 1], 0 * points[..., 0]], axis=-1)
    joints[shown] = (scale * flat)[shown]
    return joints


def _bones(motion: BodyMotion) -> dict[str, np.ndarray]:
    """The mannequin of a body, and positions (T, 24, 3) and quaternions (T, 24, 4), x y z w, of its joints."""
    import numpy as np

    from dancegen.motion.rotations import quaternions

    figure = _mannequin(motion.body.offsets.astype(np.float64).tobytes(), motion.body.height_m)
    turned = np.rint(UNIT * quaternions(motion.orientations)).astype(np.int16)
    return {**figure, "positions": motion.positions.astype(np.float32), "quaternions": turned}


@lru_cache(maxsize=8)
def _mannequin(offsets: bytes, height_m: float) -> Mapping[str, np.ndarray]:
    import numpy as np

    from dancegen.motion.body import NAMES, Body
    from dancegen.motion.mannequin import Mannequin

    figure = Mannequin.of(Body(np.frombuffer(offsets).reshape(len(NAMES), 3), height_m))
    return {
        "rest": figure.rest.astype(np.float32),
        "vertices": figure.vertices,
        "normals": np.rint(127 * figure.normals).astype(np.int8),
        "faces": figure.faces.astype(np.uint16),
        "skin": figure.joints,
        "weights": figure.weights,
    }


def packed(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A JSON header and arrays in one run of bytes, as the module says."""
    import numpy as np

    rows, parts, begins = [], [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        rows.append({"name": name, "type": array.dtype.name, "shape": list(array.shape), "at": begins})
        parts.append(raw + bytes(-len(raw) % 4))
        begins += len(parts[-1])
    text = json.dumps({**header, "arrays": rows}).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])
