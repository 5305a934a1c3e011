"""BVH files: joints where a hand calculation puts them, and errors that say which line is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.readers.bvh import read_bvh

TWO_JOINTS = """HIERARCHY
ROOT base
{{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition {root}
  JOINT arm
  {{
    OFFSET 0 2 0
    CHANNELS {count} {arm}
    End Site
    {{
      OFFSET 1 0 0
    }}
  }}
}}
MOTION
Frames: {frames}
Frame Time: 0.04
{rows}
"""


@pytest.fixture
def two_joints(tmp_path):
    def write(rows, root="Zrotation Xrotation Yrotation", arm="Zrotation Xrotation Yrotation", frames=None):
        text = TWO_JOINTS.format(
            root=root, arm=arm, rows="\n".join(rows), frames=frames or len(rows), count=len(arm.split())
        )
        path = tmp_path / "two.bvh"
        path.write_text(text)
        return path

    return write


def test_a_two_joint_chain_is_where_a_hand_calculation_puts_it(two_joints):
    # Root at (1, 2, 3) turned a quarter about z: the arm's base, 2 up, comes to (-2, 0, 0) from it. The arm turned a
    # quarter about its own y: its end, 1 along x, looks along -z, which the root's turn about z leaves alone.
    armature = read_bvh(two_joints(["0 0 0 0 0 0 0 0 0", "1 2 3 90 0 0 0 0 90"]))
    np.testing.assert_allclose(armature.positions[0], [[0, 0, 0], [0, 2, 0], [1, 2, 0]], atol=1e-12)
    np.testing.assert_allclose(armature.positions[1], [[1, 2, 3], [-1, 2, 3], [-1, 2, 2]], atol=1e-12)
    assert armature.fps == pytest.approx(25.0)


def test_rotations_apply_in_the_order_in_which_the_file_lists_them(two_joints):
    # z then x in the moving frame: the end's x goes to y by z, and then to z by x. x then z: x to y only.
    z_first = read_bvh(two_joints(["0 0 0 0 0 0 90 90 0"], arm="Xrotation Zrotation Yrotation"))
    x_first = read_bvh(two_joints(["0 0 0 0 0 0 90 90 0"], arm="Zrotation Xrotation Yrotation"))
    np.testing.assert_allclose(z_first.positions[0, 2] - z_first.positions[0, 1], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(x_first.positions[0, 2] - x_first.positions[0, 1], [0, 1, 0], atol=1e-12)


def test_a_position_channel_on_an_inner_joint_moves_that_joint(two_joints):
    path = two_joints(["0 0 0 0 0 0 5 0 0"], arm="Yposition Zrotation Xrotation")
    np.testing.assert_allclose(read_bvh(path).positions[0, 1:], [[0, 5, 0], [1, 5, 0]], atol=1e-12)


def test_windows_line_ends_tabs_and_lower_case_are_read(two_joints, tmp_path):
    text = two_joints(["1 2 3 90 0 0 0 0 90"]).read_text()
    other = tmp_path / "other.bvh"
    other.write_bytes(text.replace("Frames:", "FRAMES:").replace("  ", "\t").replace("\n", "\r\n").encode())
    np.testing.assert_allclose(read_bvh(other).positions[0, 2], [-1, 2, 2], atol=1e-12)


@pytest.mark.parametrize(
    ("rows", "frames", "message"),
    [
        (["0 0 0 0 0 0 0 0 0", "0 0 0 0 0"], 2, r"line 20: 5 numbers where the skeleton has 9 channels.*cut off"),
        (["0 0 0 0 0 0 0 0 0"], 7, r"promises 7 frames, but 1 follow \(the last at line 19\): the file is cut off"),
        (["0 0 0 0 0 0 0 0 0"] * 3, 2, "promises 2 frames, but 3 follow"),
        (["0 0 0 0 0 0 0 0 0", "0 0 0 zero 0 0 0 0 0"], 2, "line 20: 'zero' is not a number"),
        (["0 0 0 nan 0 0 0 0 0"], 1, "line 19: 'nan' is not a number"),
        ([], 0, "Frames: N|no frames of motion"),
    ],
)
def test_damaged_motion_is_named_with_its_line(two_joints, rows, frames, message):
    with pytest.raises(MocapError, match=message):
        read_bvh(two_joints(rows, frames=frames or "0"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda text: text[: text.index("CHANNELS 3")].rstrip(),
            "ends at line 8, where the rest of the skeleton should follow",
        ),
        (lambda text: text[: text.index("Frame Time")], "where Frame Time: should follow: it is cut off"),
        (lambda text: text.replace("OFFSET 0 2 0", "OFFSET 0 two 0"), "line 8: OFFSET should be numbers"),
        (lambda text: text.replace("OFFSET 0 2 0\n", "\n"), "line 6: joint arm has no OFFSET"),
        (lambda text: text.replace("CHANNELS 3 Z", "CHANNELS 3 W"), "line 9: unknown channel 'Wrotation'"),
        (lambda text: text.replace("CHANNELS 3", "CHANNELS 4"), "line 9: CHANNELS says '4', but lists 3"),
        (
            lambda text: text.replace("Frame Time: 0.04", "Frame Time: 0"),
            "line 18: Frame Time should be 0.001 to 0.5 seconds, not 0",
        ),
        (lambda text: "HTML\n" + text, "line 1: a BVH file starts with HIERARCHY"),
        (lambda text: "", "ends at line 0, where HIERARCHY should follow"),
    ],
)
def test_a_damaged_skeleton_is_named_with_its_line(two_joints, damage, message):
    path = two_joints(["0 0 0 0 0 0 0 0 0"])
    path.write_text(damage(path.read_text()))
    with pytest.raises(MocapError, match=message):
        read_bvh(path)


STEPS = ["0 0 0 0 0 0 0 0 0", "1 2 3 90 0 0 0 0 90"]


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-32"),
        lambda text: text.encode() + b"\x1a",
        lambda text: text.encode() + b"\0" * 512,
        lambda text: (text + "# exported by a program\n").encode(),
        lambda text: (text + "Exported by a program, 2024\n12 joints\n").encode(),
        lambda text: text.replace("Time: 0.04\n", "Time: 0.04\n# frames\n").encode(),
        lambda text: text.replace("Frames: ", "Frames:").replace("Time: ", "Time:").encode(),
        lambda text: text.replace("Frames: ", "Frames : ").replace("Time: ", "Time :").encode(),
        lambda text: text.replace("\n{", " {").replace("\n  {", "{").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("End Site", "EndSite").encode(),
    ],
)
def test_what_editors_and_exporters_add_is_no_damage(two_joints, written):
    path = two_joints(STEPS)
    expected = read_bvh(path)
    path.write_bytes(written(path.read_text()))
    found = read_bvh(path)
    np.testing.assert_array_equal(found.positions, expected.positions)
    assert (found.names, found.fps) == (expected.names, expected.fps)


@pytest.mark.parametrize(
    ("stated", "fps", "said"),
    [
        ("0.0083333", 120.0, ""),
        ("0.5", 2.0, ""),
        ("60", 60.0, "a rate"),
        ("29.97", 30000 / 1001, "a rate"),
        ("24", 24.0, "a rate"),
        ("16.67", 60.0, "milliseconds"),
        ("16.666667", 60.0, "milliseconds"),
        ("33.3333", 30.0, "milliseconds"),
        ("8.33", 120.0, "milliseconds"),
        ("0.033", 30.0, ""),
        ("10", 100.0, "milliseconds"),
        ("40", 25.0, "milliseconds"),
    ],
)
def test_a_rate_or_milliseconds_where_seconds_belong_are_recognised_and_said(two_joints, stated, fps, said):
    path = two_joints(STEPS)
    path.write_text(path.read_text().replace("0.04", stated))
    armature = read_bvh(path)
    assert armature.fps == fps
    assert (said in " ".join(armature.notes)) if said else armature.notes == ()
    assert read_bvh(path, 50.0).fps == 50.0 and read_bvh(path, 50.0).notes == ()


@pytest.mark.parametrize("stated", ["1e-300", "1e300", "-0.01", "0.0001", "1", "5000", "nan", "9" * 5000])
def test_a_frame_time_that_is_none_is_refused_unless_the_rate_is_given(two_joints, stated):
    path = two_joints(STEPS)
    path.write_text(path.read_text().replace("0.04", stated))
    with pytest.raises(MocapError, match="line 18: Frame Time should be") as refused:
        read_bvh(path)
    assert len(str(refused.value)) < 400
    assert read_bvh(path, 50.0).fps == 50.0


def test_zero_positions_on_every_joint_leave_the_offsets_as_they_are(two_joints):
    arm = "Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    rows = [[f"1 2 3 90 0 0 {zeros} 0 0 90"] for zeros in ("0 0 0", "0 2 0")]
    held, stated = (read_bvh(two_joints(row, arm=arm)) for row in rows)
    np.testing.assert_allclose(held.positions, stated.positions, atol=1e-12)
    assert "offsets hold" in held.notes[0] and stated.notes == ()


def test_one_joint_at_its_parent_among_others_that_move_stays_there(two_joints):
    path = two_joints(["0 0 0 0 0 0 0 0 0 0", "0 0 0 0 0 0 5 0 0 0"], arm="Yposition Zrotation Xrotation Yrotation")
    np.testing.assert_allclose(read_bvh(path).positions[:, 1, 1], [0, 5], atol=1e-12)


@pytest.mark.parametrize(
    ("rows", "frames", "message"),
    [
        (STEPS, "²", "line 17: expected 'Frames: N', found 'Frames: ²'"),
        (STEPS, "9" * 5000, "line 17: expected 'Frames: N'"),
        (STEPS, 10**9 - 1, "promises 999999999 frames, but 2 follow"),
        (["0 0 0 0,5 0 0 0 0 0"], 1, "line 19: '0,5' is written with a decimal comma"),
        (["0 0 0 inf 0 0 0 0 0"], 1, "line 19: 'inf' is not a number"),
        ([f"0 0 0 {'9' * 5000} 0 0 0 0 0"], 1, "line 19: '9999999.*…' is not a number"),
    ],
)
def test_hostile_numbers_are_refused_with_their_line_and_in_short(two_joints, rows, frames, message):
    with pytest.raises(MocapError, match=message) as refused:
        read_bvh(two_joints(rows, frames=frames))
    assert len(str(refused.value)) < 400


def test_a_skeleton_of_a_hundred_thousand_joints_is_refused(tmp_path):
    path = tmp_path / "many.bvh"
    deep = "".join(f"JOINT j{number}\n{{\nOFFSET 0 1 0\nCHANNELS 0\n" for number in range(100_000))
    path.write_text(f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n{deep}")
    with pytest.raises(MocapError, match="more than 2000 joints"):
        read_bvh(path)


def test_more_than_fits_in_memory_is_refused_before_it_is_placed(two_joints, monkeypatch):
    monkeypatch.setattr("dancegen.motion.readers.words.MOST_PLACES", 5)
    with pytest.raises(MocapError, match=r"2 frames of 3 joints.*cut it into parts"):
        read_bvh(two_joints(STEPS))


def test_bones_of_a_real_take_keep_their_length(shared_data):
    armature = read_bvh(shared_data / "cmu-salsa" / "60_11_scaled.bvh")
    for joint, parent in enumerate(armature.parents):
        if parent >= 0:
            lengths = np.linalg.norm(armature.positions[:, joint] - armature.positions[:, parent], axis=1)
            assert np.ptp(lengths) < 1e-9
