"""Judging one workload, written as its probes in YAML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from apphealth.lint.linting import lint_service, lint_workload
from apphealth.lint.subject import ServiceSubject, read_subject
from apphealth.model.parse_workload import parse_workload
from apphealth.model.service import parse_service
from apphealth.plan.findings import Finding
from apphealth.store.world import World

LIVENESS = {"httpGet": {"path": "/livez", "port": "http"}}
READINESS = {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5}
PORTS = [{"name": "http", "containerPort": 8080}]
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}


def deployment(container: dict[str, Any], pod: dict[str, Any] | None = None) -> dict[str, Any]:
    main = {
        "name": "web",
        "image": "shop/web:1.4",
        "ports": PORTS,
        "livenessProbe": LIVENESS,
        "readinessProbe": READINESS,
    }
    main = {key: value for key, value in (main | container).items() if value is not None}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [main]} | (pod or {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template},
    }


@pytest.fixture
def judge() -> Callable[..., list[Finding]]:
    """Judge a container: fields in YAML, over a good one; None takes a field away."""

    def call(container: str = "{}", pod: str = "{}", service: str | None = "{}") -> list[Finding]:
        value = deployment(yaml.safe_load(container), yaml.safe_load(pod))
        workload = parse_workload(value)
        world = World()
        world.put_workload(workload)
        services = []
        if service is not None:
            services = [parse_service(SERVICE | {"spec": SERVICE["spec"] | yaml.safe_load(service)})]
        found = list(lint_workload(read_subject(value, workload, services, None)))
        for one in services:
            found += lint_service(ServiceSubject(service=one, raw={}, behind=[workload]))
        return found

    return call
