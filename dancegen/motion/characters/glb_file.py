"""Reads a GLB file from outside: its JSON and its buffer, and the tree of its nodes, each looked at before it is used.

Nothing else is opened: a file whose meshes or pictures lie in other files is refused, as it would lose them.
"""

from __future__ import annotations

import json
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import MocapError, reading
from dancegen.formatting import byte_size
from dancegen.motion.export.gltf import BINARY_CHUNK, JSON_CHUNK, MAGIC, NOTE, VERSION
from dancegen.motion.readers.words import LONGEST_NAME, shown
from dancegen.text import LARGEST_JSON

WHAT = "GLB file"
LARGEST_FILE = 512 * 2**20
"""Bytes; characters with large textures have some 100 MB."""
MOST_NODES = 20_000
"""Of a scene with everything in it; a character has some hundred."""
_EVEN = 1e-3
"""Share by which the scales of a joint's axes may differ, and cosine between its axes."""


@dataclass(frozen=True, eq=False)
class GlbFile:
    """A GLB file. document: its JSON. binary: its buffer, empty where it has none.

    order: the nodes of its scene, a parent before its children; parents: where in `order` each one's parent is, or -1.
    world (N, 4, 4): where each of them stands, as columns.
    """

    path: Path
    document: dict[str, Any]
    binary: bytes
    order: tuple[int, ...]
    parents: tuple[int, ...]
    world: np.ndarray

    def name(self, node: int) -> str | None:
        """A node's name, where it has one."""
        name = self.document["nodes"][node].get("name")
        return name[:LONGEST_NAME] if isinstance(name, str) and name else None


def read_glb(path: str | Path) -> GlbFile:
    """Read a GLB file. Raises MocapError, in words, for what is none, is damaged, or lies in several files."""
    path = Path(path)
    with reading(path, WHAT, MocapError), np.errstate(all="ignore"):
        document, binary = _chunks(path)
        _check_version(path, document)
        _check_buffers(path, document, binary)
        order, parents = _tree(path, document)
        world = np.zeros((len(order), 4, 4))
        for index, (node, parent) in enumerate(zip(order, parents, strict=True)):
            own = _local(path, document["nodes"][node], node)
            world[index] = own if parent < 0 else world[parent] @ own
        if not np.isfinite(world).all():
            raise MocapError(f"{path} is damaged: its nodes stand at places that are no numbers")
        return GlbFile(path, document, binary, order, parents, world)


def is_noted(document: dict[str, Any]) -> bool:
    """Whether dancegen wrote a file, or put a dance into it."""
    found = document["asset"].get("extras")
    return isinstance(found, dict) and NOTE in found


def noted_digest(path: str | Path) -> str | None:
    """The digest of the artifact that a file says it is of; None where it says none, or is no such file."""
    try:
        found: Any = read_glb(path).document["asset"].get("extras")
    except MocapError:
        return None
    noted = found.get(NOTE) if isinstance(found, dict) else None
    digest = noted.get("digest") if isinstance(noted, dict) else None
    return digest if isinstance(digest, str) else None


def entries(document: dict[str, Any], kind: str, path: Path) -> list[dict[str, Any]]:
    """One of the lists of a document, such as "nodes"; empty where it has none. Raises MocapError for another thing."""
    found = document.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise MocapError(f"{path} is damaged: its {kind} are no list of objects")
    return found


def number_in(value: Any, count: int, path: Path, what: str) -> int:
    """A number of an entry in a list of so many. Raises MocapError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise MocapError(f"{path} is damaged: {what} says {shown(str(value))}, where there are {count}")
    return value


def _chunks(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON and the buffer of the file."""
    size = os.stat(path).st_size
    if size > LARGEST_FILE:
        raise MocapError(f"{path} has {byte_size(size)}; of a {WHAT} {byte_size(LARGEST_FILE)} are read")
    data = path.read_bytes()
    if data[:1] == b"{":
        raise MocapError(f"{path} is a .gltf in text, whose meshes lie elsewhere: export it as .glb, all in one file")
    if len(data) < 20 or struct.unpack_from("<I", data)[0] != MAGIC:
        raise MocapError(f"{path} is not a {WHAT}: it does not begin with glTF")
    _, version, length = struct.unpack_from("<III", data)
    if version != VERSION:
        raise MocapError(f"{path} is glTF of version {version}; export it as glTF 2.0 (.glb)")
    if length > len(data):
        raise MocapError(f"{path} is cut off: it says it has {length} bytes, and there are {len(data)}")
    found: list[tuple[int, bytes]] = []
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > length:
            raise MocapError(f"{path} is damaged: a part of {size} bytes at byte {at} goes on behind its end")
        found.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size
    if not found or found[0][0] != JSON_CHUNK:
        raise MocapError(f"{path} is damaged: its first part is not the JSON that says what is in it")
    if len(found[0][1]) > LARGEST_JSON:
        raise MocapError(f"{path}: its JSON has {byte_size(len(found[0][1]))}, more than is read")
    try:
        document = json.loads(found[0][1].decode("utf-8"))
    except ValueError as error:
        raise MocapError(f"{path} is damaged: what should be its JSON is none ({error})") from error
    if not isinstance(document, dict):
        raise MocapError(f"{path} is damaged: its JSON is no object")
    return document, next((part for kind, part in found[1:] if kind == BINARY_CHUNK), b"")


def _check_version(path: Path, document: dict[str, Any]) -> None:
    asset = document.get("asset")
    version = asset.get("version") if isinstance(asset, dict) else None
    if not isinstance(version, str) or not version.startswith("2."):
        raise MocapError(f"{path} is glTF of version {shown(str(version))}; export it as glTF 2.0 (.glb)")


def _check_buffers(path: Path, document: dict[str, Any], binary: bytes) -> None:
    """MocapError where a buffer is shorter than it says, or a buffer or a picture lies in another file."""
    for number, buffer in enumerate(entries(document, "buffers", path)):
        length, uri = buffer.get("byteLength"), buffer.get("uri")
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise MocapError(f"{path} is damaged: a buffer is {shown(str(length))} bytes long")
        if number == 0 and uri is None and length > len(binary):
            raise MocapError(f"{path} is cut off: its buffer should have {length} bytes, and has {len(binary)}")
    for kind in ("buffers", "images"):
        for entry in entries(document, kind, path):
            uri = entry.get("uri")
            if uri is not None and not (isinstance(uri, str) and uri.startswith("data:")):
                raise MocapError(
                    f"{path}: one of its {kind} lies in another file, {shown(str(uri))}, which is not read: export the "
                    "character with everything in one .glb"
                )


def _tree(path: Path, document: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The nodes from the roots on, a parent before its children, and where in this order each one's parent is."""
    nodes = entries(document, "nodes", path)
    if not nodes:
        raise MocapError(f"{path} has no nodes, so no skeleton")
    if len(nodes) > MOST_NODES:
        raise MocapError(f"{path} has {len(nodes)} nodes, of which {MOST_NODES} are read: export one character alone")
    above: dict[int, int] = {}
    for number, node in enumerate(nodes):
        for child in _listed(node, "children", path):
            child = number_in(child, len(nodes), path, f"a child of node {number}")
            if child in above:
                raise MocapError(f"{path} is damaged: node {child} hangs on two others")
            above[child] = number
    order: list[int] = []
    places: dict[int, int] = {}
    waiting = [number for number in range(len(nodes)) if number not in above][::-1]
    while waiting:
        node = waiting.pop()
        places[node] = len(order)
        order.append(node)
        waiting += _listed(nodes[node], "children", path)[::-1]
    if len(order) < len(nodes):
        raise MocapError(f"{path} is damaged: some of its nodes hang on each other in a circle")
    return tuple(order), tuple(places[above[node]] if node in above else -1 for node in order)


def _listed(node: dict[str, Any], key: str, path: Path) -> list[Any]:
    found = node.get(key, [])
    if not isinstance(found, list):
        raise MocapError(f"{path} is damaged: the {key} of a node are no list")
    return found


def _local(path: Path, node: dict[str, Any], number: int) -> np.ndarray:
    """(4, 4): where a node stands in its parent."""
    if "matrix" in node:
        return _numbers(path, node["matrix"], 16, number).reshape(4, 4).T
    from scipy.spatial.transform import Rotation

    place, turn, scale = (
        _numbers(path, node.get(key, usual), len(usual), number)
        for key, usual in (("translation", (0, 0, 0)), ("rotation", (0, 0, 0, 1)), ("scale", (1, 1, 1)))
    )
    if not np.linalg.norm(turn) > 0:
        raise MocapError(f"{path} is damaged: the rotation of node {number} is none")
    found = np.eye(4)
    found[:3, :3] = Rotation.from_quat(turn).as_matrix() * scale
    found[:3, 3] = place
    return found


def _numbers(path: Path, values: Any, count: int, node: int) -> np.ndarray:
    if not isinstance(values, list | tuple) or len(values) != count or not all(map(_is_number, values)):
        raise MocapError(f"{path} is damaged: node {node} should be placed by {count} numbers")
    return np.array(values, np.float64)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e12


def turned(world: np.ndarray, path: Path, name: str) -> np.ndarray:
    """(3, 3): the rotation of a node that stands so (4, 4). MocapError where it is mirrored or stretched."""
    axes = world[:3, :3]
    sizes = np.linalg.norm(axes, axis=0)
    if not sizes.min() > 0:
        raise MocapError(f"{path}: the joint {shown(name)} has a scale of nothing")
    axes = axes / sizes
    if np.linalg.det(axes) < 0:
        raise MocapError(f"{path}: the joint {shown(name)} is mirrored by a negative scale: apply it and export again")
    uneven = np.ptp(sizes) > _EVEN * sizes.max() or np.abs(axes.T @ axes - np.eye(3)).max() > _EVEN
    if uneven:
        raise MocapError(
            f"{path}: the joint {shown(name)} is scaled differently along its axes, so that its bones have no lengths "
            "of their own: apply the scale in your 3D program and export again"
        )
    left, _, right = np.linalg.svd(axes)
    return left @ right
