"""The cluster that the benchmarks measure on: ordinary web applications of about 5 KB each, with their Services.

Replicas are 0: nothing is scheduled, so the API server and its clients have the machine to themselves.
"""

from __future__ import annotations

from typing import Any

PER_NAMESPACE = 200
RULE = "bench"
"""Name of the ClusterAppHealth."""

_IMAGE = "registry.example.com/platform/storefront/{name}:2026.11.{patch}-3f9c2ab17d04"
_PROXIED = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def namespaces(count: int) -> list[str]:
    """Return the namespaces for this many applications."""
    return [f"bench-{number:03d}" for number in range(-(-count // PER_NAMESPACE))]


def namespace_of(number: int) -> str:
    """Return the namespace of an application."""
    return f"bench-{number // PER_NAMESPACE:03d}"


def name_of(number: int) -> str:
    """Return an application's name."""
    return f"service-{number:05d}"


def namespace(name: str) -> dict[str, Any]:
    """Return a Namespace that the rule selects."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"bench": "true"}}}


def deployment(number: int) -> dict[str, Any]:
    """Return a Deployment without probes, as a chart would render it."""
    name, labels = name_of(number), _labels(number)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(number) | {"annotations": _annotations(number)},
        "spec": {
            "replicas": 0,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels, "annotations": {"prometheus.io/scrape": "true"}},
                "spec": _pod(number),
            },
        },
    }


def service(number: int) -> dict[str, Any]:
    """Return the Service in front of an application."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(number),
        "spec": {
            # Headless: 10,000 cluster IPs would be more than the local range holds.
            "clusterIP": "None",
            "selector": {"app.kubernetes.io/name": name_of(number)},
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def rule(mode: str = "Enforce") -> dict[str, Any]:
    """Return the ClusterAppHealth for all of the applications, and nothing else."""
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "ClusterAppHealth",
        "metadata": {"name": RULE},
        "spec": {
            "mode": mode,
            "selector": {"matchLabels": {}},
            "namespaceSelector": {"matchLabels": {"bench": "true"}},
            "preset": "flask-management-endpoints",
            "verification": "Skip",
            "rollout": {"maxConcurrent": "100%", "canaries": 0, "soakSeconds": 0},
        },
    }


def _metadata(number: int) -> dict[str, Any]:
    return {"name": name_of(number), "namespace": namespace_of(number), "labels": _labels(number)}


def _labels(number: int) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": name_of(number),
        "app.kubernetes.io/instance": f"{name_of(number)}-production",
        "app.kubernetes.io/part-of": f"storefront-{number % 20}",
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": "web-application-4.7.2",
        "team": f"team-{number % 37}",
    }


def _annotations(number: int) -> dict[str, str]:
    return {
        "meta.helm.sh/release-name": name_of(number),
        "meta.helm.sh/release-namespace": namespace_of(number),
        "example.com/owner": f"team-{number % 37}@example.com",
        "example.com/runbook": f"https://runbooks.example.com/storefront/{name_of(number)}",
    }


def _pod(number: int) -> dict[str, Any]:
    return {
        "serviceAccountName": "default",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
        "containers": [_container(number)],
        "volumes": [
            {"name": "config", "configMap": {"name": f"{name_of(number)}-config", "optional": True}},
            {"name": "tmp", "emptyDir": {}},
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": name_of(number)}},
            }
        ],
    }


def _container(number: int) -> dict[str, Any]:
    return {
        "name": "web",
        "image": _IMAGE.format(name=name_of(number), patch=number % 30),
        "args": ["gunicorn", "--bind=0.0.0.0:8080", "--workers=4", f"{name_of(number).replace('-', '_')}.wsgi:app"],
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "env": _env(number),
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/service", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True},
    }


def _env(number: int) -> list[dict[str, Any]]:
    neighbour = number // PER_NAMESPACE * PER_NAMESPACE + (number + 1) % PER_NAMESPACE
    plain = {
        "LOG_LEVEL": "info",
        "APP_ENVIRONMENT": "production",
        "DATABASE_POOL_SIZE": "20",
        "SENTRY_RELEASE": f"2026.11.{number % 30}",
        "UPSTREAM_URL": f"http://{name_of(neighbour)}.{namespace_of(number)}.svc.cluster.local/api",
        "FEATURE_FLAGS": "new-checkout,express-delivery,recommendations-v2",
        **dict.fromkeys(_PROXIED, ""),
    }
    secret = {"secretKeyRef": {"name": f"{name_of(number)}-database", "key": "password", "optional": True}}
    return [
        *({"name": name, "value": value} for name, value in plain.items()),
        {"name": "DATABASE_PASSWORD", "valueFrom": secret},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
