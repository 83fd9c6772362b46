"""The log does not flood."""

import json
import logging
import sys
from datetime import datetime

import pytest

from apphealth.controller.journal import LOGGER
from apphealth.controller.logs import BURST, WINDOW, Flood, JsonLines, set_up_logging


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


def test_no_line_about_a_write_is_held_back():
    flood = Flood(Clock())
    record = line()
    record.name = LOGGER
    assert all(flood.filter(record) for _ in range(1000))


def test_in_json_a_line_is_an_object_with_what_it_is_about():
    record = line()
    record.namespace, record.workload = "shop", "web"
    told = json.loads(JsonLines().format(record))
    assert datetime.fromisoformat(told.pop("time")).tzinfo is not None
    assert told == {
        "level": "info",
        "logger": "apphealth",
        "message": "the message",
        "namespace": "shop",
        "workload": "web",
    }


def test_in_json_a_traceback_is_one_line():
    record = line()
    try:
        int("a bug")
    except ValueError:
        record.exc_info = sys.exc_info()
    text = JsonLines().format(record)
    assert "\n" not in text
    assert "ValueError: invalid literal" in json.loads(text)["exception"]


@pytest.fixture
def logging_as_before():
    """Undo what a test sets up."""
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "kopf", "aiohttp", "asyncio", LOGGER)}
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("level", "levels", "logger", "heard"),
    [
        pytest.param("info", {}, "apphealth.kube", logging.INFO, id="default"),
        pytest.param("info", {}, "kopf.objects", logging.CRITICAL + 1, id="kopf is silent"),
        pytest.param("debug", {}, "kopf.objects", logging.DEBUG, id="everything"),
        pytest.param("info", {LOGGER: "warning"}, LOGGER, logging.WARNING, id="no line for each write"),
        pytest.param(
            "warning", {"apphealth.controller": "debug"}, "apphealth.controller.queue", logging.DEBUG, id="one"
        ),
        pytest.param("info", {"kopf": "warning"}, "kopf.objects", logging.WARNING, id="kopf, on demand"),
    ],
)
def test_levels_are_set_for_all_and_for_one_logger(logging_as_before, level, levels, logger, heard):
    set_up_logging(level=level, levels=levels)
    assert logging.getLogger(logger).getEffectiveLevel() == heard
