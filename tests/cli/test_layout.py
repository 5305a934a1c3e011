"""What commands print fits the terminal, and no path is broken, since people copy them."""

from __future__ import annotations

import pytest

import dancegen
from dancegen.cli import main
from dancegen.cli.layout import in_columns, screen_width, wrapped
from dancegen.metrics.table import shortened
from helpers.songs import write_song
from helpers.tiny_gan import tiny_model

PATH = "/home/somebody/a folder/of-a-name/that-is-long/generate-poses/17d7846c0655afd7"
ROWS = [("frames", "240"), ("verdict", "the feet slide over the floor twice as much as in real dance"), ("in", PATH)]


def fits(out: str, width: int = 60) -> bool:
    """Whether every line does, but those that are one word."""
    return all(len(line) <= width or len(line.split()) == 1 for line in out.splitlines())


def test_a_screen_is_a_terminal_or_what_columns_says(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert screen_width() is None  # a pipe: one line for each thing
    monkeypatch.setenv("COLUMNS", "60")
    assert screen_width() == 60


def test_rows_without_a_screen_are_one_line_each(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert in_columns(ROWS) == [f"  {name:<7}  {value}" for name, value in ROWS]


def test_rows_that_are_too_long_go_on_below(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert in_columns(ROWS[:2]) == [
        "  frames   240",
        "  verdict  the feet slide over the floor twice as much as in",
        "           real dance",
    ]
    assert in_columns([("in", "/one/word" * 6)]) == ["  in  " + "/one/word" * 6]
    assert in_columns([("in", "/one/word" * 8)]) == ["  in", "/one/word" * 8]
    assert wrapped("word " * 12 + "word", "  ").splitlines() == [("word " * 12).strip(), "  word"]


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert shortened("short", 10) == "short"
    assert shortened("a very long song's name 3f2a9c41", 15) == "a very …3f2a9c41"[0:7] + "…" + "f2a9c41"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    write_song(place / "a song with a name of quite some length, live in a hall.wav", 2.0)
    tiny_model(place / "model")
    return place


def test_every_command_that_shows_rows_or_a_table_fits_sixty_columns(place, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    (song,) = place.glob("*.wav")
    poses = ["generate-poses", str(song), "--model", str(place / "model"), "--canvas", "64x64"]
    assert main(poses) == 0
    made = dancegen.generate_poses(song, model=place / "model", canvas="64x64")
    for line in (
        poses,
        ["render", made.digest, "--size", "64x64", "-o", str(place / "film.mp4")],
        ["evaluate", made.digest, str(place / "model"), "--songs", str(song), "--seconds", "1.5"],
    ):
        assert main(line) == 0
        out = capsys.readouterr().out
        assert fits(out), out
    assert main(["evaluate", made.digest, "--json"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) > 60  # for programs nothing is broken


def test_a_plan_fits_too(capsys, monkeypatch):
    from dancegen.cli.result import print_plan

    class Plan:
        def lines(self) -> list[str]:
            return ["at most 5.1 GB of memory are needed, 12 GB are there: a film in segments of 128 frames, in halves"]

    monkeypatch.setenv("COLUMNS", "60")
    print_plan(Plan(), as_json=False)
    assert fits(capsys.readouterr().out)
