"""Times as people write them, the same for every option that takes one."""

from __future__ import annotations

from dataclasses import fields

import pytest

from dancegen.errors import InputError
from dancegen.options.dance import EvaluateOptions, GeneratePosesOptions
from dancegen.options.data import PrepareOptions
from dancegen.options.declare import declared
from dancegen.options.times import is_clock, seconds_of
from dancegen.options.verbs import VERBS
from dancegen.renderers.film.prompts import PromptSchedule
from dancegen.stages.dance_controls import _place_and_moment


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90.0), ("90.5", 90.5), ("90s", 90.0), ("1:30", 90.0), ("01:05.25", 65.25), ("75:00", 4500.0),
        ("1:02:03", 3723.0), (" 2:00 ", 120.0), ("0", 0.0), (7, 7.0), (1.5, 1.5), ("-3", -3.0),
        ("1:75", None), ("1:2:3:4", None), ("1:", None), (":30", None), ("", None), ("nan", None), ("inf", None),
        ("1e3", None), ("half", None), ("²", None), ("1:99:00", None), (float("nan"), None), (None, None),
        ("1 30", None),
    ],
)  # fmt: skip
def test_what_is_a_time(written, seconds):
    assert seconds_of(written) == seconds


def test_a_bare_number_is_no_clock_and_may_be_a_word():
    assert [is_clock(text) for text in ("3", "3s", "0:03", "dancers")] == [False, True, True, False]


def test_every_option_in_seconds_reads_minutes():
    asked = GeneratePosesOptions(song="a.wav", start="1:30", seconds="1:05", keep=("0:10-0:20", "30-1:05.5"))
    assert (asked.start, asked.seconds, asked.keep) == (90.0, 65.0, ((10.0, 20.0), (30.0, 65.5)))
    assert asked == GeneratePosesOptions(song="a.wav", start=90, seconds=65, keep=((10, 20), (30, 65.5)))
    assert EvaluateOptions(inputs=("gan",), start="0:05", seconds="1:00").seconds == 60.0
    assert PrepareOptions(sources=("a",), clip_seconds="0:12").clip_seconds == 12.0
    assert _place_and_moment("dance.npz@1:02.5") == ("dance.npz", 62.5)
    assert PromptSchedule.parse("a ballroom | 1:02 a street | 1:00:00 a beach").starts_s == (0.0, 62.0, 3600.0)


def test_no_option_in_seconds_reads_them_otherwise():
    """Whose metavar is S, and whose command line would refuse 1:30, is a new option that forgot."""
    found = {
        f"{verb.name} {each.name}"
        for verb in VERBS
        for each in fields(verb.options())
        if declared(each).metavar == "S" and type(declared(each).parse).__name__ != "Time"
    }
    assert found == set()


@pytest.mark.parametrize("value", ["1:75", "soon", "nan"])
def test_what_is_no_time_is_refused_with_an_example(value):
    with pytest.raises(InputError, match=f"--start {value}: write seconds or minutes:seconds, like 90 or 1:30"):
        GeneratePosesOptions(song="a.wav", start=value)


def test_bounds_hold_in_either_writing():
    for value in ("2:00", 120):
        with pytest.raises(InputError, match=f"--clip-seconds {value}: choose 1 to 60 seconds"):
            PrepareOptions(sources=("a",), clip_seconds=value)
