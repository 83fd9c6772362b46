"""Builders for what planning looks at: from little JSON to the values that `plan` takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from apphealth.api.parse import parse_rule
from apphealth.model.network_policy import parse_network_policy
from apphealth.model.parse_workload import parse_workload
from apphealth.model.proof import Proof, Question, Verdict
from apphealth.model.service import parse_namespace, parse_service
from apphealth.model.survey import Served, Speaks
from apphealth.plan.facts import EMPTY, Options
from apphealth.store.facts import plan_of
from apphealth.store.world import World

PORT = {"containerPort": 8080, "name": "http"}


def container(name: str = "main", **fields: Any) -> dict[str, Any]:
    """A container with one port, unless `ports` says otherwise."""
    return {"name": name, "image": f"registry.example/{name}:1", "ports": [PORT]} | fields


def deployment(
    *containers: dict[str, Any], name: str = "web", namespace: str = "shop", **fields: Any
) -> dict[str, Any]:
    """A Deployment; fields: labels, annotations, pod_annotations, generation, managed_fields, kind, init, volumes."""
    labels = {"app": name} | fields.get("labels", {})
    return {
        "apiVersion": "apps/v1",
        "kind": fields.get("kind", "Deployment"),
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "annotations": fields.get("annotations", {}),
            "generation": fields.get("generation", 1),
            "managedFields": fields.get("managed_fields", []),
        },
        "spec": {
            "template": {
                "metadata": {"labels": labels, "annotations": fields.get("pod_annotations", {})},
                "spec": {
                    "containers": list(containers) or [container()],
                    "initContainers": fields.get("init", []),
                    "volumes": fields.get("volumes", []),
                },
            }
        },
    }


def service(name: str = "web", namespace: str = "shop", **fields: Any) -> dict[str, Any]:
    """A Service of the workload of the same name on port 80; fields go into its spec."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}], "clusterIP": "10.96.0.7"} | fields
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def rule(name: str = "rule", namespace: str = "shop", created: str = "", **spec: Any) -> dict[str, Any]:
    """An AppHealth for everything in its namespace, with the flask preset, and without asking pods first."""
    target = {} if "targetRef" in spec else {"selector": {}}
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "AppHealth",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": created},
        "spec": target | {"preset": "flask-management-endpoints", "verification": "Skip"} | spec,
    }


def cluster_rule(name: str = "standard", created: str = "", **spec: Any) -> dict[str, Any]:
    """A ClusterAppHealth in mode Enforce."""
    obj = rule(name, created=created, **({"mode": "Enforce"} | spec))
    return obj | {"kind": "ClusterAppHealth", "metadata": {"name": name, "creationTimestamp": created}}


def world(
    *objects: dict[str, Any],
    options: Mapping[str, Any] = EMPTY,
    **config_maps: dict[str, str],
) -> World:
    """A world of raw objects, told apart by kind, planned by `options`; `config_maps` stand in the namespace shop."""
    made = World(Options(**options))
    for obj in objects:
        put(made, obj)
    made.config_maps.update({("shop", name): data for name, data in config_maps.items()})
    return made


def put(world: World, obj: dict[str, Any]) -> None:
    """Put a raw object into a world."""
    match obj["kind"]:
        case "AppHealth" | "ClusterAppHealth":
            world.put_rule(parse_rule(obj))
        case "Service":
            world.put_service(parse_service(obj))
        case "NetworkPolicy":
            policy = parse_network_policy(obj)
            world.policies.setdefault(policy.namespace, []).append(policy)
        case "Namespace":
            namespace = parse_namespace(obj)
            world.namespaces[namespace.name] = namespace
        case _:
            world.put_workload(parse_workload(obj))


def set_rules(world: World, *rules: dict[str, Any]) -> None:
    """Replace all rules of a world."""
    for key in list(world.rules):
        world.drop_rule(key)
    for obj in rules:
        world.put_rule(parse_rule(obj))


def surveyed(question: Question, paths: Iterable[str] = (), *, speaks: str | None = "http", **fields: Any) -> Proof:
    """Answer a survey: the first port is open, and these paths hold; `speaks=None`: every port is closed."""
    port = question.handler.ports[0].number
    served = () if speaks is None else (Served(port, Speaks(speaks)),)
    served += tuple(Served(port, Speaks(speaks), path, **fields) for path in paths)
    verdict = Verdict.VERIFIED if served else Verdict.REFUTED
    return Proof(verdict=verdict, answer="what the survey says", served=served)


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """The builders."""
    return SimpleNamespace(
        container=container,
        deployment=deployment,
        service=service,
        rule=rule,
        cluster_rule=cluster_rule,
        world=world,
        put=put,
        set_rules=set_rules,
        parse=parse_workload,
        parse_rule=parse_rule,
        surveyed=surveyed,
    )


@pytest.fixture(scope="session")
def planned() -> Any:
    """Plan the first workload among raw objects; with a rule of its own unless there is one among them."""

    def run(*objects: dict[str, Any], **options: Any) -> Any:
        rules = [obj for obj in objects if obj["kind"].endswith("AppHealth")]
        workload = next(
            (obj for obj in objects if obj["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Rollout")),
            deployment(),
        )
        others = [obj for obj in objects if obj is not workload]
        there = world(workload, *others, *([] if rules else [rule()]), **options)
        return plan_of(parse_workload(workload), there)

    return run


@pytest.fixture(scope="session")
def probe_of() -> Any:
    """Return the decision about one probe: `probe_of(plan, "liveness")`."""

    def find(plan: Any, kind: str, name: str = "main") -> Any:
        found = next(c for c in plan.containers if c.name == name)
        return next(p for p in found.probes if p.kind == kind)

    return find
