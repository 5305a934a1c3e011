"""Prompts that change with the song are changed and written as they are read."""

from __future__ import annotations

from dancegen.renderers.film.prompts import PromptSchedule


def test_a_text_is_said_for_a_while_and_then_what_was_there_again():
    one = PromptSchedule.parse("a ballroom")
    two = one.saying("a street", 10.0, 20.5)
    assert two.written() == "0:00 a ballroom | 0:10 a street | 0:20.5 a ballroom"
    assert PromptSchedule.parse(two.written()) == two and PromptSchedule.parse(one.written()) == one
    assert two.saying("snow", 5.0, 15.0).written() == "0:00 a ballroom | 0:05 snow | 0:15 a street | 0:20.5 a ballroom"
    assert two.saying("snow", 0.0, 65.0).written() == "0:00 snow | 1:05 a ballroom"
    assert two.saying("a ballroom", 9.0, 21.0).written() == "a ballroom"
