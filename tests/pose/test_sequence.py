"""A dance kept, cut, resampled, mirrored and moved to another canvas."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from helpers.pose_examples import dancing, standing


def _full(frames: int = 20) -> PoseSequence:
    """A sequence with everything a detector and motion capture could give."""
    rng = np.random.default_rng(0)
    keypoints = dancing(frames)
    keypoints[3:6, 4] = 0
    hands = rng.uniform(1, 500, (frames, 2, 21, 3)).astype(np.float32)
    face = rng.uniform(1, 500, (frames, 70, 3)).astype(np.float32)
    hands[..., 2] = face[..., 2] = 0.75
    joints3d = rng.normal(0, 1, (frames, 18, 3)).astype(np.float32)
    return PoseSequence(keypoints, 30.0, (512, 512), 1.5, joints3d, hands, face)


def _assert_same(one: PoseSequence, other: PoseSequence, atol: float = 0) -> None:
    assert (one.fps, one.size, one.start_s) == (other.fps, other.size, pytest.approx(other.start_s))
    for name in ("keypoints", "joints3d", "hands", "face"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None)
        if first is not None:
            np.testing.assert_allclose(first, second, atol=atol, rtol=0)


@pytest.mark.parametrize("sequence", [_full(), PoseSequence(dancing(5), 25)], ids=["everything", "keypoints only"])
def test_a_saved_sequence_comes_back_whole(tmp_path, sequence):
    sequence.save(tmp_path / "poses.npz")
    _assert_same(PoseSequence.load(tmp_path / "poses.npz"), sequence)


def test_the_file_holds_no_pickles_and_the_documented_keys(tmp_path):
    _full().save(tmp_path / "poses.npz")
    with np.load(tmp_path / "poses.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"keypoints", "fps", "start_s", "size", "joints3d", "hands", "face"}
        assert archive["keypoints"].dtype == np.float32
        assert archive["size"].tolist() == [512, 512]


def test_the_file_is_the_same_bytes_every_time(tmp_path):
    for name in ("a.npz", "b.npz"):
        _full().save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_file_goes_by_the_very_name_given(tmp_path):
    _full().save(tmp_path / "poses.tmp")
    assert [path.name for path in tmp_path.glob("poses*")] == ["poses.tmp"]


def _pickled(path):
    np.savez(path, keypoints=np.array([{"a": 1}], dtype=object), fps=30, size=[1, 1])


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04 not really a zip"),
        lambda path: path.write_text("keypoints"),
        lambda path: np.savez(path, something=np.zeros(3)),
        lambda path: np.savez(path, keypoints=np.zeros((4, 17, 3)), fps=30, size=[64, 64]),
        lambda path: np.savez(path, keypoints=np.full((4, 18, 3), np.nan), fps=30, size=[64, 64]),
        lambda path: np.savez(path, keypoints=np.zeros((4, 18, 3)), fps=0, size=[64, 64]),
        lambda path: np.savez(path, keypoints=np.zeros((4, 18, 3)), fps=30, size=[64]),
        lambda path: np.savez(path, keypoints=np.zeros((4, 18, 3)), fps=30, size=[64, 64], face=np.zeros((3, 70, 3))),
        lambda path: np.savez(path, keypoints=np.array(["a"]), fps=30, size=[64, 64]),
        lambda path: path.mkdir(),
        lambda path: None,
        _pickled,
    ],
)
def test_a_file_that_is_not_a_pose_file_is_named_in_the_error(tmp_path, write):
    write(tmp_path / "odd.npz")
    with pytest.raises(PoseError, match=r"odd\.npz"):
        PoseSequence.load(tmp_path / "odd.npz")


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "poses.npz"
    _full().save(path)
    whole = path.read_bytes()
    for length in (100, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(PoseError, match="poses"):
            PoseSequence.load(path)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "poses.npz"
    _full().save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x55
    path.write_bytes(bytes(content))
    with pytest.raises(PoseError):
        PoseSequence.load(path)


def test_confidences_out_of_bounds_are_refused():
    keypoints = dancing(3)
    keypoints[1, 4, 2] = 7
    with pytest.raises(PoseError, match="confidence"):
        PoseSequence(keypoints, 30)


def test_a_joint_without_confidence_is_all_zeros_and_the_callers_array_untouched():
    keypoints = dancing(3)
    keypoints[1, 4, 2] = 0
    before = keypoints.copy()
    assert not PoseSequence(keypoints, 30).keypoints[1, 4].any()
    np.testing.assert_array_equal(keypoints, before)


def test_a_slice_keeps_its_place_in_the_song():
    sequence = _full(20)
    part = sequence.slice(5, 15)
    assert len(part) == 10
    assert part.start_s == pytest.approx(1.5 + 5 / 30)
    np.testing.assert_allclose(part.times_s, sequence.times_s[5:15])
    np.testing.assert_array_equal(part.hands, sequence.hands[5:15])
    _assert_same(sequence.slice(-4), sequence.slice(16, 20))


def test_chunks_put_together_are_the_whole():
    sequence = _full(20)
    _assert_same(PoseSequence.concatenate(sequence.slice(i, i + 7) for i in range(0, 20, 7)), sequence)


def test_chunks_that_do_not_match_are_refused():
    with pytest.raises(PoseError, match="fps"):
        PoseSequence.concatenate([PoseSequence(dancing(3), 30), PoseSequence(dancing(3), 25)])
    with pytest.raises(PoseError):
        PoseSequence.concatenate([])


def test_resampling_up_and_down_again_gives_the_dance_back():
    sequence = _full(40)
    back = sequence.resample(60).resample(30)
    _assert_same(back, sequence, atol=1e-3)


@pytest.mark.parametrize("fps", [10, 24, 25, 29.97, 60])
def test_resampling_keeps_the_length_and_the_path(fps):
    sequence = PoseSequence(dancing(90, fps=30), 30.0)
    resampled = sequence.resample(fps)
    assert resampled.fps == fps
    assert abs(resampled.seconds - sequence.seconds) <= 0.51 / fps
    # The swing is a known function of time, so the truth at the new times is known too.
    truth = 256 - 0.5 + 0.04 * 512 * np.sin(np.pi * resampled.times_s)
    inside = resampled.times_s <= sequence.times_s[-1]
    np.testing.assert_allclose(resampled.keypoints[inside, 1, 0], truth[inside], atol=0.02)
    np.testing.assert_allclose(resampled.keypoints[:, 1, 0], truth, atol=0.5)


def test_resampling_down_and_up_follows_the_curve():
    sequence = PoseSequence(dancing(90), 30.0)
    back = sequence.resample(15).resample(30)
    # The abs() of the arms' swing has corners, so a third of the step there may be lost.
    assert np.abs(back.keypoints - sequence.keypoints).max() < 10
    assert np.abs(back.keypoints[:-2, 1] - sequence.keypoints[:-2, 1]).max() < 0.05


def test_gaps_stay_gaps_in_time():
    keypoints = dancing(40)
    keypoints[10:20, 4] = 0
    resampled = PoseSequence(keypoints, 30.0).resample(60)
    shown = resampled.keypoints[:, 4, 2] > 0
    # Half a source frame of doubt at each end of the gap.
    assert not shown[19:39].any()
    assert shown[:19].all() and shown[40:].all()
    assert (resampled.keypoints[:, 3, 2] > 0).all()


def test_a_joint_seen_for_a_single_frame_survives_a_change_of_rate():
    keypoints = np.zeros((30, 18, 3), dtype=np.float32)
    keypoints[11, 4] = (100, 200, 0.5)
    found = PoseSequence(keypoints, 30.0).resample(25).keypoints[:, 4]
    np.testing.assert_allclose(found[found[:, 2] > 0], [[100, 200, 0.5]])


def test_a_jump_does_not_ring():
    keypoints = np.repeat(standing()[None], 20, axis=0)
    keypoints[10:, :, 0] += 100
    moved = PoseSequence(keypoints, 30.0).resample(240).keypoints[:, 1, 0]
    start, end = keypoints[0, 1, 0], keypoints[-1, 1, 0]
    assert moved.min() >= start - 1e-3 and moved.max() <= end + 1e-3


def test_one_frame_and_none_can_be_resampled():
    assert len(PoseSequence(dancing(1), 30).resample(60)) == 2
    assert len(PoseSequence(np.zeros((0, 18, 3)), 30).resample(60)) == 0


def test_mirrored_twice_is_the_dance_itself():
    sequence = _full()
    _assert_same(sequence.mirror().mirror(), sequence, atol=1e-4)


def test_a_mirrored_dancer_raises_the_other_hand_on_the_other_side():
    sequence = _full()
    mirrored = sequence.mirror()
    left, right = INDEX["l_wrist"], INDEX["r_wrist"]
    np.testing.assert_allclose(mirrored.keypoints[0, left, 0], 511 - sequence.keypoints[0, right, 0])
    np.testing.assert_allclose(mirrored.keypoints[0, left, 1], sequence.keypoints[0, right, 1])
    np.testing.assert_allclose(mirrored.joints3d[:, left], sequence.joints3d[:, right] * [-1, 1, 1])
    np.testing.assert_allclose(mirrored.hands[:, 0, :, 0], 511 - sequence.hands[:, 1, :, 0], atol=1e-4)
    assert not mirrored.keypoints[3:6, left].any() and (mirrored.keypoints[3:6, right, 2] > 0).all()


def test_a_mirrored_face_has_its_parts_in_their_own_places():
    # Points of a symmetric face, numbered as OpenPose does: mirrored, each part still is what its number says.
    face = np.ones((1, 70, 3), dtype=np.float32)
    angle = np.linspace(np.pi, 2 * np.pi, 17)
    face[0, :17, 0], face[0, :17, 1] = 255.5 + 80 * np.cos(angle), 255.5 - 80 * np.sin(angle)
    face[0, 17:27, 0] = 255.5 + np.array([-60, -50, -40, -30, -20, 20, 30, 40, 50, 60])
    face[0, 27:31, 0] = 255.5
    face[0, 31:36, 0] = 255.5 + np.array([-20, -10, 0, 10, 20])
    face[0, 36:42, 0] = 255.5 + np.array([-50, -43, -33, -26, -33, -43])
    face[0, 36:42, 1] = 200 + np.array([0, -5, -5, 0, 5, 5])
    face[0, 42:48, 0] = 255.5 + np.array([26, 33, 43, 50, 43, 33])
    face[0, 42:48, 1] = 200 + np.array([0, -5, -5, 0, 5, 5])
    outer = np.array([-30, -20, -10, 0, 10, 20, 30, 20, 10, 0, -10, -20])
    face[0, 48:60, 0] = 255.5 + outer
    face[0, 48:60, 1] = 330 + np.array([0, -6, -9, -8, -9, -6, 0, 6, 9, 10, 9, 6])
    face[0, 60:68, 0] = 255.5 + np.array([-25, -10, 0, 10, 25, 10, 0, -10])
    face[0, 60:68, 1] = 330 + np.array([0, -3, -3, -3, 0, 3, 3, 3])
    face[0, 68:70, 0] = 255.5 + np.array([-38, 38])
    mirrored = PoseSequence(standing()[None], 30, face=face).mirror()
    np.testing.assert_allclose(mirrored.face, face, atol=1e-3)


@pytest.mark.parametrize("size", [(64, 64), (1024, 576), (480, 854)])
def test_a_fitted_dancer_stays_on_the_canvas_and_is_never_stretched(size):
    sequence = _full()
    fitted = sequence.fitted(size, margin=0.1)
    assert fitted.size == size
    shown = fitted.keypoints[..., 2] > 0
    np.testing.assert_array_equal(shown, sequence.keypoints[..., 2] > 0)
    points = fitted.keypoints[shown][:, :2] + 0.5
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array(size)
    assert (low >= 0.1 * room - 1e-2).all() and (high <= 0.9 * room + 1e-2).all()
    assert np.isclose((high - low) / room, 0.8, atol=1e-3).any()
    # One scale and one offset for all joints, frames and axes.
    scale = np.ptp(points[:, 0]) / np.ptp(sequence.keypoints[shown][:, 0])
    before = sequence.keypoints[shown][:, :2]
    offsets = points - before * scale
    assert np.ptp(offsets, axis=0).max() < 1e-2
    np.testing.assert_allclose(
        fitted.hands[0, 0, :2, :2] + 0.5 - sequence.hands[0, 0, :2, :2] * scale, [offsets[0]] * 2, atol=1e-2
    )
    np.testing.assert_array_equal(fitted.joints3d, sequence.joints3d)


def test_an_empty_dance_can_be_fitted():
    assert not PoseSequence(np.zeros((3, 18, 3)), 30).fitted((64, 64)).keypoints.any()
