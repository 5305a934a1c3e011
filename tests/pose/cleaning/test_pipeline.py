"""From what a detector saw to clean pieces: made footage of real dancers, whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.pose.cleaning import FILLED_CONFIDENCE, CleaningSettings, clean_detections
from dancegen.pose.detections import Detections, People
from dancegen.pose.skeleton import BODY, INDEX
from helpers.footage import HEIGHT, SIZE, detections, moved, seen_by, shaken, swapped, take
from helpers.pose_examples import dancing, standing

LEGS = tuple(INDEX[f"{side}_{name}"] for side in "rl" for name in ("knee", "ankle"))
USUAL = CleaningSettings()


@pytest.fixture(scope="module")
def truth(shared_data) -> np.ndarray:
    return seen_by(take(shared_data / "cmu-salsa" / "60_01_scaled.bvh", 3, 10), 30)


def error(poses: np.ndarray, truth: np.ndarray) -> float:
    """The mean distance of the body's joints from the truth, in body heights."""
    both = (poses[:, BODY, 2] > 0) & (truth[:, BODY, 2] > 0)
    return float(np.linalg.norm((poses - truth)[:, BODY, :2], axis=-1)[both].mean() / HEIGHT)


def test_a_detector_s_faults_are_mended_together(truth):
    """Noise, missing joints, jumps, exchanged sides and somebody else, as in real footage."""
    rng = np.random.default_rng(1)
    seen = swapped(swapped(shaken(truth), 40, 60), 100, 130, LEGS)
    seen[rng.random(seen.shape[:2]) < 0.03] = 0
    jumping = rng.random(seen.shape[:2]) < 0.01
    seen[jumping, :2] += rng.normal(0, 0.3 * HEIGHT, (int(jumping.sum()), 2))
    seen[200:208] = 0
    spectator = shaken(np.repeat(moved(standing()[None], (-180, 0)), len(seen), axis=0), 5)
    cleaned = clean_detections(detections(seen, spectator), USUAL)
    assert [(piece.first, len(piece.poses)) for piece in cleaned.pieces] == [(0, 300)] and not cleaned.rejected
    piece = cleaned.pieces[0]
    known = seen[..., 2] > 0
    raw = np.linalg.norm((seen - truth)[..., :2], axis=-1)[known & (truth[..., 2] > 0)].mean() / HEIGHT
    assert error(piece.poses.keypoints, truth) < 0.5 * raw
    assert (piece.poses.keypoints[:, BODY, 2] > 0).all()
    filled = piece.poses.keypoints[200:208, BODY, 2]
    assert (filled < FILLED_CONFIDENCE).all() and 30 <= piece.steps["swapped"] <= 60
    assert piece.steps["filled"] > 100 and piece.steps["dropped"] > 20 and 0.4 < piece.quality < 0.8


def test_gaps_up_to_half_a_second_are_filled_and_longer_ones_split(truth):
    seen = shaken(truth)
    seen[80:95] = seen[180:196] = 0
    cleaned = clean_detections(detections(seen), USUAL)
    assert [(piece.first, len(piece.poses)) for piece in cleaned.pieces] == [(0, 180), (196, 104)]
    assert [(each.first, each.frames, each.kind) for each in cleaned.rejected] == [(180, 16, "nobody is seen")]
    assert cleaned.pieces[1].poses.start_s == pytest.approx(196 / 30)
    assert cleaned.kept_frames == 284 and cleaned.frames == 300
    shorter = clean_detections(detections(seen), replace(USUAL, max_gap=0.2))
    assert [piece.first for piece in shorter.pieces] == [0, 95, 196]


def test_nobody_is_made_up_before_the_first_and_after_the_last_sighting(truth):
    seen = shaken(truth)
    seen[:10] = seen[-7:] = 0
    piece = clean_detections(detections(seen), USUAL).pieces[0]
    assert (piece.first, len(piece.poses)) == (10, 283)


def test_cuts_and_jumps_of_everybody_end_a_piece(truth):
    seen = shaken(truth)
    seen[150:] = moved(seen[150:], (240, 0))
    found = detections(seen, cuts=(70,))
    cleaned = clean_detections(found, USUAL)
    assert cleaned.cuts == (70, 150)
    assert [(piece.first, len(piece.poses)) for piece in cleaned.pieces] == [(0, 70), (70, 80), (150, 150)]
    whole = clean_detections(found, replace(USUAL, no_cuts=True))
    assert whole.cuts == () and len(whole.pieces) < 3


def test_what_is_left_out_is_told_with_its_reason(truth):
    close = shaken(truth[:90])
    close[:, 9:11] = close[:, 12:14] = 0
    rng = np.random.default_rng(0)
    poor = truth[:90].copy()
    poor[..., :2] += rng.normal(0, 0.05 * HEIGHT, poor[..., :2].shape)
    poor[..., 2] *= 0.2
    nobody = np.zeros((30, 18, 3), np.float32)
    found = detections(np.concatenate([close, nobody, truth[:45], poor]), cuts=(90, 120, 165))
    cleaned = clean_detections(found, USUAL)
    assert not cleaned.pieces
    assert [(each.first, each.frames, each.kind) for each in cleaned.rejected] == [
        (0, 90, "no whole dancer"), (90, 30, "nobody is seen"), (120, 45, "too short"), (165, 90, "poor quality"),
    ]  # fmt: skip
    reasons = [each.reason for each in cleaned.rejected]
    assert reasons[0] == "no whole dancer: both knees and both ankles are not seen in 100 % of its 90 frames"
    assert reasons[2] == "too short: 1.5 s, under 2 s" and "joints tremble" in reasons[3]
    assert all(each.keypoints.shape == (each.frames, 18, 3) for each in cleaned.rejected)
    lenient = clean_detections(found, replace(USUAL, min_seconds=1, min_quality=0))
    assert [piece.first for piece in lenient.pieces] == [120, 165]


def test_a_hand_that_is_hidden_for_long_does_not_split(truth):
    seen = shaken(truth)
    seen[100:160, INDEX["l_wrist"]] = 0
    cleaned = clean_detections(detections(seen), USUAL)
    assert len(cleaned.pieces) == 1 and not cleaned.rejected
    assert not cleaned.pieces[0].poses.keypoints[110:150, INDEX["l_wrist"]].any()
    assert cleaned.pieces[0].quality < clean_detections(detections(shaken(truth)), USUAL).pieces[0].quality


def test_every_step_can_be_left_out(truth):
    seen = swapped(shaken(truth), 40, 60)
    seen[150, 4, :2] += 200
    found = detections(seen)
    raw = replace(USUAL, max_gap=0, smooth=0, no_swaps=True, no_outliers=True, no_cuts=True)
    piece = clean_detections(found, raw).pieces[0]
    np.testing.assert_allclose(piece.poses.keypoints, seen, atol=1e-3)
    assert not any(piece.steps.values())
    for name in ("no_swaps", "no_outliers"):
        step = {"no_swaps": "swapped", "no_outliers": "dropped"}[name]
        assert clean_detections(found, USUAL).pieces[0].steps[step] > 0
        assert clean_detections(found, replace(USUAL, **{name: True})).pieces[0].steps[step] == 0


def test_hands_and_face_go_along():
    body = dancing(90)
    hands = np.ones((90, 2, 21, 3), np.float32)
    face = np.ones((90, 70, 3), np.float32)
    spread = np.stack([np.arange(21), np.arange(21) % 5], 1)
    for side, wrist in ((0, INDEX["l_wrist"]), (1, INDEX["r_wrist"])):
        hands[:, side, :, :2] = body[:, None, wrist, :2] + spread
    face[..., :2] = body[:, None, 0, :2] + 5
    seen, seen_hands = swapped(body, 30, 50), hands.copy()
    seen_hands[30:50] = hands[30:50, ::-1]
    seen[60:64] = 0
    seen_hands[60:64] = 0
    seen_face = face.copy()
    seen_face[60:64] = 0
    people = [
        People(b[None], h[None], f[None]) if b.any() else People.nobody()
        for b, h, f in zip(seen, seen_hands, seen_face, strict=True)
    ]
    found = Detections(tuple(people), 30.0, SIZE, np.array([], int), "made")
    poses = clean_detections(found, USUAL).pieces[0].poses
    assert poses.hands is not None and poses.face is not None
    assert (poses.hands[..., 2] > 0).all()
    assert np.linalg.norm((poses.hands - hands)[..., :2], axis=-1).max() < 16
    assert np.linalg.norm((poses.hands - hands)[30:50, ..., :2], axis=-1).max() < 6
    seen_faces = poses.face[..., 2] > 0
    assert np.linalg.norm((poses.face - face)[..., :2], axis=-1)[seen_faces].max() < 6


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_next_to_nothing_is_left_out_as_well(frames):
    nobody = Detections(tuple([People.nobody()] * frames), 30.0, SIZE, np.array([], int), "made")
    cleaned = clean_detections(nobody, USUAL)
    assert not cleaned.pieces and sum(each.frames for each in cleaned.rejected) == frames
    someone = clean_detections(detections(dancing(max(frames, 1))), replace(USUAL, min_seconds=0))
    assert sum(len(piece.poses) for piece in someone.pieces) == max(frames, 1)


def test_every_frame_is_in_a_piece_or_left_out_and_none_is_in_both(truth):
    rng = np.random.default_rng(3)
    seen = shaken(filmed_jumble(truth, rng))
    cleaned = clean_detections(detections(seen, cuts=(33, 200)), replace(USUAL, min_seconds=0.5))
    count = np.zeros(300, int)
    for piece in cleaned.pieces:
        count[piece.first : piece.first + len(piece.poses)] += 1
    for each in cleaned.rejected:
        count[each.first : each.first + each.frames] += 1
    assert (count == 1).all()


def filmed_jumble(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    seen = truth.copy()
    for _ in range(12):
        start, length = rng.integers(0, 290), rng.integers(1, 40)
        seen[start : start + length, rng.integers(0, 18, 8)] = 0
    return seen
