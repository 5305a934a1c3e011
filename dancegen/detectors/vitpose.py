"""ViTPose (Xu et al. 2022) in boxes that RT-DETR (Zhao et al. 2024) finds, both as transformers has them.

Code and usual weights are under Apache-2.0. The box of a person is looked for in every few pictures. In those between
it moves evenly, unless people came or went: then these pictures are looked at too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dancegen.errors import ModelError, reading
from dancegen.hub import quiet_libraries
from dancegen.pose.detections import People
from dancegen.pose.keypoint_sets import COCO_17, coco17_to_coco18
from dancegen.threads import tune

BOX_EVERY = 5
"""Pictures from one search for people to the next."""
LEAST_BOX, LEAST_JOINT = 0.5, 0.3
"""Confidence of a box, and of a joint."""
MOST_PEOPLE = 8
LEAST_OVERLAP = 0.3
"""Of the boxes of one person in two searches: the shared area by that of both."""
MARGIN = 0.05
"""Of a box's sides, that it is larger in pictures in which nobody was looked for."""
BATCH = {"cpu": 11, "cuda": 41}
AT_ONCE = {"cpu": 4, "cuda": 64}
"""Pictures, or people cut out of them, that a network sees at once."""


class Vitpose:
    """pose, boxes: folders with a model and its processor. Raises ModelError for what is none."""

    def __init__(self, pose: Path, boxes: Path, device: str = "cpu", box_every: int = BOX_EVERY):
        kind = "cuda" if device.startswith("cuda") else "cpu"
        self.batch = BATCH[kind]
        self._every, self._at_once, self._device = box_every, AT_ONCE[kind], device
        self._dtype = torch.float16 if kind == "cuda" else torch.float32
        self._pose, self._pose_input = self._load(pose, "VitPoseForPoseEstimation", "ViTPose model")
        self._boxes, self._box_input = self._load(boxes, "RTDetrForObjectDetection", "RT-DETR model")
        self._pose.to(self._dtype)  # RT-DETR stays in full precision: in half, its scores are others
        names = self._boxes.config.id2label.items()
        self._person = [number for number, name in names if name.casefold() == "person"]
        if not self._person:
            raise ModelError(f"{boxes} finds no people: none of its labels is person")

    def _load(self, folder: Path, kind: str, what: str) -> tuple[Any, Any]:
        import transformers

        with quiet_libraries(), reading(folder, what, ModelError):
            processor = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            model, said = getattr(transformers, kind).from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
            if said["missing_keys"]:
                raise ModelError(f"{folder} is no {what}: it has no {sorted(said['missing_keys'])[0]}")
            model.to(self._device).eval()
            tune(model)
            return model, processor

    def detect(self, frames: Sequence[np.ndarray]) -> list[People]:
        """(H, W, 3) uint8 RGB pictures that follow each other -> the people in each, in its pixels."""
        found: list[People] = []
        for _, alike in groupby(frames, np.shape):
            pictures = list(alike)
            found += [People(coco17_to_coco18(joints)) for joints in self._joints(pictures, self._tracked(pictures))]
        return found

    def _tracked(self, pictures: list[np.ndarray]) -> list[np.ndarray]:
        """(P, 4) boxes of each picture: x, y of two corners."""
        last = len(pictures) - 1
        looked = sorted({*range(0, last, self._every), last})
        found = dict(zip(looked, self._search([pictures[number] for number in looked]), strict=True))
        unsure: list[int] = []
        for first, then in pairwise(looked):
            order = same_people(found[first], found[then])
            between = range(first + 1, then)
            if order is None:
                unsure += between
                continue
            for number in between:
                share = (number - first) / (then - first)
                found[number] = _wider((1 - share) * found[first] + share * found[then][order])
        found |= zip(unsure, self._search([pictures[number] for number in unsure]), strict=True)
        return [found[number] for number in range(len(pictures))]

    @torch.inference_mode()
    def _search(self, pictures: list[np.ndarray]) -> list[np.ndarray]:
        """(P, 4) boxes of the people in each picture, the surest first."""
        found = []
        for some in _portions(pictures, self._at_once):
            given = self._box_input(images=some, return_tensors="pt").to(self._device)
            seen = self._boxes(**given)
            sizes = [picture.shape[:2] for picture in some]
            for each in self._box_input.post_process_object_detection(seen, threshold=LEAST_BOX, target_sizes=sizes):
                person = torch.isin(each["labels"].cpu(), torch.tensor(self._person))
                found.append(each["boxes"].float().cpu().numpy()[person.numpy()][:MOST_PEOPLE])
        return found

    @torch.inference_mode()
    def _joints(self, pictures: list[np.ndarray], boxes: list[np.ndarray]) -> list[np.ndarray]:
        """(P, 17, 3) joints of each picture's people; those that are unsure have no confidence."""
        found = [np.zeros((len(own), len(COCO_17), 3), np.float32) for own in boxes]
        people = [(number, person) for number, own in enumerate(boxes) for person in range(len(own))]
        for some in _portions(people, self._at_once):
            cut = [[_as_coco(boxes[number][person])] for number, person in some]
            given = self._pose_input([pictures[number] for number, _ in some], boxes=cut, return_tensors="pt")
            seen = self._pose(**given.to(self._device, self._dtype), **self._expert(len(some)))
            seen.heatmaps = seen.heatmaps.float()
            posed = self._pose_input.post_process_pose_estimation(seen, boxes=cut)
            for (number, person), (pose,) in zip(some, posed, strict=True):
                scores = pose["scores"].numpy().reshape(-1, 1)
                found[number][person] = np.hstack(
                    [pose["keypoints"].numpy(), np.where(scores < LEAST_JOINT, 0, scores.clip(0, 1))]
                )
        return found

    def _expert(self, count: int) -> dict[str, torch.Tensor]:
        """ViTPose+ has an expert for each dataset it was trained on; that of COCO is the first."""
        if getattr(self._pose.config.backbone_config, "num_experts", 1) == 1:
            return {}
        return {"dataset_index": torch.zeros(count, dtype=torch.long, device=self._device)}


def same_people(boxes: np.ndarray, others: np.ndarray) -> np.ndarray | None:
    """For each of (P, 4) boxes, which of the others is the same person; None unless they are the same people."""
    from scipy.optimize import linear_sum_assignment

    if len(boxes) != len(others):
        return None
    if not len(boxes):
        return np.zeros(0, int)
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (boxes, others)]
    overlap = shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)
    rows, columns = linear_sum_assignment(-overlap)
    return columns if (overlap[rows, columns] >= LEAST_OVERLAP).all() else None


def _wider(boxes: np.ndarray) -> np.ndarray:
    margin = MARGIN * (boxes[:, 2:] - boxes[:, :2])
    return np.hstack([boxes[:, :2] - margin, boxes[:, 2:] + margin])


def _as_coco(box: np.ndarray) -> list[float]:
    """Left, top, width and height."""
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def _portions(items: list, size: int) -> list[list]:
    return [items[first : first + size] for first in range(0, len(items), size)]
