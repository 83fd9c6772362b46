"""No text makes reading it slow: the calls that are made are counted, so that a busy machine makes no difference."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apphealth.model.service import MAX_FILE
from apphealth.plan.dependencies.evidence.files import MAX_LINES
from apphealth.plan.dependencies.hosts import MAX_PARTS, hosts
from apphealth.store.facts import dependencies_of

HOSTILE = [
    "a:1,",
    "x",
    "@",
    "://",
    " ",
    "[",
    "[a:",
    "a=",
    "_.",
    "(",
    "tcp(",
    "jdbc:",
    "jdbc:oracle:",
    "$(A)",
    "http://u:p@[::",
    "=\n",
    '"',
    "http://db:80 ",
    "%",
    "\u2028",
    "A_",
    "aA",
]
CALLS_OF_A_PART = 160
"""Calls that one part of a text may cost, most of them for the characters of a scheme or key."""


def calls(work: Callable[[], object]) -> int:
    """Count the calls of Python and C functions."""
    count = 0

    def counting(_frame, event, _arg):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def read(text: str) -> list[object]:
    return list(hosts(text))


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_longer_text_costs_no_more(piece):
    assert len(read(piece * 200_000)) <= MAX_PARTS
    short, long = (calls(lambda size=size: read(piece * size)) for size in (20_000, 200_000))
    assert long <= short + CALLS_OF_A_PART


@given(st.text(alphabet="ab1.:/@[](){},;=-_ %'\"+?#$", max_size=600) | st.text(max_size=600))
def test_every_text_costs_a_bounded_number_of_calls(text):
    assert calls(lambda: read(text)) <= 20 + MAX_PARTS * (CALLS_OF_A_PART + 4 * 512)


@given(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=6).map("".join))
def test_ten_times_the_text_costs_ten_times_as_much_at_most(piece):
    few, many = (calls(lambda times=times: read(f"{piece} " * times)) for times in (2, 20))
    assert many <= 10 * few + CALLS_OF_A_PART * MAX_PARTS


@pytest.mark.parametrize("line", [*HOSTILE, "a: http://db:80\n", "x" * 100 + "=y\n", "  - db:80,db:81\n"])
def test_a_file_costs_so_much_for_each_line_and_no_more(build, line):
    main = build.container(volumeMounts=[{"name": "conf", "mountPath": "/etc/app"}])
    workload = build.deployment(main, volumes=[{"name": "conf", "configMap": {"name": "app"}}])

    def cost(size: int) -> int:
        world = build.world(workload, build.service("db"), app={"a.conf": (line * size)[:MAX_FILE]})
        (only,) = world.workloads.values()
        return calls(lambda: dependencies_of(only, world))

    cost(10)
    lines = min(MAX_LINES, 1 + MAX_FILE // len(line))
    assert cost(MAX_FILE) <= 3000 + 40 * min(lines, MAX_LINES) * MAX_PARTS


def test_variables_that_refer_to_each_other_grow_no_further_than_their_bound(build):
    env = [{"name": "A0_URL", "value": "http://db:80," * 30}]
    env += [{"name": f"A{n}_URL", "value": f"$(A{n - 1}_URL)" * 500} for n in range(1, 40)]
    world = build.world(build.deployment(build.container(env=env, args=["$(A39_URL)" * 800])), build.service("db"))
    (only,) = world.workloads.values()
    found = calls(lambda: dependencies_of(only, world))
    assert found <= (len(env) + 1) * MAX_PARTS * CALLS_OF_A_PART
