"""More frameworks on the JVM.

Vert.x, Thorntail, Karaf and Camel K answer where JKube's generators ask (https://github.com/eclipse-jkube/jkube, its
HealthCheckEnrichers).
"""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http, joined, port_of
from apphealth.plan.probes.presets.signs import Signs

_JKUBE = "https://github.com/eclipse-jkube/jkube/tree/master/jkube-kit"


def _micronaut(prefix: str) -> Endpoints:
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/health/liveness"),),
        ProbeKind.READINESS: (http(f"{prefix}/health/readiness"),),
    }


def _micronaut_place(clues: Clues) -> Place:
    prefix = joined(clues.prop("micronaut.server.context-path"), clues.prop("endpoints.all.path"))
    server, management = port_of(clues.prop("micronaut.server.port")), port_of(clues.prop("endpoints.all.port"))
    return Place(prefix=prefix, port=management, default_port=server)


def _one_path(prefix: str) -> Endpoints:
    # It runs every check that is registered, those of other services too, so it is no sign of life.
    return {ProbeKind.READINESS: (http(f"{prefix}/health"),)}


def _karaf(prefix: str) -> Endpoints:
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/health-check"),),
        ProbeKind.READINESS: (http(f"{prefix}/readiness-check"),),
    }


def _camel(prefix: str) -> Endpoints:
    # On the Quarkus runtime, which is the default since Camel K 1.0, and the older one on the JVM.
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/q/health/live"),),
        ProbeKind.READINESS: (http(f"{prefix}/q/health/ready"), http(f"{prefix}/health")),
    }


MICRONAUT = Preset(
    name="micronaut",
    source="https://docs.micronaut.io/latest/guide/#healthEndpoint",
    endpoints=_micronaut,
    default_port=8080,
    place=_micronaut_place,
    signs=Signs(env=("MICRONAUT_",)),
)
VERTX = Preset(
    name="vertx",
    source=f"{_JKUBE}/jkube-kit-vertx; https://vertx.io/docs/vertx-health-check/java/",
    endpoints=_one_path,
    default_port=8080,
    signs=Signs(env=("VERTX_",), programs=("vertx",)),
)
THORNTAIL = Preset(
    name="thorntail",
    source=f"{_JKUBE}/jkube-kit-thorntail-v2",
    endpoints=_one_path,
    default_port=8080,
    signs=Signs(env=("THORNTAIL_", "SWARM_"), programs=("thorntail.jar",)),
)
KARAF = Preset(
    name="karaf",
    source=f"{_JKUBE}/../enricher/specific: KarafHealthCheckEnricher",
    endpoints=_karaf,
    default_port=8181,
    signs=Signs(env=("KARAF_",), images=("karaf",), programs=("karaf",)),
)
CAMEL_K = Preset(
    name="camel-k",
    source="https://camel.apache.org/camel-k/next/traits/health.html, https://quarkus.io/guides/smallrye-health",
    endpoints=_camel,
    default_port=8080,
    signs=Signs(env=("CAMEL_K_",)),
)
PRESETS = (CAMEL_K, MICRONAUT, VERTX, THORNTAIL, KARAF)
