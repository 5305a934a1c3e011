"""Reads motion as parameters of SMPL: AIST++'s and EDGE's pickles, AMASS's .npz, and what video models write.

SMPL (Loper et al., 2015) turns 24 joints relative to their parents. The model file, which needs a licence, is not
needed: joints and rotations follow from the angles and a skeleton alone, and the one in EDGE's code (Tseng et al., CVPR
2023, `vis.py`) is used for everybody. A dancer's own shape (`betas`), a matter of centimetres, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import MocapError, reading
from dancegen.files import array_names, load_arrays
from dancegen.motion.body import NAMES, PARENTS
from dancegen.motion.kinematics import Armature, forward_kinematics
from dancegen.motion.motion import Motion
from dancegen.motion.readers.databases import is_aist_file
from dancegen.motion.readers.mocap import to_motion
from dancegen.motion.readers.pickles import PICKLES, load_pickle
from dancegen.motion.readers.protocol import Hints, Reader, has_word, is_there
from dancegen.progress import Progress
from dancegen.rates import known_rate

JOINTS = len(NAMES)
OFFSETS = np.array(
    [
        (0.0, 0.0, 0.0), (0.05858135, -0.08228004, -0.01766408), (-0.06030973, -0.09051332, -0.01354254),
        (0.00443945, 0.12440352, -0.03838522), (0.04345142, -0.38646945, 0.008037),
        (-0.04325663, -0.38368791, -0.00484304), (0.00448844, 0.1379564, 0.02682033),
        (-0.01479032, -0.42687458, -0.037428), (0.01905555, -0.4200455, -0.03456167),
        (-0.00226458, 0.05603239, 0.00285505), (0.04105436, -0.06028581, 0.12204243),
        (-0.03483987, -0.06210566, 0.13032329), (-0.0133902, 0.21163553, -0.03346758),
        (0.07170245, 0.11399969, -0.01889817), (-0.08295366, 0.11247234, -0.02370739),
        (0.01011321, 0.08893734, 0.05040987), (0.12292141, 0.04520509, -0.019046),
        (-0.11322832, 0.04685326, -0.00847207), (0.2553319, -0.01564902, -0.02294649),
        (-0.26012748, -0.01436928, -0.03126873), (0.26570925, 0.01269811, -0.00737473),
        (-0.26910836, 0.00679372, -0.00602676), (0.08669055, -0.01063603, -0.01559429),
        (-0.0887537, -0.00865157, -0.01010708),
    ]
)  # fmt: skip
"""(24, 3) metres: each joint from its parent in the rest pose, as EDGE's code has them."""
BODY_JOINTS = 22
"""The joints that SMPL-H and SMPL-X share with SMPL; their own hands follow."""
AIST_FPS, VIDEO_FPS = 60.0, 30.0
"""Rates of formats that state none: AIST++'s, and those of EDGE and of models that look at video."""


@dataclass(frozen=True)
class SmplParameters:
    """poses: (T, 24, 3) axis-angle; trans: (T, 3) metres, where the root joint is. fps: None where it is not stated."""

    poses: np.ndarray
    trans: np.ndarray
    fps: float | None
    usual_fps: float

    def armature(self) -> Armature:
        """The skeleton in motion, in metres and the file's own axes."""
        from scipy.spatial.transform import Rotation

        frames = len(self.poses)
        local = Rotation.from_rotvec(self.poses.reshape(-1, 3)).as_matrix().reshape(frames, JOINTS, 3, 3)
        translations = np.repeat(OFFSETS[None], frames, axis=0)
        translations[:, 0] = self.trans
        positions, rotations = forward_kinematics(PARENTS, translations, local)
        rest, _ = forward_kinematics(PARENTS, OFFSETS[None], np.broadcast_to(np.eye(3), (1, JOINTS, 3, 3)))
        return Armature(NAMES, PARENTS, rest[0], positions, rotations, self.fps, metres_per_unit=1.0)


def read_smpl(path: str | Path) -> SmplParameters:
    """The SMPL parameters in a file. Raises MocapError where it holds none, or runs code when it is read."""
    path = Path(path)
    with reading(path, "file of SMPL parameters", MocapError):
        return _parameters(_contents(path), path)


def _contents(path: Path) -> Mapping[str, Any]:
    if path.suffix.lower() == ".npz":
        return load_arrays(path, "file of SMPL parameters", MocapError, needed=(), optional=_WANTED)
    found = load_pickle(path)
    if not isinstance(found, Mapping):
        raise MocapError(f"{path} holds a {type(found).__name__} where SMPL parameters are a dictionary")
    for group in _GROUPS:
        if isinstance(found.get(group), Mapping):
            return found[group]
    return found


_GROUPS = ("smpl_params_global", "smpl_params")
"""Where GVHMR and its kin keep the parameters of the body in the room."""
_WANTED = (
    "poses", "trans", "mocap_framerate", "mocap_frame_rate", "smpl_poses", "smpl_trans", "smpl_scaling",
    "global_orient", "body_pose", "transl", "pose_body", "root_orient", "fps",
)  # fmt: skip


def _parameters(found: Mapping[str, Any], path: Path) -> SmplParameters:
    fps = next((known_rate(_number(found[name], name, path)) for name in _RATES if name in found), None)
    if "smpl_poses" in found:  # AIST++, EDGE
        scale = _number(found["smpl_scaling"], "smpl_scaling", path) if "smpl_scaling" in found else 1.0
        if not scale > 0:
            raise MocapError(f"{path}: smpl_scaling is {scale:g}; it should be above zero")
        usual = AIST_FPS if "smpl_scaling" in found else VIDEO_FPS
        return _checked(path, found["smpl_poses"], _get(found, ("smpl_trans",), path), scale, fps, usual)
    if "poses" in found:  # AMASS
        return _checked(path, found["poses"], _get(found, ("trans", "transl"), path), 1.0, fps, AIST_FPS)
    root, body = _get(found, ("global_orient", "root_orient"), path), _get(found, ("body_pose", "pose_body"), path)
    root, body = (np.asarray(values, np.float64).reshape(len(values), -1) for values in (root, body))
    if len(root) != len(body):
        raise MocapError(f"{path}: {len(root)} frames of the root belong to {len(body)} of the body")
    poses = np.concatenate([root, body], axis=1)
    return _checked(path, poses, _get(found, ("transl", "trans"), path), 1.0, fps, VIDEO_FPS)


_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")


def _get(found: Mapping[str, Any], names: tuple[str, ...], path: Path) -> Any:
    for name in names:
        if name in found:
            return found[name]
    has = ", ".join(map(str, list(found)[:8])) or "nothing"
    raise MocapError(f"{path} holds no SMPL parameters: {' or '.join(names)} is missing; it has {has}")


def _number(value: Any, name: str, path: Path) -> float:
    values = np.asarray(value, np.float64).ravel()
    if values.size != 1 or not np.isfinite(values[0]):
        raise MocapError(f"{path}: {name} should be one number")
    return float(values[0])


def _checked(path: Path, poses: Any, trans: Any, scale: float, fps: float | None, usual: float) -> SmplParameters:
    poses, trans = np.asarray(poses, np.float64), np.asarray(trans, np.float64)
    poses = poses.reshape(len(poses), -1)
    joints = poses.shape[1] // 3
    if poses.shape[1] % 3 or joints < BODY_JOINTS or trans.shape != (len(poses), 3):
        raise MocapError(f"{path}: poses {poses.shape} and places {trans.shape} are not those of one SMPL body")
    if len(poses) < 2:
        raise MocapError(f"{path} is one pose, and not a motion")
    broken = ~(np.isfinite(poses).all(axis=1) & np.isfinite(trans).all(axis=1))
    if broken.any():
        raise MocapError(
            f"{path}: frame {int(broken.argmax())} is not a number ({broken.sum()} of {len(poses)} frames)"
        )
    kept = np.zeros((len(poses), JOINTS, 3))
    # Of SMPL-H and SMPL-X the wrists are the last joints that are the same; there the fingers begin.
    count = JOINTS if joints == JOINTS else BODY_JOINTS
    kept[:, :count] = poses[:, : 3 * count].reshape(-1, count, 3)
    return SmplParameters(kept, trans / scale, fps, usual)


def _read(path: Path, hints: Hints, progress: Progress) -> Motion:
    found = read_smpl(path)
    fps = hints.fps or found.fps
    if fps is None:
        fps = found.usual_fps
        progress.say(f"{path.name} says no frame rate: {fps:g} frames a second are assumed (--source-fps).")
    return to_motion(found.armature(), path, fps, hints, progress)


def _claims(path: Path) -> bool:
    """By the names of the arrays, which stand in a .npz's directory and before the arrays of a pickle.

    What is so damaged that it has none is claimed too, and a file of AIST++'s by its place: neither is passed over.
    """
    if path.suffix.lower() == ".npz" and is_there(path):
        with suppress(OSError):
            names = array_names(path)
            return not names or bool(names & {"smpl_poses", "body_pose", "pose_body"}) or {"poses", "trans"} <= names
        return True
    if path.suffix.lower() not in PICKLES or not is_there(path):
        return False
    if is_aist_file(path, "keypoints3d") or is_aist_file(path, "keypoints2d"):
        return False
    return is_aist_file(path, "motions") or has_word(path, b"smpl_poses", b"body_pose", b"pose_body")


READER = Reader("SMPL parameters (.pkl of AIST++ or EDGE, .npz of AMASS)", _claims, _read)
