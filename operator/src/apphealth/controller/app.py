"""Wiring: the operator's parts, and the order in which they start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any
from uuid import uuid4

import kopf

from apphealth.api import GROUP, VERSION
from apphealth.api.rule import RuleKey
from apphealth.api.status import Condition, Reason
from apphealth.controller.contact import Contact
from apphealth.controller.disruptions import Disruptions
from apphealth.controller.gate import Gate
from apphealth.controller.health import serve_health
from apphealth.controller.informer import Informer
from apphealth.controller.metrics import Metrics
from apphealth.controller.policy_reports import PolicyReports
from apphealth.controller.preflight import look_for_policy, read_namespace, wait_until_usable
from apphealth.controller.prover import Prover
from apphealth.controller.queue import Backoff, WorkQueue
from apphealth.controller.reconcile import Reconciler
from apphealth.controller.status_writer import Protection, StatusWriter
from apphealth.controller.watch_session import watch_session, watched
from apphealth.controller.watcher import Pods, Watcher
from apphealth.controller.watches import quiet_settings, register
from apphealth.kube.client import Client
from apphealth.kube.credentials import Credentials
from apphealth.kube.discovery import served
from apphealth.kube.disruptions import list_disruption_budgets
from apphealth.kube.errors import KubeError
from apphealth.kube.events import Event, Events, Subject
from apphealth.kube.lease import ANSWER, Leadership
from apphealth.kube.others import CLUSTER, NAMESPACE, Others
from apphealth.kube.pods import list_newest, list_notes, list_pods
from apphealth.model.workload import WorkloadKey
from apphealth.plan.facts import CLUSTER_DOMAIN
from apphealth.plan.facts import Options as Planning
from apphealth.probing.asker import ask as ask_pods
from apphealth.probing.asker import ask_one
from apphealth.store.store import BRAKE, Concerned, Name, Store

FINISH = 5.0
"""Seconds that writes under way get when the operator stops."""
REREAD = 60.0
"""Seconds between two readings of the namespace that is watched alone."""
LEASE = "apphealth"
"""Name of the Lease for leader election."""

log = logging.getLogger(__name__)


class OperatorFailedError(Exception):
    """A part of the operator has failed unexpectedly; the log has the traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The operator's options.

    Attributes
    ----------
    credentials
        The API server's address, and the operator's identity.
    namespace
        The only namespace to manage; None: the whole cluster.
    allow_exec
        Whether probes may run commands in containers.
    leader_elect
        Whether to write only while holding the Lease. Without it, nothing keeps two operators from writing at once.
    read_only
        Whether to write nothing, and log what would be written.
    policy_reports
        Whether to write the findings of plans as policy reports too.
    health_port
        The port of the operator's own health endpoints; None: don't serve them.
    cluster_domain
        The domain that full names of Services end with.
    """

    credentials: Credentials
    namespace: str | None = None
    allow_exec: bool = False
    leader_elect: bool = True
    read_only: bool = False
    policy_reports: bool = False
    health_port: int | None = None
    cluster_domain: str = CLUSTER_DOMAIN


async def run_operator(options: Options) -> None:
    """Run until SIGTERM or SIGINT.

    Raises
    ------
    OSError
        The health port is taken.
    OperatorFailedError
        A bug; the log has the traceback.
    """
    await Operator(options).run()


class Operator:
    """The operator: its parts, and the jobs that run them.

    Create it inside of a running event loop, and run it once.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._store = Store(Planning(allow_exec=options.allow_exec, cluster_domain=options.cluster_domain))
        self._store.cluster_wide = options.namespace is None
        self._braked: str | None = None
        self._store.brake_at = Name(options.namespace or options.credentials.namespace, BRAKE)
        self._metrics = metrics = Metrics(
            outcomes=self._store.outcomes.all,
            leading=lambda: self._leading.is_set() and self._may_write(),
            depth=lambda queue: self._queues[queue].depth,
            in_flight=lambda: self._gate.flights,
        )
        self._client = client = Client(options.credentials, may_write=self._may_write, observe=metrics.request)
        self._lease_client = Client(
            options.credentials, connections=2, timeout=2 * ANSWER, tries=1, observe=metrics.request
        )
        self._others = self._other_operators()
        self._election = self._candidate() if options.leader_elect else None
        self._resources = watched(options.namespace)
        self._contact = Contact(options.credentials.server)
        self._stop = asyncio.Event()
        self._leading = asyncio.Event()
        self._lost = asyncio.Event()  # a new one for each time that we lead
        self._watching = False
        self._failed = False
        clock = asyncio.get_running_loop().time
        self._events = Events(client, instance=socket.gethostname(), clock=clock)
        self._protection = Protection()
        self._gate = Gate(
            self._store,
            enqueue=self._enqueue,
            dirty=self._refresh_statuses,
            busy=self._busy,
            disruptions=Disruptions(partial(list_disruption_budgets, client), clock),
            now=lambda: datetime.now(UTC),
        )
        self._statuses = StatusWriter(
            client,
            self._store,
            busy=self._busy,
            protection=self._protection,
            look_again=lambda: look_for_policy(client, self._protection),
            gate=self._gate,
            report=self._report,
            observe=metrics.worked("statuses"),
        )
        self._prover = Prover(
            self._store,
            enqueue=self._enqueue,
            list_pods=partial(list_pods, client),
            ask=metrics.asking(ask_pods),
            observe=metrics.worked("questions"),
        )
        self._watcher = Watcher(
            self._store,
            enqueue=self._enqueue,
            pods=Pods(
                newest=partial(list_newest, client),
                notes=partial(list_notes, client),
                ask_one=ask_one,
                ask=metrics.asking(ask_pods),
            ),
            clock=clock,
            observe=metrics.worked("rollouts"),
        )
        self._reports = PolicyReports(client, options.namespace, enabled=options.policy_reports)
        self._reconcile = Reconciler(
            client,
            self._store,
            self._events,
            enqueue=self._enqueue,
            dirty=self._statuses.dirty,
            prover=self._prover,
            watcher=self._watcher,
            gate=self._gate,
            clock=clock,
            recorded=self._reports.recorded,
            read_only=options.read_only,
        )
        self._queue: WorkQueue[WorkloadKey] = WorkQueue(
            self._reconcile, expected=(KubeError,), observe=metrics.worked("workloads")
        )
        self._queues: dict[str, WorkQueue[Any]] = {
            "workloads": self._queue,
            "questions": self._prover.queue,
            "rollouts": self._watcher.queue,
            "statuses": self._statuses.queue,
            "reports": self._reports.queue,
        }
        self._informer = Informer(self._store, self._resources, self._enqueue_concerned)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        self._catch_signals()
        self._say_what_starts()
        async with self._client, self._lease_client, contextlib.AsyncExitStack() as stack:
            if (port := self._options.health_port) is not None:
                await stack.enter_async_context(serve_health(port, self._waiting_for, self._metrics.text))
            # Started before kopf: when kopf ends, it cancels every task that was started after it.
            queues = (queue.run() for queue in self._queues.values())
            jobs = [*queues, self._events.run(), self._gate.run(), self._lead(), self._work()]
            if self._options.namespace is not None:
                jobs.append(self._reread_namespace(self._options.namespace))
            await stack.enter_async_context(self._running(*jobs))
            await self._watch()
            self._pause()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.quiet(), timeout=FINISH)
        log.info("stopped")
        if self._failed:
            raise OperatorFailedError

    def _enqueue(self, keys: Iterable[WorkloadKey]) -> None:
        if self._leading.is_set():  # else everything is queued when this replica leads
            self._queue.add_all(keys)

    def _enqueue_concerned(self, concerned: Concerned) -> None:
        self._enqueue(concerned.workloads)
        if self._leading.is_set():
            self._statuses.dirty(concerned.rules)
            if not self._options.read_only:
                self._watcher.changed(concerned.rollouts)
            self._gate.moved(concerned.moved)
            if concerned.rules or self._store.brake != self._braked:
                self._gate.look()
        self._note_brake()
        self._prover.pods_changed(concerned.pods)

    def _note_brake(self) -> None:
        if self._store.brake != self._braked:
            self._braked = self._store.brake
            log.warning(
                "the brake is %s", f"on: {self._braked}" if self._braked else "off: workloads are written again"
            )

    def _refresh_statuses(self, rules: Iterable[RuleKey]) -> None:
        self._statuses.dirty(rules)

    def _report(self, rule: RuleKey, ready: Condition) -> None:
        """Post an Event on a rule that has become Ready, or has ceased to be."""
        if (found := self._store.world.rules.get(rule)) is None:
            return
        subject = Subject(
            api_version=f"{GROUP}/{VERSION}", kind=rule.kind, namespace=rule.namespace, name=rule.name, uid=found.uid
        )
        fails = ready.reason in (Reason.SOME_FAILED, Reason.PODS_FAILING, Reason.HALTED)
        self._events.post(
            subject, Event(type="Warning" if fails else "Normal", reason=ready.reason, note=ready.message)
        )

    def _busy(self, key: WorkloadKey) -> bool:
        return self._queue.busy(key) or key in self._reconcile.awaited

    def _waiting_for(self) -> str:
        if self._election is not None and (hindered := self._election.obstacle or self._others.standing_by):
            return hindered
        if not self._watching:
            return "not connected to the API server"
        return "" if self._informer.full.is_set() else "reading the cluster"

    async def _watch(self) -> None:
        """Run kopf, and run it again when it gives up: it then lists everything, so nothing is lost."""
        backoff, attempt = Backoff(first=0.5, longest=30), 0
        while not self._stop.is_set():
            usable = wait_until_usable(self._client, self._resources, self._options.namespace)
            if not await _before(usable, self._stop):
                return
            started = asyncio.get_running_loop().time()
            error = await self._watch_once()
            self._watching = False
            self._catch_signals()
            if error is None:
                self._stop.set()
                return
            attempt = 1 if asyncio.get_running_loop().time() - started > 60 else attempt + 1
            self._metrics.watches_lost()
            log.warning("lost the watches: %s; starting them again", str(error) or type(error).__name__)
            await _before(asyncio.sleep(backoff.after(attempt)), self._stop)

    async def _watch_once(self) -> Exception | None:
        """Run kopf; returns None when the operator is told to stop, or the error with which kopf failed."""
        registry = kopf.OperatorRegistry()
        credentials, namespace = self._options.credentials, self._options.namespace

        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.AiohttpSession:
            page, knows = self._informer.page, self._store.knows
            session = watch_session(
                credentials, namespace, page, knows, middlewares=[self._contact, self._metrics.watching]
            )
            return kopf.AiohttpSession(
                server=credentials.server, aiohttp_session=session, default_namespace=credentials.namespace
            )

        self._informer.restart(self._resources)
        started = asyncio.Event()
        signals = asyncio.create_task(self._take_signals_back(started))
        self._watching = True
        try:
            there = await served(self._client, self._resources)
            for absent in set(self._resources).difference(there):
                self._informer.page(absent, (), first=True, last=True)
            register(registry, there, self._informer)
            await kopf.operator(
                registry=registry,
                settings=quiet_settings(),
                # kopf would build one from the user's name, and the user of a container often has none.
                identity="apphealth",  # type: ignore[arg-type]  # kopf doesn't export the NewType
                standalone=True,
                clusterwide=namespace is None,
                namespaces=[namespace] if namespace else [],
                ready_flag=started,
                stop_flag=self._stop,
            )
        except Exception as error:
            log.debug("kopf has ended", exc_info=True)
            return error
        finally:
            signals.cancel()
        return None

    async def _take_signals_back(self, started: asyncio.Event) -> None:
        """Handle signals once kopf runs: kopf, stopped by a signal, would wait 5 s for the waiter of its stop flag."""
        await started.wait()
        self._catch_signals()

    async def _work(self) -> None:
        """Run the queues once the store is full, while we lead."""
        await self._fill()
        await look_for_policy(self._client, self._protection)
        while True:
            await self._leading.wait()
            if (lost := self._lost).is_set():
                continue
            self._gate.take_over()
            workloads = self._store.world.workloads.keys()
            self._reconcile.unseen = set(workloads)
            self._queue.add_all({*workloads, *self._store.records.health_plans, *self._store.outcomes.workloads()})
            self._queue.resume()
            self._prover.queue.resume()
            if not self._options.read_only:  # what is written is another operator's to watch
                self._watcher.begin()
                self._watcher.queue.resume()
            # Statuses come last: counts that still change would be written several times.
            if await _before(self._queue.drained(), lost):
                log.info("initial sync done: all workloads have been reconciled")
                self._gate.know()
                self._prover.tidy()
                if not self._options.read_only:
                    self._statuses.dirty(self._store.statuses)
                    self._statuses.queue.resume()
                    await _before(self._reports.begin(), lost)
            await lost.wait()

    async def _reread_namespace(self, name: str) -> None:
        """Read the only watched namespace from time to time: a right to watch it would be one on the whole cluster."""
        await self._informer.full.wait()
        while True:
            await asyncio.sleep(REREAD)
            self._enqueue_concerned(await read_namespace(self._client, self._store, name))

    async def _fill(self) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        await self._informer.full.wait()
        if self._options.namespace is not None:
            await read_namespace(self._client, self._store, self._options.namespace)
        # Tens of thousands of lasting objects: no need to scan them in each collection. To collect first would stop the
        # event loop for 0.2 s at 50,000 workloads.
        gc.freeze()
        log.info(
            "read %d workloads, %d Services and %d rules in %.1f s",
            len(self._store.world.workloads),
            len(self._store.world.services),
            len(self._store.statuses),
            loop.time() - started,
        )

    async def _lead(self) -> None:
        """Take part in the election; without one, lead."""
        if self._election is None:
            self._start_leading()
        else:
            await self._election.run()

    def _other_operators(self) -> Others:
        return Others(
            self._lease_client,
            namespace=self._lease_namespace,
            name=LEASE,
            scope=CLUSTER if self._options.namespace is None else NAMESPACE,
            changed=self._others_changed,
        )

    @property
    def _lease_namespace(self) -> str:
        return self._options.namespace or self._options.credentials.namespace

    def _others_changed(self) -> None:
        """Plan the workloads again that another operator has taken over or left."""
        before, self._store.elsewhere = self._store.elsewhere, self._others.elsewhere
        for namespace in before ^ self._others.elsewhere:
            self._enqueue_concerned(self._store.inside(namespace))

    def _candidate(self) -> Leadership:
        return Leadership(
            self._lease_client,
            namespace=self._lease_namespace,
            name=LEASE,
            identity=f"{socket.gethostname()}_{uuid4().hex[:8]}",
            others=self._others,
            changed=lambda leading: self._start_leading() if leading else self._stop_leading(),
        )

    def _say_what_starts(self) -> None:
        """Log the version, the server, the scope and the Lease, with which support requests begin."""
        options = self._options
        facts = {
            "version": version("apphealth"),
            "server": options.credentials.server,
            "scope": f"namespace {options.namespace}" if options.namespace else "cluster",
            "lease": self._election.lease if self._election is not None else "none",
        }
        log.info("apphealth %(version)s: server %(server)s, scope %(scope)s, Lease %(lease)s", facts, extra=facts)
        if options.read_only:
            log.info("read-only: nothing is written; each change that would be made is logged")

    def _may_write(self) -> bool:
        if self._options.read_only:
            return False
        return self._election is None or self._election.may_write()

    def _start_leading(self) -> None:
        if self._election is not None:
            log.info("leading: this replica holds the Lease and writes")
        self._lost = asyncio.Event()
        self._store.records.only_writer = True
        self._store.removed.clear()  # what was taken out before may be the work of the leader of that time
        self._leading.set()

    def _stop_leading(self) -> None:
        log.info("standby: this replica writes nothing without the Lease")
        for queue in self._queues.values():
            queue.interrupt()  # an answer that never comes must not let a write through minutes later
            queue.clear()
        self._prover.reset()
        self._watcher.reset()
        self._gate.stop()
        self._store.records.only_writer = False
        self._leading.clear()
        self._lost.set()

    def _pause(self) -> None:
        for queue in self._queues.values():
            queue.pause()

    def _catch_signals(self) -> None:
        """Stop the operator on SIGINT and SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    @contextlib.asynccontextmanager
    async def _running(self, *jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Run jobs beside the block; a job that fails stops the operator, and Kubernetes starts it again."""
        tasks = [asyncio.create_task(job) for job in jobs]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a part of the operator has failed, stopping", exc_info=error)
            self._failed = True
            self._stop.set()


async def _before(job: Coroutine[Any, Any, None], event: asyncio.Event) -> bool:
    """Run a job until an event makes it pointless; returns whether the job was finished first.

    What sets the event may end the job too: a queue that is cleared is drained.
    """
    tasks = [asyncio.create_task(job), asyncio.create_task(event.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if event.is_set() or not tasks[0].done():
            return False
        await tasks[0]
        return True
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
