"""`evaluate` and `choose`: one case for each rule, and for what lies between two rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from apphealth.model.probe import Exec, Probe, ProbeKind
from apphealth.plan.probes.candidates import complete, question_of
from apphealth.plan.probes.choice import CHOICE_RULES, choose
from apphealth.plan.probes.container import Pods
from apphealth.plan.probes.suggestions import Origin
from apphealth.plan.probes.verification import evaluate

LIVENESS, READINESS, STARTUP = ProbeKind
USERS, EVIDENCE, COMMON = Origin.USERS, Origin.EVIDENCE, Origin.COMMON


@pytest.fixture
def answered(make):
    """Facts in which pods have answered about handlers: pairs of a handler and a proof."""

    def build(*pairs, kind=READINESS, **fields):
        facts = make.facts(**fields)
        return make.facts(answers={question_of(kind, way, facts).id: proof for way, proof in pairs}, **fields)

    return build


def state(evaluation, kind=READINESS):
    found = evaluation.probes.get(kind)
    return found and (
        found.state and found.state.value,
        found.handler and getattr(found.handler.handler, "path", "tcp"),
    )


@pytest.mark.parametrize(
    ("origin", "answer", "pods", "expected"),
    [
        pytest.param(USERS, "verified", Pods(ready=True), ("Verified", "/r"), id="said, answered well"),
        pytest.param(USERS, "refuted", Pods(ready=True), ("Refuted", None), id="said, answered badly"),
        pytest.param(USERS, "unreachable", Pods(ready=True), ("Unverified", "/r"), id="said, out of reach"),
        pytest.param(USERS, None, Pods(), ("Unverified", "/r"), id="said, none is ready"),
        pytest.param(USERS, None, Pods(ready=True), ("AwaitingPods", None), id="said, not asked yet"),
        pytest.param(USERS, None, Pods(required=False), ("Unverified", "/r"), id="said, verification Skip"),
        pytest.param(USERS, None, Pods(files=True), ("Unverified", "/r"), id="said, in a manifest"),
        pytest.param(EVIDENCE, "verified", Pods(ready=True), ("Verified", "/r"), id="derived, answered well"),
        pytest.param(EVIDENCE, "refuted", Pods(ready=True), ("Refuted", None), id="derived, answered badly"),
        pytest.param(EVIDENCE, "unreachable", Pods(ready=True), ("AwaitingPods", None), id="derived, out of reach"),
        pytest.param(EVIDENCE, None, Pods(), ("AwaitingPods", None), id="derived, none is ready"),
        pytest.param(EVIDENCE, None, Pods(ready=True), ("AwaitingPods", None), id="derived, not asked yet"),
        pytest.param(EVIDENCE, None, Pods(required=False), ("Unverified", "/r"), id="derived, verification Skip"),
        pytest.param(EVIDENCE, None, Pods(files=True), ("AwaitingPods", None), id="derived, in a manifest"),
        pytest.param(EVIDENCE, None, Pods(files=True, unproven=True), ("AwaitingPods", None), id="derived, uncertain"),
    ],
)
def test_a_probe_is_evaluated_by_who_says_it_and_what_pods_answer(make, answered, origin, answer, pods, expected):
    way = make.handler("/r")
    proof = {"verified": make.verified(), "refuted": make.refuted, "unreachable": make.unreachable}.get(answer)
    facts = answered(*[(way, proof)] * (proof is not None), pods=pods)
    assert state(evaluate(make.candidate(origin, readiness=way), facts)) == expected


@pytest.mark.parametrize(("unproven", "expected"), [(True, ("Unverified", "/r")), (False, ("AwaitingPods", None))])
def test_what_is_certain_may_be_written_unproven(make, unproven, expected):
    facts = make.facts(pods=Pods(files=True, unproven=unproven))
    assert state(evaluate(make.candidate(certain=True, readiness=make.handler("/r")), facts)) == expected


def test_a_question_comes_out_only_where_a_pod_can_be_asked(make):
    candidate = make.candidate(readiness=make.handler("/r"))
    for pods, asks in ((Pods(ready=True), True), (Pods(), False), (Pods(files=True), False)):
        found = evaluate(candidate, make.facts(pods=pods)).probes[READINESS]
        assert (found.question is not None) is asks


def test_the_next_handler_is_tried_after_one_that_pods_refute(make, answered):
    first, second = make.handler("/first"), make.handler("/second")
    candidate = make.candidate(readiness=(first, second))
    found = evaluate(candidate, answered((first, make.refuted)))
    assert str(found.probes[READINESS].question) == "GET http :8080/second"
    found = evaluate(candidate, answered((first, make.refuted), (second, make.verified())))
    assert state(found) == ("Verified", "/second")
    assert [str(one.question) for one in found.probes[READINESS].refuted] == ["GET http :8080/first"]
    assert len(found.answers) == 2


def test_what_is_used_only_where_proven_is_not_the_usual_handler(make):
    ways = (make.handler("/new", only_proven=True), make.handler("/old"))
    found = evaluate(make.candidate(USERS, readiness=ways), make.facts(pods=Pods()))
    assert state(found) == ("Unverified", "/old")


def test_a_command_is_never_asked(make):
    way = make.handler("/r")
    command = type(way)(
        handler=Exec(("true",)), endpoint=None, number=0, speaks_http=False, accept=way.accept, provenance=()
    )
    assert state(evaluate(make.candidate(USERS, readiness=command), make.facts())) == ("Unverified", "tcp")


def test_what_its_owner_keeps_is_shown_and_not_asked_about(make):
    facts = make.facts(writable=frozenset({LIVENESS}))
    shown = evaluate(make.candidate(EVIDENCE, readiness=make.handler("/r")), facts)
    assert state(shown) == (None, "/r")
    sought = evaluate(make.candidate(COMMON, readiness=make.handler("/r")), facts)
    assert sought.probes == {}


def written(make, candidate, **fields):
    """Facts of a container that carries the candidate's first handlers as probes of ours."""
    facts = make.facts(**fields)
    probes = complete({kind: ways[0] for kind, ways in candidate.handlers.items()}, candidate, facts, {})
    return make.facts(ours={kind: one.probe for kind, one in probes.items()}, **fields)


def test_a_candidate_whose_probes_are_written_is_not_asked_about_again(make):
    candidate = make.candidate(readiness=make.handler("/r"), liveness=make.handler("/l"))
    found = evaluate(candidate, written(make, candidate))
    assert found.written
    assert (state(found), state(found, LIVENESS)) == (("Unverified", "/r"), ("Unverified", "/l"))


def test_a_candidate_is_not_written_while_one_of_its_probes_is_missing_and_not_refuted(make):
    candidate = make.candidate(readiness=make.handler("/r"), liveness=make.handler("/l"))
    facts = written(make, make.candidate(readiness=make.handler("/r")))
    assert not evaluate(candidate, facts).written
    lost = {question_of(LIVENESS, make.handler("/l"), facts).id: make.refuted}
    assert evaluate(candidate, make.facts(ours=facts.ours, answers=lost)).written


def test_an_open_port_alone_does_not_keep_a_candidate_that_asks_for_more(make):
    candidate = make.candidate(readiness=(make.handler("/r"), make.handler()))
    facts = make.facts()
    probe = complete({READINESS: make.handler()}, candidate, facts, {})[READINESS].probe
    assert isinstance(probe, Probe)
    assert not evaluate(candidate, make.facts(ours={READINESS: probe})).written
    assert evaluate(make.candidate(readiness=make.handler()), make.facts(ours={READINESS: probe})).written


def choice(candidates, facts):
    found = [evaluate(candidate, facts) for candidate in candidates]
    return choose(found, next((one for one in found if one.written), None))


@pytest.fixture
def users(make):
    """What users say alone: nothing."""
    return make.candidate(USERS, name="")


def test_a_preset_that_users_name_is_taken(make):
    named = make.candidate(USERS, readiness=make.handler("/r"))
    assert choice([named], make.facts()).rule.name == "Named"


def test_what_can_not_be_planned_is_passed_over(make, users, answered):
    silent = make.handler("/r")
    silent = type(silent)(**{name: getattr(silent, name) for name in silent.__slots__} | {"speaks_http": False})
    found = choice([make.candidate(COMMON, readiness=silent), users], make.facts())
    assert [one.rule.name for one in found.passed_over] == ["NotApplicable"]
    assert found.rule.name == "UsersAlone"


def test_the_first_candidate_that_pods_prove_is_taken(make, users, answered):
    bad, good, better_not_reached = (make.handler(path) for path in ("/bad", "/good", "/other"))
    candidates = [make.candidate(readiness=way, name=way.handler.path[1:]) for way in (bad, good, better_not_reached)]
    found = choice([*candidates, users], answered((bad, make.refuted), (good, make.verified())))
    assert (found.rule.name, found.evaluation.candidate.suggestion.preset.name) == ("Proven", "good")
    assert [one.rule.name for one in found.passed_over] == ["Refuted"]
    assert [str(one.question) for one in found.passed_over[0].refuted] == ["GET http :8080/bad"]


def test_a_candidate_is_waited_for_before_the_next_one_is_tried(make, users):
    candidates = [make.candidate(readiness=make.handler(path), name=path[1:]) for path in ("/a", "/b")]
    found = choice([*candidates, users], make.facts())
    assert (found.rule.name, found.evaluation.candidate.suggestion.preset.name) == ("AwaitingPods", "a")


def test_nothing_common_is_looked_for_where_pods_are_not_asked(make, users):
    common = make.candidate(COMMON, readiness=make.handler("/r"))
    found = choice([common, users], make.facts(pods=Pods(required=False)))
    assert (found.rule.name, [one.rule.name for one in found.passed_over]) == ("UsersAlone", ["NeverAsked"])


def test_an_open_port_proves_only_what_asks_for_no_more(make, users, answered):
    asks, opens = make.handler("/r"), make.handler()
    facts = answered((asks, make.refuted), (opens, make.verified()))
    assert choice([make.candidate(readiness=(asks, opens)), users], facts).rule.name == "UsersAlone"
    assert choice([make.candidate(readiness=opens), users], facts).rule.name == "Proven"


def test_a_candidate_whose_probes_are_written_stays_beside_a_better_one(make, users):
    better, there = make.candidate(readiness=make.handler("/better")), make.candidate(readiness=make.handler("/there"))
    facts = written(make, there)
    found = choice([better, there, users], facts)
    assert (found.rule.name, found.evaluation.candidate) == ("AlreadyWritten", there)
    assert [one.rule.name for one in found.passed_over] == ["AnotherHolds"]


def test_every_rule_has_a_name_and_a_text_of_its_own():
    assert len({rule.name for rule in CHOICE_RULES}) == len({rule.text for rule in CHOICE_RULES}) == len(CHOICE_RULES)
    assert all(rule.name.isalpha() and rule.name[0].isupper() for rule in CHOICE_RULES)


def test_the_page_lists_the_rules_of_the_choice_in_their_order():
    page = (Path(__file__).parents[4] / "docs" / "verification.md").read_text()
    rows = [
        f"| `{rule.name}` | {rule.text} | {'it is chosen' if rule.takes else 'the next one is tried'} |\n"
        for rule in CHOICE_RULES
    ]
    assert "".join(rows) in page
