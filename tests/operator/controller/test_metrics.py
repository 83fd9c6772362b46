"""The metrics that are served are those of docs/metrics.md, and their labels are bounded."""

import re
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from apphealth.api.healthplan import State, VerificationState
from apphealth.controller.health import serve_health
from apphealth.controller.metrics import QUEUES, RESULTS, Metrics
from apphealth.model.probe import TcpSocket
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.probing.asker import NotYet
from apphealth.store.outcomes import Outcome

PAGE = Path(__file__).parents[3] / "docs/metrics.md"
OUTCOMES = [
    Outcome(state=State.APPLIED, probes=(VerificationState.VERIFIED, VerificationState.UNVERIFIED)),
    Outcome(state=State.APPLIED, probes=(VerificationState.VERIFIED,)),
    Outcome(state=State.KEPT, findings=("probe-contested", "dependency-missing", "dependency-missing")),
]


def metrics(*, outcomes=(), leading=True, depths=None):
    return Metrics(lambda: outcomes, lambda: leading, lambda queue: (depths or {}).get(queue, 0), lambda: 3)


def samples(of):
    """Return the value of each series, with its labels in alphabetical order: `{("apphealth_leader", ()): 1.0}`."""
    families = text_string_to_metric_families(of.text().decode())
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_plans_and_probes_are_counted_when_they_are_scraped():
    found = samples(metrics(outcomes=OUTCOMES))
    assert found["apphealth_health_plans", ("Applied",)] == 2
    assert found["apphealth_health_plans", ("Kept",)] == 1
    assert found["apphealth_health_plans", ("Refuted",)] == 0, "a state without workloads is 0, and not absent"
    assert found["apphealth_planned_probes", ("Verified",)] == 2
    assert found["apphealth_planned_probes", ("Unverified",)] == 1
    assert found["apphealth_findings", ("dependency-missing",)] == 2
    assert found["apphealth_findings", ("probe-contested",)] == 1


@pytest.mark.parametrize("leading", [True, False])
def test_a_leader_is_told_from_a_standby(leading):
    assert samples(metrics(leading=leading))["apphealth_leader", ()] == leading


def test_rollouts_in_flight_are_counted():
    assert samples(metrics())["apphealth_rollouts_in_flight", ()] == 3


def test_requests_are_counted_by_verb_and_code():
    one = metrics()
    one.request("PATCH", 200, 0.01)
    one.request("PATCH", 409, 0.01)
    one.request("PATCH", 0, 30)
    found = samples(one)
    assert [found["apphealth_api_requests_total", (code, "PATCH")] for code in ("200", "409", "none")] == [1, 1, 1]
    assert found["apphealth_api_request_duration_seconds_sum", ("PATCH",)] == pytest.approx(30.02)


def test_the_work_of_queues_is_counted_and_that_of_the_workloads_as_reconciles():
    one = metrics(depths={"questions": 7})
    one.worked("workloads")(0.5, 0.01, True)
    one.worked("workloads")(0.5, 0.01, False)
    one.worked("statuses")(0.5, 0.01, True)
    found = samples(one)
    assert found["apphealth_reconciles_total", ("success",)] == found["apphealth_reconciles_total", ("error",)] == 1
    assert found["apphealth_queue_work_duration_seconds_count", ("workloads",)] == 2
    assert found["apphealth_queue_wait_duration_seconds_sum", ("statuses",)] == 0.5
    assert [found["apphealth_queue_depth", (queue,)] for queue in QUEUES] == [0, 7, 0, 0]


@pytest.mark.parametrize(
    ("came", "result"),
    [
        pytest.param(Proof(verdict=Verdict.VERIFIED), "verified"),
        pytest.param(Proof(verdict=Verdict.REFUTED), "refuted"),
        pytest.param(Proof(verdict=Verdict.UNREACHABLE), "unreachable"),
        pytest.param(NotYet("starting"), "starting"),
    ],
)
async def test_questions_are_counted_by_their_result(came, result):
    async def ask(question, pods):
        return came

    one = metrics()
    handler, accept = TcpSocket(port=80), Accept.SUCCESS
    question = Question(template="shop/x", container="main", image="", handler=handler, timeout=1, accept=accept)
    assert await one.asking(ask)(question, []) is came
    found = samples(one)
    assert {name: found["apphealth_questions_total", (name,)] for name in RESULTS} == dict.fromkeys(RESULTS, 0) | {
        result: 1
    }


def described():
    """Return the metrics of the page: `{name: (type, labels)}`."""
    rows = re.findall(r"^\| `(apphealth_\w+)` \| (\w+) \| (.*?) \|", PAGE.read_text(), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


async def test_what_is_served_is_what_the_page_lists(unused_tcp_port):
    one = metrics(outcomes=OUTCOMES)
    one.request("GET", 200, 0.01)
    async with (
        serve_health(unused_tcp_port, lambda: "", one.text) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await answer.text()
    served = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith("apphealth_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            served[name] = (family.type, labels)
    assert served == described()


def test_the_number_of_series_does_not_grow_with_the_cluster():
    few, many = samples(metrics(outcomes=OUTCOMES)), samples(metrics(outcomes=OUTCOMES * 1000))
    assert few.keys() == many.keys()
