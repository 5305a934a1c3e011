"""A dance as glTF (GLB), with the mannequin that does it, and as VRM animation (VRMA), for avatars.

VRMC_vrm_animation 1.0 (VRM Consortium): the animation moves a humanoid in a T, which programs fit to any avatar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.motion.body import AT, NAMES, PARENTS, TURNING, BodyMotion
from dancegen.motion.export.bvh import BONES
from dancegen.motion.export.gltf import INDICES, VERTICES, Gltf
from dancegen.motion.mannequin import Mannequin

TIP_BONES = {"l_toe": "LeftToeBase", "r_toe": "RightToeBase", "l_hand": "LeftHandMiddle1", "r_hand": "RightHandMiddle1"}
"""Mixamo's names of the joints that only end a bone of ours."""
HUMANOID = {
    "pelvis": "hips", "spine1": "spine", "spine2": "chest", "spine3": "upperChest", "neck": "neck", "head": "head",
} | {
    f"{s}_{joint}": side + bone
    for s, side in (("l", "left"), ("r", "right"))
    for joint, bone in (
        ("hip", "UpperLeg"), ("knee", "LowerLeg"), ("ankle", "Foot"), ("toe", "Toes"), ("collar", "Shoulder"),
        ("shoulder", "UpperArm"), ("elbow", "LowerArm"), ("wrist", "Hand"),
    )
}  # fmt: skip
"""VRM's names of the bones that start at our joints."""
ANIMATION = "dance"
_VRM_ANIMATION = "VRMC_vrm_animation"
_PAINT = {"baseColorFactor": [0.72, 0.71, 0.69, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.75}


def write_glb(motion: BodyMotion, path: str | Path, facts: Mapping[str, Any]) -> None:
    """Skeleton, mannequin and animation: 24 joints with Mixamo's names, the rest pose a T that stands on the floor.

    facts: what the file's extras say of the dance.
    """
    figure, file = Mannequin.of(motion.body), Gltf()
    joints = _skeleton(file, figure.rest, {**BONES, **TIP_BONES})
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    inverse[:, 3, :3] = -figure.rest  # the columns of a matrix follow each other in glTF
    skin = {"joints": joints, "skeleton": joints[0], "inverseBindMatrices": file.accessor(inverse, "MAT4")}
    skinned = file.add(
        "nodes", {"name": "Mannequin", "mesh": _mesh(file, figure), "skin": file.add("skins", skin)}
    )  # fmt: skip
    _finish(file, motion, joints, [joints[0], skinned], path, facts)


def write_vrma(motion: BodyMotion, path: str | Path, facts: Mapping[str, Any]) -> None:
    """The animation of a humanoid for VRM avatars: no mesh, the rest pose a T that stands on the floor, facing +z."""
    file = Gltf()
    joints = _skeleton(file, Mannequin.of(motion.body).rest, HUMANOID)
    bones = {bone: {"node": joints[AT[name]]} for name, bone in HUMANOID.items()}
    file.document["extensionsUsed"] = [_VRM_ANIMATION]
    file.document["extensions"] = {_VRM_ANIMATION: {"specVersion": "1.0", "humanoid": {"humanBones": bones}}}
    _finish(file, motion, joints, [joints[0]], path, facts)


def _skeleton(file: Gltf, rest: np.ndarray, names: Mapping[str, str]) -> list[int]:
    """The nodes of the joints that stand at `rest` (24, 3), as far as they are named, in the order of our joints."""
    nodes = []
    for joint, parent in enumerate(PARENTS):
        offset = rest[joint] - (rest[parent] if parent >= 0 else 0.0)
        nodes.append(file.add("nodes", {"name": names.get(NAMES[joint], NAMES[joint]), "translation": offset.tolist()}))
    for node, name in zip(nodes, NAMES, strict=True):
        below = [nodes[child] for child, parent in enumerate(PARENTS) if parent == AT[name]]
        if below:
            file.document["nodes"][node]["children"] = below
    return nodes


def _mesh(file: Gltf, figure: Mannequin) -> int:
    attributes = {
        "POSITION": file.accessor(figure.vertices, "VEC3", target=VERTICES, bounds=True),
        "NORMAL": file.accessor(figure.normals, "VEC3", target=VERTICES),
        "JOINTS_0": file.accessor(figure.joints, "VEC4", target=VERTICES),
        "WEIGHTS_0": file.accessor(figure.weights, "VEC4", target=VERTICES),
    }
    faces = file.accessor(figure.faces.astype(np.uint32).reshape(-1), "SCALAR", target=INDICES)
    paint = file.add("materials", {"name": "Mannequin", "pbrMetallicRoughness": _PAINT})
    return file.add(
        "meshes",
        {"name": "Mannequin", "primitives": [{"attributes": attributes, "indices": faces, "material": paint}]},
    )  # fmt: skip


def _finish(
    file: Gltf, motion: BodyMotion, joints: Sequence[int], roots: list[int], path: str | Path, facts: Mapping[str, Any]
) -> None:
    file.document["scenes"] = [{"name": ANIMATION, "nodes": roots}]
    moves = [(joints[0], "translation", motion.root)]
    moves += [(joints[joint], "rotation", motion.rotations[:, at]) for at, joint in enumerate(TURNING)]
    file.document["animations"] = [file.animation(ANIMATION, motion.fps, len(motion), moves)]
    file.note(facts)
    file.write(path)
