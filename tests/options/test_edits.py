"""Spans at another speed and poses at a moment, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dancegen.errors import InputError
from dancegen.options.edits import retimed_span, timed_poses


@pytest.mark.parametrize("value", ["10-14=0.5", "0:10-0:14=0.5", (10, 14, 0.5)])
def test_a_span_and_its_speed(value):
    assert retimed_span("--retime-span", value) == (10.0, 14.0, 0.5)


@pytest.mark.parametrize("value", ["10-14", "14-10=1", "10-14=fast", "10-14=9", "=0.5", "10=0.5"])
def test_what_is_no_span_at_a_speed_is_refused(value):
    with pytest.raises(InputError, match="--retime-span"):
        retimed_span("--retime-span", value)


def test_poses_at_their_moments_in_order():
    assert timed_poses("--pass-pose", ["1:02.5=8c1e20aa@3", "4=my, pose.json"]) == (
        (4.0, "my, pose.json"), (62.5, "8c1e20aa@3"),
    )  # fmt: skip
    assert timed_poses("--pass-pose", (4, Path("a=b.npz"))) == ((4.0, Path("a=b.npz")),)
    assert timed_poses("--pass-pose", "4=a=b.npz") == ((4.0, "a=b.npz"),)
    for wrong in ("pose.json", "soon=pose.json", "-1=pose.json", "4=", ["4=a", "4.0=b"]):
        with pytest.raises(InputError, match="--pass-pose"):
            timed_poses("--pass-pose", wrong)
