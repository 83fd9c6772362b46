"""The endpoints of Kubernetes' own programs, which many other programs serve too."""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.preset import TCP, Endpoints, Preset, http


def _endpoints(prefix: str) -> Endpoints:
    # /healthz is older than the other two, and in many programs runs every check: it fits readiness, not liveness.
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/livez"),),
        ProbeKind.READINESS: (http(f"{prefix}/readyz"), http(f"{prefix}/healthz"), TCP),
    }


STYLE = Preset(
    name="kubernetes-style",
    source="https://kubernetes.io/docs/reference/using-api/health-checks/: /livez, /readyz, and /healthz before them",
    endpoints=_endpoints,
)
PRESETS = (STYLE,)
