"""The presets that may describe a container, the best first: users name one, or evidence suggests some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from apphealth.model.probe import ProbeKind
from apphealth.model.proof import Question
from apphealth.plan.findings import PRESET_UNKNOWN, Finding
from apphealth.plan.probes import presets
from apphealth.plan.probes.container import ContainerFacts
from apphealth.plan.probes.presets.clues import clues_of
from apphealth.plan.probes.presets.common import COMMON
from apphealth.plan.probes.presets.preset import NOWHERE, Endpoints, Place, Preset

_TRAFFIC = {ProbeKind.LIVENESS, ProbeKind.READINESS}


class Origin(Enum):
    """Why a preset is considered."""

    USERS = "users"
    """A rule or annotation names it, or describes every probe without one."""
    EVIDENCE = "evidence"
    """The container shows signs of it."""
    COMMON = "common"
    """There is no evidence for it, but many applications serve its endpoints: only pods' answers can prove it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A preset that may describe a container; without a preset, only the users' settings count."""

    preset: Preset | None = None
    evidence: str = ""
    """The layer or evidence that suggests it."""
    origin: Origin = Origin.USERS
    place: Place = NOWHERE
    """The place of the preset's endpoints by the container's own settings."""
    survey: Question | None = None
    """The survey that it came from, or waits for."""
    offered: Endpoints | None = None
    """The endpoints that the survey found; None: those of the preset."""
    open: bool = False
    """Whether the survey has not been answered, so that nothing is known of the endpoints."""
    source: str = field(init=False, default="")
    """The preset and its evidence, as findings show them."""

    def __post_init__(self) -> None:
        if self.preset is not None:
            object.__setattr__(self, "source", f"preset {self.preset.name} ({self.evidence})")

    @property
    def derived(self) -> bool:
        """Whether it must be proven on running pods, because no user named it."""
        return self.origin is not Origin.USERS


USERS_ALONE = Suggestion()
"""No preset: only the users' settings."""
SURVEYED = Suggestion(preset=COMMON, evidence="found by asking", origin=Origin.COMMON)
"""Whatever a survey of the container finds: `candidates.expand` puts that in its place."""


def suggest(facts: ContainerFacts) -> Sequence[Suggestion] | Finding:
    """Return the presets that may describe a container, the best first.

    Returns
    -------
    sequence or Finding
        The last one is `USERS_ALONE`, unless users name a preset. A finding if they name an unknown one.
    """
    settings, container = facts.settings, facts.container
    named = settings.preset
    if named is not None and named.value != presets.AUTO:
        preset = presets.ALL.get(named.value)
        if preset is None:
            name = named.value[:63]
            suggestion = presets.nearest(named.value)
            return PRESET_UNKNOWN(name=name, source=named.source, suggestion=suggestion, container=container.name)
        return [Suggestion(preset=preset, evidence=named.source, place=preset.place(clues_of(container, ())))]
    undescribed = {kind for kind in facts.writable if not settings.probes[kind].sets_endpoint}
    if settings.liveness.sets_endpoint:
        undescribed.discard(ProbeKind.STARTUP)
    if facts.writable and not undescribed:
        return [USERS_ALONE]
    clues = clues_of(container, facts.services)
    asks = bool(undescribed & _TRAFFIC) and (facts.pods.may_ask or bool(facts.ours))
    found = [
        Suggestion(preset=preset, evidence=evidence, origin=Origin.EVIDENCE, place=preset.place(clues))
        for preset, evidence in presets.suggested(clues)
        if not (preset.left_to_survey and asks and facts.pods.may_ask)
    ]
    if asks:
        known = {suggestion.preset for suggestion in found}
        found += [
            Suggestion(preset=preset, evidence=evidence, origin=Origin.COMMON, place=preset.place(clues))
            for preset, evidence in presets.sought(clues)
            if preset not in known
        ]
        found.append(SURVEYED)
    return [*found, USERS_ALONE]
