"""Reads the nine cameras of AIST++: `cameras/setting1.json` and the like, and `cameras/mapping.txt`, which says whose.

Centimetres, y up in the room, as in `keypoints3d`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import MocapError, reading
from dancegen.motion.pinhole import NO_DISTORTION, Pinhole
from dancegen.text import read_json, read_text

FOLDER, MAPPING = "cameras", "mapping.txt"
MOST_CAMERAS = 99
LARGEST_SIDE = 20_000
FARTHEST = 1e6
"""Of any number that a camera is described by."""
_WHAT = "file of AIST++ cameras"
_SETTING = re.compile(r"[A-Za-z0-9_-]{1,40}")


def cameras_of(path: Path, sequence: str) -> Path | None:
    """The file of the cameras that filmed a sequence, in `cameras` in the folder of a recording or the two above.

    None where there is none. Raises MocapError where the list of them cannot be read.
    """
    for home in [*path.absolute().parents][:3]:
        mapping = home / FOLDER / MAPPING
        if not mapping.is_file():
            continue
        for line in read_text(mapping, "list of AIST++'s camera settings", MocapError).splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == sequence and _SETTING.fullmatch(words[1]):
                found = mapping.with_name(f"{words[1]}.json")
                return found if found.is_file() else None
    return None


def read_cameras(path: str | Path) -> tuple[Pinhole, ...]:
    """The cameras in a file, each of another name. Raises MocapError where it holds none, or one that is none."""
    path = Path(path)
    found = read_json(path, _WHAT, MocapError)
    with reading(path, _WHAT, MocapError):
        if not isinstance(found, list) or not 0 < len(found) <= MOST_CAMERAS:
            raise MocapError(f"{path} is not a {_WHAT}: it should be a list of them")
        cameras = tuple(_camera(each, f"{path}, camera {number}") for number, each in enumerate(found, 1))
    if len({camera.name for camera in cameras}) < len(cameras):
        raise MocapError(f"{path}: two cameras have one name")
    return cameras


def _camera(found: Any, where: str) -> Pinhole:
    from scipy.spatial.transform import Rotation

    if not isinstance(found, dict):
        raise MocapError(f"{where} is not described by names and values")
    name = found.get("name")
    if not isinstance(name, str) or not _SETTING.fullmatch(name):
        raise MocapError(f"{where} has no name")
    width, height = _numbers(found, "size", (2,), where)
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        raise MocapError(f"{where}: a picture of {width:g} x {height:g} pixels")
    matrix = _numbers(found, "matrix", (3, 3), where)
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0 and np.array_equal(matrix[2], [0, 0, 1])):
        raise MocapError(f"{where}: its matrix is not a camera's, with focal lengths above zero and 0, 0, 1 below")
    distortion = np.zeros(len(NO_DISTORTION))
    if "distortions" in found:
        distortion = _numbers(found, "distortions", (len(NO_DISTORTION),), where)
    return Pinhole(
        name=name,
        size=(round(float(width)), round(float(height))),
        matrix=matrix,
        rotation=Rotation.from_rotvec(_numbers(found, "rotation", (3,), where)).as_matrix(),
        translation=_numbers(found, "translation", (3,), where),
        distortion=tuple(distortion.tolist()),
    )


def _numbers(found: dict, name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    """The numbers under a name, as float64."""
    if name not in found:
        raise MocapError(f"{where} has no {name}")
    try:
        values = np.array(found[name], np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise MocapError(f"{where}: its {name} should be numbers") from error
    if values.shape != shape or not np.isfinite(values).all() or np.abs(values).max() > FARTHEST:
        wanted = " x ".join(map(str, shape))
        raise MocapError(f"{where}: its {name} should be {wanted} numbers, none out of all bounds")
    return values
