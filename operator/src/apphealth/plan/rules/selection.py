"""Which rules select a workload, and in which order they count.

Rank, the weakest first: ClusterAppHealth by rising priority, AppHealth with a selector, AppHealth with a targetRef.
Of equal rank the older rule wins, then the first name in alphabetical order, as in the Gateway API: a rule that is
created again doesn't override another team's rule. Field by field, the last rule of the order wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from apphealth.api.rule import Rule
from apphealth.api.spec import ClusterAppHealthSpec, LabelSelector, SelectorOperator, SelectorRequirement
from apphealth.model.service import Namespace
from apphealth.model.workload import DOMAIN, Workload

IGNORE = f"{DOMAIN}ignore"
"""Annotation of a workload or namespace that opts out of every rule; its value is the reason."""
NAMESPACE_NAME = "kubernetes.io/metadata.name"

_NOT_YET = "~"
"""Sorts after every creationTimestamp, because a rule in a file would be the youngest in the cluster."""
Rank = tuple[int, int, bool]


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector matches: every pair and every expression of it must match.

    Parameters
    ----------
    selector
        The selector; an empty one matches everything.
    labels
        The labels of one object.
    """
    pairs = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return pairs and all(_meets(requirement, labels) for requirement in selector.match_expressions)


def _meets(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case SelectorOperator.IN:
            return value is not None and value in requirement.values
        case SelectorOperator.NOT_IN:
            return value is None or value not in requirement.values
        case SelectorOperator.EXISTS:
            return value is not None
        case SelectorOperator.DOES_NOT_EXIST:
            return value is None


def reaches(rule: Rule, namespace: Namespace) -> bool:
    """Return whether a rule may select workloads of a namespace.

    Parameters
    ----------
    rule
        The rule.
    namespace
        The namespace, with its labels.
    """
    if not isinstance(rule.spec, ClusterAppHealthSpec):
        return rule.namespace == namespace.name
    selector = rule.spec.namespace_selector
    if namespace.name.startswith("kube-") and not _names(selector, namespace.name):
        return False
    return matches(selector, namespace.labels)


def _names(selector: LabelSelector, namespace: str) -> bool:
    """Return whether the selector names this namespace: only so a rule selects workloads of `kube-*`."""
    return selector.match_labels.get(NAMESPACE_NAME) == namespace or any(
        requirement.key == NAMESPACE_NAME
        and requirement.operator is SelectorOperator.IN
        and namespace in requirement.values
        for requirement in selector.match_expressions
    )


def opted_out(workload: Workload, namespace: Namespace) -> str | None:
    """Return the reason why the workload's owner has opted out of every rule, or None.

    Parameters
    ----------
    workload
        The workload.
    namespace
        Its namespace: the annotation counts on either of them.
    """
    for where in (workload.annotations, namespace.annotations):
        if IGNORE in where:
            return where[IGNORE] or "no reason given"
    return None


def selects(rule: Rule, workload: Workload, namespace: Namespace) -> bool:
    """Return whether a rule selects a workload, by its labels or by its kind and name; opting out doesn't count.

    Parameters
    ----------
    rule
        The rule.
    workload
        The workload.
    namespace
        The workload's namespace.
    """
    return reaches(rule, namespace) and chooses(rule, workload)


def chooses(rule: Rule, workload: Workload) -> bool:
    """Whether a rule selects a workload of a namespace that it reaches.

    Parameters
    ----------
    rule
        The rule.
    workload
        The workload; its namespace is not looked at.
    """
    if (target := rule.spec.target_ref) is not None:
        return (target.kind, target.name) == (workload.kind, workload.name)
    return rule.spec.selector is not None and matches(rule.spec.selector, workload.labels)


def rank(rule: Rule) -> Rank:
    """Return the strength of a rule: the higher wins. Rules of one rank are equals."""
    by_name = rule.spec.target_ref is not None
    if isinstance(rule.spec, ClusterAppHealthSpec):
        return (0, rule.spec.priority, by_name)
    return (1, 0, by_name)


def selecting(rules: Iterable[Rule], workload: Workload, namespace: Namespace) -> tuple[Rule, ...]:
    """Return the rules that select a workload, the weakest first; none if the workload has opted out.

    Parameters
    ----------
    rules
        All rules that are known.
    workload
        The workload.
    namespace
        The workload's namespace.
    """
    if opted_out(workload, namespace) is not None:
        return ()
    chosen = [rule for rule in rules if selects(rule, workload, namespace)]
    if len(chosen) > 1:
        chosen.sort(key=lambda rule: (rule.created or _NOT_YET, rule.name), reverse=True)
        chosen.sort(key=rank)
    return tuple(chosen)
