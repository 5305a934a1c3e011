"""A dance as one run of bytes for a viewer in a browser: its joints in space, and the mannequin on its bones.

Four bytes, little-endian, say how long a JSON header is that follows them, filled up to a multiple of four; behind it
lie the arrays. The header's `arrays` says of each its name, type, shape and where after the header it begins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from dancegen.motion.body import NAMES, Body, BodyMotion
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.rotations import quaternions
from dancegen.pose.sequence import PoseSequence

UNIT = 32_767
"""What 1 is in the 16-bit numbers of a quaternion."""
STANDING, USUAL_HEIGHT_M = 0.74, 1.7
"""Share of the canvas's height that a dancer takes who is known in the picture only, and how tall that is."""


def packed_dance(poses: PoseSequence, body: BodyMotion | None, facts: Mapping[str, Any]) -> bytes:
    """A dance with joints (T, 18, 3) float32 in metres, NaN where one is missing.

    body: where the dance has bones; then rest (24, 3) and the mannequin's vertices, normals (in 127ths), faces, skin
    and weights come along, and for each frame positions (T, 24, 3) and quaternions (T, 24, 4), x y z w, in `UNIT`ths.
    facts: what the header says besides fps, start_s, seconds and whether the dance is `flat`.
    """
    arrays = {"joints": _joints(poses)}
    if body is not None:
        moving = body.resample(poses.fps, len(poses))
        arrays |= _mannequin(moving.body.offsets.astype(np.float64).tobytes(), moving.body.height_m)
        arrays["positions"] = moving.positions.astype(np.float32)
        arrays["quaternions"] = np.rint(UNIT * quaternions(moving.orientations)).astype(np.int16)
    times = {"fps": poses.fps, "start_s": round(poses.start_s, 6), "seconds": round(poses.seconds, 3)}
    return packed({**facts, **times, "flat": poses.joints3d is None}, arrays)


def packed(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """A header and arrays as the module says."""
    rows, parts, begins = [], [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        rows.append({"name": name, "type": array.dtype.name, "shape": list(array.shape), "at": begins})
        parts.append(raw + bytes(-len(raw) % 4))
        begins += len(parts[-1])
    text = json.dumps({**header, "arrays": rows}).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def unpacked(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of what `packed` made."""
    begins = 4 + int.from_bytes(content[:4], "little")
    header = json.loads(content[4:begins])
    arrays = {}
    for row in header["arrays"]:
        kind, count = np.dtype(row["type"]).newbyteorder("<"), int(np.prod(row["shape"]))
        arrays[row["name"]] = np.frombuffer(content, kind, count, begins + row["at"]).reshape(row["shape"])
    return header, arrays


def _joints(poses: PoseSequence) -> np.ndarray:
    """A dance that is known in the picture only stands upright like a picture, over the middle of the floor."""
    if poses.joints3d is not None:
        return poses.joints3d
    points, shown = poses.keypoints[..., :2], poses.keypoints[..., 2] > 0
    joints = np.full((*points.shape[:2], 3), np.nan, np.float32)
    if shown.any():
        scale, floor = USUAL_HEIGHT_M / (STANDING * poses.size[1]), np.percentile(points[..., 1][shown], 99)
        across, up = points[..., 0] - poses.size[0] / 2, floor - points[..., 1]
        joints[shown] = (scale * np.stack([across, up, np.zeros_like(up)], axis=-1))[shown]
    return joints


@lru_cache(maxsize=8)
def _mannequin(offsets: bytes, height_m: float) -> dict[str, np.ndarray]:
    figure = Mannequin.of(Body(np.frombuffer(offsets).reshape(len(NAMES), 3), height_m))
    return {
        "rest": figure.rest.astype(np.float32),
        "vertices": figure.vertices,
        "normals": np.rint(127 * figure.normals).astype(np.int8),
        "faces": figure.faces.astype(np.uint16),
        "skin": figure.joints,
        "weights": figure.weights,
    }
