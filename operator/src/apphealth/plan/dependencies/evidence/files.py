"""The files that a container mounts from ConfigMaps: YAML, JSON, properties, INI, nginx, any format with lines.

No format is parsed: a line like `key = value` or `key: value` is a setting, any other line is a plain text. So the
cost doesn't depend on the content, and URLs are found in unknown formats too.
"""

from __future__ import annotations

from collections.abc import Iterator

from apphealth.model.workload import Container
from apphealth.plan.dependencies.evidence.environment import ConfigMaps
from apphealth.plan.dependencies.evidence.text import Text

MAX_LINES = 2000
"""Most lines of one file that are read."""
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
    """Split a line into key and value; the key is empty if the line has none."""
    cut, width = min(
        ((at, len(mark)) for mark in ("=", ": ", '":') if (at := line.find(mark)) > 0), default=(len(line), 0)
    )
    key = line[:cut].strip(" \"'")
    if not width or not key or len(key) > _MAX_KEY or not _KEY_CHARACTERS.issuperset(key):
        return "", line
    return key, line[cut + width :].strip().strip(" ,:\"'")
