"""From outcomes to a rule's status: counts and conditions."""

import pytest

from apphealth.api.healthplan import State, VerificationState
from apphealth.api.parse import parse_rule
from apphealth.api.rule import RuleKey, RuleKind
from apphealth.api.spec import Mode
from apphealth.api.status import ConditionType, Reason
from apphealth.controller.status import _WORST, Facts, missing_target, rule_status
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.plan.result import Conflict
from apphealth.store.outcomes import Coverage, Outcome

RULE = RuleKey(RuleKind.APP_HEALTH, "shop", "all")
NO_OTHER = "no other rule of this rank sets the same fields"
OTHER = RuleKey(RuleKind.APP_HEALTH, "shop", "younger")


def facts(*outcomes, **more):
    keys = [WorkloadKey("Deployment", "shop", f"web-{number}") for number in range(len(outcomes))]
    return Facts(rule=RULE, generation=3, outcomes=dict(zip(keys, outcomes, strict=True)), **more)


def outcome(state, problem=None, message="", conflicts=()):
    return Outcome(state=state, rules=(RULE,), problem=problem, message=message, conflicts=conflicts)


def condition(status, kind):
    return next(c for c in status.conditions if c.type is kind)


@pytest.mark.parametrize(
    ("states", "counts"),
    [
        pytest.param([], (0, 0, 0, 0, 0), id="nothing"),
        pytest.param([State.APPLIED, State.APPLIED], (2, 2, 0, 0, 0), id="managed"),
        pytest.param([None, State.AWAITING_PODS], (2, 0, 2, 0, 0), id="pending"),
        pytest.param([State.KEPT, State.CONTESTED], (2, 0, 0, 2, 0), id="kept"),
        pytest.param([State.REJECTED, State.REFUTED, State.ROLLED_BACK], (3, 0, 0, 0, 3), id="failed"),
        pytest.param([State.PREVIEW, State.SKIPPED], (2, 0, 0, 0, 0), id="neither"),
    ],
)
def test_counts(states, counts):
    found = rule_status(facts(*(state and outcome(state) for state in states))).workloads
    assert (found.selected, found.managed, found.pending, found.kept_by_owner, found.failed) == counts


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        pytest.param(facts(outcome(State.APPLIED)), "True", Reason.ALL_MANAGED, id="all-managed"),
        pytest.param(facts(outcome(State.KEPT)), "True", Reason.ALL_MANAGED, id="kept-is-as-wanted"),
        pytest.param(facts(outcome(State.PREVIEW), mode=Mode.AUDIT), "True", Reason.PREVIEWED, id="audit"),
        pytest.param(facts(), "False", Reason.NOTHING_SELECTED, id="nothing-selected"),
        pytest.param(facts(None, outcome(State.APPLIED)), "False", Reason.IN_PROGRESS, id="still-to-be-looked-at"),
        pytest.param(facts(None, outcome(State.REJECTED)), "False", Reason.SOME_FAILED, id="failure-before-progress"),
        pytest.param(
            facts(outcome(State.APPLIED), outcome(State.APPLIED, Reason.PODS_FAILING, "web-1 fails")),
            "False",
            Reason.PODS_FAILING,
            id="a-pod-fails-a-probe-of-ours",
        ),
        pytest.param(
            facts(outcome(State.APPLIED, Reason.RULE_UNREADABLE)), "False", Reason.IN_PROGRESS, id="left-alone"
        ),
        pytest.param(
            facts(outcome(State.SKIPPED, Reason.PLAN_INCOMPLETE)), "False", Reason.SOME_FAILED, id="a-preset-misspelt"
        ),
        pytest.param(facts(outcome(State.APPLIED, Reason.DEPENDENCY_CYCLE)), "False", Reason.SOME_FAILED, id="a-cycle"),
        pytest.param(facts(complaint="spec.mode: wrong"), "False", Reason.INVALID_SPEC, id="invalid"),
    ],
)
def test_ready(given, status, reason):
    found = condition(rule_status(given), ConditionType.READY)
    assert (found.status, found.reason, found.observed_generation) == (status, reason, 3)


@pytest.mark.parametrize(
    ("given", "reason", "message"),
    [
        pytest.param(facts(outcome(State.APPLIED)), Reason.NO_PROBLEMS, "no problem is known", id="none"),
        pytest.param(
            facts(outcome(State.SKIPPED, Reason.PLAN_INCOMPLETE, "no port")),
            Reason.PLAN_INCOMPLETE,
            "Deployment/shop/web-0: no port",
            id="one",
        ),
        pytest.param(
            facts(
                outcome(State.SKIPPED, Reason.PLAN_INCOMPLETE, "no port"),
                outcome(State.REJECTED, Reason.ACCESS_DENIED, "cannot patch"),
            ),
            Reason.ACCESS_DENIED,
            "Deployment/shop/web-1: cannot patch; and 1 more",
            id="the-worst-first",
        ),
        pytest.param(
            facts(*[outcome(State.REJECTED, Reason.WRITES_REJECTED, "no")] * 5),
            Reason.WRITES_REJECTED,
            "Deployment/shop/web-0: no; Deployment/shop/web-1: no; Deployment/shop/web-2: no; and 2 more",
            id="not-all-are-named",
        ),
        pytest.param(
            facts(complaint="spec.mode: wrong"),
            Reason.INVALID_SPEC,
            "spec.mode: wrong. Until it is put right, every workload within its reach is left as it is",
            id="invalid",
        ),
    ],
)
def test_degraded(given, reason, message):
    found = condition(rule_status(given), ConditionType.DEGRADED)
    assert (found.reason, found.message) == (reason, message)
    assert found.status == ("False" if reason is Reason.NO_PROBLEMS else "True")


@pytest.mark.parametrize(
    ("conflicts", "status", "message"),
    [
        pytest.param((), "False", NO_OTHER, id="none"),
        pytest.param((Conflict(OTHER, RULE, "liveness.path"),), "False", NO_OTHER, id="the-winner-is-not-told"),
        pytest.param(
            (Conflict(RULE, OTHER, "liveness.path"), Conflict(RULE, OTHER, "liveness.path")),
            "True",
            "liveness.path is set by AppHealth/shop/younger",
            id="the-loser-is-told-once",
        ),
    ],
)
def test_conflicting(conflicts, status, message):
    given = facts(outcome(State.APPLIED, conflicts=conflicts))
    found = condition(rule_status(given), ConditionType.CONFLICTING)
    assert (found.status, found.message) == (status, message)


def verification(*states, proof="because"):
    return facts(*(one and Outcome(state=State.APPLIED, verification=one, proof=proof) for one in states))


V, R, U, A = (
    VerificationState.VERIFIED,
    VerificationState.REFUTED,
    VerificationState.UNVERIFIED,
    VerificationState.AWAITING_PODS,
)


@pytest.mark.parametrize(
    ("given", "status", "reason", "message"),
    [
        pytest.param(
            verification(V, V, None, proof=""),
            "True",
            Reason.VERIFIED,
            "2 workloads with planned probes: 2 Verified",
            id="verified",
        ),
        pytest.param(
            verification(V, U, proof=""),
            "Unknown",
            Reason.UNVERIFIED,
            "2 workloads with planned probes: 1 Verified, 1 Unverified",
            id="not",
        ),
        pytest.param(
            verification(V, A, A, U),
            "Unknown",
            Reason.AWAITING_PODS,
            "4 workloads with planned probes: 1 Verified, 1 Unverified, 2 AwaitingPods; Deployment/shop/web-1: because",
            id="waiting",
        ),
        pytest.param(
            verification(V, R, A, U, proof="404 from web-1"),
            "False",
            Reason.REFUTED,
            "4 workloads with planned probes: 1 Verified, 1 Unverified, 1 AwaitingPods, 1 Refuted; "
            "Deployment/shop/web-1: 404 from web-1",
            id="refuted",
        ),
    ],
)
def test_verified(given, status, reason, message):
    found = condition(rule_status(given), ConditionType.VERIFIED)
    assert (found.status, found.reason, found.message) == (status, reason, message)


def test_verified_is_not_said_where_no_probe_is_to_be_written():
    kinds = [c.type for c in rule_status(facts(outcome(State.SKIPPED), None)).conditions]
    assert ConditionType.VERIFIED not in kinds


def test_the_example_of_a_failing_pod_is_in_the_message():
    ready = condition(
        rule_status(facts(outcome(State.APPLIED), outcome(State.APPLIED, Reason.PODS_FAILING, "web-1 fails"))),
        ConditionType.READY,
    )
    assert ready.message == "2 selected: 2 managed; Deployment/shop/web-1: web-1 fails"


@pytest.mark.parametrize(
    ("protected", "reasons"),
    [(True, [Reason.POLICY_INSTALLED]), (False, [Reason.POLICY_MISSING]), (None, [])],
)
def test_protected_is_said_where_it_is_known(protected, reasons):
    conditions = rule_status(facts(outcome(State.APPLIED), protected=protected)).conditions
    assert [c.reason for c in conditions if c.type is ConditionType.PROTECTED] == reasons


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        pytest.param(
            [["nope"], ["nope", "side"]], "; spec.containers: no selected workload has 'nope'", id="nobody has it"
        ),
        pytest.param([["nope"], []], "", id="one has it"),
        pytest.param([["nope"], None], "", id="one is not known yet"),
        pytest.param([], "", id="nothing is selected"),
    ],
)
def test_a_container_that_no_selected_workload_has_is_told_at_the_rule(lacks, told):
    given = [
        None if names is None else Outcome(state=State.APPLIED, lacks=tuple((RULE, name) for name in names))
        for names in lacks
    ]
    message = condition(rule_status(facts(*given)), ConditionType.READY).message
    assert message.endswith(told) if told else "spec.containers" not in message


def test_messages_are_bounded():
    given = facts(outcome(State.REJECTED, Reason.WRITES_REJECTED, "x" * 5000))
    assert len(condition(rule_status(given), ConditionType.DEGRADED).message) == 1000


def requiring(*names):
    services = frozenset(ServiceKey("shop", name) for name in names)
    return Outcome(state=State.APPLIED, rules=(RULE,), requires=services)


@pytest.mark.parametrize(
    ("outcomes", "workloads", "message"),
    [
        pytest.param([requiring("db")] * 3, 15, "3 of 15 workloads require shop/db; ", id="a fifth"),
        pytest.param([requiring("db")] * 3, 16, None, id="less than a fifth"),
        pytest.param([requiring("db")] * 2, 4, None, id="two are few"),
        pytest.param([requiring("db"), requiring("db"), None], 3, None, id="one still to be looked at"),
        pytest.param([requiring("db", "users")] * 3 + [requiring("users")], 10,
                     "4 of 10 workloads require shop/users; 3 of 10 workloads require shop/db; ", id="two, by number"),
        pytest.param([requiring("a", "b", "c", "d", "e")] * 3, 3, "require shop/c; and 2 more Services like it; ",
                     id="more than are named"),
    ],
)  # fmt: skip
def test_a_service_that_many_require_is_told(outcomes, workloads, message):
    status = rule_status(facts(*outcomes, workloads=workloads))
    found = [c for c in status.conditions if c.type is ConditionType.SHARED_DEPENDENCY]
    assert len(found) == (message is not None)
    if message is not None:
        assert found[0].status == "True"
        assert f"{message}they leave rotation" in found[0].message


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("problem", [None, *sorted(_WORST)])
def test_ready_is_never_true_beside_a_problem(mode, state, problem):
    found = rule_status(facts(outcome(state, problem), outcome(State.APPLIED), mode=mode))
    if condition(found, ConditionType.DEGRADED).status == "True":
        assert condition(found, ConditionType.READY).status == "False"


def covered(coverage, *, restarts=False):
    return Outcome(state=State.PREVIEW, rules=(RULE,), coverage=coverage, would_restart=restarts)


def test_in_audit_the_status_says_how_many_pods_would_restart_and_who_stays_without():
    selected = [covered(Coverage.COVERED, restarts=True)] * 3 + [covered(Coverage.COVERED)] * 2
    selected += [covered(Coverage.WITHOUT_PROBES)] * 4
    found = rule_status(facts(*selected, mode=Mode.AUDIT))
    counts = found.workloads
    assert (counts.covered, counts.without_probes, counts.unknown, counts.would_restart) == (5, 4, 0, 3)
    assert condition(found, ConditionType.READY).message == (
        "9 selected: 3 would restart with new probes, 4 have no probe and would get none"
        " (mode Audit: nothing is written)"
    )


def test_covered_without_and_unknown_add_up_to_the_selected():
    found = rule_status(facts(None, *map(covered, Coverage))).workloads
    assert found.covered + found.without_probes + found.unknown == found.selected == 4


WORKLOADS = [
    WorkloadKey("Deployment", "shop", "frontend"),
    WorkloadKey("StatefulSet", "shop", "db"),
    WorkloadKey("Deployment", "other", "frontnd"),
]


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        pytest.param({"kind": "Deployment", "name": "frontend"}, "", id="it is there"),
        pytest.param(
            {"kind": "Deployment", "name": "frontnd"},
            "targetRef: there is no Deployment frontnd in the namespace shop; did you mean frontend?",
            id="misspelt",
        ),
        pytest.param(
            {"kind": "Deployment", "name": "db"},
            "targetRef: there is no Deployment db in the namespace shop",
            id="nothing is near, and names of other kinds don't count",
        ),
        pytest.param(None, "", id="a selector"),
    ],
)
def test_a_missing_workload_is_named_with_the_nearest_one(target, missing):
    spec = {"targetRef": target} if target else {"selector": {}}
    rule = parse_rule(
        {
            "apiVersion": "apphealth.dev/v1alpha1",
            "kind": "AppHealth",
            "metadata": {"name": "x", "namespace": "shop"},
            "spec": spec,
        }
    )
    assert missing_target(rule, WORKLOADS) == missing
    message = condition(rule_status(facts(missing=missing)), ConditionType.READY).message
    assert message == (missing or "no workload matches; check selector, labels and namespace")


def test_what_is_between_two_passes_is_in_flight_and_counted_once():
    found = rule_status(facts(*map(outcome, [State.WAITING, State.WAITING, State.APPLIED]), in_flight=1, between=1))
    numbers = found.rollout
    assert (numbers.planned, numbers.waiting, numbers.in_flight, numbers.done) == (3, 1, 1, 1)
    assert condition(found, ConditionType.ROLLED_OUT).reason is Reason.IN_PROGRESS
