"""The operator's own objects, and the ConfigMaps that workloads refer to, as the store knows them.

Only a fingerprint of the operator's own objects is kept: enough to see that nothing must be written. ConfigMaps are
watched by their metadata; the text of those that selected workloads refer to is read when a plan needs it, and
forgotten when the ConfigMap changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from apphealth.api.healthplan import HealthPlan, OriginalRecord, parse_originals, parse_plan
from apphealth.api.names import health_plan_name, workload_of_config_map
from apphealth.api.rule import RuleKind
from apphealth.kube.meta import Meta
from apphealth.model.proof import Proof
from apphealth.model.withheld import EarlierProbe, Withheld
from apphealth.model.workload import Workload, WorkloadKey, WrittenProbe
from apphealth.plan.record import earlier_by, parse_proof, withheld_by, written_by
from apphealth.store.config_maps import ConfigMapKey
from apphealth.store.outcomes import Outcomes
from apphealth.store.world import Recalled, RolledOut, World

MAX_CONFIG_MAP_TEXT = 64 * 1024 * 1024
"""Most characters of ConfigMaps kept in all; beyond it the oldest are forgotten, and read again when needed."""
_CLUSTER_RULE = f"{RuleKind.CLUSTER_APP_HEALTH}/"
"""The beginning of a ClusterAppHealth's name in HealthPlans."""


@dataclass(slots=True)
class Record:
    """An object of the operator in the cluster."""

    owner_uid: str
    fingerprint: bytes | None
    """None: content unknown; read the object before writing."""
    resource_version: str = ""
    ours: bool = True
    """False: an object of another owner has the name that we need."""
    cluster_ruled: bool = False
    """Of a HealthPlan that another operator wrote: whether a ClusterAppHealth selects its workload."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What a HealthPlan remembers, until its owner is confirmed."""

    owner_uid: str
    originals: tuple[OriginalRecord, ...]
    written: tuple[WrittenProbe, ...]
    withheld: tuple[Withheld, ...]
    earlier: tuple[EarlierProbe, ...]
    removed_at: str
    retried: str
    failing: str
    starts: Mapping[str, int]
    complete: bool
    """Whether originals that it lacks have been restored; if not, another writer may have removed them from it."""


def fingerprint_of(plan: HealthPlan) -> bytes:
    """Return a short fingerprint of a HealthPlan's content; equal HealthPlans have equal fingerprints."""
    return hashlib.blake2b(msgspec.json.encode(plan, order="sorted"), digest_size=16).digest()


class Records:
    """The operator's own objects, and the ConfigMaps that workloads refer to.

    Parameters
    ----------
    world
        The world that receives the originals and proofs of HealthPlans, and the text of ConfigMaps.
    outcomes
        The outcomes, which know which workloads read a ConfigMap.

    Attributes
    ----------
    health_plans
        By workload.
    deliveries
        The ConfigMaps that deliver dependencies, by namespace and name.
    only_writer
        Whether no other replica writes HealthPlans: this one leads.
    """

    def __init__(self, world: World, outcomes: Outcomes) -> None:
        self.health_plans: dict[WorkloadKey, Record] = {}
        self.deliveries: dict[ConfigMapKey, Record] = {}
        self._world = world
        self._outcomes = outcomes
        self.only_writer = False
        self._unconfirmed: dict[WorkloadKey, _Remembered] = {}
        self._plan_names: dict[tuple[str, str], WorkloadKey] = {}
        self._delivery_owners: dict[ConfigMapKey, WorkloadKey] = {}
        self._read_versions: dict[ConfigMapKey, str] = {}
        self._awaited: dict[ConfigMapKey, object] = {}
        self._text_size = 0

    def put_health_plan(self, obj: Mapping[str, Any], meta: Meta) -> frozenset[WorkloadKey]:
        """Store a HealthPlan that was read; its originals count after `confirm` has checked its owner.

        Parameters
        ----------
        obj
            The HealthPlan, as the API server gives it.
        meta
            Its metadata, parsed.

        Returns
        -------
        frozenset[WorkloadKey]
            Its workload, unless the HealthPlan is as the operator wrote it, or has a name that the operator never uses.
        """
        plan = parse_plan(obj)
        key = self._workload_of(plan, meta)
        if key is None or meta.name != health_plan_name(key.kind, key.name):
            return frozenset()  # not the operator's: it has no effect, and the operator never deletes it
        self._plan_names[meta.namespace, meta.name] = key
        known, fingerprint = self.health_plans.get(key), fingerprint_of(plan) if plan and meta.ours else None
        cluster_ruled = plan is not None and any(rule.startswith(_CLUSTER_RULE) for rule in plan.status.rules)
        self.health_plans[key] = Record(
            meta.owner_uid, fingerprint, meta.resource_version, ours=meta.ours, cluster_ruled=cluster_ruled
        )
        unchanged = known is not None and (known.fingerprint, known.owner_uid) == (fingerprint, meta.owner_uid)
        if unchanged and fingerprint is not None:
            return frozenset()
        originals = plan.status.originals if plan is not None else parse_originals(obj)
        if meta.ours:
            complete = plan is not None and not self.only_writer
            self._unconfirmed[key] = _Remembered(
                owner_uid=meta.owner_uid,
                originals=originals,
                written=written_by(plan) if plan is not None else (),
                withheld=withheld_by(plan) if plan is not None else (),
                earlier=earlier_by(plan) if plan is not None else (),
                removed_at=plan.status.removed_at if plan is not None else "",
                retried=plan.status.retried if plan is not None else "",
                failing=plan.status.failing if plan is not None else "",
                starts={one.container: one.seconds for one in plan.status.starts} if plan is not None else {},
                complete=complete,
            )
        if plan is not None and meta.ours:
            self._world.recall(key, Recalled(meta.owner_uid, _answers(plan)))
            self._world.keep_rollout(key, RolledOut(meta.owner_uid, plan.status.rollout, plan.status.state))
        return frozenset({key})

    def _workload_of(self, plan: HealthPlan | None, meta: Meta) -> WorkloadKey | None:
        """Return the workload of a HealthPlan: the one known by its name, or named in it, or else its owner."""
        if (known := self._plan_names.get((meta.namespace, meta.name))) is not None:
            return known
        if plan is not None:
            return WorkloadKey(plan.spec.workload.kind, meta.namespace, plan.spec.workload.name)
        owner = meta.owner_references[0] if meta.owner_references else None
        return WorkloadKey(owner.kind, meta.namespace, owner.name) if owner is not None else None

    def confirm(self, workload: Workload) -> None:
        """Let the originals of a workload's HealthPlan count if the workload owns it, before the workload is planned.

        While this replica is the only writer, a HealthPlan that differs from what it wrote was edited by another
        writer: the known originals stay, and new ones are added.
        """
        key = workload.key
        remembered = self._unconfirmed.pop(key, None)
        if remembered is None or remembered.owner_uid != workload.uid:
            return
        if remembered.complete or key not in self._world.written:
            self._world.written[key] = remembered.written
            self._world.keep_withheld(key, remembered.withheld, remembered.retried)
            self._world.keep_earlier(key, remembered.earlier)
            self._world.keep_removed_at(key, remembered.removed_at)
            for container, seconds in remembered.starts.items():
                self._world.learn_start(key, container, seconds)
            if remembered.failing:
                self._world.failing.setdefault(key, remembered.failing)
        known = () if remembered.complete else self._world.originals.get(key, ())
        names = {(original.container, original.type) for original in known}
        added = (one for one in remembered.originals if (one.container, one.type) not in names)
        if originals := (*known, *added):
            self._world.originals[key] = originals
        else:
            self._world.originals.pop(key, None)

    def drop_health_plan(self, name: tuple[str, str]) -> frozenset[WorkloadKey]:
        """Forget a deleted HealthPlan, and return its workload.

        Its originals are kept as long as the operator runs, because the HealthPlan may have been deleted before the
        originals were restored.
        """
        key = self._plan_names.pop(name, None)
        if key is None or self.health_plans.pop(key, None) is None:
            return frozenset()
        return frozenset({key})

    def forget(self, key: WorkloadKey) -> None:
        """Forget the originals and answers of a deleted workload's HealthPlan."""
        self._unconfirmed.pop(key, None)
        self._world.originals.pop(key, None)
        self._world.written.pop(key, None)
        self._world.keep_withheld(key, (), "")
        self._world.keep_earlier(key, ())
        self._world.keep_removed_at(key, "")
        self._world.failing.pop(key, None)
        self._world.starts.pop(key, None)
        self._world.recalled.pop(key, None)
        self._world.rollouts.pop(key, None)

    def put_config_map(self, meta: Meta) -> frozenset[WorkloadKey]:
        """Store a ConfigMap's metadata, and return the workloads that read it and the one it is written for."""
        key = (meta.namespace, meta.name)
        readers: frozenset[WorkloadKey] = frozenset()
        if self._read_versions.get(key, "") != meta.resource_version:
            readers = self._forget_text(key)
        return readers | self._put_delivery(key, meta)

    def _put_delivery(self, key: ConfigMapKey, meta: Meta) -> frozenset[WorkloadKey]:
        known = self.deliveries.get(key)
        if known is None and not meta.ours and not meta.name.endswith("-apphealth"):
            return frozenset()
        if known is not None and known.resource_version == meta.resource_version:
            return frozenset()
        self.deliveries[key] = Record(meta.owner_uid, None, meta.resource_version, ours=meta.ours)
        owner = meta.owner_references[0] if meta.owner_references else None
        if owner is not None:
            self._delivery_owners[key] = WorkloadKey(owner.kind, meta.namespace, owner.name)
        return self._delivered_to(key)

    def drop_config_map(self, name: tuple[str, str]) -> frozenset[WorkloadKey]:
        """Forget a deleted ConfigMap, and return the workloads that read it and the one it was written for."""
        key = (name[0], name[1])
        concerned = self._forget_text(key)
        if self.deliveries.pop(key, None) is not None:
            concerned |= self._delivered_to(key)
            self._delivery_owners.pop(key, None)
        return concerned

    def keep_delivery(self, key: ConfigMapKey, workload: WorkloadKey, record: Record) -> None:
        """Store the state of a ConfigMap that the operator has just written or read for a workload.

        Parameters
        ----------
        key
            The ConfigMap's namespace and name.
        workload
            The workload that reads it.
        record
            Its state.
        """
        self.deliveries[key] = record
        self._delivery_owners[key] = workload

    def keep_health_plan(self, name: tuple[str, str], workload: WorkloadKey, record: Record) -> None:
        """Store the state of a HealthPlan that the operator writes.

        Parameters
        ----------
        name
            The HealthPlan's namespace and name.
        workload
            The workload that it describes.
        record
            Its state.
        """
        self._plan_names[name] = workload
        self.health_plans[workload] = record

    def await_text(self, key: ConfigMapKey) -> object:
        """Return a token for a read of a ConfigMap that begins now; it holds until the ConfigMap changes."""
        return self._awaited.setdefault(key, object())

    def awaits(self, key: ConfigMapKey, token: object) -> bool:
        """Return whether the answer to a read is still wanted: nobody has brought a newer one, or told of a change."""
        return self._awaited.get(key) is token

    def keep_text(self, key: ConfigMapKey, version: str, text: Mapping[str, str]) -> None:
        """Store the text of a ConfigMap.

        Parameters
        ----------
        key
            Its namespace and name.
        version
            Its resourceVersion; empty if there is no such ConfigMap.
        text
            Its data.
        """
        self._forget_text(key)
        self._world.config_maps[key] = text
        self._read_versions[key] = version
        self._text_size += _size(text)
        while self._text_size > MAX_CONFIG_MAP_TEXT:
            self._forget_text(next(iter(self._world.config_maps)))

    def read_config_maps(self) -> list[ConfigMapKey]:
        """Return the ConfigMaps whose text was read."""
        return [key for key, version in self._read_versions.items() if version]

    def knows_config_map(self, name: tuple[str, str]) -> bool:
        """Return whether a plan has read a ConfigMap, or the operator writes it."""
        return name in self.deliveries or name in self._read_versions

    def _forget_text(self, key: ConfigMapKey) -> frozenset[WorkloadKey]:
        self._awaited.pop(key, None)
        self._read_versions.pop(key, None)
        self._text_size -= _size(self._world.config_maps.pop(key, {}))
        return self._outcomes.reading(key)

    def _delivered_to(self, key: ConfigMapKey) -> frozenset[WorkloadKey]:
        """Return the workload that a ConfigMap is written for: its owner, or the one with the matching name."""
        owner = self._delivery_owners.get(key)
        if owner is None:
            kind, name = workload_of_config_map(key[1])
            owner = WorkloadKey(kind, key[0], name)
        return frozenset({owner})


def _answers(plan: HealthPlan) -> dict[str, Proof]:
    """Return the answers that a HealthPlan remembers, so that the pods aren't asked again after a restart."""
    found = ((record.id, parse_proof(record)) for record in plan.status.proofs)
    return {id_: proof for id_, proof in found if proof is not None}


def _size(text: Mapping[str, str]) -> int:
    return sum(map(len, text.values()))
