"""Files hashed once, and hashed again as soon as anything about them changed."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from dancegen.store import Input, digests
from dancegen.store import memory as remembered
from dancegen.store.digests import Digests, file_digest
from dancegen.store.hashing import hash_file
from helpers.processes import run_python, start_python

BYTES = bytes(range(256)) * 400


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The names of the files that were really read."""
    names: list[str] = []

    def counted(path):
        names.append(Path(path).name)
        return hash_file(path)

    monkeypatch.setattr(digests, "hash_file", counted)
    return names


@pytest.fixture
def memory() -> Path:
    """Where this test's memory lies."""
    return Path(os.environ["DANCEGEN_DIGESTS"])


@pytest.fixture
def later(monkeypatch):
    """Moves the clock on, so that a file just written is no longer fresh."""
    passed = 10.0
    real = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real[0]() + passed)
    monkeypatch.setattr(time, "time_ns", lambda: real[1]() + int(passed * 1e9))

    def move(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return move


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "song 🎵.wav"
    path.write_bytes(BYTES)
    return path


def flip(path: Path, at: int = 1000) -> None:
    """Change one bit; size and date stay."""
    before = os.stat(path)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_file_is_read_once(file, later, hashed):
    first = Input.file("song", file)
    assert Input.file("song", file) == first and first.digest == hash_file(file)
    assert hashed == [file.name]


def test_it_is_known_in_another_process_and_by_another_name(file, later, hashed):
    file_digest(file)
    file.rename(file.with_name("renamed.wav"))  # which some file systems call a change
    os.symlink(file.with_name("renamed.wav"), file)
    code = "import sys; from dancegen.store import digests; digests.hash_file = None; "
    file_digest(file)
    run = run_python("-c", code + "print(digests.file_digest(sys.argv[1]))", file)
    assert run.stdout.strip() == hash_file(file), run.stderr


def test_a_bit_that_changed_is_noticed_also_where_size_and_date_stayed(file, later, hashed):
    before = file_digest(file)
    flip(file)
    later(60)
    assert file_digest(file) == hash_file(file) != before


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x"], ids=["shorter", "longer"])
def test_another_size_is_noticed(file, later, change):
    file_digest(file)
    file.write_bytes(change(BYTES))
    assert file_digest(file) == hash_file(file)


def test_another_file_in_its_place_is_noticed(file, later, tmp_path):
    file_digest(file)
    (tmp_path / "other").write_bytes(BYTES[::-1])
    os.replace(tmp_path / "other", file)
    assert file_digest(file) == hash_file(file)


def test_a_file_just_written_is_not_remembered(file, hashed, memory):
    """A second change within the same tick of the file system's clock would not show."""
    file_digest(file), file_digest(file)
    assert hashed == [file.name] * 2 and not memory.exists()


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(file, later, monkeypatch):
    def slow(path):
        digest = hash_file(path)
        flip(path)
        return digest

    monkeypatch.setattr(digests, "hash_file", slow)
    file_digest(file)
    monkeypatch.undo()
    assert file_digest(file) == hash_file(file)


def test_a_date_in_the_future_changes_nothing(file, later, hashed):
    os.utime(file, (time.time() + 1e6, time.time() + 1e6))
    file_digest(file), file_digest(file)
    assert hashed == [file.name]


def test_after_some_months_and_after_a_clock_was_set_back_files_are_read_again(file, later, hashed):
    file_digest(file)
    later(-5 * 86_400)
    file_digest(file)
    later(100 * 86_400)
    file_digest(file)
    later(remembered.REMEMBERED_DAYS * 86_400 + 86_400)
    file_digest(file)
    assert hashed == [file.name] * 4


def test_what_is_read_once_in_a_directory_is_not_read_again(tmp_path, later, hashed):
    folder = tmp_path / "songs"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_bytes(BYTES + name.encode())
    first = Input.directory("songs", folder)
    (folder / "b").write_bytes(BYTES[::-1])
    assert Input.directory("songs", folder) != first
    assert sorted(hashed) == ["a", "b", "b", "c"]


def garbage(memory: Path) -> None:
    memory.write_bytes(b"no database at all" * 999)


def half(memory: Path) -> None:
    memory.write_bytes(memory.read_bytes()[:5000])


def emptied(memory: Path) -> None:
    memory.write_bytes(b"")


def another_table(memory: Path) -> None:
    memory.unlink()
    with sqlite3.connect(memory) as connection:
        connection.execute("CREATE TABLE digests (path TEXT)")


def nonsense(memory: Path) -> None:
    with sqlite3.connect(memory) as connection:
        connection.execute("UPDATE digests SET said = 7")


@pytest.mark.parametrize("damage", [garbage, half, emptied, another_table, nonsense], ids=lambda each: each.__name__)
def test_a_broken_memory_fails_nothing(file, later, memory, damage):
    expected = file_digest(file)
    damage(memory)
    assert [file_digest(file) for _ in range(3)] == [expected] * 3


def test_a_damaged_memory_is_begun_anew(file, later, memory, hashed):
    file_digest(file)
    garbage(memory)
    for _ in range(3):
        file_digest(file)
    assert len(hashed) <= 3, "once before, and at most twice until there is a new one"


def test_a_file_of_the_persons_in_the_memorys_place_is_left_alone(file, later, monkeypatch, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"dear all, " * 9999)
    monkeypatch.setenv("DANCEGEN_DIGESTS", str(letter))
    assert file_digest(file) == hash_file(file)
    assert letter.read_bytes() == b"dear all, " * 9999


def test_a_place_that_cannot_be_written_fails_nothing(file, later, monkeypatch, tmp_path):
    (tmp_path / "a file").write_text("")
    for place in (tmp_path / "a file" / "below", tmp_path, "/proc/none/digests"):
        monkeypatch.setenv("DANCEGEN_DIGESTS", str(place))
        assert file_digest(file) == hash_file(file)


def test_nothing_is_remembered_where_that_is_turned_off(file, later, monkeypatch, hashed):
    monkeypatch.setenv("DANCEGEN_DIGESTS", "off")
    file_digest(file), file_digest(file)
    assert hashed == [file.name] * 2
    assert Digests(None).of([]) == []


def test_a_memory_that_another_process_holds_is_not_waited_for_long(file, later, memory, monkeypatch):
    file_digest(file)
    monkeypatch.setattr(remembered, "_BUSY_S", 0.05)
    with sqlite3.connect(memory, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert file_digest(file) == hash_file(file)


def test_several_processes_remember_at_once(tmp_path, memory):
    """Four at a time hash files of their own; afterwards every one is known."""
    for index in range(40):
        (tmp_path / f"{index}.bin").write_bytes(BYTES + bytes([index]))
    code = (
        "import sys, time; now = time.time_ns; time.time_ns = lambda: now() + 10**10; "
        "from dancegen.store.digests import file_digest; [file_digest(path) for path in sys.argv[1:]]"
    )
    started = [
        start_python("-c", code, *(tmp_path / f"{index}.bin" for index in range(first, 40, 4))) for first in range(4)
    ]
    assert [process.communicate()[1] for process in started] == [""] * 4
    with sqlite3.connect(memory) as connection:
        rows = connection.execute("SELECT said FROM digests").fetchall()
    assert {sha256 for (sha256,) in rows} == {hash_file(tmp_path / f"{index}.bin") for index in range(40)}


def test_the_store_imports_no_database(file):
    run = run_python("-c", "import sys, dancegen.store; print('sqlite3' in sys.modules)")
    assert run.stdout.strip() == "False", run.stderr
