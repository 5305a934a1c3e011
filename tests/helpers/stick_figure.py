"""Writes a BVH file of a person with any joint names, who stands with arms spread and faces +z."""

from __future__ import annotations

from pathlib import Path

import numpy as np

# role: (parent, offset in centimetres), left is +x
FIGURE = {
    "hips": (None, (0, 95, 0)),
    "spine": ("hips", (0, 25, 0)),
    "neck": ("spine", (0, 27, 0)),
    "head": ("neck", (0, 8, 0)),
    "l_shoulder": ("spine", (18, 22, 0)),
    "l_elbow": ("l_shoulder", (28, 0, 0)),
    "l_wrist": ("l_elbow", (25, 0, 0)),
    "r_shoulder": ("spine", (-18, 22, 0)),
    "r_elbow": ("r_shoulder", (-28, 0, 0)),
    "r_wrist": ("r_elbow", (-25, 0, 0)),
    "l_hip": ("hips", (9, -4, 0)),
    "l_knee": ("l_hip", (0, -42, 0)),
    "l_ankle": ("l_knee", (0, -42, 0)),
    "r_hip": ("hips", (-9, -4, 0)),
    "r_knee": ("r_hip", (0, -42, 0)),
    "r_ankle": ("r_knee", (0, -42, 0)),
}
TIPS = {"head": (0, 18, 0), "l_ankle": (0, -5, 14), "r_ankle": (0, -5, 14), "l_wrist": (8, 0, 0), "r_wrist": (-8, 0, 0)}

MIXAMO = {
    "hips": "mixamorig:Hips",
    "spine": "mixamorig:Spine",
    "neck": "mixamorig:Neck",
    "head": "mixamorig:Head",
} | {
    f"{s}_{role}": f"mixamorig:{side}{name}"
    for s, side in (("l", "Left"), ("r", "Right"))
    for role, name in {
        "shoulder": "Arm",
        "elbow": "ForeArm",
        "wrist": "Hand",
        "hip": "UpLeg",
        "knee": "Leg",
        "ankle": "Foot",
    }.items()
}


def write_bvh(path: Path, names: dict[str, str], turns: dict[str, np.ndarray], *, frames: int = 30, axes=None) -> Path:
    """`turns`: degrees about z, y, x by role, (frames, 3), applied in this order. `axes` (3, 3) turns all offsets."""
    axes = np.eye(3) if axes is None else np.asarray(axes)
    lines: list[str] = ["HIERARCHY"]
    order: list[str] = []

    def block(role: str) -> None:
        order.append(role)
        lines.extend([f"{'JOINT' if FIGURE[role][0] else 'ROOT'} {names[role]}", "{", _offset(FIGURE[role][1])])
        position = "" if FIGURE[role][0] else "Xposition Yposition Zposition "
        lines.append(f"CHANNELS {6 if position else 3} {position}Zrotation Yrotation Xrotation")
        for child in FIGURE:
            if FIGURE[child][0] == role:
                block(child)
        if role in TIPS:
            lines.extend(["End Site", "{", _offset(TIPS[role]), "}"])
        lines.append("}")

    def _offset(offset) -> str:
        x, y, z = axes @ np.asarray(offset, dtype=float)
        return f"OFFSET {x} {y} {z}"

    block("hips")
    lines.extend(["MOTION", f"Frames: {frames}", "Frame Time: 0.0333333"])
    root = axes @ np.asarray(FIGURE["hips"][1], dtype=float)
    for frame in range(frames):
        row = list(root)
        for role in order:
            row.extend(turns[role][frame] if role in turns else (0.0, 0.0, 0.0))
        lines.append(" ".join(f"{value:.6f}" for value in row))
    path.write_text("\n".join(lines) + "\n")
    return path
