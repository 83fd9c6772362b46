"""Presets that name a protocol and no application: what there is to ask comes from the user."""

from __future__ import annotations

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.plan.presets.preset import Endpoint, Endpoints, Preset


def _http(_prefix: str) -> Endpoints:
    return {}


def _tcp(_prefix: str) -> Endpoints:
    # An open port proves that the kernel accepts connections, not that the application lives: no liveness.
    return {ProbeKind.READINESS: Endpoint(ProbeType.TCP)}


def _grpc(_prefix: str) -> Endpoints:
    return dict.fromkeys(ProbeKind, Endpoint(ProbeType.GRPC))


HTTP = Preset(name="http", source="probes at the paths that the rule gives", endpoints=_http)
TCP = Preset(name="tcp", source="readiness by opening a connection", endpoints=_tcp)
GRPC = Preset(
    name="grpc",
    source="gRPC health checking protocol, https://github.com/grpc/grpc/blob/master/doc/health-checking.md",
    endpoints=_grpc,
)
