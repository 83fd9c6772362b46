"""The catalogue of findings: what a person should know about a workload, and what to do about it.

Each kind of finding is defined here once: its id (for good), severity, text and fix. `plan`, the controller and the
command line make findings by calling a kind with the values of its text; `lint` adds its own to the kinds of `LINT`.
Texts from the cluster come in as values, never as a format.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a person should know: `id` names its kind for good."""

    id: str
    severity: Severity
    message: str
    fix: str = ""
    container: str = ""
    where: tuple[str | int, ...] = ()
    """The field in the object, where one field is meant: `("spec", "template", ...)`. HealthPlans leave it out."""


@dataclass(frozen=True, slots=True)
class FindingKind:
    """A kind of finding. `text` and `fix` are formats for the values that it is called with."""

    id: str
    severity: Severity
    text: str
    fix: str = ""

    def __call__(self, *, container: str = "", severity: Severity | None = None, **values: object) -> Finding:
        """Make a finding of this kind.

        Parameters
        ----------
        container
            The container that it is about; empty: the workload as a whole.
        severity
            Where it differs from the kind's own.
        values
            What the text and the fix name.
        """
        return Finding(
            id=self.id,
            severity=severity or self.severity,
            message=self.text.format(**values),
            fix=self.fix.format(**values),
            container=container,
        )


ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

# Rules and annotations
ANNOTATION_INVALID = FindingKind(
    "annotation-invalid",
    ERROR,
    "the annotation {annotation} on the pod template can't be used, so no probe is planned until it is corrected",
    "{problem}",
)
CONTAINER_MISSING = FindingKind(
    "container-missing",
    WARNING,
    "{rule} names the container '{name}', which is not in the pod (its containers: {listed})",
    "correct spec.containers[].name, or select only workloads that have this container",
)
PRESET_UNKNOWN = FindingKind("preset-unknown", ERROR, "preset '{name}' ({source}) is not known", "{suggestion}")
ROLLOUT_REFERS = FindingKind(
    "rollout-not-written",
    INFO,
    "its pods come from another workload (workloadRef), which gets the probes",
    "have a rule select the workload that spec.workloadRef names",
)
ROLLOUT_NOT_WRITTEN = FindingKind(
    "rollout-not-written",
    INFO,
    "an Argo Rollout is not written to: each apply of its owner would take the probes out again",
    "apphealth render writes them into its manifest; apphealth explain rollout/{name} shows them",
)

# Which containers get probes
_NAME_CONTAINER = "name it under spec.containers to give it probes all the same"
CONTAINER_UNSERVED = FindingKind(
    "container-unserved", INFO, "a Service leads to another container of the pod, not to this one", _NAME_CONTAINER
)
CONTAINER_UNREACHABLE = FindingKind(
    "container-unreachable", INFO, "it has no port and no Service, so there is nothing to probe", _NAME_CONTAINER
)
APPLICATION_UNKNOWN = FindingKind(
    "application-unknown",
    INFO,
    "no evidence tells what this container serves, so no probe is derived",
    "set a preset or probes.*.path in a rule, or the annotation apphealth.dev/preset on the pod template",
)

# Probes that can't be worked out, or whose numbers don't fit
PATH_MISSING = FindingKind(
    "path-missing",
    ERROR,
    "{kind} is an HTTP probe, and no rule or preset gives its path",
    "set probes.{kind}.path, or a preset that knows the application",
)
PORT_UNRESOLVED = FindingKind("port-unresolved", ERROR, "{problem}", "{remedy}")
COMMAND_MISSING = FindingKind(
    "command-missing", ERROR, "{kind} is an Exec probe, and no rule gives its command", "set probes.{kind}.command"
)
EXEC_FORBIDDEN = FindingKind(
    "exec-forbidden",
    ERROR,
    "{kind} is to run a command in the container, which this operator does not allow",
    "use an HTTP, TCP or gRPC probe, or start the operator with --allow-exec",
)
TIMEOUT_EXCEEDS_PERIOD = FindingKind(
    "timeout-exceeds-period",
    WARNING,
    "{kind} waits {timeout} s for an answer, and asks every {period} s",
    "set probes.{kind}.timeoutSeconds to at most periodSeconds",
)
LIVENESS_AGGRESSIVE = FindingKind(
    "liveness-aggressive",
    WARNING,
    "liveness restarts after {liveness} s, sooner than {factor} x the {readiness} s of readiness",
    "raise probes.liveness.failureThreshold, or lower readiness's",
)
READINESS_ORDERED = FindingKind(
    "readiness-ordered",
    INFO,
    "no readiness probe is derived, because the pods start one after the other (podManagementPolicy: OrderedReady): a"
    " pod that needs the others to become ready would keep them from starting",
    "set podManagementPolicy: Parallel, or name the preset or probes.readiness.path in a rule",
)

# Verification on running pods
_NAME_PRESET = "name its preset or the paths in a rule to have them written without proof"
PROBE_REFUTED_SAID = FindingKind(
    "probe-refuted",
    ERROR,
    "not written, because it would fail on the running pods: {kinds}; {answers}",
    "correct the preset, path or port in the rule, or what the application answers",
)
PROBE_REFUTED_DERIVED = FindingKind(
    "probe-refuted",
    WARNING,
    "not written, because it would fail on the running pods: {kinds}; {answers}",
    "serve it, or set the path that is served, or a preset, in a rule",
)
NO_ENDPOINT_FOUND = FindingKind(
    "probe-refuted",
    WARNING,
    "no health endpoint could be shown on the running pods: {answers}",
    "serve one, and set its path or a preset in a rule, or the annotation apphealth.dev/preset",
)
AWAITING_PODS = FindingKind(
    "awaiting-pods",
    INFO,
    "has to be shown on a ready pod first, and no pod can be asked: {kinds}, from {candidate}",
    f"wait for a ready pod, or {_NAME_PRESET}",
)
PODS_ON_HOST_NETWORK = FindingKind(
    "awaiting-pods",
    INFO,
    "has to be shown on a ready pod first, and pods on their node's network are never asked: {kinds}, from {candidate}",
    _NAME_PRESET,
)
PODS_STARTING = FindingKind(
    "awaiting-pods",
    INFO,
    "has to be shown on a ready pod first, and the running pods are still starting: {questions}",
    f"wait, or {_NAME_PRESET}",
)
NEEDS_PROOF = FindingKind(
    "needs-proof",
    INFO,
    "not written, because files can't prove it: {kinds}, from {candidate}",
    "name the preset in a rule, or render with --unproven",
)
PODS_UNREACHABLE = FindingKind(
    "pods-unreachable",
    INFO,
    "no pod could be reached to try probes on: {answer}",
    "let the operator reach the pods (NetworkPolicy), or set verification: Skip",
)
PROBE_UNVERIFIED = FindingKind(
    "probe-unverified", INFO, "written as the rule says, and not tried on a running pod before: {kinds}"
)

# Dependencies
DEPENDENCY_MISSING = FindingKind(
    "dependency-missing",
    WARNING,
    "{evidence} names the Service {service}, which does not exist",
    "create it, or correct the name or namespace",
)
TOO_MANY_DEPENDENCIES = FindingKind(
    "too-many-dependencies",
    WARNING,
    "{named} Services are named; only the {kept} likeliest count as dependencies",
    "leave some out with spec.dependencies.ignore, or name the ones that matter in dependencies.services",
)
DEPENDENCY_CYCLE = FindingKind(
    "dependency-cycle",
    WARNING,
    "required dependencies form a cycle, so none of them counts as required: {loop}",
    "take required: true away from one of them in spec.dependencies.services",
)
SHARED_DEPENDENCY = FindingKind(
    "shared-dependency",
    WARNING,
    "{required_by} of {workloads} workloads require {service}; {blast_radius}",
    "take required: true away where an app can answer, if only in part, without it",
)
VOLUME_TAKEN = FindingKind(
    "volume-taken",
    WARNING,
    "the pod has a volume named '{volume}' that is not ours, so dependencies are not delivered",
    "rename it, or mount the ConfigMap '{config_map}' at {path} yourself",
)

# What the API server refused
MISSING_RIGHT = FindingKind(
    "missing-right",
    ERROR,
    "{write} was refused: {answer}",
    "give the operator's ServiceAccount this right; deploy/operator has the RBAC rules it needs",
)
REJECTED = FindingKind("rejected", ERROR, "{write} was refused: {answer}", "change the rule or what refuses it")
