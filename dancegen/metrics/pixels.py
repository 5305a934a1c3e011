"""How good is a rendered video: does it flicker, and does it show the pose that was asked for?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.geometry import body_height, place
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY

LONGEST_SIDE = 512
"""Pixels of the longer side that frames are reduced to, so that figures of any size compare."""
PCK_REACH = 0.1  # body heights


def flicker(frames: Iterable[np.ndarray]) -> float:
    """Mean warping error of (H, W, 3) uint8 frames, 0..1: how much pixels change beyond what moves. nan for one frame.

    Each frame is compared with the one before, carried along the optical flow (DIS, Kroeger et al., ECCV 2016), where
    the flow there and back agree to a pixel; mean absolute difference of the channels. Warping error as in Lai et al.,
    "Learning Blind Video Temporal Consistency" (ECCV 2018), with DIS in place of FlowNet2.
    """
    import cv2

    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    errors: list[float] = []
    before = None
    for frame in frames:
        after = _reduced(frame)
        if before is not None:
            errors.append(_warping_error(dis, before, after))
        before = after
    return float(np.nanmean(errors)) if np.isfinite(errors).any() else float("nan")


def pose_fidelity(detected: PoseSequence, requested: PoseSequence) -> tuple[float, float]:
    """(PCK, mean error): does a video show the dance it was painted from? Both sequences in the video's pixels.

    PCK: share of the requested body joints found within 0.1 body heights (Yang and Ramanan, TPAMI 2013); a joint that
    was not detected is not found. The error, in body heights, is of the joints that were detected; nan if none was.
    Frames are compared at the detected rate. Raises PoseError where the two lie on canvases of different size.
    """
    if detected.size != requested.size:
        raise PoseError(f"poses on {detected.size} pixels cannot be compared with poses on {requested.size}")
    height = body_height(requested.keypoints)
    wanted = requested.resample(detected.fps).keypoints[:, BODY]
    frames = min(len(wanted), len(detected))
    wanted, found = wanted[:frames], detected.keypoints[:frames, BODY]
    asked, seen = wanted[..., 2] > 0, found[..., 2] > 0
    distance = np.linalg.norm(found[..., :2] - wanted[..., :2], axis=-1) / height
    both = asked & seen
    error = float(distance[both].mean()) if both.any() else float("nan")
    return float((both & (distance < PCK_REACH)).sum() / max(asked.sum(), 1)), error


def placed_like(requested: PoseSequence, detected: PoseSequence) -> PoseSequence:
    """The requested dance moved to where the detected one is, by one scale and one shift for the whole clip.

    Where on the picture the dancer is, a renderer chooses. Least squares over the joints that both have, of which the
    worst fifth does not count; with fewer than ten there is nothing to go by, and the dance is fitted into the picture.
    """
    wanted = requested.resample(detected.fps)
    frames = min(len(wanted), len(detected))
    theirs, ours = wanted.keypoints[:frames, BODY], detected.keypoints[:frames, BODY]
    both = (theirs[..., 2] > 0) & (ours[..., 2] > 0)
    a, b = (points[both][:, :2].astype(np.float64) for points in (theirs, ours))
    if len(a) < 10 or np.ptp(a) == 0:
        return requested.fitted(detected.size)
    scale, a0, b0 = _scale_and_centres(a, b)
    for _ in range(2):
        apart = np.linalg.norm((a - a0) * scale + b0 - b, axis=-1)
        kept = apart <= np.percentile(apart, 80)
        scale, a0, b0 = _scale_and_centres(a[kept], b[kept])
    keypoints = place(wanted.keypoints, scale, b0 - (a0 + 0.5) * scale + 0.5)
    return PoseSequence(keypoints, detected.fps, detected.size, wanted.start_s)


def _scale_and_centres(a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The scale that brings points (N, 2) nearest to others by least squares about their means, and the means."""
    a0, b0 = a.mean(axis=0), b.mean(axis=0)
    return max(float(((a - a0) * (b - b0)).sum() / ((a - a0) ** 2).sum()), 1e-3), a0, b0


def _warping_error(dis, before: np.ndarray, after: np.ndarray) -> float:
    import cv2

    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after)]
    back, there = dis.calc(grey[1], grey[0], None), dis.calc(grey[0], grey[1], None)
    rows, columns = np.indices(grey[0].shape, np.float32)
    x, y = columns + back[..., 0], rows + back[..., 1]
    warped = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    returned = cv2.remap(there, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = (x >= 0) & (y >= 0) & (x <= x.shape[1] - 1) & (y <= y.shape[0] - 1)
    shown = inside & (np.linalg.norm(back + returned, axis=-1) < 1)
    if not shown.any():
        return float("nan")
    return float(np.abs(warped[shown].astype(np.float32) - after[shown]).mean() / 255)


def _reduced(frame: np.ndarray) -> np.ndarray:
    import cv2

    scale = LONGEST_SIDE / max(frame.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(frame)
    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
