"""AIST++ as it is published, made here: a dance as rotations, as joints in space and as nine cameras see it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from dancegen.motion.body import AT, NAMES
from dancegen.motion.pinhole import Pinhole
from dancegen.motion.readers.smpl import SmplParameters
from dancegen.pose.keypoint_sets import COCO_17
from helpers.songs import write_click

FPS, SCALE, FLOOR_CM = 60.0, 95.0, 75.0
SIZE = (1920, 1080)
_FACE = {"nose": (0, 0.04, 0.1), "l_eye": (0.03, 0.07, 0.08), "r_eye": (-0.03, 0.07, 0.08), "l_ear": (0.07, 0.05, 0),
         "r_ear": (-0.07, 0.05, 0)}  # fmt: skip


def parameters(seconds: float, beat_s: float = 0.5, first: float = 0.0) -> SmplParameters:
    """Somebody who lifts a knee and swings the arms with every beat, and sways."""
    times = np.arange(round(seconds * FPS)) / FPS
    phase = np.pi * (times / beat_s + first)
    poses = np.zeros((len(times), len(NAMES), 3))
    for side, sign in (("l", 1), ("r", -1)):
        lift = 0.6 * np.maximum(sign * np.sin(phase), 0)
        poses[:, AT[f"{side}_hip"], 0] = -lift
        poses[:, AT[f"{side}_knee"], 0] = 2 * lift
        poses[:, AT[f"{side}_shoulder"], 2] = -sign * (0.9 + 0.4 * np.sin(phase))
    trans = np.stack([0.15 * np.sin(phase / 2), np.full_like(times, 0.93), 0.1 * np.sin(times)], axis=1)
    return SmplParameters(poses, trans, FPS, FPS)


def coco(found: SmplParameters) -> np.ndarray:
    """(T, 17, 3) COCO-17 joints in centimetres over AIST++'s floor."""
    places = found.armature().positions
    joints = np.zeros((len(places), 17, 3))
    for column, name in enumerate(COCO_17):
        joints[:, column] = places[:, AT["head"]] + _FACE[name] if name in _FACE else places[:, AT[name]]
    return joints * 100 + [0, FLOOR_CM, 0]


def cameras() -> list[Pinhole]:
    """Nine round the dancer, five metres away."""
    made = []
    for number in range(9):
        azimuth = 2 * np.pi * number / 9
        eye = np.array([500 * np.sin(azimuth), 170 + FLOOR_CM, 500 * np.cos(azimuth)])
        ahead = np.array([0, 90 + FLOOR_CM, 0]) - eye
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, [0, 1, 0])
        right /= np.linalg.norm(right)
        turned = np.stack([right, np.cross(ahead, right), ahead])
        matrix = np.array([[1300.0, 0, 960], [0, 1300, 540], [0, 0, 1]])
        made.append(Pinhole(f"c{number + 1:02d}", SIZE, matrix, turned, -turned @ eye, (-0.11, 0, 0, 0, 0)))
    return made


def described(camera: Pinhole) -> dict:
    """A camera as the published files describe it."""
    return {
        "name": camera.name, "size": list(camera.size), "matrix": camera.matrix.tolist(),
        "distortions": list(camera.distortion), "rotation": Rotation.from_matrix(camera.rotation).as_rotvec().tolist(),
        "translation": camera.translation.tolist(),
    }  # fmt: skip


def seen(joints: np.ndarray) -> np.ndarray:
    """(9, T, 17, 3) float32: where the cameras see joints in centimetres, with scores."""
    views = np.stack([camera.pixels(joints) for camera in cameras()])
    return np.concatenate([views, np.full((*views.shape[:3], 1), 0.9)], axis=-1).astype(np.float32)


def write_pickle(path: Path, found: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(found))
    return path


def write_cameras(root: Path, sequences: list[str]) -> None:
    (root / "cameras").mkdir(parents=True)
    (root / "cameras" / "setting1.json").write_text(json.dumps([described(camera) for camera in cameras()]))
    (root / "cameras" / "mapping.txt").write_text("".join(f"{name} setting1\n" for name in sequences))


def write_2d(root: Path, sequence: str, keypoints: np.ndarray) -> Path:
    views, frames = keypoints.shape[:2]
    return write_pickle(
        root / "keypoints2d" / f"{sequence}.pkl",
        {"keypoints2d": keypoints, "det_scores": np.ones((views, frames), np.float32),
         "timestamps": np.arange(frames) * 16_667},
    )  # fmt: skip


def write_dataset(root: Path, splits: dict[str, str], seconds: float = 4.0, bpm: float = 120.0) -> Path:
    """The whole layout. splits: of each sequence "train", "val", "test" or "ignore"."""
    write_cameras(root, list(splits))
    (root / "splits").mkdir()
    lists = {"train": "crossmodal_train", "val": "crossmodal_val", "test": "crossmodal_test", "ignore": "ignore_list"}
    for split, listed in lists.items():
        names = [name for name, side in splits.items() if side == split]
        (root / "splits" / f"{listed}.txt").write_text("\n".join(names))  # the last line lacks its end
    (root / "music").mkdir()
    for number, name in enumerate(splits):
        found = parameters(seconds, 60 / bpm, 0.37 * number)
        joints = coco(found)
        kept = {"smpl_poses": found.poses.reshape(len(joints), 72), "smpl_scaling": np.array([SCALE])}
        trans = ((found.trans + np.array([0, FLOOR_CM / 100, 0])) * SCALE).astype(np.float32)
        write_pickle(root / "motions" / f"{name}.pkl", kept | {"smpl_trans": trans, "smpl_loss": 1.5})
        write_pickle(root / "keypoints3d" / f"{name}.pkl", {"keypoints3d": joints, "keypoints3d_optim": joints})
        write_2d(root, name, seen(joints))
        song = root / "music" / f"{name.split('_')[4]}.wav"
        if not song.exists():
            write_click(song, bpm, seconds + 3 + 0.1 * number)
    return root
