"""Spring Boot 2.3 to 4, with its actuator.

The groups `liveness` and `readiness` exist if Kubernetes is detected (since 2.3.2) or probes are enabled. If the
actuator has its own port, it leaves the application's context path, and may have its own base path and TLS.
"""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http, is_true, joined, port_of
from apphealth.plan.probes.presets.signs import Signs

_TLS = ("key-store", "certificate", "bundle")


def _endpoints(prefix: str) -> Endpoints:
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/health/liveness"),),
        ProbeKind.READINESS: (http(f"{prefix}/health/readiness"),),
    }


def _place(clues: Clues) -> Place:
    base = clues.prop("management.endpoints.web.base-path") or "/actuator"
    server, management = port_of(clues.prop("server.port")), port_of(clues.prop("management.server.port"))
    if management is not None and management != (server or 8080):
        before = clues.prop("management.server.base-path")
        secure = _has_tls(clues, "management.server")
        return Place(prefix=joined(before, base), port=management, default_port=server, https=secure)
    context = clues.prop("server.servlet.context-path") or clues.prop("spring.webflux.base-path")
    before = clues.prop("spring.mvc.servlet.path")
    tls = True if _has_tls(clues, "server") else None
    return Place(prefix=joined(context, before, base), default_port=server, https=tls)


def _has_tls(clues: Clues, server: str) -> bool:
    enabled = clues.prop(f"{server}.ssl.enabled")
    return any(clues.prop(f"{server}.ssl.{name}") for name in _TLS) and (not enabled or is_true(enabled))


BOOT = Preset(
    name="spring-boot",
    source="https://docs.spring.io/spring-boot/reference/actuator/endpoints.html#actuator.endpoints.kubernetes-probes",
    endpoints=_endpoints,
    default_prefix="/actuator",
    default_port=8080,
    place=_place,
    signs=Signs(env=("SPRING_",)),
    sought=True,
    sought_where=Signs(
        programs=(".jar", "java"), env=("MANAGEMENT_ENDPOINT", "MANAGEMENT_SERVER_", "JAVA_TOOL_OPTIONS")
    ),
)
PRESETS = (BOOT,)
