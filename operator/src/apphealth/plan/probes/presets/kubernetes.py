"""The endpoints that Kubernetes' own programs serve, and many written after them."""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.preset import TCP, Endpoints, Preset, http


def _endpoints(prefix: str) -> Endpoints:
    # /healthz alone is older than the other two. It says that the program lives, and nothing of traffic.
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/livez"), http(f"{prefix}/healthz")),
        ProbeKind.READINESS: (http(f"{prefix}/readyz"), TCP),
    }


STYLE = Preset(
    name="kubernetes-style",
    source="https://kubernetes.io/docs/reference/using-api/health-checks/: /livez, /readyz, and /healthz before them",
    endpoints=_endpoints,
    sought=True,
)
PRESETS = (STYLE,)
