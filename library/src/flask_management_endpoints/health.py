"""The health of one app: puts configuration, checks, dependencies and state together.

The blueprint only turns its answers into HTTP.
"""

import logging
import math
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from flask_management_endpoints.checks.definition import PROBES, Check, Policy
from flask_management_endpoints.checks.outcome import Result, Status, call
from flask_management_endpoints.checks.registry import Registry
from flask_management_endpoints.config.dependencies import refined
from flask_management_endpoints.config.memo import Memo
from flask_management_endpoints.config.problems import Problem, unknown
from flask_management_endpoints.config.settings import KEY, Settings
from flask_management_endpoints.dependencies.file import DependenciesFile
from flask_management_endpoints.dependencies.model import Dependency
from flask_management_endpoints.dependencies.questions import FIRST, Question, Questioner, url_to_ask
from flask_management_endpoints.drain import DRAIN
from flask_management_endpoints.drain import REASON as DRAIN_REASON
from flask_management_endpoints.execution.forking import notice_fork
from flask_management_endpoints.execution.refresh import Refresher
from flask_management_endpoints.execution.runner import Job, Runner, Ticket
from flask_management_endpoints.metrics import MISSING, metrics
from flask_management_endpoints.report import Component, by_name, overall, well, with_age
from flask_management_endpoints.state import AppState
from flask_management_endpoints.transitions import Transitions
from flask_management_endpoints.version1 import cascading_checks, checks_with_pluggable_functions

if TYPE_CHECKING:
    from flask import Flask

logger = logging.getLogger("flask_management_endpoints")
_Run: TypeAlias = Callable[[float], Result]
ONLY_CHECKS = "liveness asks registered checks only, no function of a request and no other service"
NOT_ASKED = Result(Status.UNKNOWN, "not asked: the question came from another service, see dependency_levels")


@dataclass(frozen=True, slots=True)
class Report:
    """An answer."""

    status: Status
    components: tuple[Component, ...] = ()
    reason: str | None = None

    @property
    def ok(self) -> bool:
        """Whether a probe says UP.

        Not asked of the status where there are components: ``status_order`` may let an UP hide a DOWN there, and a
        probe must not.
        """
        return well(self.components) if self.components else self.status.ok


@dataclass(frozen=True, slots=True)
class Only:
    """One component, where else a group stands."""

    name: str


Group: TypeAlias = str | Only | None
"""Which components: those of a group, one, or all."""


class _Asked(NamedTuple):
    name: str
    required: bool
    job: Job
    question: str = ""


APPS: "weakref.WeakSet[Health]" = weakref.WeakSet()
"""The apps of this process."""


class Health:
    """One app's health, in ``app.extensions["management_endpoints"]``."""

    def __init__(self, app: "Flask", prefix: str, registry: Registry) -> None:
        self.app = app
        self.prefix = prefix
        self.registry = registry
        self.state = AppState(f"{app.name}{prefix}")
        self._serves = False
        self._told: set[Problem] = set()
        self._planned: tuple[Settings | None, int, tuple[_Asked, ...]] = (None, 0, ())
        self._transitions = Transitions(registry.listeners)
        self._memo = Memo(app.config)
        options = self._memo.settings()[0].options
        self.runner = Runner(options["max_threads"])
        self._refresher = Refresher(self.runner)
        self._questioner = Questioner()
        self._file = DependenciesFile(options["dependencies_file"])
        APPS.add(self)
        if self.dependencies(self._memo.settings()[0]):  # look now: the first probe waits for no disk and no import
            self._questioner.client()

    # What holds now

    def settings(self) -> Settings:
        """Return the settings of this moment; log each problem with them once."""
        settings, problems = self._memo.settings()
        if problems or settings.groups:
            self._tell(problems)
            if self._serves:  # until then, checks may still be registered
                self._tell(self.unknown_members(settings))
        return settings

    def begin_to_serve(self) -> None:
        """Look once more at what may have come after the app was initialised. Called before the first request."""
        self._serves = True
        self.set_up_drain()

    def set_up_drain(self) -> None:
        """Drain on SIGTERM if ``drain_seconds`` says so; tell if that can't be.

        Called when the app is initialised, and at its first request: the option may have come in between, or somebody
        else have taken the signal.
        """
        seconds = self.settings().options["drain_seconds"]
        reason = DRAIN.on_sigterm(seconds) if seconds > DRAIN.seconds else DRAIN.overridden()
        if reason:
            self._tell([Problem("drain_seconds", reason)])

    def dependencies(self, settings: Settings) -> Mapping[str, Dependency]:
        """Return the dependencies.

        The app's own, then the operator's; where both name one, the app's word counts, field by field.
        """
        delivered = self._file.dependencies()
        if not delivered:
            return settings.dependencies
        found = dict(settings.dependencies)
        for name, dependency in delivered.items():
            if name not in found:
                found[name] = refined(dependency, settings.partial_dependencies.get(name, {}))
        return found

    def group_names(self) -> tuple[str, ...]:
        """Return the groups beside the probes that ``/health/<name>`` answers for."""
        named = {group for check in self.registry for group in check.groups} | set(self.settings().groups)
        named |= {*cascading_checks} - {"ping"}
        return tuple(sorted(named.difference(PROBES)))

    # Answers

    @property
    def has_liveness_checks(self) -> bool:
        """Whether liveness asks anything."""
        return self.registry.has_group("liveness") or "liveness" in self._memo.settings()[0].groups

    @property
    def plainly_alive(self) -> bool:
        """Whether liveness is UP without asking anything, which is the usual case and the fast one."""
        return not self.has_liveness_checks and self.state.broken is None

    def liveness(self, question: Question) -> Report:
        """Return whether the process, and every worker beside it, can still work. Asks nobody else."""
        state = self._liveness_state()
        if state is not None:
            return state
        return Report(Status.UP) if self.plainly_alive else self.ask("liveness", question)

    def _liveness_state(self) -> "Report | None":
        reason = self.state.broken or self.state.failing_elsewhere
        return None if reason is None else Report(Status.DOWN, reason=reason)

    def report_liveness(self) -> None:
        """Run the liveness checks, and tell the other workers what they say."""
        failing = [component for component in self.ask("liveness", FIRST).components if not component.weight.ok]
        reasons = ", ".join(f"{component.name}: {component.result.reason}" for component in failing)
        self.state.set_failing(reasons or None)

    def startup(self) -> Report:
        """Return whether start-up is over.

        What belongs to the group ``startup`` is asked until it all has been well once. That is remembered, so it is
        asked in full, whoever wants to know: no hops can leave a dependency out here.
        """
        if not self.state.started:
            return Report(Status.DOWN, reason="mark_started() hasn't been called yet")
        settings = self.settings()
        if not self._is_starting(settings):
            return Report(Status.UP)
        report = self.ask("startup", FIRST, settings)
        if report.ok:
            self.state.mark_startup_passed()
        return report

    def _is_starting(self, settings: Settings) -> bool:
        """Return whether anything of the group ``startup`` hasn't been well yet."""
        if self.state.startup_passed:
            return False
        if self.registry.has_group("startup") or "startup" in settings.groups:
            return True
        dependencies = self.dependencies(settings)
        return bool(dependencies) and any("startup" in one.groups for one in dependencies.values())

    def readiness(self, question: Question) -> Report:
        """Return whether to send requests here.

        Started, not refused, and everything in the group ``readiness`` is well.
        """
        settings = self.settings()
        state = self._readiness_state(settings)
        if state is not None:
            return state
        if self._is_starting(settings):
            starting = self.startup()
            if not starting.ok:
                return Report(Status.DOWN, starting.components, "start-up isn't over")
        return self.ask("readiness", question, settings)

    def _readiness_state(self, settings: Settings) -> "Report | None":
        if DRAIN.active:
            return Report(Status.OUT_OF_SERVICE, reason=DRAIN_REASON)
        if self.state.refusal is not None:
            return Report(Status.OUT_OF_SERVICE, reason=self.state.refusal)
        if not self.state.started:
            return Report(Status.DOWN, reason="start-up isn't over")
        if settings.options["maintenance"]:
            return Report(Status.OUT_OF_SERVICE, reason="maintenance")
        return None

    def whole(self, question: Question, settings: Settings) -> Report:
        """Return everything: all components, and what the app says of itself where that isn't UP.

        A drain alone doesn't make the whole DOWN: the app still serves whoever comes.
        """
        report = self.ask(None, question, settings)
        states = {"livenessState": self._liveness_state(), "readinessState": self._readiness_state(settings)}
        reported = [
            Component(name, Result(one.status, one.reason), required=one.reason != DRAIN_REASON)
            for name, one in states.items()
            if one is not None
        ]
        if not reported:
            return report
        components = (*reported, *report.components)
        return Report(overall(components, settings.status_order), components)

    def probe(self, name: str, question: Question) -> Report | None:
        """Return the answer of the probe or group ``name``, or None if there is none of that name."""
        match name:
            case "liveness" | "ping":
                return self.liveness(question)
            case "readiness":
                return self.readiness(question)
            case "startup":
                return self.startup()
        return self.ask(name, question) if name in self.group_names() else None

    def component(self, name: str, question: Question, settings: Settings) -> Component | None:
        """Ask one component; None if there is none of that name."""
        report = self.ask(Only(name), question, settings)
        return by_name(report.components, settings.status_order).get(name)

    def ask(self, group: Group, question: Question, settings: Settings | None = None) -> Report:
        """Run what belongs to ``group`` (None: everything), in parallel, and return what it says together."""
        notice_fork()
        settings = settings or self.settings()
        skipped, asked = self._dependency_jobs(settings, group, question)
        deadline = settings.options["deadline"]
        until = time.monotonic() + deadline if deadline else math.inf
        dependencies = [self._start(one) for one in asked]
        checks = [self._start(one) for one in self._checks(settings, group)]
        functions = tuple(_run_functions(settings, group))
        components = (
            *skipped,
            *[self._collect(one, until) for one in dependencies],
            *functions,
            *[self._collect(one, until) for one in checks],
        )
        self._transitions.note(components)
        if settings.options["metrics"]:
            self._note_metrics(components)
        return Report(overall(components, settings.status_order), components)

    # How

    def _start(self, asked: _Asked) -> tuple[_Asked, Ticket]:
        self._refresher.watch(asked.job)
        return asked, self.runner.start(asked.job)

    def _collect(self, started: tuple[_Asked, Ticket], until: float) -> Component:
        asked, ticket = started
        result = self.runner.collect(ticket, until)
        component = Component(asked.name, result, asked.required, question=asked.question)
        return with_age(component, time.monotonic()) if asked.job.policy.reuses else component

    def _checks(self, settings: Settings, group: Group) -> Iterable[_Asked]:
        """Return the jobs of the checks of ``group``; for readiness, the same as last time unless something changed.

        Readiness is asked every few seconds, by whoever can reach it; making its jobs anew is a twentieth of its cost.
        """
        if group != "readiness":
            return self._check_jobs(settings, group)
        since, changes, jobs = self._planned
        if since is not settings or changes != self.registry.changes:
            changes = self.registry.changes
            jobs = tuple(self._check_jobs(settings, group))
            self._planned = (settings, changes, jobs)
        return jobs

    def _check_jobs(self, settings: Settings, group: Group) -> Iterator[_Asked]:
        for check in self.registry:
            if _belongs(group, check.name, check.groups, settings) and _matters(group, required=check.required):
                timeout = check.timeout or settings.options["timeout"] or settings.timeouts.total
                job = Job(
                    ("check", check.name),
                    self._in_context(check),
                    timeout,
                    check.policy,
                    for_probes=_in_a_probe(check.name, check.groups, settings),
                )
                yield _Asked(check.name, check.required, job)

    def _in_context(self, check: Check) -> _Run:
        def run(_until: float) -> Result:
            with self.app.app_context():
                return call(check.function)

        return run

    def _dependency_jobs(
        self, settings: Settings, group: Group, question: Question
    ) -> tuple[list[Component], list[_Asked]]:
        skipped: list[Component] = []
        asked: list[_Asked] = []
        dependencies = self.dependencies(settings) if group != "liveness" else None
        if not dependencies:
            return skipped, asked
        policy = Policy(cache_seconds=settings.options["cache_seconds"])
        for dependency in dependencies.values():
            if not (_belongs(group, dependency.name, dependency.groups, settings) or group in cascading_checks):
                continue
            if not _matters(group, required=dependency.required):
                continue
            if not self._questioner.asks(dependency, question, settings.options["dependency_levels"]):
                skipped.append(Component(dependency.name, NOT_ASKED, dependency.required, counted=False))
                continue
            nested = "readiness" if group == "readiness" else None
            url = url_to_ask(dependency, self.app.config, self.prefix, nested)
            job = self._questioner.job(dependency, url, question, settings.timeouts, policy)
            if _in_a_probe(dependency.name, dependency.groups, settings):
                job = job._replace(for_probes=True)
            asked.append(_Asked(dependency.name, dependency.required, job, nested or ""))
        return skipped, asked

    def _note_metrics(self, components: tuple[Component, ...]) -> None:
        try:
            metrics().note(self.app.name, components)
        except ImportError:
            self._tell([Problem("metrics", MISSING)])
        except Exception as error:  # noqa: BLE001 - metrics that can't be written must not fail a probe
            self._tell([Problem("metrics", f"nothing is counted: {type(error).__name__}: {error}")])

    # Mistakes

    def unknown_members(self, settings: Settings) -> Iterator[Problem]:
        """Return the members of groups that are no component at all."""
        if not settings.groups:
            return
        functions = {name for group in settings.functions.values() for name in group}
        checks = {check.name for check in self.registry}
        known = {
            *self.dependencies(settings),
            *settings.partial_dependencies,
            *functions,
            *checks,
        }
        for group, members in settings.groups.items():
            where = f"{KEY}['groups'][{group!r}]"
            yield from (unknown(where, name, known) for name in sorted(members - known))
            if group == "liveness":
                yield from (Problem(where, f"{name!r}: {ONLY_CHECKS}") for name in sorted((members & known) - checks))

    def _tell(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if problem not in self._told and len(self._told) < 1000:
                self._told.add(problem)
                logger.warning("configuration: %s", problem)


def _belongs(group: Group, name: str, groups: frozenset[str], settings: Settings) -> bool:
    if name in settings.options["disabled_checks"]:
        return False
    if isinstance(group, Only):
        return name == group.name
    return group is None or group in groups or name in settings.groups.get(group, ())


def _in_a_probe(name: str, groups: frozenset[str], settings: Settings) -> bool:
    return not groups.isdisjoint(PROBES) or any(name in settings.groups.get(probe, ()) for probe in PROBES)


def _matters(group: Group, *, required: bool) -> bool:
    """Return whether the answer for ``group`` may depend on it: a probe's never does on something optional."""
    return required or group not in PROBES


def _home_if_needed(name: str, home: str, settings: Settings) -> str:
    return home if all(name in functions for functions in settings.functions.values()) else ""


def _run_functions(settings: Settings, group: Group) -> Iterator[Component]:
    """Run version 1's functions, one after another, here and now.

    They may use ``request``, ``g`` and the session of this request.
    """
    for home, functions in settings.functions.items():
        if not functions or home not in checks_with_pluggable_functions:
            continue
        for name, function in functions.items():
            if group != "liveness" and _belongs(group, name, frozenset({home}), settings):
                yield Component(str(name), call(function, strict=False), question=_home_if_needed(name, home, settings))
