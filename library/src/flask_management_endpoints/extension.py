"""The Flask extension."""

import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from flask import Flask, current_app, has_app_context

from flask_management_endpoints.checks.definition import CheckFunction, Policy
from flask_management_endpoints.checks.registry import Registry
from flask_management_endpoints.cli import health_group
from flask_management_endpoints.dependencies.questions import FIRST
from flask_management_endpoints.direct import PastTheHooks
from flask_management_endpoints.endpoints.blueprint import DEFAULT_PREFIX, NAME, z_blueprint
from flask_management_endpoints.health import Health
from flask_management_endpoints.prefix import normal_prefix
from flask_management_endpoints.report import document
from flask_management_endpoints.transitions import Listener

F = TypeVar("F", bound=CheckFunction)
L = TypeVar("L", bound=Listener)


class ManagementEndpoints:
    """Health, readiness, info and version endpoints for one Flask app, or several.

    Parameters
    ----------
    app
        The app; or leave it out and call `init_app` in your factory.
    prefix
        Where the endpoints are, ``/z`` by default.
    no_log
        Keep successful probes out of the server's access log. Failing ones are always logged.
    startup_gate
        Whether start-up is over only when `mark_started` says so. Until then ``/z/health/startup`` and readiness
        answer 503.
    app_hooks
        False: the app's own ``before_request`` and ``after_request`` hooks (a login, say) don't run for these
        endpoints.
    """

    def __init__(
        self,
        app: Flask | None = None,
        prefix: str = DEFAULT_PREFIX,
        no_log: bool = False,
        *,
        startup_gate: bool = False,
        app_hooks: bool = True,
    ) -> None:
        self.prefix = prefix
        self.no_log = no_log
        self._startup_gate = startup_gate
        self._app_hooks = app_hooks
        self._registry = Registry()
        self._apps: weakref.WeakSet[Flask] = weakref.WeakSet()
        self._said_early: list[Callable[[Health], None]] = []
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add the endpoints to ``app``.

        A second time under the same prefix changes nothing; under another prefix the endpoints are there as well.
        """
        if NAME not in app.extensions:
            app.extensions[NAME] = Health(app, normal_prefix(self.prefix), Registry())
        health: Health = app.extensions[NAME]
        if app not in self._apps:
            self._registry.settle()
        health.registry.include(self._registry)
        if self._startup_gate:
            health.state.close_startup_gate()
        self._apps.add(app)
        while self._said_early:
            self._said_early.pop(0)(health)
        app.register_blueprint(z_blueprint, url_prefix=self.prefix)
        if not self._app_hooks:
            PastTheHooks.serve(app)
        if health_group.name not in app.cli.commands:
            app.cli.add_command(health_group)
        health.set_up_drain()
        if self.no_log:
            from flask_management_endpoints.quiet import silence, silence_uwsgi

            silence(self.prefix)
            silence_uwsgi(app, self.prefix)

    @overload
    def check(self, name: F) -> F: ...

    @overload
    def check(
        self,
        name: str | None = None,
        *,
        groups: str | Iterable[str] = (),
        required: bool = True,
        timeout: float | None = None,
        cache_seconds: float = 0.0,
        refresh_seconds: float | None = None,
        failure_threshold: int = 1,
        success_threshold: int = 1,
    ) -> Callable[[F], F]: ...

    def check(
        self,
        name: F | str | None = None,
        *,
        groups: str | Iterable[str] = (),
        required: bool = True,
        timeout: float | None = None,
        cache_seconds: float = 0.0,
        refresh_seconds: float | None = None,
        failure_threshold: int = 1,
        success_threshold: int = 1,
    ) -> F | Callable[[F], F]:
        """Register a function as a check: a component of ``/health``.

        It returns True or False, ``(ok, detail)``, a `Status` or its name, or a `Result`; an exception is DOWN, and so
        is anything that says neither yes nor no, such as a list or a text. It may be ``async``. It runs in a thread
        and an app context of its own, at the same time as the others, never twice at once.

        Parameters
        ----------
        name
            The component's name; by default the function's.
        groups
            The probes and groups it takes part in beside ``/health``: ``"readiness"``, ``"startup"``, ``"liveness"``,
            or your own name.
        required
            False: when it is down, ``/health`` says DEGRADED with 200, and probes don't notice.
        timeout
            Seconds after which it counts as down. By default the option ``timeout``, else ``BACKEND_TIMEOUT``, else 2.
        cache_seconds
            How long an answer is used again. 0 asks at every request.
        refresh_seconds
            Run it in the background, so often; requests get the last answer at once. Three intervals without one:
            UNKNOWN, 503.
        failure_threshold, success_threshold
            How many answers in a row it takes to believe a change. Every request that runs it counts, whoever asks;
            with ``refresh_seconds`` or ``cache_seconds`` the number is a time.

        Raises
        ------
        InvalidCheckError
            A name, time or threshold makes no sense, or the name is taken.
        """
        policy = Policy(cache_seconds, refresh_seconds, failure_threshold, success_threshold)
        title = name if isinstance(name, str) else None
        register = self._registry.decorator(title, groups=groups, required=required, timeout=timeout, policy=policy)
        return register(name) if callable(name) else register

    def add(
        self,
        name: str,
        function: CheckFunction,
        *,
        groups: str | Iterable[str] = (),
        required: bool = True,
        timeout: float | None = None,
        cache_seconds: float = 0.0,
        refresh_seconds: float | None = None,
        failure_threshold: int = 1,
        success_threshold: int = 1,
    ) -> None:
        """Register a function as a check, as `check` does: ``add("database", database(engine), timeout=1.0)``.

        Raises
        ------
        InvalidCheckError
            A name, time or threshold makes no sense, or the name is taken.
        """
        policy = Policy(cache_seconds, refresh_seconds, failure_threshold, success_threshold)
        self._registry.decorator(name, groups=groups, required=required, timeout=timeout, policy=policy)(function)

    def remove(self, name: str) -> None:
        """Take a check away that `check` or `add` registered.

        Raises
        ------
        KeyError
            When there is none of that name.
        """
        self._registry.remove(name)

    def on_change(self, listener: L) -> L:
        """Have ``listener`` called with a `Change` when a component has another status than before.

        It is called in the thread that noticed it, a probe's perhaps: hand over what takes long. In each worker by
        itself. What it raises is logged. A component starts as UP.
        """
        self._registry.listen(listener)
        return listener

    def report(self, group: str | None = None) -> dict[str, Any]:
        """Run the checks and return what ``/health`` would say, with all details; or about one probe or group.

        Raises
        ------
        RuntimeError
            When it is for no app, or for one of several: push the context of one.
        LookupError
            When there is no probe or group of that name.
        """
        healths = self._healths()
        if len(healths) != 1:
            raise RuntimeError(f"report() is for one app, and there are {len(healths)}; push an app context")
        health = healths[0]
        with health.app.test_request_context():
            settings = health.settings()
            report = health.whole(FIRST, settings) if group is None else health.probe(group, FIRST)
        if report is None:
            raise LookupError(f"{group!r} isn't a probe or group")
        found = document(report.components, report.status, "always", settings.status_order, durations=True)
        return found | ({"reason": report.reason} if report.reason else {})

    def mark_started(self) -> None:
        """Say that start-up is over (with ``startup_gate=True``).

        Under gunicorn with ``flask_management_endpoints.gunicorn``, this and the four below count for all workers.
        """
        self._say(lambda health: health.state.mark_started())

    def broken(self, reason: str) -> None:
        """Say that this process can't work any more: liveness is DOWN, and the platform restarts it.

        It counts for as long as the process lives that said it, or until `repaired`.
        """
        self._say(lambda health: health.state.set_broken(reason))

    def repaired(self) -> None:
        """Take `broken` back."""
        self._say(lambda health: health.state.set_broken(None))

    def refuse_traffic(self, reason: str) -> None:
        """Say that this app shall get no requests for now: readiness is DOWN.

        It counts for as long as the process lives that said it, or until `accept_traffic`.
        """
        self._say(lambda health: health.state.set_refused(reason))

    def accept_traffic(self) -> None:
        """Take `refuse_traffic` back."""
        self._say(lambda health: health.state.set_refused(None))

    def _say(self, what: Callable[[Health], None]) -> None:
        """Do ``what`` for the apps it is for; before there is one, for the first that comes."""
        healths = self._healths()
        if not healths:
            self._said_early.append(what)
        for health in healths:
            what(health)

    def _healths(self) -> list[Health]:
        """Return whom a call is for: the app of the current context if it is one of ours, else all of ours."""
        apps: list[Flask] = list(self._apps)
        if has_app_context():
            current = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's documented way
            apps = [app for app in apps if app is current] or apps
        return [app.extensions[NAME] for app in apps]
