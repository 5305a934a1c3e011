"""How good the poses of a piece are, as one number, and whether they show a whole dancer."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from dancegen.pose.skeleton import BODY, INDEX, JOINTS

FEWEST_OF_BODY = 11
"""Of the 13 joints from neck to ankles, that a whole dancer shows: one arm or foot may be hidden for long."""
_TREMBLING = 0.02
"""Body heights of trembling at which steadiness is 1/e."""
_MOST = 9
"""Joints that need not be told one by one."""
_USUAL = 0.25
"""Share of the frames from which on a joint is named as missing."""


@dataclass(frozen=True)
class Quality:
    """0..1 each, 1 is perfect. confidence: the detector's own, of the joints it saw (its root: detectors differ).
    completeness: of the body's joints, those there are. steadiness: how little they tremble. seen: of the joints there
    are, those that were seen and not filled in."""

    confidence: float
    completeness: float
    steadiness: float
    seen: float

    @property
    def score(self) -> float:
        """All of them multiplied: every fault takes its share."""
        return self.confidence * self.completeness * self.steadiness * self.seen

    @property
    def weakest(self) -> str:
        """In words, what takes most of the score."""
        words = {
            "confidence": "the detector was unsure", "completeness": "joints are missing",
            "steadiness": "joints tremble", "seen": "many joints had to be filled in",
        }  # fmt: skip
        return words[min((each.name for each in fields(self)), key=lambda name: getattr(self, name))]


def quality_of(seen: np.ndarray, filled: np.ndarray, smoothed: np.ndarray, height: float) -> Quality:
    """Of a piece, from (T, 18, 3) keypoints as the detector saw them (missing where they were wrong), with gaps filled
    in, and smoothed; the dancer is `height` pixels tall."""
    saw, there = (keypoints[:, BODY, 2] > 0 for keypoints in (seen, filled))
    if not saw.any():
        return Quality(0.0, 0.0, 0.0, 0.0)
    off = np.linalg.norm((filled - smoothed)[:, BODY, :2], axis=-1)[saw & there] / height
    trembling = float(np.sqrt((off**2).mean())) if len(off) else 0.0
    return Quality(
        confidence=float(np.sqrt(seen[:, BODY, 2][saw].mean())),
        completeness=float(there.mean()),
        steadiness=float(np.exp(-trembling / _TREMBLING)),
        seen=float((saw & there).sum() / there.sum()) if there.any() else 0.0,
    )


def whole(keypoints: np.ndarray) -> np.ndarray:
    """(T,) bool: the frames of (T, 18, 3) keypoints that show a whole dancer."""
    return (keypoints[:, BODY, 2] > 0).sum(axis=1) >= FEWEST_OF_BODY


def missing_in_words(keypoints: np.ndarray) -> str:
    """Which joints of the body are missing, and in how much of the (T, 18, 3) keypoints' frames: "both knees and the
    left ankle are not seen in 93 % of its 40 frames"."""
    missing = keypoints[:, :, 2] <= 0
    usual = {name for name in JOINTS[BODY] if missing[:, INDEX[name]].mean() >= _USUAL}
    if not usual:
        usual = {JOINTS[joint] for joint in range(BODY.start, BODY.stop) if missing[:, joint].any()}
    if not usual:
        return f"joints are missing in some of its {len(keypoints)} frames"
    share = missing[:, [INDEX[name] for name in usual]].any(axis=1).mean()
    words = _listed(_sides(usual)) if len(usual) < _MOST else "most of the body"
    verb = "is" if len(usual) == 1 or len(usual) >= _MOST else "are"
    return f"{words} {verb} not seen in {100 * share:.0f} % of its {len(keypoints)} frames"


def _sides(names: set[str]) -> list[str]:
    """Joints in words, both sides as one, from the neck to the ankles."""
    words = ["the neck"] if "neck" in names else []
    for part, several in (
        ("shoulder", "shoulders"), ("elbow", "elbows"), ("wrist", "wrists"), ("hip", "hips"), ("knee", "knees"),
        ("ankle", "ankles"),
    ):  # fmt: skip
        sides = [side for side, letter in (("left", "l"), ("right", "r")) if f"{letter}_{part}" in names]
        words += [f"both {several}"] if len(sides) == 2 else [f"the {side} {part}" for side in sides]
    return words


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
