"""The variables of a container, as it sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apphealth.model.workload import Container
from apphealth.plan.evidence.text import Text

ConfigMaps = Mapping[tuple[str, str], Mapping[str, str]]


def environment(container: Container, namespace: str, config_maps: ConfigMaps) -> Iterator[Text]:
    """Yield each variable whose text can be known; Secrets are never read.

    Of several of one name the last counts, and those of `env` count before those of `envFrom`.
    """
    found: dict[str, tuple[str, str]] = {}
    for config_map in container.env_from:
        for key, value in config_maps.get((namespace, config_map), {}).items():
            found[key] = (value, f"ConfigMap {config_map} key {key}")
    for variable in container.env:
        if variable.config_map:
            value = config_maps.get((namespace, variable.config_map), {}).get(variable.key, "")
            found[variable.name] = (value, f"env {variable.name} from ConfigMap {variable.config_map}")
        else:
            found[variable.name] = (variable.value, f"env {variable.name}")
    for name, (value, source) in found.items():
        yield Text(name, value, f"{source} of {container.name}")
