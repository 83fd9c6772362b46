"""An API server in memory, as far as probes go: defaults, validation, strategic merge, apply, and who owns which leaf.

Its rules are those of a real one, as tests/cluster/admission/test_writing_facts.py measures them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from apphealth.model.ownership import MANAGER, RESTORER
from apphealth.model.parse_workload import parse_workload
from apphealth.model.proof import Proof, Question
from apphealth.plan.record import written_by
from apphealth.store.facts import plan_of
from apphealth.store.world import World

KEYS = {"containers": "name", "initContainers": "name", "volumes": "name", "volumeMounts": "mountPath", "env": "name"}
HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
WHERE = ("path", "port", "command", "service")
"""Leaves of a handler that say where to ask."""
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
Leaf = tuple[str, ...]


class InvalidError(Exception):
    """422."""


class ConflictError(Exception):
    """409 of a server-side apply."""


def flatten(value: Any, field: str = "", path: Leaf = ()) -> dict[Leaf, Any]:
    """Return the leaves of an object by their FieldsV1 path; lists are leaves unless they have keys."""
    found: dict[Leaf, Any] = {}
    if isinstance(value, dict) and value:
        for key, item in value.items():
            found |= flatten(item, key, (*path, f"f:{key}"))
    elif isinstance(value, list) and field in KEYS:
        for item in value:
            key = json.dumps({KEYS[field]: item[KEYS[field]]}, separators=(",", ":"))
            found |= flatten(item, "", (*path, f"k:{key}"))
    else:
        found[path] = value
    return found


def unflatten(leaves: dict[Leaf, Any]) -> Any:
    """Return the object that has these leaves."""
    root: dict[str, Any] = {}
    for path, value in leaves.items():
        node: Any = root
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = copy.deepcopy(value)
    return _named(root)


def _named(node: Any) -> Any:
    if not isinstance(node, dict) or not node:
        return node
    if all(key.startswith("k:") for key in node):
        return [_named(item) for item in node.values()]
    return {key[2:]: _named(item) for key, item in node.items()}


def merge(live: Any, change: Any, field: str = "") -> Any:
    """Strategic merge."""
    if isinstance(change, dict):
        merged = dict(live) if isinstance(live, dict) else {}
        for key, item in change.items():
            if item is None:
                merged.pop(key, None)
            else:
                merged[key] = merge(merged.get(key), item, key)
        return merged
    if isinstance(change, list) and field in KEYS:
        merged_items = {item[KEYS[field]]: item for item in live or []}
        for item in change:
            key = item[KEYS[field]]
            if item.get("$patch") == "delete":
                merged_items.pop(key, None)
            else:
                merged_items[key] = merge(merged_items.get(key), item)
        return list(merged_items.values())
    return copy.deepcopy(change)


def complete(obj: dict[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of probes, and refuse what the API server refuses."""
    pod = obj["spec"]["template"]["spec"]
    for part in (pod, *pod["containers"]):
        for field in [field for field in KEYS if part.get(field) == []]:
            del part[field]
    for container in pod.get("containers", []):
        if "image" not in container:
            raise InvalidError("image: Required value")
        for field in PROBES:
            if container.get(field) is not None:
                _complete_probe(field, container[field])
    names = {volume["name"] for volume in pod.get("volumes", [])}
    mounts = [mount for container in pod["containers"] for mount in container.get("volumeMounts", [])]
    if any(mount["name"] not in names for mount in mounts):
        raise InvalidError("volumeMounts[0].name: Not found")
    return obj


def admit(before: dict[str, Any], after: dict[str, Any], *, touched: bool) -> dict[str, Any]:
    """The policy in deploy/operator/admission: the newest handler wins, and a probe that lost its own goes."""
    was = {item["name"]: item for item in before["spec"]["template"]["spec"]["containers"]}
    for container in after["spec"]["template"]["spec"]["containers"]:
        for field in PROBES:
            old, new = was.get(container["name"], {}).get(field), container.get(field)
            if old and new is not None and _has_handler(old):
                _admit_probe(old, new)
                if touched and not _has_handler(new):
                    del container[field]
    return after


def _admit_probe(old: dict[str, Any], new: dict[str, Any]) -> None:
    for handler in [handler for handler in HANDLERS if handler in old and handler in new]:
        same = all(new[handler].get(leaf) in (None, value) for leaf, value in old[handler].items() if leaf in WHERE)
        if sum(name in new for name in HANDLERS) > 1 and same:
            del new[handler]


def _has_handler(probe: dict[str, Any]) -> bool:
    return any(
        probe[handler].get("command" if handler == "exec" else "port") for handler in HANDLERS if handler in probe
    )


def _complete_probe(field: str, probe: dict[str, Any]) -> None:
    handlers = [handler for handler in HANDLERS if handler in probe]
    if len(handlers) != 1:
        raise InvalidError(f"{field}: {len(handlers)} handlers")
    handler = probe[handlers[0]]
    if handlers[0] == "httpGet":
        handler.setdefault("path", "/")
        handler.setdefault("scheme", "HTTP")
    if handlers[0] == "grpc":
        handler.setdefault("service", "")
    if not handler.get("command" if handlers[0] == "exec" else "port"):
        raise InvalidError(f"{field}: nowhere to ask")
    if probe.get("initialDelaySeconds") == 0:
        del probe["initialDelaySeconds"]
    defaults = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    for name, default in defaults.items():
        probe.setdefault(name, default)
        if probe[name] < 1:
            raise InvalidError(f"{field}.{name}: must be greater than 0")
    if field != "readinessProbe" and probe["successThreshold"] != 1:
        raise InvalidError(f"{field}.successThreshold: must be 1")


class ApiServer:
    """One workload, and everybody who writes to it."""

    def __init__(self, obj: dict[str, Any], manager: str = "kubectl-client-side-apply") -> None:
        self.metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
        self.kind = obj["kind"]
        self.status = obj.get("status", {})
        self.spec: dict[str, Any] = {"spec": {"template": {"spec": {"containers": []}}}}
        self.owned: dict[tuple[str, str], set[Leaf]] = {}
        self.last_applied: dict[Leaf, Any] = {}
        self.generation = 0
        self.replace(obj, manager)
        self.last_applied = flatten({"spec": obj["spec"]})

    @property
    def obj(self) -> dict[str, Any]:
        """The workload as GET returns it."""
        fields = [
            {"manager": manager, "operation": operation, "fieldsV1": _fields(owned)}
            for (manager, operation), owned in self.owned.items()
        ]
        metadata = self.metadata | {"generation": self.generation, "managedFields": fields}
        whole = {"apiVersion": "apps/v1", "kind": self.kind, "metadata": metadata, "status": self.status}
        return {**whole, **copy.deepcopy(self.spec)}

    def container(self, name: str = "main") -> dict[str, Any]:
        """One container as it is now."""
        return next(c for c in self.obj["spec"]["template"]["spec"]["containers"] if c["name"] == name)

    def replace(self, obj: dict[str, Any], manager: str) -> None:
        """`kubectl replace`, and what every patch comes to."""
        new = complete(self._admit({"spec": copy.deepcopy(obj["spec"])}))
        before, after = flatten(self.spec), flatten(new)
        changed = {leaf for leaf, value in after.items() if leaf not in before or before[leaf] != value}
        if not changed and before.keys() <= after.keys():
            return
        self._disown(changed | (before.keys() - after.keys()))
        if changed:
            self.owned.setdefault((manager, "Update"), set()).update(changed)
        self._store(new)

    def patch(self, body: dict[str, Any], manager: str) -> None:
        """A strategic-merge PATCH."""
        self.replace(merge({"spec": self.spec["spec"]}, body), manager)

    def client_side_apply(self, obj: dict[str, Any], manager: str = "kubectl-client-side-apply") -> None:
        """`kubectl apply`: sends what differs, and takes out what it applied before and no longer has."""
        wanted = flatten({"spec": obj["spec"]})
        kept = {
            leaf: value
            for leaf, value in flatten(self.spec).items()
            if leaf in wanted or not self._taken_out(leaf, wanted)
        }
        self.last_applied = wanted
        self.metadata["annotations"] = {**self.metadata.get("annotations", {}), LAST_APPLIED: json.dumps(obj)}
        self.replace(unflatten(kept | wanted), manager)

    def _taken_out(self, leaf: Leaf, wanted: dict[Leaf, Any]) -> bool:
        """A field that is no longer in the manifest takes along all that is in it."""
        return any(
            _is_below(prefix, self.last_applied) and not _is_below(prefix, wanted)
            for prefix in (leaf[:length] for length in range(1, len(leaf) + 1))
        )

    def apply(self, obj: dict[str, Any], manager: str, *, force: bool = False) -> None:
        """`kubectl apply --server-side`."""
        wanted, live = flatten({"spec": obj["spec"]}), flatten(self.spec)
        key = (manager, "Apply")
        others = {leaf: owner for owner, owned in self.owned.items() if owner != key for leaf in owned}
        clashes = {leaf for leaf, value in wanted.items() if leaf in others and live.get(leaf) != value}
        if clashes and not force:
            raise ConflictError(f"conflicts with {sorted({others[leaf][0] for leaf in clashes})}")
        gone = self.owned.get(key, set()) - wanted.keys()
        parents = {leaf[:length] for leaf in gone for length in range(1, len(leaf) + 1)}
        parents -= {leaf[:length] for leaf in (*wanted, *others) for length in range(1, len(leaf) + 1)}
        kept = {leaf: v for leaf, v in live.items() if not any(leaf[:n] in parents for n in range(1, len(leaf) + 1))}
        new = complete(self._admit(unflatten(kept | wanted)))
        self._disown(clashes | (live.keys() - flatten(new).keys()))
        self.owned[key] = set(wanted)
        self._store(new)

    def give_up(self, paths: Any) -> None:
        """A JSON patch of managedFields, as `kube.workloads.disown` sends it."""
        for key in [key for key in self.owned if key[0] in (MANAGER, RESTORER)]:
            self.owned[key] = {leaf for leaf in self.owned[key] if not any(leaf[: len(p)] == p for p in paths)}
            if not self.owned[key]:
                del self.owned[key]

    def managers(self, field: str) -> set[str]:
        """Everybody who owns something in a field of any container."""
        return {owner for (owner, _), owned in self.owned.items() if any(f"f:{field}" in leaf for leaf in owned)}

    def _admit(self, new: dict[str, Any]) -> dict[str, Any]:
        return admit(self.spec, new, touched=any(manager.startswith("apphealth") for manager, _ in self.owned))

    def _store(self, new: dict[str, Any]) -> None:
        if new != self.spec:
            self.generation += 1
        self.spec = new

    def _disown(self, leaves: set[Leaf]) -> None:
        for key in list(self.owned):
            self.owned[key] -= leaves
            if not self.owned[key]:
                del self.owned[key]


def _is_below(prefix: Leaf, leaves: dict[Leaf, Any]) -> bool:
    return any(leaf[: len(prefix)] == prefix for leaf in leaves)


def _fields(owned: set[Leaf]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for leaf in owned:
        node = root
        for part in leaf:
            node = node.setdefault(part, {})
    return root


class Operator:
    """The controller's loop in small: pods are asked first, and what it remembers is written before its patches.

    `pods` answers a question with a Proof.
    """

    def __init__(self, server: ApiServer, world: World, pods: Callable[[Question], Proof] | None = None) -> None:
        self.server = server
        self.world = world
        self.pods = pods
        self.sent = 0
        self.asked: set[str] = set()

    def look(self, limit: int = 30) -> Any:
        """Plan the workload as it is now, and ask its pods until the plan wants to know no more."""
        workload = parse_workload(self.server.obj)
        self.world.put_workload(workload)
        for _ in range(limit):
            decided = plan_of(workload, self.world)
            previewed = decided.preview.questions if decided.preview is not None else ()
            asked = tuple({question.id: question for question in (*decided.questions, *previewed)}.values())
            if not asked:
                return decided
            taken_back = decided.mode == "Audit"
            assert taken_back or not (decided.patches and decided.questions), "written before all is known"
            self._ask(asked)
        raise AssertionError(f"never stops asking: {decided.questions}")

    def _ask(self, questions: Sequence[Question]) -> None:
        assert self.pods is not None, "no pod is ready, and some are asked"
        ids = {question.id for question in questions}
        assert len(ids) == len(questions)
        assert not ids & self.asked, "asked twice"
        self.asked |= ids
        for question in questions:
            self.world.put_answer(question, self.pods(question))

    def settle(self, limit: int = 6) -> Any:
        """Plan and write until nothing is left to write."""
        for _ in range(limit):
            decided = self.look()
            self.remember(decided)
            if not decided.patches and not decided.disowned:
                return decided
            self.send(decided)
        raise AssertionError(f"never settles: {decided.patches}")

    def remember(self, decided: Any) -> None:
        """Write the HealthPlan; it is deleted once nothing is left to put back."""
        key = decided.workload
        if decided.record is not None:
            self.world.originals[key] = decided.record.status.originals
            self.world.written[key] = written_by(decided.record)
        elif not decided.patches:
            self.world.originals.pop(key, None)
            self.world.written.pop(key, None)

    def send(self, decided: Any) -> None:
        """Write the patches, and give up what is somebody else's."""
        for patch in decided.patches:
            self.server.patch(patch.body, patch.manager)
            self.sent += 1
        self.server.give_up(decided.disowned)


@pytest.fixture(scope="session")
def api_server() -> type[ApiServer]:
    """The API server in memory; `api_server.Conflict` and `.Invalid` are its refusals."""
    ApiServer.Conflict, ApiServer.Invalid = ConflictError, InvalidError  # type: ignore[attr-defined]
    return ApiServer


@pytest.fixture(scope="session")
def operator() -> type[Operator]:
    """The controller's loop."""
    return Operator
