"""The findings about proof: what was refuted, what waits, what is written untried."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from apphealth.api.healthplan import Standing
from apphealth.model.probe import ProbeKind
from apphealth.model.proof import Proof, Question
from apphealth.plan.findings import Finding, Severity
from apphealth.plan.probes.attempt import Attempt, Pods, Tried

MAX_ANSWERS = 4
"""Answers that one finding quotes."""
_NAME_IT = "name its preset or the paths in a rule to have them written without proof"
_CORRECT = "correct the preset, path or port in the rule, or what the application answers"
_SERVE_IT = "serve it, or set the path that is served, or a preset, in a rule"

Answered = Sequence[tuple[Question, Proof]]


def answers(refuted: Answered) -> str:
    """Quote what came back: `GET http :8080/readyz: 404 from web-1`."""
    told = list(dict.fromkeys(f"{question}: {proof.answer or 'no'}" for question, proof in refuted))
    more = f" (and {len(told) - MAX_ANSWERS} more)" if len(told) > MAX_ANSWERS else ""
    return "; ".join(told[:MAX_ANSWERS]) + more


def about(
    attempt: Attempt, tried: Mapping[ProbeKind, Tried], pods: Pods, passed_over: Answered, *, suggested: bool
) -> Iterator[Finding]:
    """Tell what proof has to say about one container.

    Parameters
    ----------
    attempt
        The candidate that was taken, or waits.
    tried
        What came of its probes.
    passed_over
        What pods refuted of the candidates before it.
    suggested
        Evidence suggests one of those.
    """
    said = {kind: one for kind, one in tried.items() if kind not in attempt.derived}
    derived = {kind: one for kind, one in tried.items() if kind in attempt.derived}
    name = attempt.subject.container.name
    refuted = _where(said, Standing.REFUTED)
    if refuted and any(said[kind].refuted for kind in refuted):
        yield _refuted(said, refuted, name, Severity.ERROR)
    if lost := _where(derived, Standing.REFUTED):
        severity = Severity.INFO if attempt.candidate.sought else Severity.WARNING
        yield _refuted(derived, lost, name, severity)
    waiting = [kind for kind in _where(derived, Standing.AWAITING_PODS) if derived[kind].question is None]
    if passed_over and not _where(derived, Standing.AWAITING_PODS) and not _speaks(derived.values()):
        yield _nothing_found(passed_over, name, Severity.WARNING if suggested else Severity.INFO)
    untried = [kind for kind in _where(said, Standing.UNVERIFIED) if said[kind].unreachable is None]
    if out_of_reach := [proof for one in tried.values() if (proof := one.unreachable) is not None]:
        yield _unreachable(out_of_reach[0], name)
    elif waiting and pods.files:
        yield _needs_proof(attempt, waiting, name)
    elif waiting:
        yield _awaiting(attempt, waiting, name, on_host=pods.on_host)
    if untried and pods.required and not pods.files:
        yield _unverified(untried, name)


def _where(tried: Mapping[ProbeKind, Tried], standing: Standing) -> list[ProbeKind]:
    return [kind for kind, one in tried.items() if one.standing is standing]


def _speaks(tried: Iterable[Tried]) -> bool:
    """Whether a probe asks the application, and not just for an open port."""
    return any(one.way is not None and hasattr(one.way.handled.handler, "path") for one in tried)


def _kinds(kinds: Collection[ProbeKind]) -> str:
    return ", ".join(kinds)


def _refuted(tried: Mapping[ProbeKind, Tried], kinds: Collection[ProbeKind], name: str, severity: Severity) -> Finding:
    came_back = answers([pair for kind in kinds for pair in tried[kind].refuted])
    return Finding(
        id="probe-refuted",
        severity=severity,
        message=f"not written, because it would fail on the running pods: {_kinds(kinds)}; {came_back}",
        fix=_CORRECT if severity is Severity.ERROR else _SERVE_IT,
        container=name,
    )


def _nothing_found(refuted: Answered, name: str, severity: Severity) -> Finding:
    return Finding(
        id="probe-refuted",
        severity=severity,
        message=f"no health endpoint could be shown on the running pods: {answers(refuted)}",
        fix="serve one, and set its path or a preset in a rule, or the annotation apphealth.dev/preset",
        container=name,
    )


def _awaiting(attempt: Attempt, kinds: Collection[ProbeKind], name: str, *, on_host: bool) -> Finding:
    candidate = attempt.candidate
    guess = candidate.source if not candidate.sought else "endpoints that pods may serve"
    why = "pods on their node's network are never asked" if on_host else "none can be asked"
    return Finding(
        id="awaiting-pods",
        severity=Severity.INFO,
        message=f"has to be shown on a ready pod first, and {why}: {_kinds(kinds)}, from {guess}",
        fix=_NAME_IT if on_host else f"wait for a ready pod, or {_NAME_IT}",
        container=name,
    )


def _needs_proof(attempt: Attempt, kinds: Collection[ProbeKind], name: str) -> Finding:
    return Finding(
        id="needs-proof",
        severity=Severity.INFO,
        message=f"not written, because files cannot prove it: {_kinds(kinds)}, from {attempt.candidate.source}",
        fix="name the preset in a rule, or render with --unproven",
        container=name,
    )


def _unreachable(proof: Proof, name: str) -> Finding:
    return Finding(
        id="pods-unreachable",
        severity=Severity.INFO,
        message=f"no pod could be reached to try probes on: {proof.answer or 'no answer'}",
        fix="let the operator reach the pods (NetworkPolicy), or set verification: Skip",
        container=name,
    )


def _unverified(kinds: Collection[ProbeKind], name: str) -> Finding:
    return Finding(
        id="probe-unverified",
        severity=Severity.INFO,
        message=f"as the rule says, and not tried on a running pod before: {_kinds(kinds)}",
        container=name,
    )
