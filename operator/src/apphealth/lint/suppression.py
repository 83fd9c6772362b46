"""Read which findings an object's annotations ignore, and the reason: our annotations, and those of other tools.

The reason is kept with the finding, and reports show the finding as ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apphealth.model import raw
from apphealth.model.workload import DOMAIN
from apphealth.plan.findings import (
    LIVENESS_MISSING,
    PORT_UNDECLARED,
    PORT_UNRESOLVED,
    PROBES_IDENTICAL,
    READINESS_MISSING,
    SERVICE_TARGET_MISMATCH,
    STARTUP_DELAY,
    STARTUP_MISSING,
    Finding,
    FindingKind,
)
from apphealth.plan.rules.selection import IGNORE

OURS = f"{DOMAIN}ignore-"
KUBE_SCORE = "kube-score/ignore"
KUBE_LINTER = "ignore-check.kube-linter.io/"
POLARIS = "polaris.fairwinds.com/"
CHECKOV = "checkov.io/skip"
NO_REASON = "no reason given"
_MAX_REASON = 500

_Matcher = Callable[[Finding], bool]
"""Whether an annotation ignores a finding."""


def _of_kinds(*kinds: FindingKind, field: str = "") -> _Matcher:
    """Match the findings of some kinds; with `field`, only those about that probe of a container."""
    return _with_ids(frozenset(kind.id for kind in kinds), field)


def _with_ids(ids: frozenset[str], field: str = "") -> _Matcher:
    return lambda finding: finding.id in ids and (not field or field in finding.where)


_KUBE_SCORE: Mapping[str, _Matcher] = {
    # pod-probes compared the probes as well, before pod-probes-identical was split off.
    "pod-probes": _of_kinds(READINESS_MISSING, LIVENESS_MISSING, PROBES_IDENTICAL),
    "pod-probes-identical": _of_kinds(PROBES_IDENTICAL),
    "service-targets-pod": _of_kinds(SERVICE_TARGET_MISMATCH),
}
_KUBE_LINTER: Mapping[str, _Matcher] = {
    "no-liveness-probe": _of_kinds(LIVENESS_MISSING),
    "no-readiness-probe": _of_kinds(READINESS_MISSING),
    "no-startup-probe": _of_kinds(STARTUP_MISSING, STARTUP_DELAY),
    "liveness-port": _of_kinds(PORT_UNRESOLVED, PORT_UNDECLARED, field="livenessProbe"),
    "readiness-port": _of_kinds(PORT_UNRESOLVED, PORT_UNDECLARED, field="readinessProbe"),
    "startup-port": _of_kinds(PORT_UNRESOLVED, PORT_UNDECLARED, field="startupProbe"),
    "dangling-service": _of_kinds(SERVICE_TARGET_MISMATCH),
}
_POLARIS: Mapping[str, _Matcher] = {
    "livenessProbeMissing-exempt": _of_kinds(LIVENESS_MISSING),
    "readinessProbeMissing-exempt": _of_kinds(READINESS_MISSING),
}
_CHECKOV: Mapping[str, _Matcher] = {
    "CKV_K8S_8": _of_kinds(LIVENESS_MISSING),
    "CKV_K8S_9": _of_kinds(READINESS_MISSING),
}


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding is ignored."""

    by: str
    """The annotation."""
    reason: str


@dataclass(frozen=True, slots=True)
class _Ignored:
    """The findings that one annotation ignores."""

    matches: _Matcher
    suppression: Suppression


def suppressed(finding: Finding, ignored: list[_Ignored]) -> Suppression | None:
    """Return why a finding is ignored, or None if it is not.

    Parameters
    ----------
    finding
        The finding.
    ignored
        What the object's annotations ignore: see `read_ignored`.
    """
    return next((one.suppression for one in ignored if one.matches(finding)), None)


def read_ignored(*annotations: object) -> list[_Ignored]:
    """Read which findings annotations ignore.

    Parameters
    ----------
    annotations
        The annotations of an object, its pod template and its namespace. The first that ignores a finding gives the
        reason.
    """
    return [one for given in annotations if given for one in _read(raw.mapping(given))]


def _read(annotations: Mapping[str, Any]) -> Iterator[_Ignored]:
    for key, value in annotations.items():
        text = raw.text(value)
        if key == IGNORE or key == "kube-linter.io/ignore-all" or (key == f"{POLARIS}exempt" and text == "true"):
            yield _Ignored(lambda _: True, _because(key, "" if text == "true" else text))
        elif key.startswith(OURS):
            yield _Ignored(_with_ids(frozenset({key.removeprefix(OURS)})), _because(key, text))
        elif key == KUBE_SCORE:
            yield from _kube_score(text)
        elif key.startswith(KUBE_LINTER) and (matches := _KUBE_LINTER.get(key.removeprefix(KUBE_LINTER))):
            yield _Ignored(matches, _because(key, text))
        elif key.startswith(POLARIS) and text == "true" and (matches := _POLARIS.get(key.removeprefix(POLARIS))):
            yield _Ignored(matches, _because(key, ""))
        elif key.startswith(CHECKOV):
            name, _, reason = text.partition("=")
            if (matches := _CHECKOV.get(name.strip())) is not None:
                yield _Ignored(matches, _because(f"{key}: {name.strip()}", reason))


def _kube_score(text: str) -> Iterator[_Ignored]:
    for name in (part.strip() for part in text.split(",")):
        if (matches := _KUBE_SCORE.get(name)) is not None:
            yield _Ignored(matches, _because(f"{KUBE_SCORE}: {name}", ""))


def _because(by: str, reason: str) -> Suppression:
    return Suppression(by[:200], reason.strip()[:_MAX_REASON] or NO_REASON)
