"""CMU's own files: bones where a hand calculation puts them, real takes plausible, damage named."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.readers.asf_amc import read_amc

ASF = """:version 1.10
:name TWO
:units
  mass 1.0
  length 0.5
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name upper
    direction 0 1 0
    length 2
    axis 0 0 0 XYZ
    dof rx ry rz
  end
  begin
    id 2
    name lower
    direction 1 0 0
    length 1
    axis 0 0 90 XYZ
    dof rx
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
AMC = """:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
upper 0 0 0
lower 0
2
root 1 2 3 0 0 90
upper 0 0 90
lower 90
"""


@pytest.fixture
def two_bones(tmp_path):
    (tmp_path / "07.asf").write_text(ASF)
    path = tmp_path / "07_01.amc"
    path.write_text(AMC)
    return path


def test_two_bones_are_where_a_hand_calculation_puts_them(two_bones):
    armature = read_amc(two_bones)
    assert armature.names == ("root", "upper", "lower", None)
    np.testing.assert_allclose(armature.positions[0], [[1, 2, 3], [1, 2, 3], [1, 4, 3], [2, 4, 3]], atol=1e-12)
    # Root and upper a quarter about z each: upper points to -y, so lower starts at (1, 0, 3). The lower bone's own x is
    # the world's y at rest (its axis is a quarter about z): a quarter about it brings +x to -z, which z turns keep.
    np.testing.assert_allclose(armature.positions[1], [[1, 2, 3], [1, 2, 3], [1, 0, 3], [1, 0, 2]], atol=1e-12)


def test_lengths_are_inches_over_the_stated_unit_and_no_rate_is_made_up(two_bones):
    armature = read_amc(two_bones)
    assert armature.metres_per_unit == pytest.approx(0.0254 / 0.5)
    assert armature.fps is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: text.rindex("lower")], "line 9: the frame that ends here lacks lower"),
        (lambda text: text.replace("upper 0 0 90", "upper 0 0"), "line 9: upper has 2 numbers, its skeleton says 3"),
        (lambda text: text.replace("upper 0 0 90", "tail 0 0 90"), "line 9: 'tail' is not a bone"),
        (lambda text: text.replace("lower 90", "lower ninety"), "line 10: 'ninety' is not a number"),
        (lambda text: text.replace("\n2\n", "\n3\n"), "line 7: frame 3 does not follow"),
        (lambda text: ":DEGREES\n", "no frames of motion"),
        (lambda text: "<html>\n", "line 1: '<html>' is not a bone"),
    ],
)
def test_damaged_motion_is_named_with_its_line(two_bones, damage, message):
    two_bones.write_text(damage(AMC))
    with pytest.raises(MocapError, match=message):
        read_amc(two_bones)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: text.index(":hierarchy")], "no :hierarchy section"),
        (lambda text: text.replace("length 2", "length two"), "line 17: 'two' is not a number"),
        (lambda text: text.replace("    direction 0 1 0\n", ""), "line 19: the bone that ends here has no direction"),
        (lambda text: text.replace("root upper", "root ghost"), "names 'ghost'"),
    ],
)
def test_a_damaged_skeleton_is_named(two_bones, damage, message):
    (two_bones.parent / "07.asf").write_text(damage(ASF))
    with pytest.raises(MocapError, match=message):
        read_amc(two_bones)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("0 0 90 XYZ", "0 0 90 q"), "line 26: an axis is an order of X, Y and Z.*not 'q'"),
        (lambda text: text.replace("  axis XYZ\n", "  axis XXZ\n"), "line 9: an axis is an order"),
        (lambda text: text.replace("length 0.5", "length 0"), "unit of length should be above zero"),
        (lambda text: text.replace("length 0.5", "length 1e-400"), "unit of length should be above zero"),
        (lambda text: text.replace("length 2", "length inf"), "line 17: 'inf' is not a number"),
        (lambda text: text.replace("0 1 0", "0 1"), "line 16: expected 3 numbers, found 2"),
        (lambda text: text.replace("dof rx\n", "dof rx rx\n"), "line 27: 'rx' is no channel, or stands twice"),
        (lambda text: text.replace("order TX", "order QX"), "line 8: 'qx' is no channel"),
        (lambda text: text.replace("upper lower\n", "upper lower\nlower upper\n"), "names 'upper' twice"),
        (lambda text: text.replace("upper lower\n", f"upper {'lower ' * 100_000}\n"), "names 'lower' twice"),
        (lambda text: text.replace(":hierarchy", text[text.index("  begin") : text.index("  begin\n    id 2")] * 3000
                                   + ":hierarchy"), "more than 2000 bones"),
    ],
)  # fmt: skip
def test_a_hostile_skeleton_is_refused_in_words(two_bones, damage, message):
    skeleton = two_bones.parent / "07.asf"
    skeleton.write_text(damage(ASF))
    with pytest.raises(MocapError, match=rf"07\.asf.*{message}"):
        read_amc(two_bones)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("\n1\n", "\n²\n"), "line 3: '²' is not a bone"),
        (lambda text: text.replace("\n2\n", "\n" + "9" * 5000 + "\n"), "line 7: '999.*…' is not a bone"),
        (lambda text: text.replace("upper 0 0 90", "upper 0 0 nan"), "line 9: 'nan' is not a number"),
        (lambda text: text.replace("upper 0 0 90", "upper 0 0 0,5"), "line 9: '0,5' is written with a decimal comma"),
        (lambda text: text.replace("2\nroot", "Exported\n2\nroot"), "line 7: 'Exported' is not a bone"),
    ],
)
def test_hostile_motion_is_refused_with_its_line_and_in_short(two_bones, damage, message):
    two_bones.write_text(damage(AMC))
    with pytest.raises(MocapError, match=message) as refused:
        read_amc(two_bones)
    assert len(str(refused.value)) < 400


def test_the_motions_own_word_about_angles_counts(two_bones):
    expected = read_amc(two_bones).positions
    quarter = str(np.pi / 2)
    two_bones.write_text(AMC.replace(":DEGREES", ":RADIANS").replace(" 90", f" {quarter}"))
    np.testing.assert_allclose(read_amc(two_bones).positions, expected, atol=1e-12)
    skeleton = two_bones.parent / "07.asf"
    skeleton.write_text(ASF.replace("angle deg", "angle rad").replace("0 0 90 XYZ", f"0 0 {quarter} XYZ"))
    np.testing.assert_allclose(read_amc(two_bones).positions, expected, atol=1e-12)
    two_bones.write_text(AMC)
    np.testing.assert_allclose(read_amc(two_bones).positions, expected, atol=1e-12)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["", "\x1a", "\0\0", "# made by a program\n", "Made by a program\n"])
def test_both_files_are_read_in_every_encoding_and_with_words_behind_them(two_bones, encoding, end):
    expected = read_amc(two_bones).positions
    two_bones.write_bytes((AMC + end).encode(encoding))
    (two_bones.parent / "07.asf").write_bytes((ASF + ("" if end.startswith("M") else end)).encode(encoding))
    np.testing.assert_array_equal(read_amc(two_bones).positions, expected)


def test_children_of_a_bone_may_stand_on_several_lines(two_bones):
    (two_bones.parent / "07.asf").write_text(ASF.replace("    upper lower", "    upper lower\n    upper"))
    assert read_amc(two_bones).names == ("root", "upper", "lower", None)


def test_motion_without_its_skeleton_says_which_file_it_needs(shared_data, tmp_path):
    shutil.copy(shared_data / "cmu-modern" / "05_16.amc", tmp_path)
    with pytest.raises(MocapError, match=r"needs the skeleton it was captured with \(05.asf\) beside it"):
        read_amc(tmp_path / "05_16.amc")


def test_bones_of_a_real_take_keep_their_length(shared_data):
    armature = read_amc(shared_data / "cmu-modern" / "05_20.amc")
    for joint, parent in enumerate(armature.parents):
        if parent >= 0:
            lengths = np.linalg.norm(armature.positions[:, joint] - armature.positions[:, parent], axis=1)
            assert np.ptp(lengths) < 1e-9
