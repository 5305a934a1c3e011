"""ViTPose finds what transformers' own classes find, in boxes that follow people from one search to the next."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForObjectDetection,
    VitPoseForPoseEstimation,
)

from dancegen.detectors.registry import resolve
from dancegen.detectors.vitpose import LEAST_BOX, LEAST_JOINT, MOST_PEOPLE, Vitpose, same_people
from dancegen.errors import InputError, ModelError
from dancegen.pose.keypoint_sets import COCO_17, coco17_to_coco18
from dancegen.pose.skeleton import INDEX
from helpers.tiny_vitpose import tiny_models, tiny_rtdetr, tiny_vitpose


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tiny_models(tmp_path_factory.mktemp("models"), seed=3)


@pytest.fixture(scope="module")
def frames():
    """Seven pictures that have little to do with each other, and three that are the same."""
    rng = np.random.default_rng(0)
    pictures = [np.kron(rng.integers(0, 256, (12, 10, 3), np.uint8), np.ones((20, 20, 1), np.uint8)) for _ in range(7)]
    return pictures + [pictures[0]] * 3


def by_transformers(folder, picture) -> tuple[np.ndarray, np.ndarray]:
    """(P, 4) boxes left, top, width, height and (P, 17, 3) joints, as its documentation computes them."""
    processor = AutoImageProcessor.from_pretrained(folder / "rtdetr")
    finder = AutoModelForObjectDetection.from_pretrained(folder / "rtdetr")
    with torch.no_grad():
        seen = finder(**processor(images=picture, return_tensors="pt"))
    size = torch.tensor([picture.shape[:2]])
    (found,) = processor.post_process_object_detection(seen, target_sizes=size, threshold=LEAST_BOX)
    boxes = found["boxes"][found["labels"] == 0].numpy()[:MOST_PEOPLE]
    boxes[:, 2:] -= boxes[:, :2]
    processor = AutoImageProcessor.from_pretrained(folder / "vitpose")
    model = VitPoseForPoseEstimation.from_pretrained(folder / "vitpose")
    with torch.no_grad():
        seen = model(**processor(picture, boxes=[boxes], return_tensors="pt"))
    (people,) = processor.post_process_pose_estimation(seen, boxes=[boxes])
    return boxes, np.stack([np.column_stack([each["keypoints"], each["scores"]]) for each in people])


def test_one_golden_frame_is_as_transformers_computes_it(models, frames):
    boxes, joints = by_transformers(models, frames[0])
    assert len(boxes) >= 2 and 0.5 < (joints[..., 2] >= LEAST_JOINT).mean() < 1
    (people,) = resolve(models).load().detect(frames[:1])
    sure = np.where(joints[..., 2:] >= LEAST_JOINT, joints, 0)
    sure[..., 2] = sure[..., 2].clip(0, 1)
    np.testing.assert_allclose(people.body, coco17_to_coco18(sure), atol=1e-3)
    for number, name in enumerate(COCO_17):
        seen = people.body[:, INDEX[name], 2] > 0
        assert np.array_equal(seen, joints[:, number, 2] >= LEAST_JOINT)
    assert people.hands is None and people.face is None


def test_where_every_picture_is_searched_a_batch_finds_what_each_finds_alone(models, frames):
    detector = Vitpose(models / "vitpose", models / "rtdetr", box_every=1)
    together = detector.detect(frames[:4])
    for frame, people in zip(frames, together, strict=False):
        (alone,) = detector.detect([frame])
        # The refinement of a peak of the tiny network's maps, which are noise, can be large: up to a pixel.
        apart = np.abs(people.body - alone.body)
        assert (apart < 0.02).mean() > 0.98 and apart.max() < 2
    assert len({len(people) for people in together}) > 1


def test_between_two_searches_boxes_move_evenly_unless_people_came_or_went(models, frames):
    detector = Vitpose(models / "vitpose", models / "rtdetr", box_every=3)
    searched = []
    search = detector._search
    detector._search = lambda pictures: searched.append(len(pictures)) or search(pictures)
    still = detector._tracked([frames[0]] * 4)
    assert searched == [2, 0]
    middle, size = (still[0][:, :2] + still[0][:, 2:]) / 2, still[0][:, 2:] - still[0][:, :2]
    np.testing.assert_allclose((still[1][:, :2] + still[1][:, 2:]) / 2, middle, atol=1e-3)
    np.testing.assert_allclose(still[1][:, 2:] - still[1][:, :2], 1.1 * size, rtol=1e-4)
    searched.clear()
    changed = detector._tracked([*frames[:3], frames[2]])
    assert searched == [2, 2]
    for boxes, picture in zip(changed, frames[:3], strict=False):
        np.testing.assert_allclose(boxes, search([picture])[0], atol=1e-2)
    searched.clear()
    assert len(detector._tracked([frames[0]])) == 1 and searched == [1, 0]


def test_the_same_people_are_told_by_where_they_are():
    boxes = np.array([[0, 0, 10, 30], [20, 0, 30, 30]], float)
    moved = boxes[::-1] + 2
    assert same_people(boxes, moved).tolist() == [1, 0]
    assert same_people(boxes, moved[:1]) is None
    assert same_people(boxes, boxes + np.array([0, 100, 0, 100])) is None
    assert same_people(np.zeros((0, 4)), np.zeros((0, 4))).tolist() == []


def test_pictures_without_people_have_none(models):
    (people,) = resolve(models).load().detect([np.zeros((60, 80, 3), np.uint8)])
    # By chance the tiny network may see somebody; what it finds has the right shape all the same.
    assert people.body.shape[1:] == (18, 3)
    empty = Vitpose(models / "vitpose", models / "rtdetr")
    assert empty._joints([np.zeros((60, 80, 3), np.uint8)], [np.zeros((0, 4))])[0].shape == (0, 17, 3)


def test_a_model_with_experts_uses_that_of_coco(tmp_path, models, frames):
    plus = Vitpose(tiny_vitpose(tmp_path / "plus", experts=6), models / "rtdetr")
    assert len(plus.detect(frames[:1])[0]) > 0


def test_what_is_no_model_is_named(tmp_path, models):
    tiny_rtdetr(tmp_path / "some" / "rtdetr")
    with pytest.raises(InputError, match="ViTPose and RT-DETR"):
        resolve(tmp_path / "some")
    tiny_vitpose(tmp_path / "alone" / "vitpose")
    with pytest.raises(InputError, match="no RT-DETR to find the people: hf download PekingU"):
        resolve(tmp_path / "alone")
    broken = tiny_models(tmp_path / "broken")
    weights = broken / "vitpose" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ModelError, match="broken/vitpose"):
        resolve(broken).load()
    (broken / "rtdetr" / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match="holds no RT-DETR model"):
        resolve(broken)
