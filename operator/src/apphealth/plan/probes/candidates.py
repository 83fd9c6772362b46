"""Which presets a container may be planned by, the best first: the one that users name, or those to be proven."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from apphealth.model.probe import ProbeKind
from apphealth.model.service import Service
from apphealth.model.workload import Container
from apphealth.plan.findings import Finding, Severity
from apphealth.plan.probes import presets
from apphealth.plan.probes.handlers import says_where
from apphealth.plan.probes.presets.clues import Clues, clues_of
from apphealth.plan.probes.presets.preset import NOWHERE, Place, Preset
from apphealth.plan.rules.merging import Settings

_TRAFFIC = {ProbeKind.LIVENESS, ProbeKind.READINESS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A preset that a container may be planned by; without one, only what users say is planned."""

    preset: Preset | None = None
    evidence: str = ""
    """The layer or evidence that chose it."""
    derived: bool = False
    """Chosen by evidence, not by users: it has to be proven on running pods."""
    sought: bool = False
    """Nothing suggests it but that it is common: only asking can tell."""
    place: Place = NOWHERE

    @property
    def source(self) -> str:
        """The preset and how it was chosen."""
        return f"preset {self.preset.name} ({self.evidence})" if self.preset is not None else ""


USERS_WORD = Candidate()


def candidates_of(
    container: Container, settings: Settings, services: Sequence[Service], open_kinds: Collection[ProbeKind]
) -> list[Candidate] | Finding:
    """Collect the candidates, the best first; an unknown name is a finding.

    Parameters
    ----------
    open_kinds
        The probes that may be written: what their owner has already need not be looked for.
    """
    said = settings.sourced("preset")
    if said is not None and said.value != presets.AUTO:
        preset = presets.ALL.get(said.value)
        if preset is None:
            return _unknown(container, said.value, said.source)
        return [Candidate(preset=preset, evidence=said.source, place=preset.place(clues_of(container, ())))]
    left = {kind for kind in open_kinds if not says_where(kind, settings)}
    if says_where(ProbeKind.LIVENESS, settings):
        left.discard(ProbeKind.STARTUP)
    if open_kinds and not left:
        return [USERS_WORD]
    clues = clues_of(container, services)
    found = [_derived(preset, evidence, clues) for preset, evidence in presets.suggested(clues)]
    if left & _TRAFFIC:
        known = {candidate.preset for candidate in found}
        found += [
            _derived(preset, evidence, clues, sought=True)
            for preset, evidence in presets.sought(clues)
            if preset not in known
        ]
    return found


def _derived(preset: Preset, evidence: str, clues: Clues, *, sought: bool = False) -> Candidate:
    return Candidate(preset=preset, evidence=evidence, derived=True, sought=sought, place=preset.place(clues))


def _unknown(container: Container, name: str, source: str) -> Finding:
    return Finding(
        id="preset-unknown",
        severity=Severity.ERROR,
        message=f"preset '{name[:63]}' ({source}) is not known",
        fix=presets.nearest(name),
        container=container.name,
    )
