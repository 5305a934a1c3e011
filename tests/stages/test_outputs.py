"""What the place of a result says of options: each declares that itself, and every verb that has it goes by it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from dancegen.errors import InputError
from dancegen.options.verbs import VERBS
from dancegen.stages.outputs import suited

DRAWN = [each for each in VERBS if {"codec", "frames", "style"} <= {field.name for field in fields(each.options())}]


def options(verb, **given):
    """Of a verb, with a song where one must be named."""
    named = {"song": "demo"} if verb.name == "dance" else {}
    return verb.options()(**named, **given)


@pytest.mark.parametrize("verb", DRAWN, ids=lambda verb: verb.name)
def test_a_files_name_and_a_folder_choose_what_is_written_whichever_verb_writes_it(verb, tmp_path):
    for name, codec in (("a.mov", "prores"), ("a.mkv", "ffv1"), ("a.mp4", "h264"), ("a.png", "h264"), ("a/", "h264")):
        assert suited(options(verb), f"{tmp_path}/{name}").codec == codec
    assert suited(options(verb, codec="h264-10"), tmp_path / "a.mp4").codec == "h264-10"
    with pytest.raises(InputError, match=r"prores is written as \.mov"):
        suited(options(verb, codec="prores"), tmp_path / "a.mp4")
    folder, kept = tmp_path / "folder", {}
    for given in ({}, {"style": "openpose"}, {"style": "openpose", "prompt": "a dancer"}):
        kept[tuple(given)] = suited(options(verb, **given), folder).frames
    assert kept == {(): False, ("style",): True, ("style", "prompt"): False}
    assert not suited(options(verb, style="openpose"), tmp_path / "a.mp4").frames
    assert suited(options(verb, frames=True), tmp_path / "a.mp4").frames
    drawn = options(verb, style="openpose")
    assert suited(drawn, None) is drawn


def test_verbs_that_write_videos_are_these():
    assert [verb.name for verb in DRAWN] == ["dance", "render"]


def test_other_verbs_keep_their_options(tmp_path):
    (evaluate,) = (each for each in VERBS if each.name == "evaluate")
    given = evaluate.options()()
    assert suited(given, tmp_path / "folder") == given
