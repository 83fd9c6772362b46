"""The type of a lint check: what it looks for, why that is wrong, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from apphealth.lint.subject import ServiceSubject, Subject
from apphealth.plan.findings import Finding, FindingKind, Severity

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place where a check finds something wrong."""

    message: str
    fix: str
    path: Path = ()
    """The field in the object."""
    container: str = ""
    severity: Severity | None = None
    """None: the severity of the check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A lint check. The catalogue of findings has its id, its severity and the path of its page."""

    kind: FindingKind
    title: str
    """What is wrong, in a line."""
    why: str
    """The consequence."""
    remedy: str
    """What to do instead."""
    sources: tuple[str, ...] = ()
    """Links to the sources of thresholds and facts."""
    workload: Callable[[Subject], Iterator[Hit]] | None = None
    """Yields what is wrong with a workload."""
    service: Callable[[ServiceSubject], Iterator[Hit]] | None = None
    """Yields what is wrong with a Service."""

    @property
    def id(self) -> str:
        """The id of its findings."""
        return self.kind.id

    @property
    def severity(self) -> Severity:
        """The severity of its findings, unless a hit gives another."""
        return self.kind.severity

    @property
    def docs(self) -> str:
        """The path of its page in the repository."""
        return self.kind.docs

    def finding(self, hit: Hit) -> Finding:
        """Return the finding about a hit."""
        return self.kind.worded(hit.message, hit.fix, container=hit.container, severity=hit.severity, where=hit.path)
