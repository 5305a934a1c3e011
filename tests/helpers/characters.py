"""Rigged characters of other programs, made here: their names, their rest pose, the axes of their bones, their unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from dancegen.motion.body import AT, NAMES, PARENTS, Body
from dancegen.motion.characters.glb_file import read_glb
from dancegen.motion.export.glb import HUMANOID
from dancegen.motion.export.gltf import INDICES, VERTICES, Gltf
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.rotations import about

_MIDDLE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_SIDED = ("hip", "knee", "ankle", "toe", "collar", "shoulder", "elbow", "wrist", "hand")


def _names(middle: str, sided: str, pattern: str, sides: str = "Left Right") -> dict[str, str]:
    """By our joints, the names of a program. pattern: with {side} and {bone}."""
    found = dict(zip(_MIDDLE, middle.split(), strict=True))
    for side, word in zip("lr", sides.split(), strict=True):
        for joint, bone in zip(_SIDED, sided.split(), strict=True):
            found[f"{side}_{joint}"] = pattern.format(side=word, bone=bone)
    return found


STYLES = {
    "mixamo": _names(
        "mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck mixamorig:Head",
        "UpLeg Leg Foot ToeBase Shoulder Arm ForeArm Hand HandMiddle1", "mixamorig:{side}{bone}",
    ),
    "vrm": _names(
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head",
        "UpperLeg LowerLeg Foot ToeBase Shoulder UpperArm LowerArm Hand Middle1", "J_Bip_{side}_{bone}", "L R",
    ),
    "unreal": _names(
        "pelvis spine_01 spine_02 spine_03 neck_01 head",
        "thigh calf foot ball clavicle upperarm lowerarm hand middle_01", "{bone}_{side}", "l r",
    ),
    "rigify": _names(
        "DEF-spine DEF-spine.001 DEF-spine.002 DEF-spine.003 DEF-spine.004 DEF-spine.006",
        "thigh shin foot toe shoulder upper_arm forearm hand f_middle.01", "DEF-{bone}.{side}", "L R",
    ),
    "daz": _names(
        "hip abdomen abdomen2 chest neck head",
        "Thigh Shin Foot Toe Collar Shldr ForeArm Hand Mid1", "{side}{bone}", "l r",
    ),
}  # fmt: skip
CHILD = {
    "hips": 0.16, "shoulders": 0.24, "trunk": 0.36, "neck": 0.16, "thigh": 0.24, "shank": 0.2, "upper_arm": 0.17,
    "forearm": 0.15,
}  # fmt: skip
"""Measures of a short figure: thighs longer than shanks, hips wide for its legs."""
SHORT = Body.of(CHILD, 1.1)


@dataclass(frozen=True)
class Rig:
    """How a character is rigged. arms_down, legs_out: degrees of an A-pose. axes: "world", or "bones" of any direction.

    armature: an outer node that is scaled by 0.01 and lies on its side, as Blender and Mixamo leave it. facing: degrees
    about the vertical. above: metres that the origin is above the floor.
    """

    style: str = "mixamo"
    arms_down: float = 0.0
    legs_out: float = 0.0
    axes: str = "world"
    armature: bool = False
    facing: float = 0.0
    body: Body = SHORT

    def stands(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the joints are at rest (24, 3), and how the bones are turned from the T (24, 3, 3)."""
        local = np.tile(np.eye(3), (len(NAMES), 1, 1))
        local[0] = about(1, np.deg2rad(self.facing))
        for side, sign in (("l", 1.0), ("r", -1.0)):
            local[AT[f"{side}_shoulder"]] = about(2, -sign * np.deg2rad(self.arms_down))
            local[AT[f"{side}_hip"]] = about(2, sign * np.deg2rad(self.legs_out))
            local[AT[f"{side}_ankle"]] = about(2, -sign * np.deg2rad(self.legs_out))
        rest = Mannequin.of(self.body).rest
        places, turned = np.zeros_like(rest), np.zeros_like(local)
        for joint, parent in enumerate(PARENTS):
            outer, origin = (np.eye(3), rest[0]) if parent < 0 else (turned[parent], places[parent])
            places[joint] = origin + (outer @ (rest[joint] - rest[parent]) if parent >= 0 else 0.0)
            turned[joint] = outer @ local[joint]
        places[:, 1] -= places[[AT["l_ankle"], AT["r_ankle"]], 1].min() - rest[[AT["l_ankle"]], 1].min()
        return places, turned

    def axes_of(self, joint: int) -> np.ndarray:
        """(3, 3): how a bone's own axes lie in it, in the T."""
        if self.axes == "world":
            return np.eye(3)
        return Rotation.random(random_state=joint).as_matrix()


def write_character(path: Path, rig: Rig, **extra: object) -> Path:
    """A GLB with the mannequin's mesh on a skeleton that is rigged so, with a material and an animation of its own.

    extra: more entries of its JSON.
    """
    figure, (places, turned) = Mannequin.of(rig.body), rig.stands()
    names = STYLES[rig.style]
    outer = np.eye(4)
    if rig.armature:
        outer[:3, :3] = 0.01 * about(0, np.pi / 2)
    world = [outer @ _placed(np.linalg.inv(outer), turned[j] @ rig.axes_of(j), places[j]) for j in range(len(NAMES))]
    file = Gltf()
    root = file.add("nodes", {"name": "Armature", **_local(np.linalg.inv(np.eye(4)) @ outer)})
    nodes = []
    for joint, parent in enumerate(PARENTS):
        above = outer if parent < 0 else world[parent]
        nodes.append(file.add("nodes", {"name": names[NAMES[joint]], **_local(np.linalg.inv(above) @ world[joint])}))
        file.document["nodes"][root if parent < 0 else nodes[parent]].setdefault("children", []).append(nodes[joint])
    vertices, normals = figure.posed(places, turned)
    inverse = np.stack([np.linalg.inv(each).T for each in world]).astype(np.float32)
    skin = {"joints": nodes, "inverseBindMatrices": file.accessor(inverse, "MAT4")}
    attributes = {
        "POSITION": file.accessor(vertices.astype(np.float32), "VEC3", target=VERTICES, bounds=True),
        "NORMAL": file.accessor(normals.astype(np.float32), "VEC3", target=VERTICES),
        "JOINTS_0": file.accessor(figure.joints, "VEC4", target=VERTICES),
        "WEIGHTS_0": file.accessor(figure.weights, "VEC4", target=VERTICES),
    }
    faces = file.accessor(figure.faces.astype(np.uint32).reshape(-1), "SCALAR", target=INDICES)
    red = {"name": "Red", "pbrMetallicRoughness": {"baseColorFactor": [0.6, 0.1, 0.1, 1.0], "metallicFactor": 0.0}}
    mesh = {"primitives": [{"attributes": attributes, "indices": faces, "material": file.add("materials", red)}]}
    shown = file.add("nodes", {"name": "Body", "mesh": file.add("meshes", mesh), "skin": file.add("skins", skin)})
    file.document["scenes"] = [{"nodes": [root, shown]}]
    idle = [(nodes[-1], "rotation", np.tile(np.eye(3), (2, 1, 1)))]
    file.document["animations"] = [file.animation("Idle", 30.0, 2, idle)]
    file.document |= extra
    file.write(path)
    return path


def _placed(into: np.ndarray, turned: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(4, 4) of a node in a parent that undoes `into`: it stands at a place and is turned so."""
    found = np.eye(4)
    scale = np.cbrt(np.linalg.det(into[:3, :3]))
    found[:3, :3] = into[:3, :3] / scale @ turned
    found[:3, 3] = into[:3, :3] @ place
    return found


def _local(matrix: np.ndarray) -> dict[str, list[float]]:
    sizes = np.linalg.norm(matrix[:3, :3], axis=0)
    return {
        "translation": matrix[:3, 3].tolist(),
        "rotation": Rotation.from_matrix(matrix[:3, :3] / sizes).as_quat().tolist(),
        "scale": sizes.tolist(),
    }


def write_avatar(path: Path) -> Path:
    """A VRM 1.0 avatar: the short figure, its humanoid bones named as the specification says."""
    write_character(path, Rig("vrm"))
    found = read_glb(path)
    at = {node.get("name"): number for number, node in enumerate(found.document["nodes"])}
    bones = {bone: {"node": at[STYLES["vrm"][name]]} for name, bone in HUMANOID.items()}
    meta = {"name": "Short", "authors": ["dancegen"], "licenseUrl": "https://vrm.dev/licenses/1.0/"}
    vrm = {"specVersion": "1.0", "meta": meta, "humanoid": {"humanBones": bones}}
    found.document.update(extensionsUsed=["VRMC_vrm"], extensions={"VRMC_vrm": vrm})
    Gltf(found.document, found.binary).write(path)
    return path
