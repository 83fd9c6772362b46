"""Write a plan as a HealthPlan, which users read. It is the same before and after the plan is carried out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from apphealth.api import healthplan as api
from apphealth.api.rule import Rule
from apphealth.api.spec import RolloutSettings
from apphealth.model.probe import KINDS, ProbeKind, describe_handler, interned, parse_probe, serialise_probe
from apphealth.model.proof import Proof, Question, Verdict
from apphealth.model.survey import Served, Speaks
from apphealth.model.withheld import EarlierProbe, Withheld, WithheldReason
from apphealth.model.workload import Workload, WrittenProbe
from apphealth.plan.findings import Finding
from apphealth.plan.result import Action, ContainerPlan, Dependency, Plan, Preview, ProbePlan


def record_of(plan: Plan, workload: Workload) -> api.HealthPlan:
    """Return the HealthPlan of a plan.

    Parameters
    ----------
    plan
        The plan.
    workload
        Its workload, as it is now.

    Returns
    -------
    HealthPlan
        The object to write to the cluster.
    """
    reference = api.WorkloadReference(api_version=workload.api_version, kind=workload.kind, name=workload.name)
    status = api.HealthPlanStatus(
        state=plan.state,
        message=plan.message,
        mode=plan.mode or "",
        rules=tuple(str(rule) for rule in plan.rules),
        summary=_summary(plan.containers, workload),
        containers=tuple(_container(container) for container in plan.containers),
        dependencies=tuple(_dependency(dependency) for dependency in plan.dependencies),
        findings=tuple(finding_record(finding) for finding in plan.findings),
        originals=plan.originals,
        withheld=tuple(_withheld(one) for one in plan.withheld),
        earlier=tuple(_earlier(one) for one in plan.earlier),
        removed_at=plan.removed_at,
        retried=plan.retried,
        failing=plan.failing,
        starts=tuple(api.StartRecord(container=name, seconds=seconds) for name, seconds in sorted(plan.starts.items())),
        rollout=plan.rollout,
        proofs=tuple(proof_record(question, proof) for question, proof in plan.proofs),
        preview=_preview(plan.preview, workload) if plan.preview is not None else None,
    )
    return api.HealthPlan(spec=api.HealthPlanSpec(workload=reference), status=status)


def waiting_record(plan: Plan, record: api.HealthPlan) -> api.HealthPlan:
    """Return the HealthPlan of a plan that waits for its turn. Of one in passes, all that isn't written is pending.

    Parameters
    ----------
    plan
        The plan.
    record
        Its HealthPlan as `record_of` returns it.
    """
    in_passes = plan.unfinished or bool(plan.after)
    pending = {
        (container.name, probe.kind)
        for container in plan.containers
        for probe in container.probes
        if probe.pending and in_passes
    }
    containers = tuple(
        msgspec.structs.replace(
            container,
            probes=tuple(
                msgspec.structs.replace(one, pending=(container.name, one.type) in pending) for one in container.probes
            ),
        )
        for container in record.status.containers
    )
    status = msgspec.structs.replace(record.status, state=api.State.WAITING, containers=containers)
    return msgspec.structs.replace(record, status=status)


def _preview(preview: Preview, workload: Workload) -> api.PreviewRecord:
    return api.PreviewRecord(
        message=preview.message,
        summary=_summary(preview.containers, workload),
        containers=tuple(_container(container) for container in preview.containers),
    )


def finding_record(finding: Finding) -> api.FindingRecord:
    """Return a finding as the HealthPlan records it."""
    return api.FindingRecord(
        id=finding.id,
        severity=finding.severity,
        message=finding.message,
        fix=finding.fix,
        container=finding.container,
    )


def rollout_record(rule: Rule) -> api.RolloutRecord:
    """Return what a HealthPlan remembers of a rule, so that its workload can be put back when the rule is gone."""
    rollout = rule.spec.rollout
    return api.RolloutRecord(
        rule=str(rule.key),
        max_concurrent="" if rollout.max_concurrent is None else str(rollout.max_concurrent),
        max_per_namespace=rollout.max_per_namespace or 0,
        soak_seconds=60 if rollout.soak_seconds is None else rollout.soak_seconds,
        windows=tuple(
            api.WindowRecord(schedule=one.schedule, duration=one.duration, time_zone=one.time_zone or "")
            for one in rollout.windows
        ),
    )


def rollout_of(record: api.RolloutRecord) -> RolloutSettings | None:
    """Return the settings that a record holds, or None if no valid rule can have said it."""
    text = record.max_concurrent
    concurrent = int(text) if text.isdecimal() else text or None
    windows = [
        {"schedule": one.schedule, "duration": one.duration, "timeZone": one.time_zone or None}
        for one in record.windows
    ]
    raw = {
        "maxConcurrent": concurrent,
        "maxPerNamespace": record.max_per_namespace or None,
        "soakSeconds": record.soak_seconds,
        "windows": windows,
    }
    try:
        return msgspec.convert(raw, RolloutSettings)
    except msgspec.ValidationError:
        return None


def _container(container: ContainerPlan) -> api.ContainerRecord:
    return api.ContainerRecord(
        name=container.name,
        preset=container.preset,
        preset_source=container.preset_source,
        reason=container.reason if container.skipped else "",
        message=container.message if container.skipped else "",
        probes=tuple(
            _probe(probe)
            for probe in container.probes
            if probe.probe or probe.verification or probe.action is not Action.NONE
        ),
    )


def _probe(probe: ProbePlan) -> api.ProbeRecord:
    return api.ProbeRecord(
        type=probe.kind,
        action=probe.action,
        reason=probe.reason,
        verification=probe.verification,
        probe=serialise_probe(probe.probe) if probe.probe else None,
        pending=probe.later,
        values=probe.provenance,
    )


def proof_record(question: Question, proof: Proof) -> api.ProofRecord:
    """Return the answer to a question as the HealthPlan records it.

    Parameters
    ----------
    question
        What was asked.
    proof
        What pods answered.
    """
    return api.ProofRecord(
        id=question.id,
        asked=str(question),
        verdict=proof.verdict,
        answer=proof.answer,
        slowest_milliseconds=round(proof.slowest * 1000),
        endpoints=tuple(api.EndpointRecord(type=kind, path=path) for kind, path in proof.endpoints),
        served=tuple(
            api.ServedRecord(port=one.port, speaks=one.speaks, path=one.path, proxied=one.proxied)
            for one in proof.served
        ),
    )


def written_by(plan: api.HealthPlan) -> tuple[WrittenProbe, ...]:
    """Return the probes of ours that the workload has by its HealthPlan; none before they are written."""
    probes = [record for container in plan.status.containers for record in container.probes]
    # Of a workload that waits, only a plan in passes tells which probes are on it.
    waits_to_be_written = plan.status.state == api.State.WAITING and plan.status.mode
    if plan.status.state == api.State.PREVIEW or (waits_to_be_written and not any(one.pending for one in probes)):
        return ()
    return tuple(
        WrittenProbe(container.name, ProbeKind(record.type), interned(probe))
        for container in plan.status.containers
        for record in container.probes
        if record.action == Action.APPLY and not record.pending and (probe := parse_probe(record.probe)) is not None
    )


def _withheld(one: Withheld) -> api.WithheldRecord:
    return api.WithheldRecord(
        container=one.container,
        type=one.kind,
        reason=one.reason,
        evidence=one.evidence,
        probe=serialise_probe(one.probe),
        exact=one.exact,
        template=one.template,
        instead=serialise_probe(one.instead) if one.instead is not None else None,
    )


def withheld_by(plan: api.HealthPlan) -> tuple[Withheld, ...]:
    """Return the withheld probes that a HealthPlan remembers; entries that can't be read are left out."""
    return tuple(found for record in plan.status.withheld if (found := _read_withheld(record)) is not None)


def _read_withheld(record: api.WithheldRecord) -> Withheld | None:
    probe = parse_probe(record.probe)
    kinds, reasons = {kind.value for kind in ProbeKind}, {reason.value for reason in WithheldReason}
    if probe is None or record.type not in kinds or record.reason not in reasons:
        return None
    return Withheld(
        container=record.container,
        kind=ProbeKind(record.type),
        probe=interned(probe),
        reason=WithheldReason(record.reason),
        evidence=record.evidence,
        template=record.template,
        exact=record.exact,
        instead=parse_probe(record.instead),
    )


def _earlier(one: EarlierProbe) -> api.EarlierRecord:
    return api.EarlierRecord(
        container=one.container, type=one.kind, probe=serialise_probe(one.probe), template=one.template
    )


def earlier_by(plan: api.HealthPlan) -> tuple[EarlierProbe, ...]:
    """Return the probes that come back, as a HealthPlan remembers them; entries that can't be read are left out."""
    kinds = {kind.value for kind in ProbeKind}
    return tuple(
        EarlierProbe(
            container=record.container, kind=ProbeKind(record.type), probe=interned(probe), template=record.template
        )
        for record in plan.status.earlier
        if record.type in kinds and (probe := parse_probe(record.probe)) is not None
    )


def parse_proof(record: api.ProofRecord) -> Proof | None:
    """Return the answer that a record holds, or None if this version of the operator can't have written the record."""
    try:
        return Proof(
            verdict=Verdict(record.verdict),
            answer=record.answer,
            slowest=record.slowest_milliseconds / 1000,
            endpoints=tuple((ProbeKind(endpoint.type), endpoint.path) for endpoint in record.endpoints),
            served=tuple(Served(one.port, Speaks(one.speaks), one.path, one.proxied) for one in record.served),
        )
    except ValueError:
        return None


def _dependency(dependency: Dependency) -> api.DependencyRecord:
    return api.DependencyRecord(
        name=dependency.service.name,
        namespace=dependency.service.namespace,
        url=dependency.url,
        required=dependency.required,
        confidence=dependency.confidence,
        evidence=dependency.evidence,
    )


def _summary(containers: Sequence[ContainerPlan], workload: Workload) -> api.Summary:
    """Return the workload's name and the probes that it has or will have, one line for each kind."""
    live = {container.name: container.probes for container in workload.containers}
    shown: dict[ProbeKind, list[str]] = {kind: [] for kind in KINDS}
    for container in containers:
        for probe in container.probes:
            there = live.get(container.name, {}).get(probe.kind)
            stays = probe.action in (Action.KEEP, Action.CONTESTED) and there is not None
            if (effective := there.probe if stays and there else probe.probe) is not None:
                shown[probe.kind].append(describe_handler(effective.handler).strip() + (" (kept)" if stays else ""))
    states = {probe.verification for container in containers for probe in container.probes}
    return api.Summary(
        workload=f"{workload.kind}/{workload.name}",
        probes=" ".join(kind[0].upper() for kind, texts in shown.items() if texts),
        verified=next((str(state) for state in api.WORST if state in states), ""),
        **{kind: "; ".join(texts) for kind, texts in shown.items()},
    )
