"""What well-known applications serve: one module a family, each preset with its source.

A preset says where an application answers; it never says how often to ask (see `plan.numbers`). To add one, write it
in its family's module and name it in `ALL`.
"""

from __future__ import annotations

from difflib import get_close_matches

from apphealth.model.workload import Container
from apphealth.plan.presets import flask, plain
from apphealth.plan.presets.preset import Preset

AUTO = "auto"
"""Choose by evidence; without any, only what users said explicitly is planned."""
ALL: dict[str, Preset] = {
    preset.name: preset for preset in (flask.MANAGEMENT_ENDPOINTS, plain.HTTP, plain.TCP, plain.GRPC)
}


def detect(container: Container) -> tuple[Preset, str] | None:
    """Return the preset that a container shows signs of, with the evidence, or None."""
    for preset in ALL.values():
        if evidence := preset.detect(container):
            return preset, evidence
    return None


def nearest(name: str) -> str:
    """Say which presets there are, the most similar first."""
    close = get_close_matches(name, [AUTO, *ALL], n=1)
    return f"did you mean '{close[0]}'?" if close else f"there are: {', '.join([AUTO, *ALL])}"
