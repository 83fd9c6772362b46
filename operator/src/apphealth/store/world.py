"""The world: the rules, namespaces, workloads, Services, ConfigMaps and answers of pods that plans are made from.

Values with look-ups, and no I/O: the store fills a world from watch events, the command line from files. Look-ups by
label stay fast with 10,000 workloads and 10,000 Services in one namespace, because both are indexed by single label
pairs. Rules are indexed by namespace, so that the rules of other namespaces don't make a plan slower.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import TypeVar

from apphealth.api.healthplan import OriginalRecord, RolloutRecord, State
from apphealth.api.rule import Rule, RuleKey
from apphealth.model.multimap import MultiMap
from apphealth.model.network_policy import NetworkPolicy
from apphealth.model.proof import Proof, Question
from apphealth.model.service import Namespace, Service, ServiceKey
from apphealth.model.withheld import EarlierProbe, Withheld
from apphealth.model.workload import Workload, WorkloadKey, WrittenProbe
from apphealth.plan.facts import EMPTY, Options
from apphealth.store.readiness import ReadinessCache

Label = tuple[str, str, str]
"""Namespace, label key, label value."""
SLOW_START = 30.0
"""Seconds of a start that is worth remembering: three times as much is far below the default of a startup probe."""
START_STEP = 10
"""Seconds to whose multiples starts are rounded up, so that HealthPlans seldom change."""
Answers = Mapping[str, Proof]
"""The answers of pods, by the question's id. Replaced at each change, never mutated, because `Facts` keep it."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """The answers in a workload's HealthPlan, which an earlier operator or the leader wrote."""

    owner_uid: str
    """The uid of the HealthPlan's owner. Its answers count for no other workload."""
    answers: Answers


@dataclass(frozen=True, slots=True)
class RolledOut:
    """The rules by whose rollout a workload was changed, as its HealthPlan remembers them."""

    owner_uid: str
    """The uid of the HealthPlan's owner."""
    by: tuple[RolloutRecord, ...]
    state: State = State.APPLIED
    """What the HealthPlan says of the workload."""


class World:
    """The cluster, or a set of files, as values.

    Parameters
    ----------
    options
        How workloads are planned.

    Attributes
    ----------
    rules, namespaces, workloads, services
        The objects by key. Change all but the namespaces by `put_*` and `drop_*`, which update the indexes.
    config_maps
        The text of the ConfigMaps that workloads refer to, by (namespace, name); absent until it is read.
    originals
        The replaced probes of other owners, as the HealthPlans remember them.
    written
        The probes that we have written, as the HealthPlans remember them.
    withheld
        The probes of ours that are not written, as the HealthPlans remember them, and those found since.
    retried
        The values of the annotation `RETRY` that have had their effect.
    failing
        Examples of pods that fail probes of ours, as sentences.
    earlier
        The probes of ours that the last write replaced, as the HealthPlans remember them.
    removed_at
        When other managers took probes of ours out that were written again since, as the HealthPlans remember it.
    starts
        The seconds of the slowest start seen, by the container's name; only those of `SLOW_START` and more. Change them
        by `learn_start`. Replaced at each change, never mutated.
    answers
        The answers of pods, by `Question.template`.
    rollouts
        The rules by whose rollout each workload was changed, as the HealthPlans remember them.
    recalled
        The answers in HealthPlans, by the workload that owns the HealthPlan.
    addresses
        The Services by their cluster IPs; if manifests give one address to several, the first by name.
    policies
        NetworkPolicies with rules for egress, by namespace. Only files bring them: the operator doesn't watch any.
    readiness
        The readiness probes of planned workloads, for the plans of their dependants.
    """

    def __init__(self, options: Options = Options()) -> None:  # noqa: B008 -- a frozen value
        self.options = options
        self.policies: dict[str, list[NetworkPolicy]] = {}
        self.rules: dict[RuleKey, Rule] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.workloads: dict[WorkloadKey, Workload] = {}
        self.services: dict[ServiceKey, Service] = {}
        self.config_maps: dict[tuple[str, str], Mapping[str, str]] = {}
        self.originals: dict[WorkloadKey, tuple[OriginalRecord, ...]] = {}
        self.written: dict[WorkloadKey, tuple[WrittenProbe, ...]] = {}
        self.withheld: dict[WorkloadKey, tuple[Withheld, ...]] = {}
        self.retried: dict[WorkloadKey, str] = {}
        self.failing: dict[WorkloadKey, str] = {}
        self.earlier: dict[WorkloadKey, tuple[EarlierProbe, ...]] = {}
        self.removed_at: dict[WorkloadKey, str] = {}
        self.starts: dict[WorkloadKey, Mapping[str, int]] = {}
        self.answers: dict[str, Answers] = {}
        self.rollouts: dict[WorkloadKey, RolledOut] = {}
        self.recalled: dict[WorkloadKey, Recalled] = {}
        self.readiness = ReadinessCache()
        self._rules_in: dict[str, tuple[Rule, ...]] = {}
        self._workload_labels: MultiMap[Label, WorkloadKey] = MultiMap()
        self._service_selectors: MultiMap[Label, ServiceKey] = MultiMap()
        self.addresses: dict[str, ServiceKey] = {}
        self._same_address: dict[str, set[ServiceKey]] = {}

    def put_workload(self, workload: Workload) -> None:
        """Add or replace a workload."""
        self._unlabel(workload.key)
        self.workloads[workload.key] = workload
        for label in _pod_labels(workload):
            self._workload_labels.add(label, workload.key)

    def drop_workload(self, key: WorkloadKey) -> None:
        """Forget a workload, if it is known, and its readiness probes and answers."""
        self._unlabel(key)
        self.readiness.drop(key)

    def _unlabel(self, key: WorkloadKey) -> None:
        if (workload := self.workloads.pop(key, None)) is not None:
            for label in _pod_labels(workload):
                self._workload_labels.discard(label, key)

    def put_service(self, service: Service) -> None:
        """Add or replace a Service."""
        self.drop_service(service.key)
        key = service.key
        self.services[key] = service
        for label in _first_selector(service):
            self._service_selectors.add(label, key)
        for address in service.addresses:
            self._put_address(address, key)

    def drop_service(self, key: ServiceKey) -> None:
        """Forget a Service, if it is known."""
        if (service := self.services.pop(key, None)) is not None:
            for label in _first_selector(service):
                self._service_selectors.discard(label, key)
            for address in service.addresses:
                self._drop_address(address, key)

    def _put_address(self, address: str, key: ServiceKey) -> None:
        known = self.addresses.setdefault(address, key)
        if known != key:
            self._same_address.setdefault(address, {known}).add(key)
            self.addresses[address] = min(known, key)

    def _drop_address(self, address: str, key: ServiceKey) -> None:
        if (others := self._same_address.get(address)) is None:
            self.addresses.pop(address, None)
            return
        others.discard(key)
        self.addresses[address] = min(others)
        if len(others) == 1:
            del self._same_address[address]

    def put_rule(self, rule: Rule) -> None:
        """Add or replace a rule."""
        self.rules[rule.key] = rule
        others = (one for one in self._rules_in.get(rule.namespace, ()) if one.key != rule.key)
        self._rules_in[rule.namespace] = tuple(sorted((*others, rule), key=lambda one: one.key))

    def drop_rule(self, key: RuleKey) -> None:
        """Forget a rule, if it is known."""
        if self.rules.pop(key, None) is None:
            return
        self._rules_in[key.namespace] = tuple(one for one in self._rules_in[key.namespace] if one.key != key)
        if not self._rules_in[key.namespace]:
            del self._rules_in[key.namespace]

    def rules_in(self, namespace: str) -> tuple[Rule, ...]:
        """Return the rules that may concern a namespace: every ClusterAppHealth, and its AppHealths."""
        everywhere = self._rules_in.get("", ())
        return everywhere + self._rules_in.get(namespace, ()) if namespace else everywhere

    def namespace(self, name: str) -> Namespace:
        """Return a namespace; an unknown one has only the label that Kubernetes sets."""
        return self.namespaces.get(name) or Namespace(name=name, labels={"kubernetes.io/metadata.name": name})

    def services_of(self, workload: Workload) -> list[Service]:
        """Return the Services that select a workload's pods, by name."""
        candidates: set[ServiceKey] = set()
        for label in _pod_labels(workload):
            candidates.update(self._service_selectors.get(label))
        services = [self.services[key] for key in (sorted(candidates) if len(candidates) > 1 else candidates)]
        return [service for service in services if service.selects(workload.pod_labels)]

    def workloads_behind(self, service: Service) -> list[Workload]:
        """Return the workloads whose pods a Service selects, by kind and name."""
        if not service.selector:
            return []
        labels = [(service.namespace, key, value) for key, value in service.selector.items()]
        fewest = min((self._workload_labels.get(label) for label in labels), key=len)
        workloads = (self.workloads[key] for key in sorted(fewest))
        return [workload for workload in workloads if service.selects(workload.pod_labels)]

    def answers_of(self, workload: Workload) -> Answers:
        """Return the answers of pods of a workload's namespace and template, also those from before a restart."""
        given = self.answers.get(workload.template_key, EMPTY)
        recalled = self.recalled.get(workload.key)
        if recalled is None or recalled.owner_uid != workload.uid:
            return given
        return {**recalled.answers, **given} if given else recalled.answers

    def keep_withheld(self, key: WorkloadKey, withheld: tuple[Withheld, ...], retried: str) -> None:
        """Replace what is remembered of a workload's withheld probes, and of the annotation `RETRY`.

        Parameters
        ----------
        key
            The workload.
        withheld
            The probes that are withheld now; empty: none.
        retried
            The value of the annotation that has had its effect; empty: none.
        """
        _put_or_drop(self.withheld, key, withheld)
        _put_or_drop(self.retried, key, retried)

    def keep_earlier(self, key: WorkloadKey, earlier: tuple[EarlierProbe, ...]) -> None:
        """Replace what is remembered of the probes that the last write replaced.

        Parameters
        ----------
        key
            The workload.
        earlier
            The replaced probes; empty: none.
        """
        _put_or_drop(self.earlier, key, earlier)

    def keep_removed_at(self, key: WorkloadKey, time: str) -> None:
        """Replace what is remembered of the last removal of probes of ours by another manager.

        Parameters
        ----------
        key
            The workload.
        time
            When it was; empty: never.
        """
        _put_or_drop(self.removed_at, key, time)

    def learn_start(self, key: WorkloadKey, container: str, seconds: float) -> bool:
        """Keep the time that a container took to start, rounded up; returns whether it is the slowest by now.

        Parameters
        ----------
        key
            The workload.
        container
            The container's name.
        seconds
            The time that it took to start.
        """
        known = self.starts.get(key, EMPTY)
        rounded = ceil(seconds / START_STEP) * START_STEP
        if seconds < SLOW_START or rounded <= known.get(container, 0):
            return False
        self.starts[key] = {**known, container: rounded}
        return True

    def rolled_out_by(self, workload: Workload) -> tuple[RolloutRecord, ...]:
        """Return the rules by whose rollout a workload was changed; none if its HealthPlan is another workload's."""
        known = self.rollouts.get(workload.key)
        return known.by if known is not None and known.owner_uid == workload.uid else ()

    def keep_rollout(self, key: WorkloadKey, rolled_out: RolledOut) -> None:
        """Replace what is remembered of the rules by whose rollout a workload was changed.

        Parameters
        ----------
        key
            The workload.
        rolled_out
            The rules; without any, nothing is remembered.
        """
        if rolled_out.by:
            # Ten thousand workloads have the same few rules.
            self.rollouts[key] = replace(rolled_out, by=_shared_rollout(rolled_out.by))
        else:
            self.rollouts.pop(key, None)

    def put_answer(self, question: Question, proof: Proof) -> None:
        """Keep an answer for all workloads of the question's namespace and template.

        Parameters
        ----------
        question
            What was asked.
        proof
            What pods answered.
        """
        self.answers[question.template] = {**self.answers.get(question.template, EMPTY), question.id: proof}

    def drop_answer(self, template: str, id_: str) -> None:
        """Forget the answer to a question, if there is one.

        Parameters
        ----------
        template
            The namespace and template of the pods (`Question.template`).
        id_
            The question's id.
        """
        if id_ in (given := self.answers.get(template, EMPTY)):
            self._keep(template, {other: proof for other, proof in given.items() if other != id_})

    def keep_answers(self, ids: Collection[str]) -> None:
        """Forget all answers except those to the given questions."""
        for template, given in list(self.answers.items()):
            if any(id_ not in ids for id_ in given):
                self._keep(template, {id_: proof for id_, proof in given.items() if id_ in ids})
        for key in list(self.recalled):
            self.keep_recalled(key, ids)

    def recall(self, key: WorkloadKey, recalled: Recalled) -> None:
        """Replace the answers of a workload's HealthPlan.

        Parameters
        ----------
        key
            The workload that owns the HealthPlan.
        recalled
            The answers in it; without any, the earlier ones are forgotten.
        """
        if recalled.answers:
            self.recalled[key] = recalled
        else:
            self.recalled.pop(key, None)

    def keep_recalled(self, key: WorkloadKey, ids: Collection[str]) -> None:
        """Forget the answers of a workload's HealthPlan, except those to the given questions.

        Parameters
        ----------
        key
            The workload that owns the HealthPlan.
        ids
            The ids of the questions that are still asked.
        """
        if (recalled := self.recalled.get(key)) is not None and any(id_ not in ids for id_ in recalled.answers):
            kept = {id_: proof for id_, proof in recalled.answers.items() if id_ in ids}
            self.recall(key, Recalled(recalled.owner_uid, kept))

    def _keep(self, template: str, answers: Answers) -> None:
        if answers:
            self.answers[template] = answers
        else:
            del self.answers[template]


@lru_cache(maxsize=1024)
def _shared_rollout(by: tuple[RolloutRecord, ...]) -> tuple[RolloutRecord, ...]:
    """Return one object for equal values."""
    return by


V = TypeVar("V")


def _put_or_drop(known: dict[WorkloadKey, V], key: WorkloadKey, value: V) -> None:
    if value:
        known[key] = value
    else:
        known.pop(key, None)


def _pod_labels(workload: Workload) -> list[Label]:
    return [(workload.namespace, key, value) for key, value in workload.pod_labels.items()]


def _first_selector(service: Service) -> list[Label]:
    """Return one pair of a Service's selector. It is enough to find the Service, because its pods have every pair."""
    return [(service.namespace, *min(service.selector.items()))] if service.selector else []
