"""Mistakes in what users said in rules and annotations, found where they are read or planned for every front end."""

from __future__ import annotations

from apphealth.lint.check import Check
from apphealth.plan.findings import Severity

CHECKS = (
    Check(
        id="annotation-invalid",
        severity=Severity.ERROR,
        title="An annotation of AppHealth cannot be used as it stands",
        why="No probe is worked out for the workload until it can.",
        remedy="Correct the annotation on the pod template; the message says what it takes.",
    ),
    Check(
        id="preset-unknown",
        severity=Severity.ERROR,
        title="A rule names a preset that does not exist",
        why="No probe is worked out for the container.",
        remedy="Name one of the presets, or auto.",
    ),
    Check(
        id="path-missing",
        severity=Severity.ERROR,
        title="A rule asks for a probe over HTTP, and nothing says at which path",
        why="The probe is not written.",
        remedy="Set probes.<kind>.path, or a preset that knows the application.",
    ),
    Check(
        id="command-missing",
        severity=Severity.ERROR,
        title="A rule asks for a probe by a command, and nothing says which",
        why="The probe is not written.",
        remedy="Set probes.<kind>.command.",
    ),
    Check(
        id="container-missing",
        severity=Severity.WARNING,
        title="A rule names a container that is not in the pod",
        why="What the rule says of it has no effect; most often the name is misspelt.",
        remedy="Correct spec.containers[].name, or select only workloads that have the container.",
    ),
    Check(
        id="input-invalid",
        severity=Severity.ERROR,
        title="Something among the input cannot be used",
        why="What cannot be read is not judged. The other files are, and the exit code is 3 whatever --fail-on says.",
        remedy="The message says what is wrong, and where. Helm templates have to be rendered first.",
    ),
)
