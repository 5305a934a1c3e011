"""An independent reader of glTF: pygltflib finds the arrays, and the joints are placed here, by the specification."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pygltflib
from scipy.spatial.transform import Rotation

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Played:
    """A GLB whose first animation is played. fps: of its keys."""

    def __init__(self, path: Path) -> None:
        self.file = pygltflib.GLTF2().load_binary(str(path))
        self.nodes = self.file.nodes
        self.names = [node.name for node in self.nodes]
        self.parents = {child: number for number, node in enumerate(self.nodes) for child in node.children or ()}
        self.animation = self.file.animations[0]
        self.times = self.array(self.animation.samplers[0].input)[:, 0]

    @property
    def fps(self) -> float:
        return 1 / float(np.diff(self.times.astype(np.float64)).mean())

    def array(self, number: int) -> np.ndarray:
        accessor = self.file.accessors[number]
        view = self.file.bufferViews[accessor.bufferView]
        width = _WIDTHS[accessor.type]
        data = self.file.binary_blob()
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        kind = _TYPES[accessor.componentType]
        return np.frombuffer(data, kind, accessor.count * width, start).reshape(-1, width)

    def tracks(self, path: str) -> dict[int, np.ndarray]:
        """By node, the values of all channels that move its "translation" or "rotation"."""
        channels = [channel for channel in self.animation.channels if channel.target.path == path]
        return {c.target.node: self.array(self.animation.samplers[c.sampler].output) for c in channels}

    def worlds(self, frames: list[int] | None = None) -> np.ndarray:
        """(T, N, 4, 4): where all nodes are in these frames of the animation; None: at rest, T = 1."""
        count = 1 if frames is None else len(frames)
        found = np.tile(np.eye(4), (count, len(self.nodes), 1, 1))
        moves = {path: self.tracks(path) if frames is not None else {} for path in ("translation", "rotation")}
        for number in self._order():
            node = self.nodes[number]
            local = np.tile(np.eye(4), (count, 1, 1))
            assert not node.matrix or number not in moves["rotation"]
            if node.matrix:
                local[:] = np.array(node.matrix).reshape(4, 4).T
            else:
                turn = moves["rotation"].get(number, np.array([node.rotation or [0, 0, 0, 1]]))
                place = moves["translation"].get(number, np.array([node.translation or [0, 0, 0]]))
                turn, place = (each if len(each) == 1 else each[frames] for each in (turn, place))
                local[:, :3, :3] = Rotation.from_quat(turn).as_matrix() * (node.scale or [1, 1, 1])
                local[:, :3, 3] = place
            found[:, number] = local if number not in self.parents else found[:, self.parents[number]] @ local
        return found

    def positions(self, frames: list[int]) -> dict[str, np.ndarray]:
        """(T, 3) of every node by its name."""
        return dict(zip(self.names, np.moveaxis(self.worlds(frames)[:, :, :3, 3], 1, 0), strict=True))

    def skinned(self, frames: list[int] | None, skin: int = 0, mesh: int = 0) -> np.ndarray:
        """(T, V, 3): the vertices of a mesh, carried by its joints."""
        attributes = self.file.meshes[mesh].primitives[0].attributes
        joints, weights = self.array(attributes.JOINTS_0), self.array(attributes.WEIGHTS_0)
        inverse = self.array(self.file.skins[skin].inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        carried = self.worlds(frames)[:, self.file.skins[skin].joints] @ inverse
        points = self.array(attributes.POSITION)
        places = np.concatenate([points, np.ones((len(points), 1))], axis=1)
        blended = np.einsum("vk,tvkab->tvab", weights, carried[:, joints])
        return np.einsum("tvab,vb->tva", blended, places)[..., :3]

    def _order(self) -> list[int]:
        waiting, found = [number for number in range(len(self.nodes)) if number not in self.parents], []
        while waiting:
            found.append(waiting.pop())
            waiting += self.nodes[found[-1]].children or []
        return found
