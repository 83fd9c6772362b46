"""`decide`: one case for each row of the table in `plan.ownership.takeover`, and what lies between its rows."""

from __future__ import annotations

import msgspec
import pytest

from apphealth.api.healthplan import OriginalRecord
from apphealth.model.ownership import OURS, RESTORER, Ownership
from apphealth.model.probe import Exec, HttpGet, Probe, ProbeKind, serialise_probe
from apphealth.model.workload import LiveProbe
from apphealth.plan.ownership.takeover import (
    Case,
    Decision,
    RemoveProbe,
    RestoreProbe,
    SetProbe,
    YieldLeaves,
    decide,
    is_ours,
)
from apphealth.plan.result import Action

WANTED = Probe(handler=HttpGet(port=8080, path="/wanted"))
OLDER = Probe(handler=HttpGet(port=8080, path="/older"))
THEIR_PROBE = Probe(handler=HttpGet(port=8080, path="/theirs"), period=30)
LESS = Probe(handler=HttpGet(port=8080, path="/theirs"))
FREQUENT = Probe(handler=HttpGet(port=8080, path="/wanted"), period=5)
LEAVES = (("httpGet", "path"), ("httpGet", "port"), ("httpGet", "scheme"))
NUMBERS = (("failureThreshold",), ("periodSeconds",), ("successThreshold",), ("timeoutSeconds",))
THEIRS = Ownership(ours=False, others=("kubectl",))
NOBODYS = Ownership(ours=False)
TWEAKED = Ownership(ours=False, our_leaves=LEAVES, held=LEAVES, others=("kubectl",), claimed=True)
"""Ours, with numbers that somebody else changed."""
ABANDONED = Ownership(ours=False, our_leaves=LEAVES + NUMBERS, held=LEAVES + NUMBERS, claimed=True)
SHARED = Ownership(
    ours=False, our_leaves=(("periodSeconds",),), held=(("periodSeconds",),), others=("kubectl",), claimed=True
)
CHANGED = (*LEAVES, ("periodSeconds",))
CHANGED_BY_US = Ownership(
    ours=False, our_leaves=LEAVES, held=CHANGED, unnamed=CHANGED, others=("kubectl",), claimed=True
)
"""Theirs, with a path of ours."""


MERGED = Ownership(ours=False, unnamed=CHANGED, others=("ancient-changes", "kubectl"))
"""As `CHANGED_BY_US`, after the API server has merged our entry with others."""


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
        }
        | fields
    )


def remembered(*written, original=THEIR_PROBE, **fields):
    return OriginalRecord(
        **{
            "container": "main",
            "type": "liveness",
            "original": serialise_probe(original) if original else {},
            "written": tuple(serialise_probe(probe) for probe in written or (WANTED,)),
            "replaced": True,
        }
        | fields
    )


def decided(action, reason, edit=None, original=None, **fields):
    return Decision(action=Action(action), reason=reason, edit=edit, original=original, **fields)


UNPLANNED = "stays as it was: the wanted probe can't be planned, see the findings"
IRREPLACEABLE = "a probe that runs a command is not replaced without --allow-exec, because it could not be put back"
NOT_PUT_BACK = "stays: the original runs a command, which is not put back without --allow-exec; the HealthPlan has it"
REPLACES = "replaces a probe of another owner (existingProbes: Replace)"
IS_THERE = "a probe is there already, owned by kubectl"
NOT_WANTED = "no probe is wanted; the one there is owned by kubectl"
TAKEN_BACK = "its owner took it back: it is owned by kubectl, and stays until they change it"
PUT_BACK = "the original is put back (existingProbes: Keep)"
CONTESTED = remembered(contested=True)
WRITTEN_TWICE = remembered(WANTED, OLDER)
PERIOD = YieldLeaves((("periodSeconds",),))


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        pytest.param(
            case(WANTED), decided("Apply", "there was none", SetProbe(WANTED, None)), id="nothing, wanted: set it"
        ),
        pytest.param(case(), decided("None", "no probe is wanted"), id="nothing, not wanted"),
        pytest.param(
            case(unresolved=True),
            decided("None", "the wanted probe can't be planned, see the findings"),
            id="nothing, and it can't be planned",
        ),
        pytest.param(
            case(WANTED, unresolved=True),
            decided("Apply", "there was none", SetProbe(WANTED, None)),
            id="nothing, and only a part of it can't be planned",
        ),
        pytest.param(case(WANTED, live(WANTED, OURS)), decided("Apply", "there was none"), id="ours, the same"),
        pytest.param(
            case(WANTED, live(OLDER, OURS)),
            decided("Apply", "there was none", SetProbe(WANTED, OLDER)),
            id="ours, another",
        ),
        pytest.param(
            case(None, live(OLDER, OURS)),
            decided("None", "no probe is wanted any more", RemoveProbe()),
            id="ours, not wanted: remove it",
        ),
        pytest.param(
            case(None, live(OLDER, OURS), unresolved=True),
            decided("Apply", UNPLANNED, unchanged=True),
            id="ours, and it can't be planned",
        ),
        pytest.param(case(WANTED, live(THEIR_PROBE, THEIRS)), decided("Keep", IS_THERE), id="theirs, Keep"),
        pytest.param(case(None, live(THEIR_PROBE, THEIRS)), decided("None", NOT_WANTED), id="theirs, not wanted"),
        pytest.param(
            case(None, live(THEIR_PROBE, SHARED)),
            decided("None", NOT_WANTED, PERIOD, disown=True),
            id="theirs, not wanted, with a leaf of ours in it: the leaf goes",
        ),
        pytest.param(
            case(None, live(OLDER, TWEAKED)),
            decided("None", NOT_WANTED, RemoveProbe()),
            id="a handler of ours with numbers of theirs, not wanted: no probe is left",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, SHARED)),
            decided("Keep", IS_THERE, PERIOD, disown=True),
            id="theirs, with a leaf of ours in it: the leaf goes",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True),
            decided("Apply", REPLACES, SetProbe(WANTED, THEIR_PROBE), remembered(replaced=False)),
            id="theirs, Replace: it is remembered first",
        ),
        pytest.param(
            case(WANTED, live(WANTED, TWEAKED), replace=True),
            decided("Keep", "the wanted probe is there already, owned by kubectl"),
            id="a handler of ours with numbers of theirs is what is wanted",
        ),
        pytest.param(
            case(WANTED, live(OLDER, TWEAKED), replace=True),
            decided("Apply", REPLACES, SetProbe(WANTED, OLDER), remembered(original=None, replaced=False)),
            id="a handler of ours with numbers of theirs, Replace: there is nothing to put back",
        ),
        pytest.param(
            case(WANTED, live(WANTED, THEIRS), replace=True),
            decided("Keep", "the wanted probe is there already, owned by kubectl"),
            id="theirs is what is wanted",
        ),
        pytest.param(
            case(FREQUENT, live(FREQUENT, SHARED), replace=True),
            decided("Apply", REPLACES, None, remembered(FREQUENT, original=WANTED, replaced=False)),
            id="what is wanted is there, and a leaf of it is ours: their part is remembered",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), unresolved=True), decided("Keep", IS_THERE), id="theirs, unresolved"
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, SHARED), unresolved=True),
            decided("Keep", IS_THERE, PERIOD, disown=True),
            id="theirs with a leaf of ours, unresolved: the leaf goes",
        ),
        pytest.param(
            case(WANTED, live(OLDER, ABANDONED)),
            decided("Apply", "there was none", SetProbe(WANTED, OLDER)),
            id="abandoned to us: set it",
        ),
        pytest.param(
            case(None, live(OLDER, ABANDONED)),
            decided("None", "no probe is wanted any more", RemoveProbe()),
            id="abandoned to us, not wanted",
        ),
        pytest.param(
            case(WANTED, live(OLDER, NOBODYS)),
            decided("Keep", "a probe is there already, not AppHealth's"),
            id="nobody's is not ours to write over",
        ),
        pytest.param(
            case(WANTED, live(OLDER, Ownership(ours=False, others=("helm", "", RESTORER)))),
            decided("Keep", "a probe is there already, owned by helm, unknown"),
            id="several owners: the restorer isn't named",
        ),
    ],
)
def test_what_is_decided_where_nothing_is_remembered(given, decision):
    assert decide(given) == decision


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        pytest.param(
            case(WANTED, live(WANTED, OURS), replace=True, original=remembered()),
            decided("Apply", REPLACES, None, remembered()),
            id="taken over, Replace, as wanted",
        ),
        pytest.param(
            case(WANTED, live(WANTED, OURS), replace=True, original=WRITTEN_TWICE),
            decided("Apply", REPLACES, None, remembered()),
            id="taken over, Replace, and the later of two probes has arrived",
        ),
        pytest.param(
            case(OLDER, live(WANTED, OURS), replace=True, original=remembered()),
            decided("Apply", REPLACES, SetProbe(OLDER, WANTED), WRITTEN_TWICE),
            id="taken over, Replace, another is wanted: either of them is ours from now on",
        ),
        pytest.param(
            case(WANTED, live(WANTED, OURS), original=remembered()),
            decided("Keep", PUT_BACK, RestoreProbe(THEIR_PROBE, WANTED), remembered(), disown=True),
            id="taken over, Keep: the original goes back",
        ),
        pytest.param(
            case(WANTED, live(WANTED, OURS), original=remembered(original=WANTED)),
            decided("Keep", PUT_BACK),
            id="taken over, Keep, and the original is what is there: nothing to do",
        ),
        pytest.param(
            case(None, live(WANTED, OURS), replace=True, original=remembered()),
            decided(
                "None",
                "no probe is wanted; the original is put back",
                RestoreProbe(THEIR_PROBE, WANTED),
                remembered(),
                disown=True,
            ),
            id="taken over, not wanted: the original goes back",
        ),
        pytest.param(
            case(None, live(WANTED, OURS), original=remembered(original=None)),
            decided("None", "no probe is wanted; the original is put back", RemoveProbe(), remembered(original=None)),
            id="taken over, nothing to put back: remove it",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True, original=remembered()),
            decided("Contested", TAKEN_BACK, None, CONTESTED),
            id="taken back: theirs stays",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, SHARED), replace=True, original=remembered()),
            decided("Contested", TAKEN_BACK, PERIOD, remembered(original=LESS, contested=True), disown=True),
            id="taken back, with a leaf of ours in it: the leaf goes, and only their part is remembered",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True, original=CONTESTED),
            decided("Contested", TAKEN_BACK, None, CONTESTED),
            id="taken back before",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), original=CONTESTED),
            decided("Keep", IS_THERE),
            id="taken back before, and now Keep",
        ),
        pytest.param(
            case(None, live(THEIR_PROBE, THEIRS), replace=True, original=CONTESTED),
            decided("None", NOT_WANTED),
            id="taken back before, and none is wanted now",
        ),
        pytest.param(
            case(WANTED, live(OLDER, THEIRS), replace=True, original=CONTESTED),
            decided("Apply", REPLACES, SetProbe(WANTED, OLDER), remembered(original=OLDER, replaced=False)),
            id="taken back, and changed since: replaced again",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), replace=True, original=remembered(replaced=False)),
            decided("Apply", REPLACES, SetProbe(WANTED, THEIR_PROBE), remembered(replaced=False)),
            id="remembered, and never written: the operator stopped between the two, or the patch was refused",
        ),
        pytest.param(
            case(WANTED, live(WANTED, OURS), replace=True, original=remembered(replaced=False)),
            decided("Apply", REPLACES, None, remembered()),
            id="our probe is seen in its place",
        ),
        pytest.param(
            case(OLDER, live(WANTED, THEIRS), replace=True, original=remembered()),
            decided("Apply", REPLACES, SetProbe(OLDER, WANTED), remembered(OLDER, original=WANTED, replaced=False)),
            id="an owner who writes what we have written owns it from now on, and didn't take it back",
        ),
        pytest.param(
            case(OLDER, live(THEIR_PROBE, OURS), replace=True, original=remembered()),
            decided("Apply", "there was none", SetProbe(OLDER, THEIR_PROBE)),
            id="ours, though not as remembered",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), original=remembered()),
            decided("Keep", IS_THERE),
            id="theirs again, and now Keep",
        ),
        pytest.param(
            case(None, live(THEIR_PROBE, THEIRS), original=remembered()),
            decided("None", NOT_WANTED),
            id="put back already",
        ),
        pytest.param(
            case(None, live(THEIR_PROBE, THEIRS), replace=True, original=remembered()),
            decided("None", NOT_WANTED),
            id="put back already, under a rule with Replace",
        ),
        pytest.param(
            case(WANTED, live(WANTED, OURS), unresolved=True, original=remembered()),
            decided("Apply", UNPLANNED, None, remembered(), unchanged=True),
            id="taken over, and it can't be planned: it stays",
        ),
        pytest.param(
            case(WANTED, live(WANTED, CHANGED_BY_US), unresolved=True, original=remembered()),
            decided("Apply", UNPLANNED, None, remembered(), unchanged=True),
            id="taken over beside a leaf of theirs, and it can't be planned: it stays",
        ),
        pytest.param(
            case(OLDER, live(WANTED, MERGED), replace=True, original=remembered()),
            decided("Apply", REPLACES, SetProbe(OLDER, WANTED), WRITTEN_TWICE),
            id="taken over beside a leaf of theirs, and our entry was merged with others: still ours",
        ),
        pytest.param(
            case(None, live(WANTED, NOBODYS), original=remembered()),
            decided(
                "None",
                "no probe is wanted; the original is put back",
                RestoreProbe(THEIR_PROBE, WANTED),
                remembered(),
                disown=True,
            ),
            id="taken over, and managedFields are empty: the original goes back",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, THEIRS), unresolved=True, original=remembered()),
            decided("Keep", IS_THERE, None, remembered()),
            id="theirs again, and it can't be planned: the original isn't forgotten",
        ),
        pytest.param(
            case(WANTED, live(THEIR_PROBE, SHARED), unresolved=True, original=CONTESTED),
            decided("Contested", TAKEN_BACK, PERIOD, CONTESTED, disown=True),
            id="taken back before, and it can't be planned",
        ),
    ],
)
def test_what_is_decided_about_a_probe_that_we_have_replaced(given, decision):
    assert decide(given) == decision


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


COMMAND = Probe(handler=Exec(command=("check",)))
EXACT = {
    "httpGet": {"path": "/theirs", "port": 8080, "scheme": "HTTP", "newField": "x"},
    "periodSeconds": 30,
    "new": {},
}


@pytest.mark.parametrize(
    ("given", "decision"),
    [
        pytest.param(
            case(WANTED, live(COMMAND, THEIRS), replace=True, allow_exec=False),
            decided("Keep", f"{IRREPLACEABLE}, owned by kubectl"),
            id="theirs: not replaced, because it could not be put back",
        ),
        pytest.param(
            case(WANTED, live(COMMAND, THEIRS), replace=True),
            decided("Apply", REPLACES, SetProbe(WANTED, COMMAND), remembered(original=COMMAND, replaced=False)),
            id="theirs, with --allow-exec: replaced",
        ),
        pytest.param(
            case(None, live(WANTED, OURS), original=remembered(original=COMMAND), allow_exec=False),
            decided("Apply", NOT_PUT_BACK, None, remembered(original=COMMAND), unchanged=True),
            id="taken over before: ours stays, and the original is remembered",
        ),
    ],
)
def test_a_probe_that_runs_a_command(given, decision):
    assert decide(given) == decision


def test_an_original_is_remembered_and_put_back_with_all_that_we_do_not_know():
    there = LiveProbe(THEIR_PROBE, THEIRS, EXACT)
    taken = decide(case(WANTED, there, replace=True))
    assert taken.original.original == EXACT
    back = decide(case(None, live(WANTED, OURS), original=msgspec.structs.replace(taken.original, replaced=True)))
    assert back.edit == RestoreProbe(THEIR_PROBE, WANTED, EXACT)


def test_of_a_shared_probe_only_their_part_is_remembered():
    there = LiveProbe(THEIR_PROBE, SHARED, EXACT)
    taken = decide(case(WANTED, there, replace=True))
    assert taken.original.original == {key: value for key, value in EXACT.items() if key != "periodSeconds"}
