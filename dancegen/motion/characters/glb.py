"""A character in a GLB or VRM file: its skeleton, and the file again with a dance in it; meshes and materials stay."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import MocapError
from dancegen.motion.characters.character import Character
from dancegen.motion.characters.fitted import Fitted
from dancegen.motion.characters.glb_file import GlbFile, entries, is_noted, number_in, read_glb, turned
from dancegen.motion.export.glb import ANIMATION, HUMANOID
from dancegen.motion.export.gltf import Gltf
from dancegen.motion.kinematics import Armature
from dancegen.motion.readers.joint_names import ROLES
from dancegen.motion.readers.words import check_size
from dancegen.motion.rotations import quaternions

_VRM = ("VRMC_vrm", "VRM")
"""The extensions that say which bone is which: of VRM 1.0, and of VRM 0."""


@dataclass(frozen=True, eq=False)
class GlbCharacter:
    """A character and the file that it is in. nodes: the file's number of each joint."""

    character: Character
    file: GlbFile
    nodes: tuple[int, ...]


def read_glb_character(path: Path, named: Mapping[str, str]) -> GlbCharacter:
    """The skeleton of a GLB file, in the pose that its nodes stand in.

    Joints are the nodes that move a mesh, with all that they hang on; all nodes, where no mesh is skinned. What a VRM
    file says of its bones is believed. Raises MocapError as `read_glb` and `Character.of`.
    """
    file = read_glb(path)
    kept = _joints(file)
    at = {index: place for place, index in enumerate(kept)}
    check_size(path, len(kept), 1)
    names = tuple(file.name(file.order[index]) for index in kept)
    parents = tuple(at.get(file.parents[index], -1) for index in kept)
    rest = file.world[kept, :3, 3]
    axes = np.stack([turned(file.world[index], path, names[at[index]] or "") for index in kept])
    still = np.tile(np.eye(3), (1, len(kept), 1, 1))
    armature = Armature(names, parents, rest, rest[None], still, None)
    nodes = tuple(file.order[index] for index in kept)
    known = {role: name for role, name in _humanoid(file).items() if role not in named}
    return GlbCharacter(Character.of(path, armature, axes, {**known, **named}), file, nodes)


def _joints(file: GlbFile) -> list[int]:
    """Where in the order of nodes the skeleton's joints are."""
    nodes, place = len(file.document["nodes"]), {node: index for index, node in enumerate(file.order)}
    found: set[int] = set()
    for skin in entries(file.document, "skins", file.path):
        joints = skin.get("joints", [])
        if not isinstance(joints, list):
            raise MocapError(f"{file.path} is damaged: the joints of a skin are no list")
        found |= {place[number_in(joint, nodes, file.path, "a joint of a skin")] for joint in joints}
    found = found or set(place.values())
    for index in sorted(found, reverse=True):
        while (index := file.parents[index]) >= 0:
            found.add(index)
    return sorted(found)


def _humanoid(file: GlbFile) -> dict[str, str]:
    """The names of the bones that a VRM file says are arms, legs and head."""
    ours = {bone: name for name, bone in HUMANOID.items() if name in ROLES}
    extensions = file.document.get("extensions")
    found: dict[str, str] = {}
    for extension in _VRM:
        bones: Any = extensions
        for key in (extension, "humanoid", "humanBones"):
            bones = bones.get(key) if isinstance(bones, dict) else None
        if isinstance(bones, list):
            pairs = [(each.get("bone"), each) for each in bones if isinstance(each, dict)]
        else:
            pairs = list(bones.items()) if isinstance(bones, dict) else []
        for bone, each in pairs:
            if isinstance(bone, str) and bone in ours and isinstance(each, dict):
                node = number_in(each.get("node"), len(file.document["nodes"]), file.path, f"the bone {bone}")
                name = file.name(node)
                if name is not None:
                    found.setdefault(ours[bone], name)
    return found


def write_glb_character(found: GlbCharacter, fitted: Fitted, path: str | Path, facts: Mapping[str, Any]) -> None:
    """The character's own file with the dance as its first animation; all else in it is as it was.

    A dance that was given to it before is left out.
    """
    file, document = found.file, copy.deepcopy(found.file.document)
    gltf = Gltf(document, file.binary)
    moves = []
    parents, hips = found.character.armature.parents, found.character.hips
    for joint in fitted.moving:
        node, parent = found.nodes[joint], parents[joint]
        _placed_apart(document["nodes"][node])
        above = np.eye(3) if parent < 0 else fitted.turned[:, parent]
        if joint == hips:
            outer = np.eye(4) if parent < 0 else file.world[file.order.index(found.nodes[parent])]
            place = np.linalg.solve(outer[:3, :3], (fitted.hips - outer[:3, 3]).T).T
            moves.append((node, "translation", place))
        moves.append((node, "rotation", np.swapaxes(above, -1, -2) @ fitted.turned[:, joint]))
    others, ours = entries(document, "animations", file.path), is_noted(document)
    animation = gltf.animation(ANIMATION, fitted.fps, len(fitted), moves)
    document["animations"] = [animation, *(each for each in others if each.get("name") != ANIMATION or not ours)]
    gltf.note(facts)
    gltf.write(path)


def _placed_apart(node: dict[str, Any]) -> None:
    """A node's matrix as translation, rotation and scale, which alone can be animated."""
    if "matrix" not in node:
        return
    matrix = np.array(node.pop("matrix"), np.float64).reshape(4, 4).T
    sizes = np.linalg.norm(matrix[:3, :3], axis=0)
    node["translation"], node["scale"] = matrix[:3, 3].tolist(), sizes.tolist()
    node["rotation"] = quaternions((matrix[:3, :3] / sizes)[None])[0].tolist()
