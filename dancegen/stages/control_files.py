"""What other programs paint a dance from: its poses for their editors, and ComfyUI workflows that find its pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.codecs import VIDEO_FILES
from dancegen.renderers.film.frames import FRAMES
from dancegen.renderers.skeleton.comfyui import (
    ANIMATEDIFF,
    WAN_VACE,
    Pictures,
    Workflow,
    animatediff_workflow,
    wan_vace_workflow,
)
from dancegen.store import Artifact, FileEntry, Output, hash_file, write_text

if TYPE_CHECKING:
    from dancegen.pose.sequence import PoseSequence

JSON, FRAME_JSON = "openpose.json", "poses"
WORKFLOWS = {ANIMATEDIFF: animatediff_workflow, WAN_VACE: wan_vace_workflow}


def write_controls(directory: Path, sequence: PoseSequence) -> None:
    """The poses as they are drawn: all in openpose.json, which ComfyUI's nodes read, and a file a frame in poses/,
    which the OpenPose editor of Stable Diffusion's web UI reads.

    Both leave out joints whose confidence is under 1, so that of a joint that is there is 1.
    """
    import numpy as np

    from dancegen.pose.openpose_json import write_frame_json, write_openpose_json

    def sure(points: np.ndarray | None) -> np.ndarray | None:
        if points is None:
            return None
        return np.concatenate([points[..., :2], (points[..., 2:] > 0).astype(points.dtype)], axis=-1)

    drawn = replace(
        sequence, keypoints=sure(sequence.keypoints), hands=sure(sequence.hands), face=sure(sequence.face)
    )  # fmt: skip
    (directory / FRAME_JSON).mkdir()
    write_openpose_json(drawn, directory / JSON)
    write_frame_json(drawn, directory / FRAME_JSON)


def write_workflows(artifact: Artifact, output: Output) -> None:
    """ComfyUI workflows beside a copy of a render that has pictures and poses; they name that folder.

    Raises Taken where something else lies there.
    """
    names = {entry.path for entry in artifact.files}
    video = next((name for name in VIDEO_FILES if name in names), None)
    if output.is_file or JSON not in names or video is None:
        return
    folder = Path(output.path).resolve()
    said = artifact.summary
    pictures = Pictures(
        str(folder / FRAMES), str(folder / video), tuple(said["size"]), float(said["fps"]), int(said["frames"])
    )
    for name, make in WORKFLOWS.items():
        _write(artifact, output, folder / name, make(pictures))


def _write(artifact: Artifact, output: Output, path: Path, workflow: Workflow) -> None:
    text = json.dumps(workflow, indent=2, ensure_ascii=False) + "\n"
    if not (path.is_file() and path.read_bytes() == text.encode()):
        output.look({path: ""})
        write_text(path, text)
    if output.exported is not None:
        output.exported.remember(artifact, [FileEntry(path.name, path.stat().st_size, hash_file(path))])
