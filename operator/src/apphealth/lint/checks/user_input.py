"""Mistakes in rules, annotations and files. `plan` and the readers of files find them; this module documents them."""

from __future__ import annotations

from apphealth.lint.check import Check
from apphealth.plan import findings

CHECKS = (
    Check(
        kind=findings.ANNOTATION_INVALID,
        title="An annotation of AppHealth is invalid",
        why="No probe is planned for the workload until it is corrected.",
        remedy="Correct the annotation on the pod template; the message says which values are valid.",
    ),
    Check(
        kind=findings.PRESET_UNKNOWN,
        title="A rule names a preset that does not exist",
        why="No probe is planned for the container.",
        remedy="Name one of the presets, or auto.",
    ),
    Check(
        kind=findings.PATH_MISSING,
        title="A rule wants an HTTP probe, and neither it nor a preset gives the path",
        why="The probe is not written.",
        remedy="Set probes.<kind>.path, or a preset that knows the application.",
    ),
    Check(
        kind=findings.COMMAND_MISSING,
        title="A rule wants an Exec probe, and no rule gives the command",
        why="The probe is not written.",
        remedy="Set probes.<kind>.command.",
    ),
    Check(
        kind=findings.CONTAINER_MISSING,
        title="A rule names a container that is not in the pod",
        why="The settings for this container have no effect; most often the name is misspelt.",
        remedy="Correct spec.containers[].name, or select only workloads that have the container.",
    ),
    Check(
        kind=findings.INPUT_INVALID,
        title="A part of the input is invalid",
        why="Invalid parts are not checked. The other files are, and the exit code is 3, also with --fail-on never.",
        remedy="The message says what is wrong, and where. Helm templates have to be rendered first.",
    ),
)
