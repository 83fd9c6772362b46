"""Flask applications."""

from __future__ import annotations

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.model.workload import Container
from apphealth.plan.presets.preset import Endpoint, Endpoints, Preset


def _endpoints(prefix: str) -> Endpoints:
    live = Endpoint(ProbeType.HTTP, f"{prefix}/health/liveness")
    # 1.x has no startup endpoint: liveness answers as soon as the server does, in every version.
    return {
        ProbeKind.LIVENESS: live,
        ProbeKind.READINESS: Endpoint(ProbeType.HTTP, f"{prefix}/health/readiness"),
        ProbeKind.STARTUP: live,
    }


def _detect(container: Container) -> str:
    variable = next((env.name for env in container.env if env.name.startswith("APPHEALTH_")), None)
    return f"env {variable}" if variable else ""


MANAGEMENT_ENDPOINTS = Preset(
    name="flask-management-endpoints",
    source="flask_management_endpoints 1.1.0 and 2.x: the routes of its blueprint under the prefix, /z by default",
    endpoints=_endpoints,
    default_prefix="/z",
    detect=_detect,
    runs_library=True,
)
