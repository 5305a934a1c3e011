"""Text from outside: every encoding that editors write, the same text; no file too large, no JSON that is none."""

from __future__ import annotations

import json

import pytest

from dancegen.errors import MocapError
from dancegen.text import decode, read_json, read_text

WORDS = "HIERARCHY\nROOT Hüfte\n{ OFFSET 0 1.5 0 }\n" + "0.25 -3.5 12\n" * 20


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_a_text_is_the_same_in_every_encoding(encoding, tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes(WORDS.encode(encoding))
    assert read_text(path, "text") == WORDS


@pytest.mark.parametrize("end", [b"\x1a", b"\0\0\0\0", b"\x1a\0"])
def test_what_old_programs_leave_at_the_end_is_no_text(end):
    assert decode(b"1 2 3\n" + end) == "1 2 3\n"


def test_bytes_that_are_no_text_become_replacement_characters():
    assert decode(b"H\xfcfte") == "H\ufffdfte"
    assert decode(b"") == ""


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(2**40)  # a terabyte of zeros, on disk nothing
    with pytest.raises(MocapError, match=r"large\.txt has 1\.1 TB, more than"):
        read_text(path, "text", MocapError)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "no", "9" * 5000, '{"a": NaN'])
def test_json_that_is_none_names_its_file(text, tmp_path):
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(MocapError, match=r"map\.json"):
        read_json(path, "map", MocapError)


def test_json_is_read_with_its_mark(tmp_path):
    path = tmp_path / "map.json"
    path.write_bytes(json.dumps({"kopf": "Schädel"}, ensure_ascii=False).encode("utf-16"))
    assert read_json(path, "map") == {"kopf": "Schädel"}


def test_a_file_that_is_not_there_is_said_in_words(tmp_path):
    with pytest.raises(MocapError, match=r"gone\.txt cannot be read: No such file"):
        read_text(tmp_path / "gone.txt", "text", MocapError)
