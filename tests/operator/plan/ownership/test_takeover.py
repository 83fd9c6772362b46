"""`decide`: one case for each row of the table in `plan.ownership.takeover`, and what lies between its rows."""

from __future__ import annotations

import pytest

from apphealth.api.healthplan import OriginalRecord
from apphealth.model.ownership import OURS, RESTORER, Ownership
from apphealth.model.probe import HttpGet, Probe, ProbeKind, serialise_probe
from apphealth.model.workload import LiveProbe
from apphealth.plan.ownership.takeover import (
    Case,
    RemoveProbe,
    RestoreProbe,
    SetProbe,
    YieldLeaves,
    decide,
    is_ours,
)

WANTED = Probe(handler=HttpGet(port=8080, path="/wanted"))
OLDER = Probe(handler=HttpGet(port=8080, path="/older"))
THEIR_PROBE = Probe(handler=HttpGet(port=8080, path="/theirs"), period=30)
LEAVES = (("httpGet", "path"), ("httpGet", "port"), ("httpGet", "scheme"))
NUMBERS = (("failureThreshold",), ("periodSeconds",), ("successThreshold",), ("timeoutSeconds",))
THEIRS = Ownership(ours=False, others=("kubectl",))
NOBODYS = Ownership(ours=False)
TWEAKED = Ownership(ours=False, our_leaves=LEAVES, held=LEAVES, others=("kubectl",), claimed=True)
"""Ours, with numbers that somebody else changed."""
ABANDONED = Ownership(ours=False, our_leaves=LEAVES + NUMBERS, held=LEAVES + NUMBERS, claimed=True)
SHARED = Ownership(
    ours=False, our_leaves=(("periodSeconds",),), held=(("periodSeconds",),), others=("helm",), claimed=True
)


def live(probe, owner):
    return LiveProbe(probe, owner)


def case(wanted=None, there=None, **fields):
    return Case(
        **{
            "container": "main",
            "kind": ProbeKind.LIVENESS,
            "wanted": wanted,
            "live": there,
            "replace": False,
            "generation": 5,
        }
        | fields
    )


def remembered(written=WANTED, original=THEIR_PROBE, **fields):
    return OriginalRecord(
        **{
            "container": "main",
            "type": "liveness",
            "original": serialise_probe(original) if original else {},
            "written": (serialise_probe(written),),
            "generation": 1,
        }
        | fields
    )


@pytest.mark.parametrize(
    ("given", "action", "edit"),
    [
        pytest.param(case(WANTED), "Apply", SetProbe(WANTED, None), id="nothing, wanted: set it"),
        pytest.param(case(), "None", None, id="nothing, not wanted"),
        pytest.param(case(unresolved=True), "None", None, id="nothing, and it can't be planned"),
        pytest.param(case(WANTED, live(WANTED, OURS)), "Apply", None, id="ours, the same"),
        pytest.param(case(WANTED, live(OLDER, OURS)), "Apply", SetProbe(WANTED, OLDER), id="ours, another"),
        pytest.param(case(None, live(OLDER, OURS)), "None", RemoveProbe(), id="ours, not wanted: remove it"),
        pytest.param(case(None, live(OLDER, OURS), unresolved=True), "Apply", None, id="ours, and it can't be planned"),
        pytest.param(case(WANTED, live(THEIR_PROBE, THEIRS)), "Keep", None, id="theirs, Keep"),
        pytest.param(case(None, live(THEIR_PROBE, THEIRS)), "None", None, id="theirs, not wanted"),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, SHARED)),
            "Keep",
            YieldLeaves((("periodSeconds",),)),
            id="theirs, with a leaf of ours in it: the leaf goes",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True),
            "Apply",
            SetProbe(WANTED, THEIR_PROBE),
            id="theirs, Replace",
        ),
        pytest.param(case(WANTED, live(WANTED, THEIRS), replace=True), "Keep", None, id="theirs is what is wanted"),
        pytest.param(case(WANTED, live(THEIR_PROBE, THEIRS), unresolved=True), "Keep", None, id="theirs, unresolved"),
        pytest.param(
            case(WANTED, live(OLDER, ABANDONED)), "Apply", SetProbe(WANTED, OLDER), id="abandoned to us: set it"
        ),
        pytest.param(case(None, live(OLDER, ABANDONED)), "None", RemoveProbe(), id="abandoned to us, not wanted"),
        pytest.param(case(WANTED, live(OLDER, NOBODYS)), "Keep", None, id="nobody's is not ours to write over"),
    ],
)
def test_what_is_decided_where_nothing_is_remembered(given, action, edit):
    found = decide(given)
    assert (found.action, found.edit) == (action, edit)


def test_a_probe_that_is_replaced_is_remembered_first():
    found = decide(case(WANTED, live(THEIR_PROBE, THEIRS), replace=True))
    assert found.original == remembered(generation=5)


def test_of_a_tweaked_probe_of_ours_there_is_nothing_to_put_back():
    found = decide(case(WANTED, live(OLDER, TWEAKED), replace=True))
    assert (found.original.original, found.edit) == ({}, SetProbe(WANTED, OLDER))


@pytest.mark.parametrize(
    ("given", "action", "edit", "remembers"),
    [
        pytest.param(
            case(WANTED, live(WANTED, OURS), replace=True, original=remembered()),
            "Apply",
            None,
            True,
            id="taken over, Replace, as wanted",
        ),
        pytest.param(
            case(OLDER, live(WANTED, OURS), replace=True, original=remembered()),
            "Apply",
            SetProbe(OLDER, WANTED),
            True,
            id="taken over, Replace, another is wanted",
        ),
        pytest.param(
            case(WANTED, live(WANTED, OURS), original=remembered()),
            "Keep",
            RestoreProbe(THEIR_PROBE, WANTED),
            True,
            id="taken over, Keep: the original goes back",
        ),
        pytest.param(
            case(None, live(WANTED, OURS), replace=True, original=remembered()),
            "None",
            RestoreProbe(THEIR_PROBE, WANTED),
            True,
            id="taken over, not wanted: the original goes back",
        ),
        pytest.param(
            case(None, live(WANTED, OURS), original=remembered(original=None)),
            "None",
            RemoveProbe(),
            True,
            id="taken over, nothing to put back: remove it",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True, original=remembered()),
            "Contested",
            None,
            True,
            id="taken back: theirs stays",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True, original=remembered(contested=True)),
            "Contested",
            None,
            True,
            id="taken back before",
        ),
        pytest.param(
            case(WANTED, live(OLDER, THEIRS), replace=True, original=remembered(contested=True)),
            "Apply",
            SetProbe(WANTED, OLDER),
            True,
            id="taken back, and changed since: replaced again",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True, original=remembered(), generation=2),
            "Apply",
            SetProbe(WANTED, THEIR_PROBE),
            True,
            id="remembered, and never written: the operator stopped between the two",
        ),
        pytest.param(
            case(None, live(THEIR_PROBE, THEIRS), original=remembered()), "None", None, False, id="put back already"
        ),
        pytest.param(
            case(WANTED, live(WANTED, OURS), unresolved=True, original=remembered()),
            "Apply",
            None,
            True,
            id="taken over, and it can't be planned: it stays",
        ),
    ],
)
def test_what_is_decided_about_a_probe_that_we_have_replaced(given, action, edit, remembers):
    found = decide(given)
    assert (found.action, found.edit, found.original is not None) == (action, edit, remembers)


@pytest.mark.parametrize(
    ("given", "disown"),
    [
        pytest.param(case(WANTED, live(THEIR_PROBE, SHARED)), True, id="theirs, with a claim of ours on it"),
        pytest.param(case(WANTED, live(THEIR_PROBE, THEIRS)), False, id="theirs, without one"),
        pytest.param(case(WANTED, live(WANTED, OURS)), False, id="ours"),
        pytest.param(case(WANTED, live(WANTED, OURS), original=remembered()), True, id="an original that goes back"),
        pytest.param(case(None, live(OLDER, OURS)), False, id="ours that is removed"),
    ],
)
def test_claims_on_what_stays_somebody_elses_are_given_up(given, disown):
    assert decide(given).disown is disown


@pytest.mark.parametrize(
    ("probe", "owner", "original", "ours"),
    [
        pytest.param(WANTED, OURS, None, True, id="wholly ours"),
        pytest.param(WANTED, THEIRS, None, False, id="theirs"),
        pytest.param(WANTED, ABANDONED, None, True, id="abandoned"),
        pytest.param(
            WANTED,
            Ownership(ours=False, held=LEAVES, others=("x",), claimed=True),
            remembered(original=None),
            False,
            id="numbers theirs since",
        ),
        pytest.param(OLDER, OURS, remembered(), True, id="ours, though not as remembered"),
    ],
)
def test_a_probe_is_ours_if_it_is_there_because_of_us(probe, owner, original, ours):
    assert is_ours(live(probe, owner), original) is ours


def test_what_the_restorer_has_put_back_is_not_abandoned_to_us():
    restored = Ownership(ours=False, held=(), others=(RESTORER,), claimed=True)
    assert not is_ours(live(THEIR_PROBE, restored), None)
    beside = Ownership(ours=False, held=LEAVES + NUMBERS, others=(RESTORER,), claimed=True)
    assert is_ours(live(OLDER, beside), None)
