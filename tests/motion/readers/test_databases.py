"""Databases: what the name of a recording says."""

from __future__ import annotations

from dancegen.motion.readers.databases import performance


def test_partners_mirrors_and_copies_of_a_take_are_one_performance():
    couple = {performance(stem) for stem in ("60_05_scaled", "61_05_scaled", "60_05", "61_05_mirror", "60_05_retimed")}
    assert couple == {"60+61_05"}
    assert performance("60_06_scaled") != performance("60_05_scaled")
    assert performance("05_02") == "05_02"
    assert performance("my_dance") == "my_dance"
