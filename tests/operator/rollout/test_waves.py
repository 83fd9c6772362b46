"""Who is changed next: by tables, and by properties of whole rollouts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apphealth.api.rule import RuleKind
from apphealth.api.spec import RolloutSettings, Window
from apphealth.model.workload import WorkloadKey
from apphealth.rollout.budget import Budget, Limits, limits_of, strictest
from apphealth.rollout.waves import Candidate, Hold, depths, next_wave, turns

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NIGHT = (Window(schedule="0 2 * * *", duration="4h"),)


def key(name, namespace="shop"):
    return WorkloadKey("Deployment", namespace, name)


def one(name, namespace="shop", **fields):
    return Candidate(key=key(name, namespace), **{"rules": ("a",), "family": "web"} | fields)


def budget(rule="a", selected=0, failed=0, proven=(), **limits):
    given = {"concurrent": 100, "canaries": 0} | limits
    return Budget(rule=rule, limits=Limits(**given), selected=selected, failed=failed, proven=proven)


def names(keys):
    return [key.name for key in keys]


@pytest.mark.parametrize(
    ("candidates", "in_flight", "budgets", "expected"),
    [
        pytest.param([], [], [budget()], [], id="nobody-waits"),
        pytest.param([one("b"), one("a")], [], [budget()], ["a", "b"], id="all-by-name"),
        pytest.param(
            [one("a"), one("b"), one("c")], [], [budget(concurrent=2)], ["a", "b"], id="as-many-as-the-budget"
        ),
        pytest.param([one("a"), one("b")], [one("z")], [budget(concurrent=2)], ["a"], id="those-in-flight-count"),
        pytest.param(
            [one("a")], [one("y"), one("z")], [budget(concurrent=1)], [], id="over-budget-since-it-was-lowered"
        ),
        pytest.param(
            [one("a"), one("b")], [], [budget(concurrent="5%", selected=3)], ["a"], id="a-percentage-is-at-least-one"
        ),
        pytest.param(
            [one(n) for n in "abcd"],
            [],
            [budget(concurrent="50%", selected=7)],
            ["a", "b", "c"],
            id="a-percentage-is-rounded-down",
        ),
        pytest.param(
            [one("a"), one("b"), one("c", "team")],
            [],
            [budget(per_namespace=1)],
            ["a", "c"],
            id="of-each-namespace-one",
        ),
        pytest.param([one("a"), one("b")], [], [budget(canaries=1)], ["a"], id="the-canary-alone"),
        pytest.param([one("b")], [one("a")], [budget(canaries=2)], [], id="canaries-one-after-the-other"),
        pytest.param(
            [one("a"), one("b"), one("c", family="api")],
            [],
            [budget(canaries=1)],
            ["a", "c"],
            id="a-canary-of-each-family",
        ),
        pytest.param([one("a"), one("b")], [], [budget(canaries=1, proven={"web"})], ["a", "b"], id="after-the-canary"),
        pytest.param(
            [one("a", after=("readiness",)), one("b")], [], [budget(concurrent=1)], ["b"], id="first-passes-first"
        ),
        pytest.param(
            [one("a", after=("readiness",)), one("b", after=("readiness",))],
            [one("a")],
            [budget()],
            ["b"],
            id="a-later-pass-not-while-the-workload-is-in-flight",
        ),
        pytest.param([one("a")], [one("a")], [budget()], ["a"], id="a-first-pass-while-it-is-in-flight"),
        pytest.param(
            [one("a", after=("readiness",)), one("b", after=("readiness",))],
            [],
            [budget(canaries=1, proven={"web"})],
            ["a"],
            id="each-pass-has-a-canary-of-its-own",
        ),
        pytest.param(
            [one("a", after=("readiness",)), one("b", after=("readiness",))],
            [],
            [budget(canaries=1, proven={"web", "web after readiness"})],
            ["a", "b"],
            id="after-the-canary-of-the-pass",
        ),
        pytest.param(
            [one("a"), one("z", family="api")],
            [],
            [budget(canaries=1, concurrent=1, proven={"web"})],
            ["z"],
            id="canaries-first",
        ),
        pytest.param(
            [one("a"), one("b", restoring=True)], [one("c")], [budget(canaries=1)], ["b"], id="no-canary-to-restore"
        ),
        pytest.param(
            [one("a", depth=2), one("b", depth=1), one("c")],
            [],
            [budget(concurrent=2)],
            ["c", "b"],
            id="what-others-require-last",
        ),
        pytest.param([one("a"), one("z", broken=True)], [], [budget(concurrent=1)], ["z"], id="what-is-broken-first"),
        pytest.param([one("a")], [], [budget(windows=NIGHT)], [], id="outside-of-the-windows"),
        pytest.param(
            [one("a", broken=True)], [], [budget(windows=NIGHT)], ["a"], id="what-is-broken-waits-for-no-window"
        ),
        pytest.param([one("a"), one("b", restoring=True)], [], [budget(paused=True)], [], id="paused"),
        pytest.param(
            [one("a"), one("b", restoring=True)], [], [budget(failed=3)], ["b"], id="halted-but-for-restoring"
        ),
        pytest.param([one("a")], [], [budget(failed=2)], ["a"], id="as-many-failures-as-it-bears"),
        pytest.param([one("a")], [], [budget(failed=1, failures=0)], [], id="the-first-failure-halts"),
        pytest.param(
            [one("a", obstacle="its own rollout"), one("b")],
            [],
            [budget(concurrent=1)],
            ["b"],
            id="an-obstacle-takes-no-place",
        ),
        pytest.param(
            [one("a", rules=("a", "b")), one("b", rules=("b",)), one("c", rules=("b",))],
            [],
            [budget("a", paused=True), budget("b", concurrent=1)],
            ["b"],
            id="of-two-rules-both-must-let-it-go",
        ),
        pytest.param(
            [one("a", rules=("gone",))], [], [budget()], ["a"], id="a-rule-without-a-budget-allows-everything"
        ),
    ],
)
def test_the_next_wave(candidates, in_flight, budgets, expected):
    assert names(next_wave(candidates, in_flight, {one.rule: one for one in budgets}, NOON)) == expected


def test_each_turn_says_what_holds_it_back_and_which_rule():
    candidates = [one("a", rules=("a", "b")), one("b", rules=("b",)), one("c", obstacle="x"), one("d", rules=("c",))]
    budgets = {"a": budget("a"), "b": budget("b", concurrent=1), "c": budget("c", windows=NIGHT)}
    found = {turn.key.name: (turn.hold, turn.rule) for turn in turns(candidates, [], budgets, NOON)}
    assert found == {"a": (None, ""), "b": (Hold.BUDGET, "b"), "c": (Hold.OBSTACLE, ""), "d": (Hold.WINDOW, "c")}


@pytest.mark.parametrize(
    ("kind", "concurrent"), [(RuleKind.APP_HEALTH, 10), (RuleKind.CLUSTER_APP_HEALTH, "5%")], ids=str
)
def test_without_a_word_of_the_user(kind, concurrent):
    assert limits_of(RolloutSettings(), kind) == Limits(concurrent=concurrent, canaries=1, soak=60, failures=2)


def test_what_the_user_says_counts_also_if_it_is_nothing():
    said = RolloutSettings(max_concurrent=3, canaries=0, soak_seconds=0, max_failures=0, paused=True, windows=NIGHT)
    expected = Limits(concurrent=3, canaries=0, soak=0, failures=0, paused=True, windows=NIGHT)
    assert limits_of(said, RuleKind.CLUSTER_APP_HEALTH) == expected


@pytest.mark.parametrize(
    ("limits", "unlimited"),
    [
        (Limits(concurrent="100%", canaries=0), True),
        (Limits(concurrent="100%"), False),
        (Limits(concurrent="100%", canaries=0, per_namespace=5), False),
        (Limits(concurrent="100%", canaries=0, paused=True), False),
        (Limits(concurrent="100%", canaries=0, windows=NIGHT), False),
        (Limits(concurrent=100, canaries=0), False),
    ],
)
def test_only_all_at_once_is_unlimited(limits, unlimited):
    assert limits.unlimited is unlimited


def test_of_several_remembered_settings_the_strictest_count():
    found = strictest(
        [
            Limits(concurrent="50%", per_namespace=3, soak=5, canaries=0, failures=9),
            Limits(concurrent="5%", windows=NIGHT, soak=60, canaries=2, failures=0, paused=True),
        ]
    )
    assert found == Limits(
        concurrent="5%", per_namespace=3, soak=60, canaries=2, failures=0, windows=NIGHT, paused=True
    )


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ({}, {}),
        ({"web": ["api"], "api": ["db"]}, {"api": 1, "db": 2}),
        ({"web": ["db"], "api": ["db"]}, {"db": 1}),
        ({"a": ["b"], "b": ["a"]}, {"a": 1, "b": 1}),
        ({"a": ["a"]}, {}),
    ],
    ids=["nobody", "a-chain", "shared", "a-cycle", "itself"],
)
def test_how_many_in_a_row_depend_on_a_workload(requires, expected):
    found = depths({key(name): [key(other) for other in others] for name, others in requires.items()})
    assert {workload.name: depth for workload, depth in found.items()} == expected


# Whole rollouts: each second some workloads in flight end, well or not, and the next wave goes.

fleets = st.lists(
    st.builds(
        lambda number, namespace, family, rules, depth, restoring: Candidate(
            key=key(f"w{number}", namespace), rules=rules, family=family, depth=depth, restoring=restoring
        ),
        st.integers(0, 10_000),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from([("one",), ("two",), ("one", "two")]),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=40,
    unique_by=lambda candidate: candidate.key,
)
limits = st.builds(
    Limits,
    concurrent=st.one_of(st.integers(1, 6), st.sampled_from(["5%", "30%", "100%"])),
    per_namespace=st.one_of(st.none(), st.integers(1, 3)),
    canaries=st.integers(0, 2),
    failures=st.integers(0, 3),
)


class Rollout:
    """A rollout in which workloads end in an order that hypothesis chooses."""

    def __init__(self, fleet, limits):
        self.waiting = {candidate.key: candidate for candidate in fleet}
        self.flying = {}
        self.well = []
        self.failed = []
        self.limits = limits
        self.sizes = {rule: sum(rule in one.rules for one in fleet) for rule in limits}

    def budgets(self):
        return {
            rule: Budget(
                rule=rule,
                limits=limits,
                selected=self.sizes[rule],
                failed=sum(rule in one.rules for one in self.failed),
                proven={
                    family
                    for family in ("x", "y")
                    if sum(rule in one.rules and one.family == family and not one.restoring for one in self.well)
                    >= limits.canaries
                },
            )
            for rule, limits in self.limits.items()
        }

    def go(self):
        budgets = self.budgets()
        wave = next_wave(self.waiting.values(), self.flying.values(), budgets, NOON)
        for gone in wave:
            self.flying[gone] = self.waiting.pop(gone)
        return wave, budgets

    def end(self, gone, *, well):
        (self.well if well else self.failed).append(self.flying.pop(gone))


@given(st.data(), fleets, limits, limits)
@settings(max_examples=150, deadline=None)
def test_a_rollout_is_never_over_budget_and_starves_nobody(data, fleet, first, second):
    rollout = Rollout(fleet, {"one": first, "two": second})
    for _ in range(3 * len(fleet) + 2):
        _, budgets = rollout.go()
        for rule, given_ in budgets.items():
            flying = [one for one in rollout.flying.values() if rule in one.rules]
            assert len(flying) <= given_.concurrent
            for namespace in ("a", "b", "c"):
                here = [one for one in flying if one.key.namespace == namespace]
                assert given_.limits.per_namespace is None or len(here) <= given_.limits.per_namespace
            for family in ("x", "y"):
                alike = [one for one in flying if one.family == family]
                if given_.limits.canaries and family not in given_.proven and not any(one.restoring for one in alike):
                    assert len(alike) <= 1
        if not rollout.flying:
            break
        rollout.end(data.draw(st.sampled_from(sorted(rollout.flying))), well=True)
    assert not rollout.waiting
    assert not rollout.flying


@given(st.data(), fleets, limits)
@settings(max_examples=100, deadline=None)
def test_every_failure_beyond_what_a_rule_bears_halts_it(data, fleet, given_limits):
    fleet = [Candidate(key=one.key, rules=("one",), family=one.family) for one in fleet]
    rollout = Rollout(fleet, {"one": given_limits})
    while True:
        before = len(rollout.failed)
        wave, _ = rollout.go()
        assert not wave or before <= given_limits.failures
        if not rollout.flying:
            break
        rollout.end(data.draw(st.sampled_from(sorted(rollout.flying))), well=data.draw(st.booleans()))
    assert not rollout.waiting or len(rollout.failed) > given_limits.failures


@given(fleets, limits, st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_candidates_does_not_count(fleet, given_limits, random):
    budgets = {rule: Budget(rule=rule, limits=given_limits, selected=len(fleet)) for rule in ("one", "two")}
    shuffled = list(fleet)
    random.shuffle(shuffled)
    assert next_wave(fleet, [], budgets, NOON) == next_wave(shuffled, [], budgets, NOON)


def test_a_day_of_windows():
    """Sixty workloads, three at once, each in flight for ten minutes: only at night, and after lunch on weekdays."""
    windows = (
        Window(schedule="0 2 * * *", duration="1h", time_zone="Europe/Berlin"),
        Window(schedule="0 13 * * 1-5", duration="30m", time_zone="Europe/Berlin"),
    )
    budgets = {"a": Budget(rule="a", limits=Limits(concurrent=3, canaries=0, windows=windows), selected=60)}
    waiting = {one.key: one for one in (one(f"w{number:02}") for number in range(60))}
    flying, begun = {}, []
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # a Monday
    while now < datetime(2026, 3, 4, 0, 0, tzinfo=UTC):
        flying = {name: (since, one) for name, (since, one) in flying.items() if now - since < timedelta(minutes=10)}
        for name in next_wave(waiting.values(), [one for _, one in flying.values()], budgets, now):
            flying[name] = (now, waiting.pop(name))
            begun.append(now)
        now += timedelta(minutes=1)
    by_window = {}
    for time in begun:
        by_window[time.date().day, time.hour] = by_window.get((time.date().day, time.hour), 0) + 1
    assert by_window == {(2, 1): 18, (2, 12): 9, (3, 1): 18, (3, 12): 9}
    assert len(waiting) == 6
