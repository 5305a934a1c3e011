"""Use: which seconds of the takes are in a clip, each counted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dancegen.dataset.format import Clip
from dancegen.dataset.pairing import OwnSong, PairedClips
from dancegen.dataset.seen import SeenTake
from dancegen.dataset.use import covered, use_of


def test_seconds_that_two_clips_hold_count_once():
    assert covered([(5.0, 9.0), (0.0, 4.0), (3.0, 6.0), (12.0, 13.0), (12.2, 12.4)]) == pytest.approx(10.0)
    assert covered([]) == 0


def test_what_no_clip_holds_is_said_of_takes_that_have_some():
    takes = [SeenTake(name, name, name, Path(), 30.0, OwnSong("song", 0.0)) for name in ("whole", "part", "none")]
    clips = [Clip(f"c{n}", n, 0, 10, 30, "train", None, None, n, "song", 0) for n in ("whole", "part")]
    paired = [PairedClips((clips[0],) * 2, ((0.0, 20.0), (10.0, 29.9))), PairedClips(clips[1:], ((5.0, 15.0),))]
    use = use_of(takes, paired, {"whole": "a/whole.npz", "part": "a/part.npz", "none": "a/none.npz"})
    assert use.missing == ("a/part.npz (20.0 of 30.0 s)",)
    assert use.summary() == {"source_seconds": 90.0, "of_source_seconds": 39.9, "waiting_seconds": 0.0}
