"""The environment variables of a container, with references to other variables, `$(NAME)`, replaced by values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from apphealth.model.workload import Container
from apphealth.plan.dependencies.evidence.text import Text

MAX_REFERENCES = 32
"""Most references of one text that are replaced."""
MAX_PUT_IN = 512
"""Most characters of a value that replaces a reference."""
ConfigMaps = Mapping[tuple[str, str], Mapping[str, str]]
_REFERENCE = re.compile(r"\$(\$|\(([-._a-zA-Z0-9]{1,128})\))")


class Variable(NamedTuple):
    """A variable with a known value."""

    value: str
    source: str


def variables(container: Container, namespace: str, config_maps: ConfigMaps) -> dict[str, Variable]:
    """Return the variables with known values, by name. Secrets are never read.

    As in Kubernetes: of several variables with one name the last wins, `env` wins over `envFrom`, and a variable of
    `env` may refer to the variables before it. References in `envFrom` are not replaced.
    """
    found: dict[str, Variable] = {}
    for config_map in container.env_from:
        for key, value in config_maps.get((namespace, config_map), {}).items():
            found[key] = Variable(value, f"ConfigMap {config_map} key {key}")
    for variable in container.env:
        if variable.config_map:
            value = config_maps.get((namespace, variable.config_map), {}).get(variable.key, "")
            found[variable.name] = Variable(value, f"env {variable.name} from ConfigMap {variable.config_map}")
        else:
            found[variable.name] = Variable(expanded(variable.value, found), f"env {variable.name}")
    return found


def environment(container: Container, known: Mapping[str, Variable]) -> Iterator[Text]:
    """Yield the variables as texts."""
    for name, (value, source) in known.items():
        yield Text(name, value, f"{source} of {container.name}")


def expanded(text: str, known: Mapping[str, Variable]) -> str:
    """Replace each `$(NAME)` by the value of the variable, if it is known, and `$$` by a dollar sign."""
    if "$" not in text:
        return text

    def put_in(match: re.Match[str]) -> str:
        name = match[2]
        if name is None:
            return "$"
        return known[name].value[:MAX_PUT_IN] if name in known and known[name].value else match[0]

    return _REFERENCE.sub(put_in, text, count=MAX_REFERENCES)
