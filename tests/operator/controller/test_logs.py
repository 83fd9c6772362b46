"""The log does not flood."""

import logging

import pytest

from apphealth.controller.logs import BURST, WINDOW, Flood


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def line(number=1):
    return logging.LogRecord("apphealth", logging.INFO, "here.py", number, "the %s", ("message",), None)


@pytest.mark.parametrize(("lines", "through"), [(1, 1), (BURST, BURST), (BURST + 1, BURST), (1000, BURST)])
def test_of_one_kind_only_some_lines_come_through(lines, through):
    flood = Flood(Clock())
    assert sum(flood.filter(line()) for _ in range(lines)) == through


def test_another_kind_of_line_is_not_held_back():
    flood = Flood(Clock())
    for _ in range(1000):
        flood.filter(line(1))
    assert flood.filter(line(2))


def test_after_a_while_the_number_of_lines_held_back_is_said():
    clock = Clock()
    flood = Flood(clock)
    for _ in range(BURST + 7):
        flood.filter(line())
    clock.now = WINDOW
    late = line()
    assert flood.filter(late)
    assert late.getMessage() == "the message (7 more like this before)"
