"""A directory takes the place of another, and at no moment is there neither."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from dancegen.store import exchange


@pytest.fixture
def place(tmp_path) -> Path:
    path = tmp_path / "place"
    path.mkdir()
    (path / "old").touch()
    return path


@pytest.fixture
def new(tmp_path) -> Path:
    path = tmp_path / "new"
    path.mkdir()
    (path / "new").touch()
    return path


@pytest.fixture(params=["one step", "two steps"])
def way(request, monkeypatch) -> str:
    """How directories are replaced: as systems do that can exchange names, and as the others do."""
    if request.param == "two steps":
        monkeypatch.setattr(exchange, "_system_call", lambda: None)
    return request.param


def names(path: Path | None) -> list[str]:
    return [] if path is None else sorted(os.listdir(path))


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="other systems cannot")
def test_this_system_exchanges_two_names_in_one_step(place, new):
    assert exchange.exchange(new, place) is True
    assert (names(place), names(new)) == (["new"], ["old"])


def test_an_empty_place_is_taken(new, tmp_path, way):
    assert exchange.put(new, tmp_path / "free") is None
    assert names(tmp_path / "free") == ["new"] and not new.exists()


def test_the_old_one_lies_aside(place, new, way):
    old = exchange.put(new, place)
    assert (names(place), names(old)) == (["new"], ["old"])


def test_where_a_file_system_cannot_exchange_two_steps_do(place, new, monkeypatch):
    monkeypatch.setattr(exchange, "_system_call", lambda: lambda one, other: -1)
    monkeypatch.setattr(exchange.ctypes, "get_errno", lambda: exchange.errno.EINVAL)
    old = exchange.put(new, place)
    assert (names(place), names(old)) == (["new"], ["old"])


def test_a_failure_leaves_the_old_one_in_its_place(place, tmp_path, way):
    with pytest.raises(OSError):
        exchange.put(tmp_path / "none", place)
    assert names(place) == ["old"] and names(tmp_path) == ["place"]


def test_what_a_kill_left_between_two_steps_is_brought_back(place, new, monkeypatch, way):
    os.rename(place, place.with_name(f"{exchange.REPLACED}place-x"))
    assert exchange.bring_back(place) is True
    assert names(place) == ["old"]
    assert exchange.bring_back(place) is False


def test_nothing_is_brought_back_over_a_new_one(place, new, tmp_path):
    aside = tmp_path / f"{exchange.REPLACED}place-x"
    os.rename(place, aside)
    os.rename(new, place)
    assert exchange.bring_back(place) is False
    assert names(place) == ["new"] and aside.exists()


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="other systems cannot")
def test_who_looks_all_the_while_always_finds_one(place, new):
    missing, stop = [], threading.Event()

    def look() -> None:
        while not stop.is_set():
            if not place.exists():
                missing.append(True)

    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(2000):
        exchange.put(new, place)
    stop.set()
    looker.join()
    assert not missing
