"""The explanation of a workload from its HealthPlan, where the rules that select it may not be read.

Whoever has rights on one namespace may read its HealthPlans and no ClusterAppHealth. To plan without the latter would
tell the opposite of the truth: that no rule selects the workload, and that its probes are going to be removed.
"""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.api.healthplan import ContainerRecord, HealthPlanStatus
from apphealth.api.rule import RuleKind
from apphealth.cli.explain.report import Change, ExplainedContainer, ExplainedProbe, Explanation, Reference
from apphealth.model.probe import ProbeKind, serialise_probe
from apphealth.model.workload import Container, Workload


def cluster_rules(status: HealthPlanStatus) -> tuple[str, ...]:
    """Return the ClusterAppHealths that a HealthPlan names as selecting its workload."""
    return tuple(rule for rule in status.rules if rule.startswith(f"{RuleKind.CLUSTER_APP_HEALTH}/"))


def explain_record(workload: Workload, status: HealthPlanStatus, unread: Sequence[str]) -> Explanation:
    """Return what the operator has recorded about a workload.

    Parameters
    ----------
    workload
        The workload as it is now.
    status
        What its HealthPlan says.
    unread
        The rules that select it and may not be read.
    """
    live = {container.name: container for container in workload.containers}
    which = ", ".join(unread)
    return Explanation(
        workload=Reference(
            api_version=workload.api_version, kind=workload.kind, namespace=workload.namespace, name=workload.name
        ),
        selected=True,
        state=status.state.value,
        message=status.message,
        mode=status.mode,
        rules=status.rules,
        containers=tuple(_container(one, live.get(one.name)) for one in status.containers),
        dependencies=status.dependencies,
        findings=status.findings,
        proofs=status.proofs,
        preview=status.preview,
        originals=status.originals,
        next=Change(
            writes=False,
            why=f"not known: {which} selects it, which you may not read; this is what the operator has recorded",
        ),
    )


def _container(record: ContainerRecord, live: Container | None) -> ExplainedContainer:
    carried = live.probes if live is not None else {}
    return ExplainedContainer(
        name=record.name,
        preset=record.preset,
        preset_source=record.preset_source,
        reason=record.reason,
        message=record.message,
        probes=tuple(
            ExplainedProbe(
                type=probe.type,
                action=probe.action,
                reason=probe.reason,
                verification=probe.verification or "",
                values=probe.values,
                wanted=probe.probe,
                live=serialise_probe(there.probe) if (there := carried.get(ProbeKind(probe.type))) else None,
            )
            for probe in record.probes
        ),
    )
