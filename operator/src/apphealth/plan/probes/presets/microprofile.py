"""Servers that implement MicroProfile Health: /health/live, /health/ready and, since its version 3.1, /health/started.

The ports are those that JKube's generators ask (https://github.com/eclipse-jkube/jkube, its HealthCheckEnrichers).
"""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http, is_true, joined, port_of
from apphealth.plan.probes.presets.signs import Signs

MANAGEMENT = 9000
"""Quarkus' default port for management, if that is enabled."""


def endpoints(prefix: str) -> Endpoints:
    """Return the endpoints of the specification."""
    live = http(f"{prefix}/health/live")
    return {
        ProbeKind.LIVENESS: (live,),
        ProbeKind.READINESS: (http(f"{prefix}/health/ready"),),
        ProbeKind.STARTUP: (http(f"{prefix}/health/started"), live),
    }


def _quarkus(clues: Clues) -> Place:
    server = port_of(clues.prop("quarkus.http.port"))
    if is_true(clues.prop("quarkus.management.enabled")):
        tls = any(name.startswith(("QUARKUS_MANAGEMENT_SSL_", "QUARKUS_MANAGEMENT_TLS_")) for name in clues.env)
        root = clues.prop("quarkus.management.root-path") or "/q"
        port = port_of(clues.prop("quarkus.management.port")) or MANAGEMENT
        return Place(prefix=joined(root), port=port, default_port=server, https=tls)
    root = clues.prop("quarkus.http.root-path")
    other = clues.prop("quarkus.http.non-application-root-path") or "q"
    # A path that begins with a slash is absolute; any other is below the application's root.
    return Place(prefix=joined(other) if other.startswith("/") else joined(root, other), default_port=server)


def _wildfly(clues: Clues) -> Place:
    return Place(port=port_of(clues.prop("jboss.management.http.port")) or 9990, https=False)


def _liberty(clues: Clues) -> Place:
    return Place(default_port=port_of(clues.first("HTTP_PORT", "DEFAULT_HTTP_PORT")))


def _helidon(clues: Clues) -> Place:
    return Place(default_port=port_of(clues.prop("server.port")))


_SPECIFICATION = "https://github.com/microprofile/microprofile-health: /health/live, /health/ready, /health/started"
QUARKUS = Preset(
    name="quarkus",
    source="https://quarkus.io/guides/smallrye-health, https://quarkus.io/guides/management-interface-reference",
    endpoints=endpoints,
    default_prefix="/q",
    default_port=8080,
    place=_quarkus,
    signs=Signs(env=("QUARKUS_",)),
)
LIBERTY = Preset(
    name="open-liberty",
    source="https://openliberty.io/docs/latest/health-check-microservices.html",
    endpoints=endpoints,
    default_port=9080,
    place=_liberty,
    signs=Signs(env=("WLP_", "LIBERTY_"), images=("open-liberty", "openliberty", "websphere-liberty", "liberty")),
)
WILDFLY = Preset(
    name="wildfly",
    source="https://docs.wildfly.org/quickstart/microprofile-health/README.html: on the management interface, 9990",
    endpoints=endpoints,
    default_port=9990,
    place=_wildfly,
    signs=Signs(env=("WILDFLY_", "JBOSS_"), images=("wildfly", "wildfly-runtime", "wildfly-runtime-jdk17")),
)
HELIDON = Preset(
    name="helidon",
    source="https://helidon.io/docs/latest/mp/health: the specification's paths, on the server's port",
    endpoints=endpoints,
    default_port=8080,
    place=_helidon,
    signs=Signs(env=("HELIDON_",), images=("helidon",)),
)
ANY = Preset(
    name="microprofile",
    source=_SPECIFICATION,
    endpoints=endpoints,
    default_port=8080,
    signs=Signs(env=("MP_HEALTH_", "SMALLRYE_", "PAYARA_"), images=("payara",)),
)
PRESETS = (QUARKUS, LIBERTY, WILDFLY, HELIDON, ANY)
