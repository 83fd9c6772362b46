"""`apphealth plan`: what enforcing the rules would change."""

from __future__ import annotations

from typing import Any

import pytest

from apphealth.cli.errors import ExitCode

RULE = {
    "apiVersion": "apphealth.dev/v1alpha1",
    "kind": "AppHealth",
    "metadata": {"name": "all", "namespace": "shop"},
    "spec": {
        "mode": "Audit",
        "selector": {},
        "verification": "Skip",
        "probes": {"liveness": {"path": "/live", "port": 80}, "readiness": {"enabled": False}},
        "rollout": {"maxConcurrent": 1, "soakSeconds": 30},
    },
}


SHORT = "Service shop/db would have 0 of 1 endpoints ready while Deployment/shop/db changes"
SHOP = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


def deployment(name: str, replicas: int = 2, ready: int | None = None, **spec: Any) -> dict[str, Any]:
    ready = replicas if ready is None else ready
    main = {"name": "main", "image": "app:1", "ports": [{"containerPort": 80}]}
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "generation": 1, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [main]}},
        }
        | spec,
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def test_the_blast_radius_of_a_rule_in_audit(serve: Any, run: Any) -> None:
    needs = {"services": [{"name": "db", "required": True}]}
    rule = RULE | {"spec": RULE["spec"] | {"dependencies": needs}}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1},
    }
    _, cluster = serve(
        SHOP,
        rule,
        deployment("web"),
        deployment("idle", 0),
        deployment("db", 1, strategy={"type": "Recreate"}),
        service("db"),
        budget,
    )
    done = run("plan", "-v", "--kubeconfig", cluster.kubeconfig)
    assert done.code == ExitCode.OK
    assert done.text.splitlines() == [
        "3 workloads would be changed: 2 restart 3 pods, 1 have no ready pod and are changed at once",
        "Deployment/shop/db waits: the PodDisruptionBudget db allows no pod to be down now",
        f"{SHORT}: the PodDisruptionBudget db wants 1",
        "Deployment/shop/db is down while it changes: its strategy is Recreate",
        "Deployment/shop/db comes last: 2 workloads require it",
        "AppHealth/shop/all: 2 workloads, 1 at once: about 3 min",
        "  Deployment/shop/db: adds liveness of main, startup of main; 1 pod restarts",
        "  Deployment/shop/idle: adds liveness of main, startup of main; no ready pod",
        "  Deployment/shop/web: adds liveness of main, startup of main; 2 pods restart",
    ]


def test_where_no_rule_is_nothing_would_be_changed(serve: Any, run: Any) -> None:
    _, cluster = serve(SHOP, deployment("web"))
    done = run("plan", "--kubeconfig", cluster.kubeconfig)
    assert done.text == (
        "0 workloads would be changed: 0 restart 0 pods, 0 have no ready pod and are changed at once\n"
    )


def budget(needed: int, allowed: int) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"minAvailable": needed, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed, "currentHealthy": 4, "desiredHealthy": needed},
    }


@pytest.mark.parametrize(
    ("needed", "spec", "left"),
    [
        pytest.param(3, {}, None, id="new pods first: none is down"),
        pytest.param(2, {"strategy": {"rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}}, None, id="enough left"),
        pytest.param(3, {"strategy": {"rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}}, 2, id="too few left"),
        pytest.param(3, {"strategy": {"type": "Recreate"}}, 0, id="Recreate"),
    ],
)
def test_services_below_their_minimum(serve: Any, run: Any, needed: int, spec: dict[str, Any], left: int) -> None:
    _, cluster = serve(SHOP, RULE, deployment("web", 4, **spec), service("web"), budget(needed, 4 - needed))
    found = [line for line in run("plan", "--kubeconfig", cluster.kubeconfig).text.splitlines() if "Service" in line]
    expected = f"Service shop/web would have {left} of 4 endpoints ready while Deployment/shop/web changes: "
    assert found == ([] if left is None else [f"{expected}the PodDisruptionBudget web wants {needed}"])


def test_passes_restart_the_pods_again_and_take_longer(serve: Any, run: Any) -> None:
    stages = {"stages": ["readiness+startup", "liveness"], "canaries": 0}
    rule = RULE | {"spec": RULE["spec"] | {"rollout": RULE["spec"]["rollout"] | stages}}
    _, cluster = serve(SHOP, rule, deployment("web"), service("web"))
    assert run("plan", "--kubeconfig", cluster.kubeconfig).text.splitlines() == [
        "1 workloads would be changed: 1 restart 2 pods, 0 have no ready pod and are changed at once",
        "1 of them in passes (spec.rollout.stages), each of which restarts the pods",
        "AppHealth/shop/all: 1 workloads, 1 at once: about 2 min",
    ]


@pytest.mark.parametrize("mode", ["Audit", "Enforce"])
def test_explain_says_what_a_write_does(serve: Any, run: Any, mode: str) -> None:
    rule = RULE | {"spec": RULE["spec"] | {"mode": mode}}
    down = {"strategy": {"rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}}
    _, cluster = serve(SHOP, rule, deployment("web", 4, **down), service("web"), budget(3, 1))
    text = run("explain", "deploy/web", "--kubeconfig", cluster.kubeconfig).text
    assert "  4 pods restart with it\n" in text
    assert "  Deployment/shop/web waits: the PodDisruptionBudget web allows no pod to be down now\n" in text
    assert "  Service shop/web would have 2 of 4 endpoints ready while Deployment/shop/web changes: " in text
