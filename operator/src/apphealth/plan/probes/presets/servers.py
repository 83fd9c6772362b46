"""Well-known servers, recognised by their images."""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.microprofile import endpoints as microprofile
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http, is_true, joined, port_of
from apphealth.plan.probes.presets.signs import Signs


def _prometheus(prefix: str) -> Endpoints:
    return {ProbeKind.LIVENESS: (http(f"{prefix}/-/healthy"),), ProbeKind.READINESS: (http(f"{prefix}/-/ready"),)}


def _prometheus_place(clues: Clues) -> Place:
    prefix = clues.option("--web.route-prefix")
    outside = clues.option("--web.external-url").partition("://")[2].partition("/")[2]
    return Place(prefix=joined(prefix or outside))


def _grafana(prefix: str) -> Endpoints:
    # It says 503 while its database doesn't answer (pkg/api/http_server.go), so it is no sign of life.
    return {ProbeKind.READINESS: (http(f"{prefix}/api/health"),)}


def _grafana_place(clues: Clues) -> Place:
    port = port_of(clues.first("GF_SERVER_HTTP_PORT"))
    https = True if clues.first("GF_SERVER_PROTOCOL") in ("https", "h2") else None
    root = clues.first("GF_SERVER_ROOT_URL").partition("://")[2].partition("/")[2]
    below = joined(root) if is_true(clues.first("GF_SERVER_SERVE_FROM_SUB_PATH")) else None
    return Place(prefix=below, default_port=port, https=https)


def _traefik(prefix: str) -> Endpoints:
    ping = (http(f"{prefix}/ping"),)
    return {ProbeKind.LIVENESS: ping, ProbeKind.READINESS: ping}


def _traefik_place(clues: Clues) -> Place:
    address = clues.option("--entryPoints.traefik.address", "--entrypoints.traefik.address")
    number = port_of(address.rpartition(":")[2].partition("/")[0])
    return Place(port=number or 8080, https=False)


def _envoy(prefix: str) -> Endpoints:
    return {ProbeKind.LIVENESS: (http(f"{prefix}/server_info"),), ProbeKind.READINESS: (http(f"{prefix}/ready"),)}


def _envoy_place(_clues: Clues) -> Place:
    return Place(port=9901, https=False)


def _keycloak_place(clues: Clues) -> Place:
    path = clues.first("KC_HTTP_MANAGEMENT_RELATIVE_PATH", "KC_HTTP_RELATIVE_PATH")
    path = clues.option("--http-management-relative-path") or clues.option("--http-relative-path") or path
    port = clues.option("--http-management-port") or clues.first("KC_HTTP_MANAGEMENT_PORT")
    tls = any(name.startswith(("KC_HTTPS_CERTIFICATE_FILE", "KC_HTTPS_KEY_STORE_FILE")) for name in clues.env)
    plain = clues.first("KC_HTTP_MANAGEMENT_SCHEME") == "http"
    return Place(prefix=joined(path), port=port_of(port) or 9000, https=tls and not plain)


def _elasticsearch(prefix: str) -> Endpoints:
    # No page checks only the process: all others ask the cluster, or want a password.
    return {ProbeKind.READINESS: (http(f"{prefix}/_cluster/health?local=true"),)}


PROMETHEUS = Preset(
    name="prometheus",
    source="https://prometheus.io/docs/prometheus/latest/management_api/",
    endpoints=_prometheus,
    default_port=9090,
    place=_prometheus_place,
    signs=Signs(images=("prometheus",)),
    certain=True,
)
ALERTMANAGER = Preset(
    name="alertmanager",
    source="https://prometheus.io/docs/alerting/latest/management_api/",
    endpoints=_prometheus,
    default_port=9093,
    place=_prometheus_place,
    signs=Signs(images=("alertmanager",)),
    certain=True,
)
GRAFANA = Preset(
    name="grafana",
    source="https://grafana.com/docs/grafana/latest/developers/http_api/other/#health-api",
    endpoints=_grafana,
    default_port=3000,
    place=_grafana_place,
    signs=Signs(images=("grafana", "grafana-oss", "grafana-enterprise")),
    certain=True,
)
TRAEFIK = Preset(
    name="traefik",
    source="https://doc.traefik.io/traefik/operations/ping/: where --ping is on, at the entry point 'traefik'",
    endpoints=_traefik,
    default_port=8080,
    place=_traefik_place,
    signs=Signs(images=("traefik",)),
    liveness_failures=6,
)
ENVOY = Preset(
    name="envoy",
    source="https://www.envoyproxy.io/docs/envoy/latest/operations/admin: /ready and /server_info",
    endpoints=_envoy,
    default_port=9901,
    place=_envoy_place,
    signs=Signs(images=("envoy", "envoy-distroless")),
)
KEYCLOAK = Preset(
    name="keycloak",
    source="https://www.keycloak.org/observability/health, https://www.keycloak.org/server/management-interface",
    endpoints=microprofile,
    default_port=9000,
    place=_keycloak_place,
    signs=Signs(images=("keycloak",)),
)
ELASTICSEARCH = Preset(
    name="elasticsearch",
    source="https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-cluster-health",
    endpoints=_elasticsearch,
    default_port=9200,
    signs=Signs(images=("elasticsearch", "opensearch")),
)
PRESETS = (KEYCLOAK, PROMETHEUS, ALERTMANAGER, GRAFANA, TRAEFIK, ENVOY, ELASTICSEARCH)
