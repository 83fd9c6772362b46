"""Django, with django-health-check.

Its one page runs every check, so it tells readiness; whether the process lives, nothing but the open port tells.
"""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import TCP, Endpoints, Place, Preset, http, joined
from apphealth.plan.probes.presets.signs import Signs


def _endpoints(prefix: str) -> Endpoints:
    page = (http(f"{prefix}/"),)
    return {ProbeKind.LIVENESS: (TCP,), ProbeKind.READINESS: page, ProbeKind.STARTUP: page}


def _place(clues: Clues) -> Place:
    script = clues.first("SCRIPT_NAME", "FORCE_SCRIPT_NAME")
    return Place(prefix=joined(script, "ht") if script else None)


DJANGO = Preset(
    name="django-health-check",
    source="https://codingjoe.dev/django-health-check/: its view at /ht/",
    endpoints=_endpoints,
    default_prefix="/ht",
    default_port=8000,
    place=_place,
    signs=Signs(env=("DJANGO_SETTINGS_MODULE",)),
    besides=Signs(programs=("gunicorn", "uvicorn", "daphne", "hypercorn", "uwsgi", "manage.py"), env=("GUNICORN_",)),
    sought=True,
    sought_where=Signs(env=("DJANGO_",)),
    liveness_failures=6,
)
PRESETS = (DJANGO,)
