"""From OpenPose's maps to people: peaks are joints, and affinities say which of them belong to one person.

The same people as controlnet-aux finds (`controlnet_aux.open_pose.body.Body`), computed on the small maps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dancegen.detectors.openpose.upsampling import Upsampling
from dancegen.pose.skeleton import N_JOINTS

# controlnet-aux's own numbers.
LEAST_PEAK, LEAST_AFFINITY = 0.1, 0.05
SAMPLES, LEAST_SHARE = 10, 0.8
"""Points between two joints at which the affinity is looked up, and how many of them must show some."""
LEAST_PARTS, LEAST_SCORE = 4, 0.4
"""Joints of a person, and the mean score of them and their limbs."""
PAIRS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
)  # fmt: skip
"""Joints between which there are affinities, in the order in which people are put together."""
CHANNELS = (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26)
"""The map of each pair's affinities along x; that along y comes next."""
JOINING_ONLY = 17
"""From this pair on none begins a new person: those from the shoulders to the ears."""


@dataclass
class _Peaks:
    """A joint's peaks: (N, 2) whole pixels x and y, and (N,) scores."""

    places: np.ndarray
    scores: np.ndarray


@dataclass
class _Person:
    """score: of the joints and of the pairs between them. parts: controlnet-aux's count of the joints."""

    score: float
    parts: int
    joints: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Link:
    """Two peaks, by their numbers, that a limb joins."""

    first: int
    second: int
    score: float


def find_people(heatmaps: np.ndarray, affinities: np.ndarray, upsampling: Upsampling) -> np.ndarray:
    """(18 or 19, h, w) heatmaps, (38, h, w) affinities -> (P, 18, 3) keypoints in pixels of the large maps.

    A joint's confidence is the heatmap's value; a missing joint is (0, 0, 0).
    """
    heatmaps, affinities = heatmaps[:N_JOINTS].astype(np.float64), affinities.astype(np.float64)
    peaks = [_peaks(heatmap, upsampling) for heatmap in heatmaps]
    people = _assemble(peaks, [_links(pair, peaks, affinities, upsampling) for pair in range(len(PAIRS))])
    found = np.zeros((len(people), N_JOINTS, 3), np.float32)
    for row, person in zip(found, people, strict=True):
        for joint, number in person.joints.items():
            row[joint, :2] = peaks[joint].places[number]
            row[joint, 2] = np.clip(peaks[joint].scores[number], 1e-3, 1)
    return found


def _peaks(heatmap: np.ndarray, upsampling: Upsampling) -> _Peaks:
    part, top, left = upsampling.blurred_above(heatmap, LEAST_PEAK)
    around = np.pad(part, 1)
    highest = (part > LEAST_PEAK) & (part >= around[:-2, 1:-1]) & (part >= around[2:, 1:-1])
    y, x = np.nonzero(highest & (part >= around[1:-1, :-2]) & (part >= around[1:-1, 2:]))
    x, y = x + left, y + top
    return _Peaks(np.column_stack([x, y]), upsampling.at(heatmap[None], x, y)[0])


def _links(pair: int, peaks: list[_Peaks], affinities: np.ndarray, upsampling: Upsampling) -> list[_Link]:
    """Which peaks of a pair of joints belong together: the best first, each peak once."""
    first, second = (peaks[joint].places for joint in PAIRS[pair])
    if not len(first) or not len(second):
        return []
    apart = (second[None] - first[:, None]).astype(np.float64)  # (A, B, 2)
    length = np.maximum(np.linalg.norm(apart, axis=2), 0.001)
    points = np.rint(np.linspace(*np.broadcast_arrays(first[:, None], second[None]), num=SAMPLES, axis=2)).astype(int)
    x, y = points.reshape(-1, 2).T
    channel = CHANNELS[pair]
    sampled = upsampling.at(affinities[channel : channel + 2], x, y).reshape(2, *points.shape[:3])
    along = (sampled * (apart / length[..., None]).transpose(2, 0, 1)[..., None]).sum(axis=0)  # (A, B, SAMPLES)
    score = along.mean(axis=2) + np.minimum(0.5 * len(upsampling.rows) / length - 1, 0)
    fit = ((along > LEAST_AFFINITY).sum(axis=2) > LEAST_SHARE * SAMPLES) & (score > 0)
    candidates = np.argwhere(fit)
    best = np.argsort(-score[fit], kind="stable")
    taken: list[_Link] = []
    for a, b in candidates[best].tolist():
        if all(a != link.first and b != link.second for link in taken):
            taken.append(_Link(a, b, float(score[a, b])))
    return taken


def _assemble(peaks: list[_Peaks], links: list[list[_Link]]) -> list[_Person]:
    """People, from the links of every pair."""
    people: list[_Person] = []
    for pair, ((one, other), found) in enumerate(zip(PAIRS, links, strict=True)):
        for link in found:
            gained = float(peaks[other].scores[link.second]) + link.score
            whose = [p for p in people if p.joints.get(one) == link.first or p.joints.get(other) == link.second]
            if len(whose) > 1 and not whose[0].joints.keys() & whose[1].joints.keys():
                _merge(whose[0], whose[1], link.score)
                people.remove(whose[1])
            elif len(whose) > 1 or (whose and whose[0].joints.get(other) != link.second):
                whose[0].joints[other] = link.second
                whose[0].parts += 1
                whose[0].score += gained
            elif not whose and pair < JOINING_ONLY:
                begun = gained + float(peaks[one].scores[link.first])
                people.append(_Person(begun, 2, {one: link.first, other: link.second}))
    return [each for each in people if each.parts >= LEAST_PARTS and each.score / each.parts >= LEAST_SCORE]


def _merge(person: _Person, other: _Person, score: float) -> None:
    person.joints |= other.joints
    person.parts += other.parts
    person.score += other.score + score
