"""Findings: what a person should know about a workload, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a person should know: `id` names its kind for good."""

    id: str
    severity: Severity
    message: str
    fix: str = ""
    container: str = ""
    where: tuple[str | int, ...] = ()
    """The field in the object, where one field is meant: `("spec", "template", ...)`. HealthPlans leave it out."""
