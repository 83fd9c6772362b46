"""The files that a container mounts from ConfigMaps: YAML, JSON, properties, INI, nginx, whatever has lines.

No format is parsed: a line is a setting where it looks like `key = value` or `key: value`, else just a text. So it
costs the same whatever stands there, and a URL is found in formats that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.model.workload import Container
from apphealth.plan.dependencies.evidence.environment import ConfigMaps
from apphealth.plan.dependencies.evidence.text import Text

MAX_LINES = 2000
"""Lines of one file that are looked at."""
COMMENTS = ("#", "//", ";", "<!--", "*", "--")
_KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
_MAX_KEY = 64


def files(container: Container, namespace: str, config_maps: ConfigMaps) -> Iterator[Text]:
    """Yield the lines of the files that a container mounts, except comments."""
    for config_map, keys in container.config_files:
        for name, content in config_maps.get((namespace, config_map), {}).items():
            if keys and name not in keys:
                continue
            source = f"file {name} of ConfigMap {config_map} in {container.name}"
            for line in content.splitlines()[:MAX_LINES]:
                text = line.strip()
                if text and not text.startswith(COMMENTS):
                    yield Text(*_setting(text.removeprefix("- ")), source)


def _setting(line: str) -> tuple[str, str]:
    """Split a line into key and value; the key is empty where it has none."""
    cut, width = min(
        ((at, len(mark)) for mark in ("=", ": ", '":') if (at := line.find(mark)) > 0), default=(len(line), 0)
    )
    key = line[:cut].strip(" \"'")
    if not width or not key or len(key) > _MAX_KEY or not _KEY_CHARACTERS.issuperset(key):
        return "", line
    return key, line[cut + width :].strip().strip(" ,:\"'")
