"""The operator's metrics, in the text format of Prometheus: docs/metrics.md lists them.

Every label has a small fixed set of values: no workload, namespace or rule is a label, so the number of series doesn't
grow with the cluster.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import version

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apphealth.api.healthplan import State, VerificationState
from apphealth.model.pod import Pod
from apphealth.model.proof import Proof, Question
from apphealth.probing.tries import NotYet
from apphealth.store.outcomes import Outcome

PREFIX = "apphealth"
SHORT = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets for requests and work, in seconds."""
LONG = (0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Buckets for waiting in a queue, in seconds."""
NO_ANSWER = "none"
"""The code of a request without an answer."""
QUEUES = ("workloads", "questions", "rollouts", "statuses")
RESULTS = ("verified", "refuted", "unreachable", "starting")

Ask = Callable[[Question, list[Pod]], Awaitable[Proof | NotYet]]


class Metrics:
    """The metrics of one operator.

    Parameters
    ----------
    outcomes
        Returns the outcomes of all selected workloads; called for each scrape.
    leading
        Returns whether this replica may write.
    depth
        Returns the number of keys that a queue holds, by the queue's name.
    in_flight
        Returns the number of workloads that were changed, and are not yet well for long enough.
    """

    def __init__(
        self,
        outcomes: Callable[[], Iterable[Outcome]],
        leading: Callable[[], bool],
        depth: Callable[[str], int],
        in_flight: Callable[[], int],
    ) -> None:
        # They double the series, and nobody asks for them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info(f"{PREFIX}_build", "The operator's version.", registry=registry).info({"version": version("apphealth")})
        leader = Gauge(f"{PREFIX}_leader", "1 if this replica may write, else 0.", registry=registry)
        leader.set_function(lambda: float(leading()))
        rolling = Gauge(
            f"{PREFIX}_rollouts_in_flight",
            "Workloads that were changed, and are not yet well for long enough.",
            registry=registry,
        )
        rolling.set_function(lambda: float(in_flight()))
        self._requests = Counter(
            f"{PREFIX}_api_requests",
            "Requests to the API server; the code is none for those without an answer.",
            ("verb", "code"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            f"{PREFIX}_api_request_duration_seconds",
            "Seconds until the API server answered; of watches, until the answer began.",
            ("verb",),
            buckets=SHORT,
            registry=registry,
        )
        self._reconciles = Counter(
            f"{PREFIX}_reconciles", "Workloads reconciled, by result.", ("result",), registry=registry
        )
        depths = Gauge(f"{PREFIX}_queue_depth", "Keys that wait in a queue.", ("queue",), registry=registry)
        self._waits = Histogram(
            f"{PREFIX}_queue_wait_duration_seconds",
            "Seconds that keys waited in a queue.",
            ("queue",),
            buckets=LONG,
            registry=registry,
        )
        self._work = Histogram(
            f"{PREFIX}_queue_work_duration_seconds",
            "Seconds that working on a key took.",
            ("queue",),
            buckets=LONG,
            registry=registry,
        )
        self._questions = Counter(
            f"{PREFIX}_questions", "Questions that pods were asked, by result.", ("result",), registry=registry
        )
        self._question_seconds = Histogram(
            f"{PREFIX}_question_duration_seconds",
            "Seconds that asking the pods of a workload took.",
            buckets=LONG,
            registry=registry,
        )
        self._watch_restarts = Counter(
            f"{PREFIX}_watch_restarts", "How often all watches were lost and started again.", registry=registry
        )
        registry.register(_Planned(outcomes))
        for queue in QUEUES:
            depths.labels(queue).set_function(partial(depth, queue))
            self._waits.labels(queue)
            self._work.labels(queue)
        for result in RESULTS:
            self._questions.labels(result)
        for result in ("success", "error"):
            self._reconciles.labels(result)

    def text(self) -> bytes:
        """Return all metrics in the text format."""
        return generate_latest(self._registry)

    def request(self, verb: str, status: int, seconds: float) -> None:
        """Count a request.

        Parameters
        ----------
        verb
            The HTTP method, or `WATCH`.
        status
            The answer's status; 0 if there was no answer.
        seconds
            The time until the answer.
        """
        self._requests.labels(verb, str(status) if status else NO_ANSWER).inc()
        self._request_seconds.labels(verb).observe(seconds)

    async def watching(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Count a request of the watches' session: a middleware."""
        verb = "WATCH" if "watch" in request.url.query else request.method
        started = time.perf_counter()
        try:
            response = await handler(request)
        except (aiohttp.ClientError, OSError):
            self.request(verb, 0, time.perf_counter() - started)
            raise
        self.request(verb, response.status, time.perf_counter() - started)
        return response

    def worked(self, queue: str) -> Callable[[float, float, bool], None]:
        """Return the observer of a queue, one of `QUEUES`: called with seconds waited, seconds worked, and success."""
        waits, work = self._waits.labels(queue), self._work.labels(queue)
        results = {done: self._reconciles.labels("success" if done else "error") for done in (True, False)}

        def observe(waited: float, seconds: float, done: bool) -> None:
            waits.observe(waited)
            work.observe(seconds)
            if queue == "workloads":
                results[done].inc()

        return observe

    def asking(self, ask: Ask) -> Ask:
        """Return `ask`, counted."""

        async def counted(question: Question, pods: list[Pod]) -> Proof | NotYet:
            started = time.perf_counter()
            came = await ask(question, pods)
            result = came.verdict.lower() if isinstance(came, Proof) else "starting"
            self._questions.labels(result).inc()
            self._question_seconds.observe(time.perf_counter() - started)
            return came

        return counted

    def watches_lost(self) -> None:
        """Count that all watches were lost."""
        self._watch_restarts.inc()


class _Planned(Collector):
    """Counts plans and probes when it is asked: nothing to keep up to date, and nothing that can drift."""

    def __init__(self, outcomes: Callable[[], Iterable[Outcome]]) -> None:
        self._outcomes = outcomes

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the families without values, for the registry."""
        yield from (_plans({}), _probes({}), _findings({}))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Count."""
        plans: Tally[State] = Tally()
        probes: Tally[VerificationState] = Tally()
        findings: Tally[str] = Tally()
        for outcome in self._outcomes():
            plans[outcome.state] += 1
            probes.update(outcome.probes)
            findings.update(outcome.findings)
        yield from (_plans(plans), _probes(probes), _findings(findings))


def _plans(counts: dict[State, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        f"{PREFIX}_health_plans", "Selected workloads by the state of their plan.", labels=["state"]
    )
    for state in State:
        family.add_metric([state], counts.get(state, 0))
    return family


def _probes(counts: dict[VerificationState, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_planned_probes", "Planned probes by verification.", labels=["verification"])
    for state in VerificationState:
        family.add_metric([state], counts.get(state, 0))
    return family


def _findings(counts: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        f"{PREFIX}_findings", "Findings in the plans of selected workloads, by id.", labels=["id"]
    )
    for name, count in sorted(counts.items()):
        family.add_metric([name], count)
    return family
