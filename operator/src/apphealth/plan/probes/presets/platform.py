"""Programs that clusters are run and watched with, recognised by their images: each with a health endpoint of its own.

Most of them have it on a port that no Service leads to. Where one endpoint has to do for both, or answers for peers or
storage too, there is no liveness.
"""

from __future__ import annotations

from collections.abc import Sequence

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http
from apphealth.plan.probes.presets.signs import Signs


def _program(
    name: str,
    source: str,
    port: int,
    ready: Sequence[str],
    live: Sequence[str] = (),
    *,
    images: Sequence[str] = (),
    of_its_own: bool = False,
    any_path: bool = False,
    certain: bool = False,
) -> Preset:
    """Return a preset.

    Parameters
    ----------
    port
        The port of its health endpoints: of its own, or that of its clients.
    ready, live
        The paths of readiness and of liveness, the best first.
    images
        Further names of images, besides that of the preset.
    of_its_own
        The port is for health alone, whatever Services lead to.
    any_path
        It answers so at every path.
    certain
        The program always serves them.
    """

    def endpoints(prefix: str) -> Endpoints:
        paths = {ProbeKind.READINESS: ready, ProbeKind.LIVENESS: live}
        return {
            kind: tuple(http(prefix + path, any_path=any_path) for path in ways) for kind, ways in paths.items() if ways
        }

    def place(_clues: Clues) -> Place:
        return Place(port=port, https=False) if of_its_own else Place()

    return Preset(
        name=name,
        source=source,
        endpoints=endpoints,
        default_port=port,
        place=place,
        signs=Signs(images=(name, *images)),
        certain=certain,
    )


PRESETS = (
    _program(
        "opentelemetry-collector",
        "https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/extension/healthcheckextension",
        13133,
        ("/",),
        images=("opentelemetry-collector-contrib", "opentelemetry-collector-k8s", "otelcol", "otelcol-contrib"),
        of_its_own=True,
        any_path=True,
    ),
    _program(
        "jaeger",
        "https://www.jaegertracing.io/docs/1.76/deployment/: the admin port of version 1",
        14269,
        ("/",),
        images=("all-in-one", "jaeger-collector", "jaeger-all-in-one"),
        of_its_own=True,
        any_path=True,
    ),
    _program("loki", "https://grafana.com/docs/loki/latest/reference/loki-http-api/", 3100, ("/ready",), certain=True),
    _program("tempo", "https://grafana.com/docs/tempo/latest/api_docs/: /ready", 3200, ("/ready",), certain=True),
    _program("mimir", "https://grafana.com/docs/mimir/latest/references/http-api/", 8080, ("/ready",), certain=True),
    _program(
        "minio",
        "https://min.io/docs/minio/linux/operations/monitoring/healthcheck-probe.html",
        9000,
        ("/minio/health/ready",),
        ("/minio/health/live",),
        certain=True,
    ),
    _program(
        "nats",
        "https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#health: the monitoring port",
        8222,
        ("/healthz?js-server-only=true", "/healthz"),
        ("/healthz?js-enabled-only=true",),
        images=("nats-server",),
        of_its_own=True,
    ),
    _program(
        "etcd",
        "https://etcd.io/docs/v3.6/op-guide/monitoring/: /livez and /readyz since 3.5.11, /health before",
        2379,
        ("/readyz", "/health"),
        ("/livez",),
    ),
    _program(
        "cockroachdb",
        "https://www.cockroachlabs.com/docs/stable/monitoring-and-alerting#health-endpoints",
        8080,
        ("/health?ready=1",),
        ("/health",),
        images=("cockroach",),
    ),
    _program(
        "oauth2-proxy",
        "https://oauth2-proxy.github.io/oauth2-proxy/features/endpoints/: /ready since 7.5",
        4180,
        ("/ready", "/ping"),
        ("/ping",),
    ),
    _program(
        "dex",
        "https://dexidp.io/docs/configuration/: telemetry's /healthz/live and /healthz/ready",
        5558,
        ("/healthz/ready",),
        ("/healthz/live",),
        of_its_own=True,
    ),
    _program("gitea", "https://docs.gitea.com/administration/health-check", 3000, ("/api/healthz",), certain=True),
    _program(
        "vault",
        "https://developer.hashicorp.com/vault/api-docs/system/health",
        8200,
        ("/v1/sys/health?standbyok=true&perfstandbyok=true",),
        images=("openbao",),
    ),
    _program("consul", "https://developer.hashicorp.com/consul/api-docs/status", 8500, ("/v1/status/leader",)),
    _program(
        "weaviate",
        "https://docs.weaviate.io/deploy/configuration/status",
        8080,
        ("/v1/.well-known/ready",),
        ("/v1/.well-known/live",),
    ),
    _program(
        "clickhouse",
        "https://clickhouse.com/docs/interfaces/http: /ping",
        8123,
        ("/ping",),
        images=("clickhouse-server",),
    ),
    _program("couchdb", "https://docs.couchdb.org/en/stable/api/server/common.html#up", 5984, ("/_up",)),
    _program("influxdb", "https://docs.influxdata.com/influxdb/v2/api/: /health", 8086, ("/health",)),
    _program(
        "kibana", "https://www.elastic.co/docs/api/doc/kibana/operation/operation-get-status", 5601, ("/api/status",)
    ),
    _program("sonarqube", "https://next.sonarqube.com/sonarqube/web_api/api/system", 9000, ("/api/system/status",)),
    _program("jenkins", "https://github.com/jenkinsci/helm-charts: its probes ask /login", 8080, ("/login",)),
)
