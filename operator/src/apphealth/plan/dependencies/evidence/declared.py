"""Dependencies that users declare: `dependencies.services` of rules, and the annotation `apphealth.dev/depends-on`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from fnmatch import fnmatchcase

from apphealth.api.rule import Rule
from apphealth.model.service import ServiceKey
from apphealth.model.workload import DOMAIN, Workload
from apphealth.plan.dependencies.evidence.mention import USER_WORD, Mention
from apphealth.plan.dependencies.hosts import hosts
from apphealth.plan.rules.merging import source_of

DEPENDS_ON = f"{DOMAIN}depends-on"
"""Annotation of the pod template: `users-api, store.data:6379`."""


def by_rules(rules: Sequence[Rule], workload: Workload) -> Iterator[Mention]:
    """Yield the Services that rules name, one mention each; the strongest rule wins field by field.

    Parameters
    ----------
    rules
        The rules that select the workload, the weakest first.
    workload
        The workload.
    """
    last: dict[ServiceKey, Mention] = {}
    for rule in rules:
        for reference in rule.spec.dependencies.services:
            key = ServiceKey(reference.namespace or workload.namespace, reference.name)
            before = last.get(key)
            last[key] = Mention(
                service=key,
                port=reference.port if reference.port is not None else before.port if before else None,
                confidence=USER_WORD,
                evidence=source_of(rule),
                required=(before.required if before else False) if reference.required is None else reference.required,
            )
    yield from last.values()


def by_annotation(workload: Workload) -> Iterator[Mention]:
    """Yield the Services that the workload's annotation names."""
    if not (text := workload.pod_annotations.get(DEPENDS_ON)):
        return
    for host in hosts(text):
        name, _, rest = host.name.partition(".")
        yield Mention(
            service=ServiceKey(rest.partition(".")[0] or workload.namespace, name),
            port=host.port,
            confidence=USER_WORD,
            evidence=f"annotation {DEPENDS_ON}",
        )


def dependable_services(rules: Sequence[Rule], own: Collection[ServiceKey]) -> Callable[[ServiceKey], bool]:
    """Return a function that decides whether a Service may be a dependency.

    Parameters
    ----------
    rules
        The rules that select the workload: they may ignore Services.
    own
        The Services that select the workload's pods: it never depends on them.
    """
    ignored = [entry for rule in rules for entry in rule.spec.dependencies.ignore]

    def counts(service: ServiceKey) -> bool:
        return service not in own and not any(
            fnmatchcase(service.name, entry.name) and fnmatchcase(service.namespace, entry.namespace or "*")
            for entry in ignored
        )

    return counts


def requires_any(rules: Sequence[Rule]) -> bool:
    """Return whether any rule requires a Service."""
    return any(reference.required for rule in rules for reference in rule.spec.dependencies.services)
