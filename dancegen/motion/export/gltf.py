"""glTF 2.0 in the making: its JSON and its one buffer, written as a binary file (GLB).

Khronos Group, "glTF 2.0 Specification" (2021). Metres, y up, +z forward, quaternions as (x, y, z, w).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dancegen import __version__
from dancegen.motion.rotations import quaternions

MAGIC, VERSION = 0x46546C67, 2
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
NOTE = "dancegen"
"""Under this name an asset's extras say which dance it is."""
_COMPONENTS = {"uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}
VERTICES, INDICES = 34962, 34963
"""What a part of the buffer is for: attributes of vertices, or indices of them."""
_STEP = 4
"""Bytes that every part of the buffer and every chunk begins at a multiple of."""


class Gltf:
    """A file that is built up. document: of a file that is there already, which is changed; binary: its buffer."""

    def __init__(self, document: dict[str, Any] | None = None, binary: bytes = b"") -> None:
        made = {"asset": {"version": "2.0", "generator": f"dancegen {__version__}"}, "scene": 0}
        self.document: dict[str, Any] = made if document is None else document
        self._binary = bytearray(binary)

    def add(self, kind: str, entry: Mapping[str, Any]) -> int:
        """Put an entry into one of the lists ("nodes", "meshes", ...), and return its number there."""
        entries = self.document.setdefault(kind, [])
        entries.append(dict(entry))
        return len(entries) - 1

    def accessor(self, values: np.ndarray, kind: str, *, target: int | None = None, bounds: bool = False) -> int:
        """Put an array into the buffer. kind: SCALAR, VEC3, VEC4, MAT4. bounds: state the least and the most."""
        self._pad()
        view: dict[str, Any] = {"buffer": self._buffer(), "byteOffset": len(self._binary), "byteLength": values.nbytes}
        if target is not None:
            view["target"] = target
        self._binary += np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
        entry: dict[str, Any] = {
            "bufferView": self.add("bufferViews", view), "componentType": _COMPONENTS[values.dtype.name],
            "count": len(values), "type": kind,
        }  # fmt: skip
        if bounds:
            columns = values.reshape(len(values), -1)
            entry |= {"min": columns.min(axis=0).tolist(), "max": columns.max(axis=0).tolist()}
        return self.add("accessors", entry)

    def animation(self, name: str, fps: float, frames: int, moves: Sequence[tuple[int, str, np.ndarray]]) -> dict:
        """An animation that is not in the file yet. moves: node, "translation" or "rotation", and values.

        Values are (T, 3) metres, or (T, 3, 3) rotation matrices. It begins at 0 seconds.
        """
        times = self.accessor((np.arange(frames) / fps).astype(np.float32), "SCALAR", bounds=True)
        channels, samplers = [], []
        for node, path, values in moves:
            turns = path == "rotation"
            track = quaternions(values) if turns else np.asarray(values)
            output = self.accessor(track.astype(np.float32), "VEC4" if turns else "VEC3")
            channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
            samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
        return {"name": name, "channels": channels, "samplers": samplers}

    def note(self, facts: Mapping[str, Any]) -> None:
        """Write down which dance it is, where programs keep it and show nothing."""
        extras = self.document["asset"].setdefault("extras", {})
        if isinstance(extras, dict):
            extras[NOTE] = dict(facts)

    def write(self, path: str | Path) -> None:
        """Write the file."""
        self._pad()
        chunks = []
        if self._binary:
            self.document["buffers"][self._buffer()]["byteLength"] = len(self._binary)
            chunks.append(_chunk(BINARY_CHUNK, bytes(self._binary)))
        text = json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()
        chunks.insert(0, _chunk(JSON_CHUNK, text + b" " * (-len(text) % _STEP)))
        size = 12 + sum(map(len, chunks))
        Path(path).write_bytes(b"".join([struct.pack("<III", MAGIC, VERSION, size), *chunks]))

    def _buffer(self) -> int:
        """The number of the buffer that lies in the file itself: always the first."""
        if not self.document.get("buffers"):
            self.document["buffers"] = [{"byteLength": 0}]
        return 0

    def _pad(self) -> None:
        self._binary += bytes(-len(self._binary) % _STEP)


def _chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", len(data), kind) + data
