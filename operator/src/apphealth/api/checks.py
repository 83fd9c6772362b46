"""Check the fields of a spec against each other, as the CEL rules in the CustomResourceDefinitions do.

The CEL rules check what `kubectl apply` sends; this module checks files, and objects that are older than a CEL rule.
Both give the same messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from apphealth.api.errors import Problem, shown
from apphealth.api.spec import (
    AppHealthSpec,
    ClusterAppHealthSpec,
    ContainerSettings,
    LabelSelector,
    ProbeSettings,
    ProbesSettings,
    ProbeType,
    SelectorOperator,
    ServiceReference,
    StartupSettings,
    Window,
)

ONE_TARGET = "write exactly one of selector and targetRef; selector: {} selects every workload in reach"
SELECTOR_VALUES = "operator In and NotIn need values; Exists and DoesNotExist take none"
CONTAINER_OFF = "enabled: false leaves the container alone; remove its other fields, or remove enabled"
CONTAINER_TWICE = "the container is listed twice; keep one entry for each name"
SERVICE_TWICE = "a Service is listed twice; keep one entry for each name and namespace"
PROBE_OFF = "enabled: false means no probe; remove its other fields, or remove enabled"
PATH_OF_HTTP = "path goes with type: HTTP; remove it, or set type: HTTP"
SCHEME_OF_HTTP = "scheme goes with type: HTTP; remove it, or set type: HTTP"
HEADERS_OF_HTTP = "headers go with type: HTTP; remove them, or set type: HTTP"
SERVICE_OF_GRPC = "service goes with type: GRPC; remove it, or set type: GRPC"
COMMAND_OF_EXEC = "command goes with type: Exec; remove it, or set type: Exec"
NOT_OF_EXEC = "port doesn't go with type: Exec; remove it, or set another type"
TIMEOUT = "timeoutSeconds must be at most periodSeconds; lower it, or raise periodSeconds"
SUCCESS_ONE = "successThreshold of a liveness or startup probe must be 1; remove it"
NO_GRACE = "terminationGracePeriodSeconds doesn't go with a readiness probe, which never stops a container; remove it"
MAX_PERIOD = "maxSeconds must be at least periodSeconds; raise it, or lower periodSeconds"
MAX_FAILURES = (
    "failureThreshold is worked out from maxSeconds; remove one of them, or make them agree with periodSeconds"
)

SCHEDULE_NEVER = "the schedule can't be read, or never comes; write five cron fields, for instance 0 2 * * 1-5"
STAGES_ONCE = "name each of liveness, readiness and startup once, for instance [readiness+startup, liveness]"
STAGES_ORDER = "liveness must not come before startup, or slow starters are restarted; swap them, or join them by '+'"
UNKNOWN_ZONE = "no such time zone; write a name of the IANA database, for instance Europe/Berlin or UTC"


def check(spec: AppHealthSpec) -> list[Problem]:
    """Return the problems of a spec whose fields are each valid.

    Parameters
    ----------
    spec
        The spec, parsed.

    Returns
    -------
    list of Problem
        Empty if the spec is valid.
    """
    problems = [*_selection(spec), *_probes("spec.probes", spec.probes)]
    for index, container in enumerate(spec.containers):
        problems += _container(f"spec.containers[{index}]", container)
    for index, window in enumerate(spec.rollout.windows):
        problems += _window(f"spec.rollout.windows[{index}]", window)
    return [*problems, *_stages(spec.rollout.stages), *_listed_once(spec)]


def _stages(stages: tuple[str, ...] | None) -> Iterator[Problem]:
    if stages is None:
        return
    named = [kind for stage in stages for kind in stage.split("+")]
    if sorted(named) != ["liveness", "readiness", "startup"]:
        yield Problem("spec.rollout.stages", STAGES_ONCE + _here(stages=", ".join(stages)))
    elif any("liveness" in stage and "startup" in later for stage, later in combinations(stages, 2)):
        yield Problem("spec.rollout.stages", STAGES_ORDER + _here(stages=", ".join(stages)))


def _window(path: str, window: Window) -> Iterator[Problem]:
    """Check what the CEL rules can't: whether the schedule ever comes, and whether the time zone exists."""
    try:
        next(CronSim(window.schedule, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        yield Problem(f"{path}.schedule", SCHEDULE_NEVER + _here(schedule=window.schedule))
    try:
        ZoneInfo(window.time_zone or "UTC")
    except (KeyError, ValueError, OSError):
        yield Problem(f"{path}.timeZone", UNKNOWN_ZONE + _here(timeZone=window.time_zone))


def _selection(spec: AppHealthSpec) -> Iterator[Problem]:
    if (spec.selector is None) == (spec.target_ref is None):
        yield Problem("spec.selector", ONE_TARGET)
    if spec.selector is not None:
        yield from _selector("spec.selector", spec.selector)
    if isinstance(spec, ClusterAppHealthSpec):
        yield from _selector("spec.namespaceSelector", spec.namespace_selector)


def _selector(path: str, selector: LabelSelector) -> Iterator[Problem]:
    for index, requirement in enumerate(selector.match_expressions):
        wants_values = requirement.operator in (SelectorOperator.IN, SelectorOperator.NOT_IN)
        if wants_values != bool(requirement.values):
            yield Problem(f"{path}.matchExpressions[{index}].values", SELECTOR_VALUES)


def _container(path: str, container: ContainerSettings) -> Iterator[Problem]:
    says_more = container.preset is not None or container.path_prefix is not None
    if container.enabled is False and (says_more or container.probes != ProbesSettings()):
        yield Problem(f"{path}.enabled", CONTAINER_OFF)
    yield from _probes(f"{path}.probes", container.probes)


def _listed_once(spec: AppHealthSpec) -> Iterator[Problem]:
    names = [container.name for container in spec.containers]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"spec.containers[{index}]", f"{CONTAINER_TWICE} (here {name})")
    keys = [_service_key(service) for service in spec.dependencies.services]
    twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
    if twice is not None:
        yield Problem("spec.dependencies.services", f"{SERVICE_TWICE} (here {twice[0]})")


def _service_key(service: ServiceReference) -> tuple[str, str]:
    return service.name, service.namespace or ""


def _probes(path: str, probes: ProbesSettings) -> Iterator[Problem]:
    yield from _probe(f"{path}.liveness", probes.liveness)
    yield from _success_is_one(f"{path}.liveness", probes.liveness)
    yield from _probe(f"{path}.readiness", probes.readiness)
    if probes.readiness.termination_grace_period_seconds is not None:
        yield Problem(f"{path}.readiness.terminationGracePeriodSeconds", NO_GRACE)
    yield from _probe(f"{path}.startup", probes.startup)
    yield from _success_is_one(f"{path}.startup", probes.startup)
    yield from _patience(f"{path}.startup", probes.startup)


def _probe(path: str, probe: ProbeSettings) -> Iterator[Problem]:
    if probe.enabled is False and _sets_more(probe):
        yield Problem(f"{path}.enabled", PROBE_OFF)
    yield from _fields_of_type(path, probe)
    timeout, period = probe.timeout_seconds, probe.period_seconds
    if timeout is not None and period is not None and timeout > period:
        yield Problem(f"{path}.timeoutSeconds", TIMEOUT + _here(timeoutSeconds=timeout, periodSeconds=period))


def _sets_more(probe: ProbeSettings) -> bool:
    return any(getattr(probe, name) is not None for name in probe.__struct_fields__ if name != "enabled")


def _fields_of_type(path: str, probe: ProbeSettings) -> Iterator[Problem]:
    type_ = _type(probe)
    http, grpc, command = (type_ in (None, kind) for kind in (ProbeType.HTTP, ProbeType.GRPC, ProbeType.EXEC))
    runs_command = probe.type is ProbeType.EXEC or (probe.type is None and probe.command is not None)
    for field, value, allowed, message in (
        ("path", probe.path, http, PATH_OF_HTTP),
        ("scheme", probe.scheme, http, SCHEME_OF_HTTP),
        ("headers", probe.headers, http, HEADERS_OF_HTTP),
        ("service", probe.service, grpc, SERVICE_OF_GRPC),
        ("command", probe.command, command, COMMAND_OF_EXEC),
        ("port", probe.port, not runs_command, NOT_OF_EXEC),
    ):
        if value is not None and not allowed:
            yield Problem(f"{path}.{field}", message + _here(type=probe.type))


def _type(probe: ProbeSettings) -> ProbeType | None:
    """Return the type of a probe: as given, or else as its other fields imply it."""
    implied = (
        (ProbeType.HTTP, probe.path),
        (ProbeType.GRPC, probe.service),
        (ProbeType.EXEC, probe.command),
    )
    return probe.type or next((kind for kind, field in implied if field is not None), None)


def _success_is_one(path: str, probe: ProbeSettings) -> Iterator[Problem]:
    if probe.success_threshold not in (None, 1):
        yield Problem(f"{path}.successThreshold", SUCCESS_ONE + _here(successThreshold=probe.success_threshold))


def _patience(path: str, probe: StartupSettings) -> Iterator[Problem]:
    """Check `maxSeconds`, which stands for periodSeconds x failureThreshold, rounded up to whole periods."""
    longest, period, failures = probe.max_seconds, probe.period_seconds, probe.failure_threshold
    if longest is None:
        return
    if period is not None and longest < period:
        yield Problem(f"{path}.maxSeconds", MAX_PERIOD + _here(maxSeconds=longest, periodSeconds=period))
    if failures is not None and (period is None or failures != -(-longest // period)):
        yield Problem(f"{path}.failureThreshold", MAX_FAILURES + _here(failureThreshold=failures, maxSeconds=longest))


def _here(**given: object) -> str:
    """Return the given values as the end of a message."""
    values = ", ".join(f"{name} {shown(value)}" for name, value in given.items() if value is not None)
    return f" (here {values})" if values else ""
