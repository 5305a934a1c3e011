"""From `Detections`, everybody in every picture of a clip, to clean pieces of one dancer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dancegen.pose.cleaning.gaps import fill_gaps
from dancegen.pose.cleaning.pieces import Cleaned, Piece, Rejected
from dancegen.pose.cleaning.settings import CleaningSettings
from dancegen.pose.cleaning.tracking import track_dancer
from dancegen.pose.detections import Detections
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY, N_JOINTS

STEPS = {
    "swapped": "frames in which left and right were exchanged",
    "dropped": "joints that jumped and were taken out",
    "filled": "joints filled in",
    "smoothed": "joints moved by smoothing",
}
"""What `Piece.steps` counts."""


def clean_detections(found: Detections, settings: CleaningSettings) -> Cleaned:
    """The dancer of a clip in pieces, and the parts that are left out with their reasons."""
    edges = [0, *(int(cut) for cut in found.cuts if not settings.no_cuts), len(found)]
    pieces, rejected = [], []
    for first, last in pairwise(edges):
        bodies = found.bodies[first:last]
        chosen = track_dancer(bodies)
        nobody = np.zeros((N_JOINTS, 3), np.float32)
        seen = np.stack([nobody if who is None else body[who] for who, body in zip(chosen, bodies, strict=True)])
        filled = fill_gaps(seen, round(settings.max_gap * found.fps))
        whole = float((filled[:, BODY, 2] > 0).mean())
        poses = PoseSequence(filled, found.fps, found.size, start_s=first / found.fps)
        if poses.seconds < settings.min_seconds:
            reason = f"{poses.seconds:.1f} s long, under {settings.min_seconds:g} s"
            rejected.append(Rejected(first, last - first, reason, whole, "too short", seen))
        elif whole < 0.8:
            reason = f"no whole dancer: {1 - whole:.0%} of the joints are missing"
            rejected.append(Rejected(first, last - first, reason, whole, "no whole dancer", seen))
        else:
            pieces.append(Piece(first, poses, whole, dict.fromkeys(STEPS, 0)))
    return Cleaned(tuple(pieces), tuple(rejected), len(found), tuple(edges[1:-1]))
