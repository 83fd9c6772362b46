"""Flask applications."""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http, joined
from apphealth.plan.probes.presets.signs import Signs


def _management(prefix: str) -> Endpoints:
    live = http(f"{prefix}/health/liveness")
    # 1.x has no startup endpoint: liveness answers as soon as the server does, in every version.
    return {
        ProbeKind.LIVENESS: (live,),
        ProbeKind.READINESS: (http(f"{prefix}/health/readiness"),),
        ProbeKind.STARTUP: (http(f"{prefix}/health/startup", only_proven=True), live),
    }


def _place(clues: Clues) -> Place:
    prefix = clues.env.get("APPHEALTH_PREFIX")
    return Place(prefix=None if prefix is None else joined(prefix))


def _healthz(prefix: str) -> Endpoints:
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/live"),),
        ProbeKind.READINESS: (http(f"{prefix}/ready"),),
    }


MANAGEMENT_ENDPOINTS = Preset(
    name="flask-management-endpoints",
    source="flask_management_endpoints 1.1.0 and 2.x: the routes of its blueprint under the prefix, /z by default",
    endpoints=_management,
    default_prefix="/z",
    place=_place,
    signs=Signs(env=("APPHEALTH_",)),
    runs_library=True,
    certain=True,
)
HEALTHZ = Preset(
    name="flask-healthz",
    source="https://github.com/fedora-infra/flask-healthz: its blueprint's /live and /ready, registered at /healthz",
    endpoints=_healthz,
    default_prefix="/healthz",
)
PRESETS = (MANAGEMENT_ENDPOINTS, HEALTHZ)
