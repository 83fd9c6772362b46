"""What the planner makes of all sorts of containers, rules and presets is what a real API server takes."""

from __future__ import annotations

import random

import pytest

from apphealth.api.errors import InvalidResource
from apphealth.api.parse import parse_rule
from apphealth.model.parse_workload import parse_workload
from apphealth.model.probe import KINDS, parse_probe
from apphealth.model.service import parse_service
from apphealth.plan import Options
from apphealth.plan.probes import presets
from apphealth.store.facts import plan_of
from apphealth.store.world import World

SAMPLE = 60
MERGE = "application/strategic-merge-patch+json"
SETTINGS = {
    "SERVER_SERVLET_CONTEXT_PATH": ["/shop/", "$(X)", "/a b", "/" + "x" * 300],
    "MANAGEMENT_SERVER_PORT": ["9001", "0", "99999", "http"],
    "QUARKUS_MANAGEMENT_ENABLED": ["true"],
    "KC_HTTP_RELATIVE_PATH": ["/auth", "ä"],
    "LIGHTSHIP_PORT": ["9100", ""],
    "PORT": ["3000", "tcp://10.0.0.1:80"],
}


def container(draw: random.Random, name: str) -> dict:
    ports = draw.sample(
        [("http", 8080), ("", 9000), ("web", 8081), ("grpc", 50051), ("https", 8443)], draw.randint(0, 3)
    )
    variables = draw.sample(sorted(SETTINGS), draw.randint(0, 4))
    theirs = {"livenessProbe": {"tcpSocket": {"port": 1}}, "readinessProbe": {"exec": {"command": ["true"]}}}
    return {
        "name": name,
        "image": draw.choice(["x:1", "postgres:16", "localhost:5000/keycloak@sha256:" + "0" * 64]),
        "ports": [{"containerPort": number} | ({"name": name} if name else {}) for name, number in ports],
        "env": [{"name": name, "value": draw.choice(SETTINGS[name])} for name in variables],
    } | draw.choice([{}, {}, theirs])


def deployment(draw: random.Random, name: str) -> dict:
    labels = {"app": name}
    side = container(draw, "side") | {"restartPolicy": "Always"}
    pod = {"containers": [container(draw, "main")], "initContainers": draw.choice([[], [side]])}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def rule(draw: random.Random, namespace: str, preset: str) -> dict:
    numbers = draw.choice(
        [
            {},
            {"periodSeconds": draw.randint(1, 3600), "failureThreshold": draw.randint(1, 1000)},
            {"timeoutSeconds": draw.randint(1, 60)},
            {"port": draw.choice([1, 65535, "http"]), "path": "/up?x=1"},
            {"headers": [], "initialDelaySeconds": 0},
            {"type": "TCP"},
            {"service": "a.b.C"},
            {"terminationGracePeriodSeconds": 5},
        ]
    )
    kind = draw.choice(["liveness", "readiness", "startup"])
    grace = kind == "readiness" and "terminationGracePeriodSeconds" in numbers
    spec = {
        "selector": {},
        "preset": preset,
        "existingProbes": draw.choice(["Keep", "Replace"]),
        "probes": {} if grace else {kind: numbers},
        "containers": [{"name": "side"}],
    }
    metadata = {"name": "all", "namespace": namespace}
    return {"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth", "metadata": metadata, "spec": spec}


def service(namespace: str, name: str) -> dict:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


@pytest.mark.parametrize("half", range(2))
def test_the_api_server_takes_every_planned_probe_as_it_is(api, namespace, half):
    draw = random.Random(half)
    names = sorted(presets.ALL)
    written = 0
    for number in range(SAMPLE // 2):
        there = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        status, created = api.send("POST", there, deployment(draw, f"d{number}"))
        assert status == 201, created
        world = World(Options(allow_exec=draw.random() < 0.5))
        try:
            said = parse_rule(rule(draw, namespace, names[(number + half * SAMPLE // 2) % len(names)]))
        except InvalidResource as error:
            pytest.fail(f"the sample has a rule that nobody could apply: {error}")
        world.put_rule(said)
        world.put_service(parse_service(service(namespace, f"d{number}")))
        decided = plan_of(parse_workload(created), world)
        for patch in decided.patches:
            path = f"{there}/d{number}?dryRun=All&fieldValidation=Strict&fieldManager={patch.manager}"
            status, answer = api.send("PATCH", path, patch.body, MERGE)
            assert status == 200, (answer, patch.body)
            written += as_planned(decided, answer["spec"]["template"]["spec"])
    assert written > SAMPLE


def as_planned(decided, pod) -> int:
    """Compare all planned probes with what the API server made of them; returns how many there are."""
    containers = {c["name"]: c for c in (*pod["containers"], *pod.get("initContainers", []))}
    count = 0
    for container in decided.containers:
        for probe in container.probes:
            if probe.action == "Apply" and probe.probe is not None:
                assert parse_probe(containers[container.name][probe.kind.field]) == probe.probe
                count += 1
    assert {probe.kind for c in decided.containers for probe in c.probes} == set(KINDS)
    return count
