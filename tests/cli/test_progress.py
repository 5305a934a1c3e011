"""Progress on stderr: bars in a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from threading import Event
from time import sleep

import pytest

from dancegen.cli import progress as module
from dancegen.cli.progress import CommandProgress
from dancegen.cli.result import figure
from dancegen.context import Cancellable
from dancegen.formatting import byte_size, duration, frame_rate
from dancegen.progress import remark
from helpers.processes import environment, wait_until


@pytest.fixture
def time(monkeypatch):
    """A clock that only goes when told."""

    class Clock:
        now = 100.0

        def monotonic(self) -> float:
            return self.now

    clock_ = Clock()
    monkeypatch.setattr(module, "time", clock_)
    return clock_


def test_without_a_terminal_long_work_leaves_plain_lines_with_rate_and_time_left(capsys, time):
    with CommandProgress() as progress, progress.task("Painting", 100) as advance:
        for _ in range(3):
            time.now += 10.5
            advance(21)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "Painting: 21%, 2/s, 39.5 s left",
        "Painting: 42%, 2/s, 29.0 s left",
        "Painting: 63%, 2/s, 18.5 s left",
        "Painting: done in 31.5 s",
    ]


def test_a_remark_stands_behind_the_figures(capsys, time):
    with CommandProgress() as progress, progress.task("Painting", 100) as advance:
        remark(advance, "1 of 4 rooms")
        remark(advance, "2 of 4 rooms")
        time.now += 10.5
        advance(21)
    assert capsys.readouterr().err.splitlines()[0] == "Painting: 21%, 2/s, 39.5 s left; 2 of 4 rooms"


def test_a_remark_reaches_whoever_shows_it_and_nobody_else_minds(capsys, time):
    with CommandProgress() as progress, Cancellable(progress, Event()).task("Painting", 100) as advance:
        remark(advance, "hello")
        time.now += 10.5
        advance(50)
    assert capsys.readouterr().err.splitlines()[0].endswith("; hello")
    remark(lambda amount: None, "hello")


def test_short_work_leaves_no_line(capsys, time):
    with CommandProgress() as progress, progress.task("Painting", 100) as advance:
        time.now += 0.5
        advance(100)
    assert capsys.readouterr().err == ""


def test_work_of_unknown_length_shows_count_and_rate(capsys, time):
    with CommandProgress() as progress, progress.task("Listening") as advance:
        time.now += 20
        advance()
    assert capsys.readouterr().err.splitlines()[0] == "Listening: 1, 0.05/s"


def test_work_that_gets_nowhere_says_now_and_then_that_it_is_alive(monkeypatch, capsys):
    """Only the task that is at work does, and none that is over."""
    monkeypatch.setattr(module, "_PLAIN_EVERY_S", 0.05)
    seen: list[str] = []

    def lines() -> list[str]:
        seen.extend(capsys.readouterr().err.splitlines())
        return seen

    with CommandProgress() as progress, progress.task("Training", 100), progress.task("Measuring"):
        wait_until(lambda: sum(line.startswith("Measuring: at work for ") for line in lines()) >= 2, "signs of life")
    lines()
    sleep(0.2)
    assert not any(line.startswith("Training: at work") for line in seen) and capsys.readouterr().err == ""


def test_work_that_fails_is_not_called_done(capsys, time):
    with pytest.raises(ValueError), CommandProgress() as progress, progress.task("Painting", 100):
        time.now += 60
        raise ValueError
    assert "done" not in capsys.readouterr().err


def test_quiet_says_nothing_but_warnings(capsys, time):
    with CommandProgress(quiet=True) as progress, progress.task("Painting", 2) as advance:
        time.now += 60
        advance(1)
        progress.say("using the newest")
        progress.warn("odd [bold]poses[/bold]")
    assert capsys.readouterr().err == "warning: odd [bold]poses[/bold]\n"


def test_a_terminal_shows_bars_that_give_way_to_lines():
    code = (
        "import time\n"
        "from dancegen.cli.progress import CommandProgress\n"
        "with CommandProgress() as progress:\n"
        "    with progress.task('Outer [a]', 2) as advance:\n"
        "        with progress.task('Inner', 4) as inner:\n"
        "            for _ in range(4):\n"
        "                time.sleep(0.3); inner(1)\n"
        "        progress.say('said [between]')\n"
        "        advance(2)\n"
    )
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=slave, stdout=subprocess.PIPE,
        env=environment(TERM="xterm", COLUMNS="100"),
    )  # fmt: skip
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not part:
            break
        seen += part
    os.close(master)
    assert process.communicate()[0] == b"" and process.returncode == 0
    text = seen.decode()
    for part in ("Outer [a]", "Inner", "/s", "━", "said [between]", "Inner: done in "):
        assert part in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"), (59.94, "59.9 s"), (59.97, "1:00 min"), (187, "3:07 min"), (3765, "1:02:45 h"),
        (172790, "47:59:50 h"), (172800, "2 days"), (36135075, "418 days"),
    ],
)  # fmt: skip
def test_durations_read_as_people_say_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1500, "1.5 kB"),
        (999_600, "1 MB"),
        (12_345_678, "12.3 MB"),
        (10**16, "1e+04 TB"),
    ],
)
def test_sizes_read_as_people_say_them(count, text):
    assert byte_size(count) == text


@pytest.mark.parametrize(
    ("fps", "text"),
    [(60.0024, "60"), (1 / 0.008333, "120"), (59.988, "60"), (30, "30"), (29.97003, "29.97"), (30000 / 1001, "29.97"),
     (59.94, "59.94"), (23.976, "23.98"), (12.5, "12.5"), (0.2, "0.2")],
)  # fmt: skip
def test_rates_read_as_people_say_them(fps, text):
    assert frame_rate(fps) == text


def test_figures_read_as_people_say_them():
    assert figure(0.0123456) == "0.01235"
    assert figure(123456.7) == "123457"
    assert figure([1, 2.5, True, None]) == "1, 2.5, yes, none"
    assert figure({"a000": 0.5, "a090": 1}) == "a000 0.5, a090 1"
