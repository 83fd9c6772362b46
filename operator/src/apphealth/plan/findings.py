"""The catalogue of findings: what users should know about a workload, and what to do about it.

Each kind of finding is defined here once: its id (which never changes), severity, text and fix. `plan`, the
controller and the command line make a finding by calling a kind with the values that its text names; the checks of
`lint` word each finding themselves. Texts from the cluster come in as values, never as a format.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum

from apphealth.api.healthplan import VerificationState

PAGES = "docs/lint"
"""The folder with the pages of findings, in the project's repository."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that users should know about a workload or a Service.

    Attributes
    ----------
    id
        The id of its kind, which never changes.
    severity
        How much it matters.
    message
        What is wrong.
    fix
        What to do about it; empty if there is nothing to do.
    container
        The container that it is about; empty: the object as a whole.
    where
        The field of the object that it is about: `("spec", "template", ...)`; empty: no single field. HealthPlans
        leave it out.
    explains
        The verification states of probes that it gives the reason of. HealthPlans leave it out.
    """

    id: str
    severity: Severity
    message: str
    fix: str = ""
    container: str = ""
    where: tuple[str | int, ...] = ()
    explains: tuple[VerificationState, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingKind:
    """A kind of finding.

    Attributes
    ----------
    id
        Its name in reports, HealthPlans and annotations. It never changes.
    severity
        The severity of its findings, unless the caller gives another.
    text, fix
        Formats of the message and of the fix, for the values that the kind is called with. Empty for the kinds whose
        findings `lint` words itself.
    documented
        Whether `docs/lint` has a page about it.
    explains
        The verification states of probes that its findings give the reason of.
    """

    id: str
    severity: Severity
    text: str = ""
    fix: str = ""
    _: KW_ONLY
    documented: bool = False
    explains: tuple[VerificationState, ...] = ()

    @property
    def docs(self) -> str:
        """The path of its page in the repository; empty if it has none."""
        return f"{PAGES}/{self.id}.md" if self.documented else ""

    def __call__(self, *, container: str = "", severity: Severity | None = None, **values: object) -> Finding:
        """Make a finding with the kind's own text.

        Parameters
        ----------
        container
            The container that it is about; empty: the workload as a whole.
        severity
            None: the kind's own.
        values
            The values that the text and the fix name.

        Returns
        -------
        Finding
            The finding.

        Raises
        ------
        KeyError
            The text or the fix names a value that is missing.
        """
        message, fix = self.text.format(**values), self.fix.format(**values)
        return self.worded(message, fix, container=container, severity=severity)

    def worded(
        self,
        message: str,
        fix: str = "",
        *,
        container: str = "",
        severity: Severity | None = None,
        where: tuple[str | int, ...] = (),
    ) -> Finding:
        """Make a finding with a text of the caller's.

        Parameters
        ----------
        message
            What is wrong.
        fix
            What to do about it.
        container
            The container that it is about; empty: the object as a whole.
        severity
            None: the kind's own.
        where
            The field of the object that it is about; empty: no single field.

        Returns
        -------
        Finding
            The finding.
        """
        return Finding(
            id=self.id,
            severity=severity or self.severity,
            message=message,
            fix=fix,
            container=container,
            where=where,
            explains=self.explains,
        )


ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

# Rules and annotations
ANNOTATION_INVALID = FindingKind(
    "annotation-invalid",
    ERROR,
    "the annotation {annotation} on the pod template can't be used, so no probe is planned until it is corrected",
    "{problem}",
    documented=True,
)
CONTAINER_MISSING = FindingKind(
    "container-missing",
    WARNING,
    "{rule} names the container '{name}', which is not in the pod (its containers: {listed})",
    "correct spec.containers[].name, or select only workloads that have this container",
    documented=True,
)
PRESET_UNKNOWN = FindingKind(
    "preset-unknown", ERROR, "preset '{name}' ({source}) is not known", "{suggestion}", documented=True
)
ROLLOUT_NOT_WRITTEN = FindingKind(
    "rollout-not-written",
    INFO,
    "an Argo Rollout is not written to: each apply of its owner would take the probes out again",
    "apphealth render writes them into its manifest; apphealth explain rollout/{name} shows them",
)
ROLLOUT_REFERS = replace(
    ROLLOUT_NOT_WRITTEN,
    text="its pods come from another workload (workloadRef), which gets the probes",
    fix="have a rule select the workload that spec.workloadRef names",
)
CONTROLLED = FindingKind(
    "controlled",
    INFO,
    "left to {controller}, which controls this workload and would take the probes out again",
    "set the probes in {controller}; or name the workload in a rule to write them here: targetRef: {{kind: {kind},"
    " name: {name}}}",
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
    documented=True,
)
PORT_UNRESOLVED = FindingKind("port-unresolved", ERROR, "{problem}", "{remedy}", documented=True)
COMMAND_MISSING = FindingKind(
    "command-missing",
    ERROR,
    "{kind} is an Exec probe, and no rule gives its command",
    "set probes.{kind}.command",
    documented=True,
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
    documented=True,
)
LIVENESS_AGGRESSIVE = FindingKind(
    "liveness-aggressive",
    WARNING,
    "liveness restarts after {liveness} s, sooner than {factor} x the {readiness} s of readiness",
    "raise probes.liveness.failureThreshold, or lower readiness's",
    documented=True,
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
PROBE_REFUTED = FindingKind(
    "probe-refuted",
    ERROR,
    "not written, because it would fail on the running pods: {kinds}; {answers}",
    "correct the preset, path or port in the rule, or what the application answers",
    explains=(VerificationState.REFUTED,),
)
PROBE_REFUTED_DERIVED = replace(
    PROBE_REFUTED,
    severity=WARNING,
    fix="serve it, or set the path that is served, or a preset, in a rule",
)
NO_ENDPOINT_FOUND = replace(
    PROBE_REFUTED_DERIVED,
    text="no health endpoint could be shown on the running pods: {answers}",
    fix="serve one, and set its path or a preset in a rule, or the annotation apphealth.dev/preset",
)
ENDPOINT_NOT_FOUND = FindingKind(
    "endpoint-not-found",
    INFO,
    "no health endpoint answered: {answers}",
    "serve one, and set its path or a preset in a rule, or the annotation apphealth.dev/preset",
)
READINESS_BROAD = FindingKind(
    "readiness-broad",
    INFO,
    "readiness asks {path}, which may also check what the application depends on: nothing narrower answered",
    "serve an endpoint for readiness alone, or set probes.readiness.path in a rule",
)
AWAITING_PODS = FindingKind(
    "awaiting-pods",
    INFO,
    "has to be shown on a ready pod first, and no pod can be asked: {kinds}, from {candidate}",
    f"wait for a ready pod, or {_NAME_PRESET}",
    explains=(VerificationState.AWAITING_PODS,),
)
PODS_ON_HOST_NETWORK = replace(
    AWAITING_PODS,
    text="has to be shown on a ready pod first, and pods on their node's network are never asked: {kinds},"
    " from {candidate}",
    fix=_NAME_PRESET,
)
PODS_STARTING = replace(
    AWAITING_PODS,
    text="has to be shown on a ready pod first, and the running pods are still starting: {questions}",
    fix=f"wait, or {_NAME_PRESET}",
)
NEEDS_PROOF = FindingKind(
    "needs-proof",
    INFO,
    "not written, because files can't prove it: {kinds}, from {candidate}",
    "name the preset in a rule; --unproven writes what needs no proof",
)
PODS_UNREACHABLE = FindingKind(
    "pods-unreachable",
    INFO,
    "no pod could be reached to try probes on: {answer}",
    "let the operator reach the pods (NetworkPolicy), or set verification: Skip",
    explains=(VerificationState.AWAITING_PODS, VerificationState.UNVERIFIED),
)
PROBE_UNVERIFIED = FindingKind(
    "probe-unverified",
    INFO,
    "written as the rule says, and not tried on a running pod before: {kinds}",
    explains=(VerificationState.UNVERIFIED,),
)

PROBE_ROLLED_BACK = FindingKind(
    "probe-rolled-back",
    ERROR,
    "taken back, because it did harm: {kinds}; {evidence}",
    "correct the rule or the application: another pod template, or another probe, is tried again; or: {retry}",
)
PROBE_TAKEN_OUT = FindingKind(
    "probe-taken-out",
    ERROR,
    "taken out, because the new pods answer otherwise: {kinds}; {evidence}",
    "correct the path or port in the rule, or what the application serves; to try this one again: {retry}",
    explains=(VerificationState.REFUTED,),
)
PROBE_CONTESTED = FindingKind(
    "probe-contested",
    WARNING,
    "not written again, because another manager keeps taking it out: {kinds}; {evidence}",
    "write the probes into the manifest that it applies (apphealth render), have it apply server-side, or exclude the"
    " workload by the annotation apphealth.dev/ignore; to try again: {retry}",
)
PROBE_FAILING = FindingKind(
    "probe-failing",
    WARNING,
    "pods fail a probe of ours: {example}",
    "see what the application says: kubectl describe the pod; the probe is taken back if it does harm",
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
    documented=True,
)
SHARED_DEPENDENCY = FindingKind(
    "shared-dependency",
    WARNING,
    "{required_by} of {workloads} workloads require {service}; {blast_radius}",
    "take required: true away where an app can answer, if only in part, without it",
    documented=True,
)
VOLUME_TAKEN = FindingKind(
    "volume-taken",
    WARNING,
    "the pod has a volume named '{volume}' that is not ours, so dependencies are not delivered",
    "rename it, or mount the ConfigMap '{config_map}' at {path} yourself",
)
CONFIG_MAP_TAKEN = FindingKind(
    "configmap-taken",
    WARNING,
    "the ConfigMap {name} ({place}) is not ours, so the dependencies are not written",
    "rename it, or give it the label {label}",
)
NAMESPACE_UNKNOWN = FindingKind(
    "namespace-unknown",
    WARNING,
    "its dependencies are addressed in the namespace '{namespace}', because neither file nor -n names one",
    "name with -n the namespace that it will run in",
)

# What the API server refused
MISSING_RIGHT = FindingKind(
    "missing-right",
    ERROR,
    "{write} was refused: {answer}",
    "give the operator's ServiceAccount this right; deploy/operator has the RBAC rules it needs",
)
REWRITTEN = FindingKind(
    "rewritten",
    WARNING,
    "the API server has kept other values than were written, and the same patch would change nothing: {differs}",
    "an admission webhook or policy rewrites the probe: set its values in the rule, or exclude the workload there",
)
REJECTED = FindingKind("rejected", ERROR, "{write} was refused: {answer}", "change the rule or what refuses it")

# What only lint finds, in the probes that workloads carry
READINESS_MISSING = FindingKind("readiness-missing", ERROR, documented=True)
LIVENESS_MISSING = FindingKind("liveness-missing", INFO, documented=True)
STARTUP_MISSING = FindingKind("startup-missing", WARNING, documented=True)
PROBES_IDENTICAL = FindingKind("probes-identical", WARNING, documented=True)
LIVENESS_ALWAYS_SUCCEEDS = FindingKind("liveness-always-succeeds", WARNING, documented=True)
LIVENESS_CHECKS_DEPENDENCY = FindingKind("liveness-checks-dependency", WARNING, documented=True)
STARTUP_DELAY = FindingKind("startup-delay", WARNING, documented=True)
PORT_UNDECLARED = FindingKind("port-undeclared", INFO, documented=True)
PORT_NUMBER = FindingKind("port-number", INFO, documented=True)
PROTOCOL_MISMATCH = FindingKind("protocol-mismatch", ERROR, documented=True)
SERVICE_TARGET_MISMATCH = FindingKind("service-target-mismatch", ERROR, documented=True)
HANDLER_COUNT = FindingKind("handler-count", ERROR, documented=True)
PROBE_ON_INIT = FindingKind("probe-on-init", ERROR, documented=True)
SUCCESS_THRESHOLD = FindingKind("success-threshold", ERROR, documented=True)
PROBE_HOST = FindingKind("probe-host", WARNING, documented=True)
EXEC_COSTLY = FindingKind("exec-costly", WARNING, documented=True)
EXEC_COMMAND = FindingKind("exec-command", ERROR, documented=True)
FIELD_INVALID = FindingKind("field-invalid", ERROR, documented=True)
INPUT_INVALID = FindingKind("input-invalid", ERROR, documented=True)
