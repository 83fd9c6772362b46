"""The paths for health that a container's own settings name: `HEALTH_PATH=/internal/health`, `--health-path=/ok`."""

from __future__ import annotations

import re

from apphealth.model.probe import ProbeKind
from apphealth.model.survey import Runtime, SurveyPath
from apphealth.model.workload import Container
from apphealth.plan.probes.port_ranking import FOR_HEALTH, options_of, setting_words
from apphealth.plan.probes.presets.common import told_by_name

MAX_NAMED = 2
"""Most of them that are asked for."""
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{1,127}")
_PLACES = frozenset({"path", "endpoint", "route", "uri", "url"})
"""Words in the names of settings that say where something is served."""
_EVERY = frozenset(Runtime)
_HEALTH = (FOR_HEALTH - {"management", "mgmt", "actuator", "status"}) | {"check", "heartbeat"}


def named_paths(container: Container) -> tuple[SurveyPath, ...]:
    """Return the paths to ask for before all others.

    What a path is for is told by its own name, as anywhere; one that tells nothing is for readiness.

    Parameters
    ----------
    container
        Its literal variables and its command line are read.
    """
    found: dict[str, SurveyPath] = {}
    for name, value in (*((variable.name, variable.value) for variable in container.env), *options_of(container)):
        words = setting_words(name)
        path = value.strip()
        if words & _HEALTH and words & _PLACES and _PATH.fullmatch(path) and ".." not in path and "//" not in path:
            common = told_by_name(path)
            kinds = common.kinds if common is not None else frozenset({ProbeKind.READINESS})
            narrow = common is not None and not common.broad
            found[path] = SurveyPath(path, kinds, narrow=narrow, runtimes=_EVERY)  # before those of one family
    return tuple(found.values())[:MAX_NAMED]
