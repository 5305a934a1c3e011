"""Lists of beats that people bring are read as they come, and refused in words where they are none."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.audio.beats import Beats
from dancegen.audio.beats_file import read_beats
from dancegen.errors import InputError

TIMES = [0.5, 1.0, 1.52, 2.04]


@pytest.mark.parametrize(
    "name, text",
    [
        ("plain.txt", "0.5\n1.0\n1.52\n2.04\n"),
        ("unsorted.txt", "1.0\n0.5\n\n1.52\n2.04\n2.04"),
        (
            "audacity.txt",
            "0.500\t0.500\t1\n1.000\t1.000\t2\n\\\t100.0\t200.0\n1.52\t1.52\t3\n2.04\t2.04\t4\n",
        ),
        ("german.txt", "0,500000\t0,500000\t1\n1,000000\t1,0\t2\n1,52\t1,52\n2,04\t2,04\n"),
        ("comma.txt", "0,5\n1,0\n1,52\n2,04\n"),
        ("madmom.txt", "# beats\n0.50 1\n1.00 2\n1.52 3\n2.04 4\n"),
        ("sonic.csv", "TIME,LABEL\n0.5,1\n1.0,2\n1.52,3\n2.04,4\n"),
        ("mac.txt", "0.5\r1.0\r1.52\r2.04\r"),
        ("list.json", "[0.5, 1.0, 1.52, 2.04]"),
        ("other.json", '{"bpm": 118, "beats": [0.5, 1.0, 1.52, 2.04]}'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_way_of_writing_them_is_read(tmp_path, name, text, encoding):
    (tmp_path / name).write_bytes(text.encode(encoding))
    beats = read_beats(tmp_path / name)
    assert beats.times_s == pytest.approx(TIMES) and len(beats.strength) == 4
    assert beats.tempo_bpm == pytest.approx(60 / np.diff(TIMES).mean(), rel=0.01)


def test_the_beats_of_a_part_are_put_where_they_are_in_the_song(tmp_path):
    part = Beats(np.array(TIMES), 118.0, np.ones(4, np.float32)).between(0.8, 3.0)
    part.save(tmp_path / "beats.json")
    assert read_beats(tmp_path / "beats.json").times_s == pytest.approx(TIMES[1:])


BARS = "0.5 {}\n1.0 1\n1.5 2\n2.0 3\n2.5 1\n3.0 2\n3.5 3\n4.0 1\n"


@pytest.mark.parametrize(
    "name, text",
    [
        ("beat_this.beats", BARS.format(3).replace(" ", "\t")),
        ("madmom.txt", BARS.format(3)),
        ("audacity.txt", "".join(f"{a}\t{a}\t{n}\n" for a, n in (row.split() for row in BARS.format(3).splitlines()))),
        ("sonic.csv", "TIME,LABEL\n" + BARS.format(3).replace(" ", ",")),
        ("lists.json", '{"beats": [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4], "downbeats": [1, 2.5, 4.01]}'),
    ],
)
def test_numbers_of_beats_in_their_bars_tell_where_bars_begin(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    beats = read_beats(tmp_path / name)
    assert beats.times_s == pytest.approx(np.arange(0.5, 4.1, 0.5))
    assert beats.downbeats_s == pytest.approx([1.0, 2.5, 4.0]) and beats.metre == "3/4"


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{0.5 * n} {n}" for n in range(1, 30)),  # how many it is in the song
        "0.5 1\n1.0 3\n1.5 1\n2.0 3\n",
        "0.5 1\n1.0\n1.5 1\n",
        "0.5 a\n1.0 b\n1.5 a\n",
        "0.5 1\n1.0 2\n1.5 3\n",  # one bar tells no metre
    ],
)
def test_other_numbers_tell_nothing_of_bars(tmp_path, text):
    (tmp_path / "beats.txt").write_text(text)
    beats = read_beats(tmp_path / "beats.txt")
    assert beats.metre == "" and len(beats.downbeats_s) == 0 and len(beats.times_s) >= 3


def test_the_bars_of_an_earlier_dance_come_along(tmp_path):
    times = np.arange(0.5, 9, 0.5)
    whole = Beats(times, 120.0, np.ones(len(times), np.float32), downbeats_s=times[::2], metre="6/8")
    whole.between(1.9, 8.0).save(tmp_path / "beats.json")
    beats = read_beats(tmp_path / "beats.json")
    assert beats.metre == "6/8" and beats.downbeats_s == pytest.approx(times[(times > 1.9) & (times < 8)][1::2])


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("empty.txt", "", "two times"),
        ("one.txt", "0.5", "two times"),
        ("words.txt", "la la la\nla la\n", "two times"),
        ("mixed.txt", "0.5\nverse\n1.0\n", "line 2 begins with 'verse'"),
        ("negative.txt", "-1\n0.5\n", "0 or more"),
        ("nan.txt", "nan\n0.5\n1.0\n", "0 or more"),
        ("inf.txt", "0.5\ninf\n", "0 or more"),
        ("near.txt", "0.5\n0.51\n", "too near"),
        ("broken.json", "{", "no JSON"),
        ("else.json", '{"notes": 1}', "neither times_s"),
        ("words.json", '["a", "b"]', "list of beats"),
        ("deep.json", "[" * 100_000, "list of beats"),
    ],
)
def test_what_is_no_list_of_beats_is_said(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_beats(tmp_path / name)
    assert name in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt"):
        read_beats(tmp_path / "none.txt")
