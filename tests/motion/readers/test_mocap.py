"""From a file to a dancer: what is no motion is refused, and a rate that makes people too slow is doubted."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.cleaning import haste, moves_too_fast, moves_too_slowly, stands_still
from dancegen.motion.readers.registry import load_motion
from helpers.listening import Listener
from helpers.stepping_dancer import write_dancer
from helpers.stick_figure import MIXAMO, write_bvh


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_pose_is_no_motion(frames, tmp_path):
    with pytest.raises(MocapError, match=rf"pose\.bvh has ({frames} frames|one frame): that is a pose"):
        load_motion(write_bvh(tmp_path / "pose.bvh", MIXAMO, {}, frames=frames))


def test_what_would_last_for_hours_has_the_wrong_rate(tmp_path, monkeypatch):
    monkeypatch.setattr("dancegen.motion.readers.mocap.LONGEST_TAKE_S", 5.0)
    path = write_dancer(tmp_path / "long.bvh")
    with pytest.raises(MocapError, match=r"long\.bvh would last 7\.0 s at 30 frames.*--source-fps"):
        load_motion(path)
    assert load_motion(path, source_fps=60.0).seconds == 3.5


@pytest.mark.parametrize("size", ["0", "1e-200", "1e200", "1e308"])
def test_a_body_of_no_size_is_refused_and_its_file_named(size, tmp_path):
    path = write_bvh(tmp_path / "flat.bvh", MIXAMO, {})
    path.write_text(re.sub(r"OFFSET .*", f"OFFSET {size} {size} {size}", path.read_text()))
    with pytest.raises(MocapError, match=r"flat\.bvh"):
        load_motion(path)


def test_whatever_a_reader_does_not_foresee_is_that_files_error(tmp_path, monkeypatch):
    def fail(*_):
        raise RecursionError("deep")

    path = write_bvh(tmp_path / "odd.bvh", MIXAMO, {})
    monkeypatch.setattr("dancegen.motion.readers.mocap.find_body", fail)
    with pytest.raises(MocapError, match=r"odd\.bvh cannot be read; it is damaged.*RecursionError"):
        load_motion(path)


def test_a_rate_that_makes_people_slow_or_fast_is_doubted_and_the_true_one_is_not(shared_data):
    for path in (shared_data / "cmu-salsa" / "60_10_scaled.bvh", shared_data / "cmu-modern" / "05_16.amc"):
        motion = load_motion(path, source_fps=60 if path.suffix == ".bvh" else 120)
        joints, fps = motion.joints3d, motion.fps
        assert not moves_too_slowly(joints, fps) and not moves_too_fast(joints, fps)
        assert moves_too_slowly(joints, fps / 5) and not stands_still(joints, fps / 5)
        assert moves_too_fast(joints, fps * 2)


def test_breakdance_and_whirls_are_not_taken_for_a_wrong_rate_and_the_salsa_at_double_speed_is(shared_data):
    quick = ["cmu-breakdance/85_03", "cmu-breakdance/85_12", "g1-moves/J_Dance23_MidnightSun", "cmu-indian/indian_13",
             "cmu-misc/55_01", "cmu-misc/131_02"]  # fmt: skip
    for name in quick:
        motion = load_motion(shared_data / f"{name}.bvh")
        assert not moves_too_fast(motion.joints3d, motion.fps), name
    for path in sorted((shared_data / "cmu-salsa").glob("60_*.bvh")):
        motion = load_motion(path)
        assert moves_too_fast(motion.joints3d, motion.fps * 2), path.name


def test_how_hasty_a_body_is_grows_with_the_cube_of_its_rate_and_not_with_its_size(shared_data):
    motion = load_motion(shared_data / "cmu-salsa" / "60_10_scaled.bvh")
    usual = haste(motion.joints3d, motion.fps)
    assert 4 < haste(motion.joints3d, motion.fps * 2) / usual <= 8  # 8, but for what smoothing takes
    assert haste(motion.joints3d * 1.2, motion.fps) == pytest.approx(usual, rel=0.02)
    assert haste(motion.joints3d[:2], motion.fps) == 0 == haste(np.zeros((30, 18, 3)), 30.0)


def test_a_slow_body_gets_a_warning_and_one_that_stands_still_none(tmp_path):
    slow, right, still = Listener(), Listener(), Listener()
    path = write_dancer(tmp_path / "slow.bvh")
    load_motion(path, progress=right)
    load_motion(path, source_fps=6.0, progress=slow)
    load_motion(write_bvh(tmp_path / "still.bvh", MIXAMO, {}), progress=still)
    assert any("slower than people dance" in message and "--source-fps" in message for message in slow.warned)
    assert still.warned == [] and not any("slower" in message for message in right.warned)
    assert stands_still(np.zeros((30, 18, 3)), 30.0)
