"""What lint found, as values that every format writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from apphealth.lint.suppression import Suppression
from apphealth.plan.findings import INPUT_INVALID, Finding, Severity

_RANK = {Severity.ERROR: 3, Severity.WARNING: 2, Severity.INFO: 1}
INPUT = INPUT_INVALID.id
"""The id of findings about input that can't be used."""


class FailOn(StrEnum):
    """From which severity on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"

    def reached(self, severity: Severity) -> bool:
        """Whether a finding of this severity counts."""
        return self is not FailOn.NEVER and _RANK[severity] >= _RANK[Severity(self.value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One finding, with the object that it is about."""

    finding: Finding
    kind: str = ""
    namespace: str = ""
    name: str = ""
    file: str = ""
    """As it was reached; empty in a cluster."""
    line: int = 0
    """From 1; 0 where the whole file, or no file, is meant."""
    column: int = 0
    field: str = ""
    """`spec.template.spec.containers[web].livenessProbe`."""
    suppression: Suppression | None = None
    accepted: bool = False
    """It is in the baseline."""

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
        """What names the finding wherever it stands: neither lines nor files nor numbers are in it."""
        what = (self.finding.id, self.kind, self.namespace, self.name, self.finding.container, self.field)
        return blake2b("\0".join(what).encode("utf-8", "replace"), digest_size=12).hexdigest()

    @property
    def rank(self) -> int:
        """How much it matters; the highest most."""
        return _RANK[self.finding.severity]


@dataclass(slots=True, kw_only=True)
class Report:
    """All that was found."""

    judged: list[Judged] = field(default_factory=list)
    objects: int = 0
    """Workloads and Services that were looked at."""
    files: int = 0
    notes: list[str] = field(default_factory=list)
    """What was passed over, and why."""
    fixed: list[str] = field(default_factory=list)
    """Files that `--fix` changed."""

    @property
    def counting(self) -> list[Judged]:
        """What is neither ignored nor accepted."""
        return [one for one in self.judged if one.counts]

    def number(self, severity: Severity) -> int:
        """Return how many findings of a severity count."""
        return sum(one.finding.severity is severity for one in self.counting)
