"""The report of lint as values, from which every format is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from apphealth.lint.suppression import Suppression
from apphealth.plan.findings import Finding, Severity

_RANK = {Severity.ERROR: 3, Severity.WARNING: 2, Severity.INFO: 1}


class FailOn(StrEnum):
    """The lowest severity at which findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"

    def reached(self, severity: Severity) -> bool:
        """Whether a finding of this severity makes the exit code 1."""
        return self is not FailOn.NEVER and _RANK[severity] >= _RANK[Severity(self.value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedFinding:
    """One finding, with the object and the place in a file that it is about."""

    finding: Finding
    kind: str = ""
    namespace: str = ""
    name: str = ""
    file: str = ""
    """The path as given by the user and the search; empty for an object of a cluster."""
    line: int = 0
    """Counted from 1; 0 means the whole file, or no file."""
    column: int = 0
    field: str = ""
    """`spec.template.spec.containers[web].livenessProbe`."""
    known_namespace: str = ""
    """The namespace by which a baseline knows the object: one that was inferred from other objects doesn't count."""
    suppression: Suppression | None = None
    accepted: bool = False
    """It is in the baseline."""

    @property
    def invalid_input(self) -> bool:
        """Whether it is about input that can't be read, and so about no object. It can't be ignored or accepted."""
        return not self.kind

    @property
    def counts(self) -> bool:
        """Whether it is neither ignored nor accepted."""
        return self.suppression is None and not self.accepted

    @property
    def object(self) -> str:
        """`Deployment/shop/web`; for input that can't be used, its file."""
        return f"{self.kind}/{self.namespace}/{self.name}" if self.kind else self.file

    @property
    def place(self) -> str:
        """`web.yaml:12`, or in a cluster the object."""
        if not self.file:
            return self.object
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    @property
    def fingerprint(self) -> str:
        """The identity of the finding, by which a baseline knows it: independent of file, line and message."""
        what = (self.finding.id, self.kind, self.known_namespace, self.name, self.finding.container, self.field)
        return blake2b("\0".join(what).encode("utf-8", "replace"), digest_size=12).hexdigest()

    @property
    def rank(self) -> int:
        """The severity as a number: higher is more severe."""
        return _RANK[self.finding.severity]


@dataclass(slots=True, kw_only=True)
class Report:
    """All findings, and the figures of the summary."""

    findings: list[LocatedFinding] = field(default_factory=list)
    objects: int = 0
    """The number of workloads and Services that were checked."""
    files: int = 0
    not_judged: Counter[str] = field(default_factory=Counter)
    """The number of objects with pods that lint doesn't judge, by kind."""
    nothing: str = ""
    """Why there was nothing to check; empty if there was something."""
    notes: list[str] = field(default_factory=list)
    """Files and objects that were skipped, each with the reason."""
    fixed: list[str] = field(default_factory=list)
    """Files that `--fix` changed."""

    @property
    def counting(self) -> list[LocatedFinding]:
        """The findings that are neither ignored nor accepted."""
        return [one for one in self.findings if one.counts]

    def number(self, severity: Severity) -> int:
        """Return how many findings of a severity count."""
        return sum(one.finding.severity is severity for one in self.counting)
