"""Mistakes in rules, annotations and files. `plan` and the readers of files find them; this module documents them."""

from __future__ import annotations

from apphealth.lint.check import Check
from apphealth.plan import findings

CHECKS = (
    Check(
        kind=findings.ANNOTATION_INVALID,
        title="An annotation of AppHealth cannot be used as it stands",
        why="No probe is worked out for the workload until it can.",
        remedy="Correct the annotation on the pod template; the message says what it takes.",
    ),
    Check(
        kind=findings.PRESET_UNKNOWN,
        title="A rule names a preset that does not exist",
        why="No probe is worked out for the container.",
        remedy="Name one of the presets, or auto.",
    ),
    Check(
        kind=findings.PATH_MISSING,
        title="A rule asks for a probe over HTTP, and nothing says at which path",
        why="The probe is not written.",
        remedy="Set probes.<kind>.path, or a preset that knows the application.",
    ),
    Check(
        kind=findings.COMMAND_MISSING,
        title="A rule asks for a probe by a command, and nothing says which",
        why="The probe is not written.",
        remedy="Set probes.<kind>.command.",
    ),
    Check(
        kind=findings.CONTAINER_MISSING,
        title="A rule names a container that is not in the pod",
        why="What the rule says of it has no effect; most often the name is misspelt.",
        remedy="Correct spec.containers[].name, or select only workloads that have the container.",
    ),
    Check(
        kind=findings.INPUT_INVALID,
        title="Something among the input cannot be used",
        why="What cannot be read is not judged. The other files are, and the exit code is 3 whatever --fail-on says.",
        remedy="The message says what is wrong, and where. Helm templates have to be rendered first.",
    ),
)
