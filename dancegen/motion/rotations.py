"""Rotations: about an axis, as matrices, in the 6D representation, and the smallest one between two directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dancegen.arrays import unit


def rotation(axis: str, degrees: np.ndarray) -> np.ndarray:
    """Right-handed rotation matrices (..., 3, 3) about "x", "y" or "z"."""
    angle = np.deg2rad(np.asarray(degrees, dtype=np.float64))
    cos, sin = np.cos(angle), np.sin(angle)
    result = np.zeros((*angle.shape, 3, 3))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    fixed = 3 - first - second
    result[..., fixed, fixed] = 1.0
    result[..., first, first] = cos
    result[..., second, second] = cos
    result[..., first, second] = -sin
    result[..., second, first] = sin
    return result


def compose(matrices: Sequence[np.ndarray]) -> np.ndarray:
    """The product of rotation matrices, the last one applied first; the identity where there are none."""
    result = np.eye(3)
    for matrix in matrices:
        result = result @ matrix
    return result


def to_6d(matrices: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotation matrices as their first two columns, (..., 6): a continuous representation.

    Zhou et al., "On the Continuity of Rotation Representations in Neural Networks" (CVPR 2019).
    """
    return np.concatenate([matrices[..., 0], matrices[..., 1]], -1)


def from_6d(values: np.ndarray) -> np.ndarray:
    """The rotation matrices (..., 3, 3) nearest to (..., 6), by Gram-Schmidt: the inverse of `to_6d`."""
    first = unit(values[..., :3])
    second = values[..., 3:]
    second = unit(second - (first * second).sum(-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], -1)


def quaternions(matrices: np.ndarray) -> np.ndarray:
    """Unit quaternions (T, ..., 4), x, y, z, w, of rotations (T, ..., 3, 3), each near the one before it.

    q and -q are the same rotation; what goes from one frame to the next needs neighbours that are near each other.
    """
    from scipy.spatial.transform import Rotation

    shape = matrices.shape[:-2]
    found = Rotation.from_matrix(np.asarray(matrices, np.float64).reshape(-1, 3, 3)).as_quat().reshape(*shape, 4)
    against = (found[1:] * found[:-1]).sum(axis=-1) < 0
    found[1:] *= np.where(np.cumsum(against, axis=0) % 2, -1.0, 1.0)[..., None]
    return found


def blended(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Rotations (T, 3, 3) so far on the shortest way from some (T, 3, 3) to others: 0 is the first, 1 the second."""
    from scipy.spatial.transform import Rotation

    between = Rotation.from_matrix(np.swapaxes(one, -1, -2) @ other).as_rotvec()
    return one @ Rotation.from_rotvec(share * between).as_matrix()


def swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotations (..., 3, 3) that turn one unit vector (3,) into others (..., 3).

    Where they are opposite, which no smallest rotation joins, it is half a turn about an axis across.
    """
    axis = np.cross(start, end)
    cosine = (start * end).sum(-1)[..., None, None]
    across = skew(axis)
    turned = np.eye(3) + across + across @ across / np.maximum(1 + cosine, 1e-6)
    if (cosine < -1 + 1e-6).any():
        other = np.eye(3)[np.abs(start).argmin()]
        pole = unit(np.cross(start, other))
        turned = np.where(cosine < -1 + 1e-6, 2 * np.outer(pole, pole) - np.eye(3), turned)
    return turned


def angle_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Radians (...), 0 to pi, of the smallest rotation that leads from some rotations (..., 3, 3) to others."""
    cosine = ((one * other).sum((-2, -1)) - 1) / 2
    return np.arccos(np.clip(cosine, -1, 1))


def turn_about(axis: np.ndarray, radians: float) -> np.ndarray:
    """The right-handed rotation (3, 3) about a unit vector (3,): Rodrigues' formula."""
    across = skew(axis)
    return np.eye(3) + np.sin(radians) * across + (1 - np.cos(radians)) * across @ across


def twist_about(axis: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Radians (...) by which rotations (..., 3, 3) about a unit vector (3,) turn; of others, the part about it."""
    lower, upper = matrices[..., (2, 0, 1), (1, 2, 0)], matrices[..., (1, 2, 0), (2, 0, 1)]
    along = np.einsum("i,...ij,j->...", axis, matrices, axis)
    cosine = np.trace(matrices, axis1=-2, axis2=-1) - along
    return np.arctan2(((lower - upper) * axis).sum(-1), cosine)


def skew(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) vectors as the matrices (..., 3, 3) that take the cross product with them."""
    x, y, z = np.moveaxis(np.asarray(vectors, np.float64), -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)


def about(axis: int, radians: np.ndarray) -> np.ndarray:
    """Right-handed rotations (..., 3, 3) about x (0), y (1) or z (2)."""
    return rotation("xyz"[axis], np.rad2deg(radians))


def frame(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) whose first axis is the unit vector x (..., 3), and the second as near y as possible."""
    y = unit(y - (x * y).sum(-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], -1)


def heading(matrices: np.ndarray) -> np.ndarray:
    """Where bodies of these orientations (..., 3, 3) face on the floor: radians (...) from +z towards +x."""
    return np.arctan2(matrices[..., 0, 2], matrices[..., 2, 2])
