"""Which findings an object's annotations ignore, and with which reason: ours, and those of other tools.

The reason is kept with the finding: an ignored one is shown as ignored, never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apphealth.model import raw
from apphealth.model.workload import DOMAIN
from apphealth.plan.findings import Finding
from apphealth.plan.rules.selection import IGNORE

OURS = f"{DOMAIN}ignore-"
KUBE_SCORE = "kube-score/ignore"
KUBE_LINTER = "ignore-check.kube-linter.io/"
POLARIS = "polaris.fairwinds.com/"
CHECKOV = "checkov.io/skip"
NO_REASON = "no reason given"
_MAX_REASON = 500

_KUBE_SCORE: Mapping[str, frozenset[str]] = {
    "pod-probes": frozenset({"readiness-missing", "liveness-missing", "probes-identical"}),
    "pod-probes-identical": frozenset({"probes-identical"}),
    "service-targets-pod": frozenset({"service-target-mismatch"}),
}
"""pod-probes compared the probes as well, before pod-probes-identical was split off."""
_PORTS = frozenset({"port-unresolved", "port-undeclared"})
_KUBE_LINTER: Mapping[str, tuple[frozenset[str], str]] = {
    "no-liveness-probe": (frozenset({"liveness-missing"}), ""),
    "no-readiness-probe": (frozenset({"readiness-missing"}), ""),
    "no-startup-probe": (frozenset({"startup-missing", "startup-delay"}), ""),
    "liveness-port": (_PORTS, "livenessProbe"),
    "readiness-port": (_PORTS, "readinessProbe"),
    "startup-port": (_PORTS, "startupProbe"),
    "dangling-service": (frozenset({"service-target-mismatch"}), ""),
}
"""The ids, and the probe that alone is meant."""
_POLARIS: Mapping[str, frozenset[str]] = {
    "livenessProbeMissing-exempt": frozenset({"liveness-missing"}),
    "readinessProbeMissing-exempt": frozenset({"readiness-missing"}),
}
_CHECKOV: Mapping[str, frozenset[str]] = {
    "CKV_K8S_8": frozenset({"liveness-missing"}),
    "CKV_K8S_9": frozenset({"readiness-missing"}),
}


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding is ignored."""

    by: str
    """The annotation."""
    reason: str


@dataclass(frozen=True, slots=True)
class _Ignored:
    """What one annotation ignores."""

    matches: Callable[[Finding], bool]
    suppression: Suppression


def suppressed(finding: Finding, ignored: list[_Ignored]) -> Suppression | None:
    """Return why a finding is ignored, or None if it is not."""
    return next((one.suppression for one in ignored if one.matches(finding)), None)


def read_ignored(*annotations: object) -> list[_Ignored]:
    """Read what annotations ignore: of an object, its pod template, its namespace; the first says the reason."""
    return [one for given in annotations if given for one in _read(raw.mapping(given))]


def _read(annotations: Mapping[str, Any]) -> Iterator[_Ignored]:
    for key, value in annotations.items():
        text = raw.text(value)
        if key == IGNORE or key == "kube-linter.io/ignore-all" or (key == f"{POLARIS}exempt" and text == "true"):
            yield _Ignored(lambda _: True, _because(key, "" if text == "true" else text))
        elif key.startswith(OURS):
            yield _Ignored(_ids(frozenset({key.removeprefix(OURS)})), _because(key, text))
        elif key == KUBE_SCORE:
            yield from _kube_score(text)
        elif key.startswith(KUBE_LINTER) and (known := _KUBE_LINTER.get(key.removeprefix(KUBE_LINTER))):
            yield _Ignored(_ids(*known), _because(key, text))
        elif key.startswith(POLARIS) and text == "true" and (ids := _POLARIS.get(key.removeprefix(POLARIS))):
            yield _Ignored(_ids(ids), _because(key, ""))
        elif key.startswith(CHECKOV):
            name, _, reason = text.partition("=")
            if (ids := _CHECKOV.get(name.strip())) is not None:
                yield _Ignored(_ids(ids), _because(f"{key}: {name.strip()}", reason))


def _kube_score(text: str) -> Iterator[_Ignored]:
    for name in (part.strip() for part in text.split(",")):
        if (ids := _KUBE_SCORE.get(name)) is not None:
            yield _Ignored(_ids(ids), _because(f"{KUBE_SCORE}: {name}", ""))


def _ids(ids: frozenset[str], field: str = "") -> Callable[[Finding], bool]:
    return lambda finding: finding.id in ids and (not field or field in finding.where)


def _because(by: str, reason: str) -> Suppression:
    return Suppression(by[:200], reason.strip()[:_MAX_REASON] or NO_REASON)
