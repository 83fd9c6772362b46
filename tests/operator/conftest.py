"""Raw objects as the API server gives them, and a store to put them in."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from apphealth.controller.gate import Gate
from apphealth.kube.resources import Resource
from apphealth.store.outcomes import Outcome
from apphealth.store.store import Store

VERSIONS = itertools.count(1)
OURS = {"app.kubernetes.io/managed-by": "apphealth"}


def meta(name: str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    found = {"name": name, "uid": f"uid-{namespace}-{name}", "resourceVersion": str(next(VERSIONS))}
    return found | ({"namespace": namespace} if namespace else {}) | more


class Objects:
    """Raw objects."""

    def gate(self, store, enqueue=lambda _: None, *, now=lambda: datetime.now(UTC), **more):
        """Return the gate of an operator; its waves are worked out where somebody runs it."""
        given = {"dirty": lambda _: None, "busy": lambda _: False, "disruptions": None} | more
        return Gate(store, enqueue=enqueue, now=now, **given)

    def deployment(self, name="web", namespace="shop", *, labels=None, pod_labels=None, containers=None, **metadata):
        labels = {"app": name} if labels is None else labels
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta(name, namespace, labels=labels, generation=1) | metadata,
            "spec": {
                "template": {
                    "metadata": {"labels": pod_labels or {"app": name}},
                    "spec": {"containers": containers or [{"name": "main", "ports": [{"containerPort": 8080}]}]},
                }
            },
        }

    def workload(self, kind, name="web", namespace="shop", **more):
        """Return a workload of another kind; no two objects share a uid."""
        version = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
        found = self.deployment(name, namespace, **more) | {"kind": kind, "apiVersion": version}
        found["metadata"]["uid"] = f"uid-{namespace}-{kind}-{name}"
        return found

    def service(self, name="web", namespace="shop", *, selector=None, port=80):
        spec = {"selector": {"app": name} if selector is None else selector, "ports": [{"port": port}]}
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, namespace), "spec": spec}

    def namespace(self, name="shop", **labels):
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, "", labels=labels)}

    def rule(self, name="all", namespace="shop", **spec):
        return {
            "apiVersion": "apphealth.dev/v1alpha1",
            "kind": "AppHealth",
            "metadata": meta(name, namespace, generation=1),
            "spec": ({} if "targetRef" in spec else {"selector": {}}) | spec,
        }

    def cluster_rule(self, name="standard", **spec):
        return {
            "apiVersion": "apphealth.dev/v1alpha1",
            "kind": "ClusterAppHealth",
            "metadata": meta(name, "", generation=1),
            "spec": {"selector": {}} | spec,
        }

    def health_plan(self, name="web", namespace="shop", *, state="Applied", owner="uid-shop-web", **status):
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        owners = [{"kind": "Deployment", "name": name, "uid": owner}]
        return {
            "apiVersion": "apphealth.dev/v1alpha1",
            "kind": "HealthPlan",
            "metadata": meta(f"deployment-{name}", namespace, ownerReferences=owners, labels=OURS),
            "spec": {"workload": reference},
            "status": {"state": state} | status,
        }

    def config_map(self, name="settings", namespace="shop", *, ours=False, owner=None):
        labels = {"app.kubernetes.io/managed-by": "apphealth"} if ours else {}
        owners = [{"kind": "Deployment", "name": owner, "uid": f"uid-shop-{owner}"}] if owner else []
        metadata = meta(name, namespace, labels=labels, ownerReferences=owners)
        return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata}

    def newer(self, obj, **changes):
        """Return an object again, a version later, with changes of its spec."""
        metadata = obj["metadata"] | {"resourceVersion": str(next(VERSIONS))}
        return obj | {"metadata": metadata, "spec": obj.get("spec", {}) | changes}

    def older(self, obj):
        return obj | {"metadata": obj["metadata"] | {"resourceVersion": "0"}}


@pytest.fixture
def make() -> Objects:
    """Provide raw objects."""
    return Objects()


@pytest.fixture
def store() -> Store:
    """Provide an empty store."""
    return Store()


@pytest.fixture
def full(store: Store, make: Objects) -> Store:
    """Provide a store with two shops of two workloads each, looked at: `web` mentions `users` and reads `settings`."""
    from apphealth.api.healthplan import State
    from apphealth.api.rule import RuleKey, RuleKind
    from apphealth.model.service import ServiceKey

    for namespace in ("shop", "market"):
        store.put(Resource.NAMESPACES, make.namespace(namespace))
        for name in ("web", "users"):
            store.put(Resource.DEPLOYMENTS, make.deployment(name, namespace))
            store.put(Resource.SERVICES, make.service(name, namespace))
    store.put(Resource.RULES, make.rule())
    rule = RuleKey(RuleKind.APP_HEALTH, "shop", "all")
    for key in store.world.workloads:
        if key.namespace == "shop":
            mentions = frozenset({ServiceKey("shop", "users")} if key.name == "web" else ())
            maps = frozenset({("shop", "settings")} if key.name == "web" else ())
            outcome = Outcome(state=State.APPLIED, rules=(rule,), mentions=mentions, config_maps=maps)
            store.outcomes.put(key, outcome)
    return store
