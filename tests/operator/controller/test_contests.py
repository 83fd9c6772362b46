"""Who wins where another manager takes our probes out, and when they are tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from apphealth.controller.contests import Contests
from apphealth.model.probe import HttpGet, Probe, ProbeKind
from apphealth.model.withheld import Withheld, WithheldReason
from apphealth.model.workload import WorkloadKey
from apphealth.plan.ownership.contest import Removal

WEB = WorkloadKey("Deployment", "shop", "web")
PROBE = Probe(handler=HttpGet(port=8080, path="/live"))
HOUR = 3600
OTHER = Withheld(
    container="main",
    kind=ProbeKind.READINESS,
    probe=PROBE,
    reason=WithheldReason.ROLLED_BACK,
    evidence="it did harm",
)


class Game:
    def __init__(self):
        self.now = 0.0
        self.contests = Contests(lambda: self.now)
        self.known = ()

    def later(self, seconds):
        self.now += seconds
        return self.judge()

    def take_out(self, *, last="", **fields):
        removal = Removal(
            **{"container": "main", "kind": ProbeKind.LIVENESS, "probe": PROBE, "manager": "helm"} | fields
        )
        return self.judge(removal, last=last)

    def judge(self, *removed, last=""):
        self.known = self.contests.judge(WEB, removed, self.known, last)
        return [(one.kind.value, one.reason.value) for one in self.known]

    def wait(self):
        return self.contests.wait(WEB, self.known)


@pytest.fixture
def game():
    return Game()


CONTESTED = [("liveness", "Contested")]


def test_the_second_removal_within_an_hour_wins(game):
    assert game.take_out() == []
    game.later(HOUR - 1)
    assert game.take_out() == CONTESTED
    assert (
        game.known[0].evidence == "taken out twice within an hour, probably by the manager 'helm', which edited it last"
    )
    assert game.wait() == HOUR


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [pytest.param(50, CONTESTED, id="within-the-hour"), pytest.param(70, [], id="long-ago")],
)
def test_a_removal_from_before_a_restart_counts(game, minutes, expected):
    last = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="seconds")
    assert game.take_out(last=last) == expected


def test_the_last_removal_is_what_a_restarted_operator_goes_by(game):
    assert game.contests.last_removal(WEB) == ""
    assert game.take_out() == []
    game.later(600)
    last, game.contests = game.contests.last_removal(WEB), Contests(lambda: game.now)
    assert 600 <= (datetime.now(UTC) - datetime.fromisoformat(last)).total_seconds() < 660
    assert game.take_out(last=last) == CONTESTED
    assert game.contests.last_removal(WEB) == "", "the probe is left out: nothing counts any more"


def test_removals_further_apart_are_made_good(game):
    for _ in range(5):
        assert game.take_out() == []
        game.later(HOUR + 1)


def test_it_is_tried_again_less_and_less_often(game):
    game.take_out()
    game.take_out()
    waits = []
    for _ in range(10):
        waits.append(game.wait() / HOUR)
        assert game.later(game.wait() - 1) == CONTESTED
        assert game.later(1) == []
        assert game.wait() is None
        assert game.take_out() == CONTESTED, "one removal is enough"
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 168, 168]


def test_who_gives_up_taking_out_begins_anew(game):
    game.take_out()
    game.take_out()
    game.later(HOUR)
    assert game.later(3 * HOUR) == []
    assert game.take_out() == []
    assert game.take_out() == CONTESTED
    assert game.wait() == HOUR


def test_after_a_restart_what_was_given_up_stays_so_for_an_hour(game):
    game.take_out()
    game.take_out()
    game.contests = Contests(lambda: game.now)
    assert game.judge() == CONTESTED
    assert game.wait() == HOUR
    assert game.later(HOUR) == []


def test_other_withheld_probes_are_not_touched(game):
    game.known = (OTHER,)
    game.take_out()
    assert game.take_out() == [("liveness", "Contested"), ("readiness", "RolledBack")]
    assert game.later(HOUR) == [("readiness", "RolledBack")]


@pytest.mark.parametrize(("seconds", "found"), [(5, []), (60, CONTESTED)], ids=["it has just begun", "it hangs"])
def test_one_removal_is_enough_while_the_rollout_of_our_write_hangs(game, seconds, found):
    """`kubectl rollout undo`."""
    assert game.take_out(unfinished_since=datetime.now(UTC) - timedelta(seconds=seconds)) == found


def test_a_deleted_workload_is_forgotten(game):
    game.take_out()
    game.contests.forget(WEB)
    assert game.take_out() == []
