"""A probe of ours that is not written to a pod template, because it did harm there or was not wanted there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from apphealth.model.probe import Probe, ProbeKind
from apphealth.model.workload import DOMAIN

RETRY = f"{DOMAIN}retry"
"""Annotation of a workload: each new value lets its withheld probes be tried again."""


class WithheldReason(StrEnum):
    """Why a probe is withheld."""

    ROLLED_BACK = "RolledBack"
    """It did harm to the pods that carried it."""
    REFUTED = "Refuted"
    """The pods of a new template answer that its endpoint is gone."""
    CONTESTED = "Contested"
    """Another manager keeps taking it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A probe of ours that is not written, and why.

    Attributes
    ----------
    container, kind
        The container, and which of its probes.
    probe
        The probe that is not written.
    reason
        Why.
    evidence
        What was seen, as a sentence without a full stop.
    template
        The digest of the pod template that it is withheld from (`Workload.template`); empty: from any.
    exact
        Another probe with the same handler and other numbers may be written: the numbers did the harm.
    instead
        The probe of ours that was there before, and comes back; None: nothing of ours.
    """

    container: str
    kind: ProbeKind
    probe: Probe
    reason: WithheldReason
    evidence: str
    template: str = ""
    exact: bool = False
    instead: Probe | None = None

    def is_about(self, probe: Probe) -> bool:
        """Return whether a probe is the one that is not written."""
        return probe == self.probe if self.exact else probe.handler == self.probe.handler


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierProbe:
    """A probe of ours that our last write replaced: it comes back if the new one does harm.

    Attributes
    ----------
    container, kind
        The container, and which of its probes.
    probe
        The earlier probe.
    template
        The digest of the pod template that carried it (`Workload.template`): it was proven for no other.
    """

    container: str
    kind: ProbeKind
    probe: Probe
    template: str


def withhold(known: Iterable[Withheld], new: Iterable[Withheld]) -> tuple[Withheld, ...]:
    """Return the withheld probes of a workload with new ones.

    A new entry replaces the one about the same probe of the same container.

    Parameters
    ----------
    known
        Those that are remembered.
    new
        Those to remember from now on.
    """
    found = {(one.container, one.kind): one for one in (*known, *new)}
    return tuple(found[key] for key in sorted(found))
