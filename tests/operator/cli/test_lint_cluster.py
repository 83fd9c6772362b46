"""`apphealth lint --cluster`, on the small API server of conftest.py."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from tests.operator.cli.objects import PORT, SERVICE, deployment

from apphealth.cli.errors import ExitCode

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
PROBE = "livenessProbe: {httpGet: {path: /livez, port: http, host: example.com}}"
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all("---\n".join((NAMESPACE, SERVICE, deployment(PORT, PROBE)))))
for item in OBJECTS[1:]:
    item["metadata"]["namespace"] = "shop"


def elsewhere(namespace: str) -> list[dict[str, Any]]:
    objects = copy.deepcopy(OBJECTS)
    objects[0]["metadata"]["name"] = namespace
    for item in objects[1:]:
        item["metadata"]["namespace"] = namespace
    return objects


def test_an_empty_namespace_is_nothing_to_judge(run: Callable, serve: Callable) -> None:
    _, cluster = serve(*OBJECTS, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "empty"}})
    outcome = run("lint", "--cluster", "--kubeconfig", cluster.kubeconfig, "-n", "empty")
    assert outcome.code == ExitCode.INPUT
    assert "nothing to judge: there is no workload and no Service in the namespace empty" in outcome.err


@pytest.fixture
def found(run: Callable, serve: Callable) -> Callable[..., list[dict[str, Any]]]:
    def call(objects: list[dict[str, Any]], *args: str) -> list[dict[str, Any]]:
        _, cluster = serve(*objects)
        outcome = run("lint", "--cluster", "--kubeconfig", cluster.kubeconfig, "-o", "json", *args)
        assert outcome.code in (ExitCode.OK, ExitCode.CHANGES), outcome.err
        return json.loads(outcome.text)["findings"]

    return call


def test_what_runs_is_judged_by_object_and_field(found: Callable) -> None:
    told = [(one["id"], one["namespace"], one["name"], one["file"], one["field"]) for one in found(OBJECTS)]
    container = "spec.template.spec.containers[web]"
    assert sorted(told) == [
        ("probe-host", "shop", "web", "", f"{container}.livenessProbe.httpGet.host"),
        ("readiness-missing", "shop", "web", "", container),
    ]


def test_the_context_says_the_namespace_unless_it_is_named_or_all(found: Callable) -> None:
    objects = [*OBJECTS, *elsewhere("market")]
    assert {one["namespace"] for one in found(objects)} == {"shop"}
    assert {one["namespace"] for one in found(objects, "-n", "market")} == {"market"}
    assert {one["namespace"] for one in found(objects, "-A")} == {"shop", "market"}


def test_annotations_of_other_tools_and_of_the_namespace_count(found: Callable) -> None:
    objects = copy.deepcopy(OBJECTS)
    objects[2]["metadata"]["annotations"] = {"ignore-check.kube-linter.io/no-readiness-probe": "a worker"}
    ignored = {one["id"]: one["ignored"] for one in found(objects)}
    assert ignored["readiness-missing"]["reason"] == "a worker"
    assert ignored["probe-host"] is None
    objects[0]["metadata"]["annotations"] = {"apphealth.dev/ignore": "theirs"}
    assert all(one["ignored"] for one in found(objects))


def test_what_a_rule_of_the_cluster_gives_is_not_missing(found: Callable) -> None:
    rule = {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "AppHealth",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"mode": "Enforce", "selector": {}, "probes": {"readiness": {"path": "/readyz"}}},
    }
    assert {one["id"] for one in found([*OBJECTS, rule])} == {"probe-host"}


def test_a_line_names_the_object_where_there_is_no_file(run: Callable, serve: Callable) -> None:
    _, cluster = serve(*OBJECTS)
    outcome = run("lint", "--cluster", "--kubeconfig", cluster.kubeconfig)
    assert outcome.code == ExitCode.CHANGES
    assert outcome.text.startswith("Deployment/shop/web: error: container web: the Service web sends requests")


def test_what_may_not_be_read_is_told_and_the_rest_is_judged(run: Callable, serve: Callable) -> None:
    server, cluster = serve(*OBJECTS)
    server.forbidden = {"services"}
    outcome = run("lint", "--cluster", "--kubeconfig", cluster.kubeconfig)
    assert "no right to list services" in outcome.err
    assert "[probe-host]" in outcome.text


def pod(name: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    spec = yaml.safe_load(deployment(PORT, PROBE))["spec"]["template"]["spec"]
    described = {"name": name, "namespace": "shop", "labels": {"app": name}} | metadata
    return {"apiVersion": "v1", "kind": "Pod", "metadata": described, "spec": spec, "status": {"phase": phase}}


def test_pods_without_a_workload_are_judged(found: Callable) -> None:
    owned = pod("owned", ownerReferences=[{"kind": "ReplicaSet", "name": "web-1"}])
    told = [one for one in found([*OBJECTS, pod("alone"), pod("ended", "Succeeded"), owned]) if one["kind"] == "Pod"]
    assert [(one["id"], one["name"], one["field"]) for one in told] == [
        ("probe-host", "alone", "spec.containers[web].livenessProbe.httpGet.host")
    ]


def test_pods_that_may_not_be_read_are_told(run: Callable, serve: Callable) -> None:
    server, cluster = serve(*OBJECTS)
    server.forbidden = {"pods"}
    outcome = run("lint", "--cluster", "--kubeconfig", cluster.kubeconfig)
    assert "no right to list pods in the namespace shop: Pods without a workload are not judged" in outcome.err
    assert "[probe-host]" in outcome.text


def test_a_cluster_that_is_not_there_is_said(run: Callable, write: Callable) -> None:
    config = {
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c"}}],
    }
    path = write("kubeconfig", json.dumps(config))
    outcome = run("lint", "--cluster", "--kubeconfig", path)
    assert outcome.code == ExitCode.ENVIRONMENT
    assert outcome.err.startswith("apphealth: ")
