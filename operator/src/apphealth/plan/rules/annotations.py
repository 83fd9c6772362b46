"""Read settings from annotations on the pod template, with the checks of the same fields of a spec.

The API server doesn't check annotations when they are written, and their text goes into probes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from apphealth.api.scalars import PathPrefix, Port, PresetName
from apphealth.api.shape import conform
from apphealth.model.workload import DOMAIN
from apphealth.plan.findings import ANNOTATION_INVALID, Finding


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that annotations can give, with the types that they have in a spec."""

    preset: PresetName | None = None
    path_prefix: PathPrefix | None = None
    port: Port | None = None


ANNOTATIONS = {f"{DOMAIN}preset": "preset", f"{DOMAIN}path-prefix": "path_prefix", f"{DOMAIN}port": "port"}
"""The annotations of the pod template, with the setting that each one gives."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """The settings in the annotations of a pod template.

    Attributes
    ----------
    values
        The setting of each annotation, and its value, by the annotation.
    findings
        One for each annotation that can't be used. While there is one, no probe of the workload is planned.
    """

    values: Mapping[str, tuple[str, str | int]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


_NONE = Annotations()


def read_annotations(pod_annotations: Mapping[str, str]) -> Annotations:
    """Read the annotations of a pod template.

    An empty annotation sets nothing, except an empty path prefix, which means that there is no prefix.
    """
    if not pod_annotations:
        return _NONE
    values: dict[str, tuple[str, str | int]] = {}
    findings: list[Finding] = []
    for annotation, setting in ANNOTATIONS.items():
        text = pod_annotations.get(annotation)
        if text or (text == "" and setting == "path_prefix"):
            value = int(text) if setting == "port" and text.isdecimal() and text.isascii() and len(text) <= 9 else text
            problems = conform({setting: value}, _Settings, "")[1]
            if problems:
                findings.append(ANNOTATION_INVALID(annotation=annotation, problem=problems[0].message))
            else:
                values[annotation] = (setting, value)
    return Annotations(values, tuple(findings))
