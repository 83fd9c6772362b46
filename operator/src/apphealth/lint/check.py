"""The shape of a rule of lint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from apphealth.lint.subject import ServiceSubject, Subject
from apphealth.plan.findings import Finding, Severity

DOCS = "docs/lint"
"""Where the page of each rule is, in the project's repository."""
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place where a rule is broken."""

    message: str
    fix: str
    path: Path = ()
    """The field in the object."""
    container: str = ""
    severity: Severity | None = None
    """Where it differs from the rule's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A rule of lint: `id` names it for good."""

    id: str
    severity: Severity
    title: str
    """What is wrong, in a line."""
    why: str
    """What follows from it."""
    remedy: str
    """What to do instead."""
    sources: tuple[str, ...] = ()
    """Where thresholds and facts come from."""
    workload: Callable[[Subject], Iterator[Hit]] | None = None
    """Judges a workload."""
    service: Callable[[ServiceSubject], Iterator[Hit]] | None = None
    """Judges a Service."""

    @property
    def docs(self) -> str:
        """Where its page is."""
        return f"{DOCS}/{self.id}.md"

    def finding(self, hit: Hit) -> Finding:
        """Make a finding of a place where the rule is broken."""
        return Finding(
            id=self.id,
            severity=hit.severity or self.severity,
            message=hit.message,
            fix=hit.fix,
            container=hit.container,
            where=hit.path,
        )
