"""What annotations on the pod template say. They are held to the same rules as the fields of a spec.

Nobody checks an annotation when it is written, and from here its text would go into a probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from apphealth.api.errors import Problem
from apphealth.api.scalars import PathPrefix, Port, PresetName
from apphealth.api.shape import conform
from apphealth.model.workload import DOMAIN
from apphealth.plan.findings import Finding, Severity


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that annotations can give, with the types that they have in a spec."""

    preset: PresetName | None = None
    path_prefix: PathPrefix | None = None
    port: Port | None = None


ANNOTATIONS = {f"{DOMAIN}preset": "preset", f"{DOMAIN}path-prefix": "path_prefix", f"{DOMAIN}port": "port"}
"""Annotations on the pod template, and the setting that each one gives."""


def read_annotations(pod_annotations: Mapping[str, str]) -> dict[str, tuple[str, str | int | Problem]]:
    """Return for each annotation that is there the setting with its value, or with what is wrong with it.

    An empty one says nothing; an empty path prefix says that there is none.
    """
    found: dict[str, tuple[str, str | int | Problem]] = {}
    for annotation, setting in ANNOTATIONS.items() if pod_annotations else ():
        text = pod_annotations.get(annotation)
        if text or (text == "" and setting == "path_prefix"):
            value = int(text) if setting == "port" and text.isdecimal() and text.isascii() and len(text) <= 9 else text
            problems = conform({setting: value}, _Settings, "")[1]
            found[annotation] = (setting, problems[0] if problems else value)
    return found


def annotation_findings(pod_annotations: Mapping[str, str]) -> Iterator[Finding]:
    """Tell which annotations cannot be used as they stand: until they can, no probe is worked out."""
    for annotation, (_, value) in read_annotations(pod_annotations).items():
        if isinstance(value, Problem):
            yield Finding(
                id="annotation-invalid",
                severity=Severity.ERROR,
                message=f"the annotation {annotation} on the pod template cannot be used as it stands",
                fix=value.message,
            )
