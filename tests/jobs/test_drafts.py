"""Marks that were not danced yet are kept, and uploads that nothing needs are removed."""

from __future__ import annotations

import os
import time

import pytest

from dancegen.jobs import Job
from dancegen.jobs.drafts import KEPT_S, MOST, Drafts, remove_old_uploads

MARK = {"kind": "keep", "lane": 0, "start_s": 1.0, "end_s": 2.0, "label": ""}


@pytest.fixture
def uploads(tmp_path):
    """Two files of a week ago, in directories as Gradio makes them, and one of today."""
    folder = tmp_path / "uploads"
    for name, age_s in (("a/old song.wav", KEPT_S + 60), ("b/needed ü.wav", KEPT_S + 60), ("c/new.wav", 0)):
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text("la la")
        os.utime(path, (time.time() - age_s,) * 2)
    return folder


def test_marks_are_found_again_by_their_dance(tmp_path):
    Drafts(tmp_path / "drafts.json").keep("aa", [MARK], {"1": {"l_wrist": [0, 1, 0]}})
    again = Drafts(tmp_path / "drafts.json")
    assert again.of("aa") == ([MARK], {"1": {"l_wrist": [0, 1, 0]}}) and again.of("bb") == ([], {})
    again.keep("bb", [MARK], {})
    assert again.newest() == "bb"
    again.keep("bb", [], {})
    assert again.newest() == "aa"


def test_marks_of_so_many_dances_are_kept_and_damaged_ones_are_none(tmp_path):
    drafts = Drafts(tmp_path / "drafts.json")
    for number in range(MOST + 2):
        drafts.keep(str(number), [MARK], {})
    assert drafts.of("1") == ([], {}) and drafts.of("2")[0] == [MARK]
    (tmp_path / "drafts.json").write_text("{")
    assert drafts.newest() == ""


def test_an_old_upload_goes_when_no_job_and_no_mark_names_it(uploads, tmp_path):
    drafts = Drafts(tmp_path / "drafts.json")
    outside = tmp_path / "mine.wav"
    outside.write_text("mine")
    (uploads / "link.wav").symlink_to(outside)
    os.utime(uploads / "link.wav", (0, 0), follow_symlinks=False)
    job = Job("1", "generate-poses", {"song": str(uploads / "b" / "needed ü.wav"), "seed": 1}, "a dance", "done")
    removed = remove_old_uploads(uploads, [job], drafts)
    assert {path.name for path in removed} == {"old song.wav", "link.wav"} and outside.read_text() == "mine"
    assert sorted(path.name for path in uploads.rglob("*")) == ["b", "c", "needed ü.wav", "new.wav"]
    drafts.keep("aa", [{**MARK, "kind": "prompt", "label": str(uploads / "b" / "needed ü.wav")}], {})
    assert remove_old_uploads(uploads, [], drafts) == []
    drafts.keep("aa", [], {})
    assert [path.name for path in remove_old_uploads(uploads, [], drafts)] == ["needed ü.wav"]
