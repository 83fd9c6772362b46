"""Django, with django-health-check.

Its only page runs every check, so it serves as readiness, and there is no endpoint for liveness.
"""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http, joined
from apphealth.plan.probes.presets.signs import Signs


def _endpoints(prefix: str) -> Endpoints:
    return {ProbeKind.READINESS: (http(f"{prefix}/"),)}


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
)
PRESETS = (DJANGO,)
