"""Presets that name a protocol and no application."""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.preset import GRPC as ASK_GRPC
from apphealth.plan.probes.presets.preset import TCP as ASK_TCP
from apphealth.plan.probes.presets.preset import Endpoints, Preset
from apphealth.plan.probes.presets.signs import Signs


def _http(_prefix: str) -> Endpoints:
    return {}


def _tcp(_prefix: str) -> Endpoints:
    # An open port proves that the kernel accepts connections, not that the application lives: no liveness.
    return {ProbeKind.READINESS: (ASK_TCP,)}


def _grpc(_prefix: str) -> Endpoints:
    return dict.fromkeys(ProbeKind, (ASK_GRPC,))


HTTP = Preset(name="http", source="probes at the paths that the rule gives", endpoints=_http)
TCP = Preset(name="tcp", source="readiness by opening a connection", endpoints=_tcp)
GRPC = Preset(
    name="grpc",
    source="gRPC health checking protocol, https://github.com/grpc/grpc/blob/master/doc/health-checking.md",
    endpoints=_grpc,
    port_names=("grpc",),
    port_protocols=("grpc",),
    signs=Signs(ports=("grpc",), protocols=("grpc",)),
    left_to_survey=True,
)
PRESETS = (HTTP, GRPC)
AGGREGATES = Signs(env=("SPRING_", "ASPNETCORE_", "DOTNET_"), images=("aspnet",), programs=("java", ".jar", "dotnet"))
"""Signs of frameworks that put the overall status together from what they need, see docs/decisions/0027."""
