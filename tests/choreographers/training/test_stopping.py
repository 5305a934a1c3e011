"""How long a step takes, and when there will be something to read, is said once and soon."""

from __future__ import annotations

import pytest

from dancegen.choreographers.training import stopping
from dancegen.choreographers.training.processes import ALONE
from dancegen.choreographers.training.stopping import Budget, Pace
from helpers.listening import Listener


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


class Limits:
    epochs = 10**6

    def __init__(self, steps=None, minutes=None) -> None:
        self.steps, self.minutes = steps, minutes


@pytest.mark.parametrize(
    ("limits", "each", "said"),
    [
        (Limits(), 0.5, "a step takes 0.5 s; the first report comes in about 9:54 min"),  # 1200 steps, 11 of them over
        (Limits(), 30.0, "a step takes 30 s; the first report comes in about 9:59:00 h"),
        (Limits(), 0.01, "a step takes 0.01 s; the first report comes in about 11.8 s"),
        (Limits(steps=52), 0.5, "a step takes 0.5 s; the first report comes in about 20.5 s"),
        (Limits(minutes=2.0), 0.5, "a step takes 0.5 s; the first report comes in about 1:51 min"),
    ],
)
def test_the_pace_is_said_once_the_first_steps_are_over(monkeypatch, limits, each, said):
    clock, listener = Clock(), Listener()
    monkeypatch.setattr(stopping, "time", clock)
    budget, pace = Budget(limits, 10.0, ALONE), Pace(1200, listener)
    clock.now += 4.0  # the first step is no measure
    for step in range(200):
        budget.tick()
        pace.tick(budget)
        clock.now += each
        assert len(listener.said) <= 1 and (step or not listener.said)
    assert listener.said == [said]
