"""The endpoints of well-known applications: one module for each family, each preset with its source.

A preset has the endpoints of an application, not the numbers of its probes (see `plan.probes.numbers`). To add one,
write it in its family's module and name the module in `FAMILIES`. See docs/presets.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from apphealth.plan.probes.presets import (
    databases,
    django,
    flask,
    jvm,
    kubernetes,
    microprofile,
    plain,
    platform,
    servers,
    spring,
    web,
)
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Preset

AUTO = "auto"
"""The preset's name that means: choose by evidence and by the answers of running pods."""
FAMILIES: Sequence[tuple[Preset, ...]] = (
    flask.PRESETS,
    servers.PRESETS,
    platform.PRESETS,
    databases.PRESETS,
    jvm.PRESETS,
    microprofile.PRESETS,
    spring.PRESETS,
    django.PRESETS,
    web.PRESETS,
    plain.PRESETS,
    kubernetes.PRESETS,
)
"""All families, the best first: a sign of an earlier family wins over those of later ones."""
ALL: dict[str, Preset] = {preset.name: preset for family in FAMILIES for preset in family} | {plain.TCP.name: plain.TCP}
"""All presets by name. Those that only open a port come last."""
_SUGGESTED = tuple(preset for preset in ALL.values() if preset.signs.any)
_SOUGHT = tuple(preset for preset in ALL.values() if preset.sought)


def suggested(clues: Clues) -> list[tuple[Preset, str]]:
    """Return the presets that a container shows signs of, the best first, each with the evidence."""
    return [(preset, evidence) for preset in _SUGGESTED if (evidence := preset.evidence(clues))]


def sought(clues: Clues) -> list[tuple[Preset, str]]:
    """Return the presets to try on pods without evidence, the best first, each with the reason."""
    found = []
    for preset in _SOUGHT:
        where = preset.sought_where
        evidence = "found by asking" if where is None else where.evidence(clues)
        if evidence:
            found.append((preset, evidence))
    return found


def nearest(name: str) -> str:
    """Return a hint for an unknown name: the most similar preset, or all of them."""
    names = [AUTO, *ALL]
    first = {one.partition("-")[0]: one for one in reversed(names)}
    close = get_close_matches(name, names, n=1) or [first[one] for one in get_close_matches(name, first, n=1)]
    return f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(names)}"
