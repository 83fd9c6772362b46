"""Writes api.md from the docstrings of the public names.

Run it after changing one: ``python docs/library/generate.py``.
"""

# ruff: noqa: INP001 - a script beside what it writes, not a package

import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path

PUBLIC = {
    "flask_management_endpoints": [
        *("ManagementEndpoints", "z_blueprint", "Info", "Result", "Status", "Change", "InvalidCheckError"),
    ],
    "flask_management_endpoints.contrib.sqlalchemy": ["database"],
    "flask_management_endpoints.contrib.redis": ["redis"],
    "flask_management_endpoints.contrib.celery": ["workers"],
    "flask_management_endpoints.contrib.memcached": ["memcached"],
    "flask_management_endpoints.contrib.mongodb": ["mongodb"],
    "flask_management_endpoints.contrib.system": ["disk", "dns", "certificate"],
    "flask_management_endpoints.contrib.fixtures": ["HealthOfApp"],
}
TARGET = Path(__file__).with_name("api.md")
HEAD = "# API reference\n\nMade from the docstrings by `docs/library/generate.py`; don't edit it here.\n"


def reference() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for module, names in PUBLIC.items():
        parts.append(f"\n## `{module}`\n")
        for name in names:
            parts += _entry(name, getattr(import_module(module), name))
    return "\n".join(parts).rstrip() + "\n"


def _entry(name: str, value: object) -> Iterator[str]:
    if inspect.isclass(value):
        signature = "" if issubclass(value, Enum | Exception) else _signature(value)
        yield f"### `{name}{signature}`\n\n{_prose(value)}\n"
        yield from _members(name, value)
    elif callable(value) and not hasattr(value, "register"):
        yield f"### `{name}{_signature(value)}`\n\n{_prose(value)}\n"
    else:
        yield f"### `{name}`\n\nA `flask.Blueprint`. {_prose(value)}\n"


def _members(owner: str, value: type) -> Iterator[str]:
    documented = _attribute_docs(value)
    if documented:
        yield "\n".join(f"- `{name}`: {text}" for name, text in documented.items()) + "\n"
    for name, member in vars(value).items():
        if name.startswith("_") or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            yield f"#### `{owner}.{name}`\n\n{_prose(member)}\n"
        elif callable(member) or isinstance(member, staticmethod | classmethod):
            function = inspect.unwrap(member.__func__ if isinstance(member, staticmethod | classmethod) else member)
            yield f"#### `{owner}.{name}{_signature(function)}`\n\n{_prose(function)}\n"


def _attribute_docs(value: type) -> dict[str, str]:
    """Return the strings that stand below attributes, by attribute."""
    source = inspect.getsource(value)
    found = re.findall(r'^    (\w+)(?:: [^=\n]+)?(?: = [^\n]+)?\n    """(.+?)"""$', source, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


def _signature(value: Callable[..., object]) -> str:
    signature = inspect.signature(value)
    shown = [parameter for parameter in signature.parameters.values() if parameter.name not in ("self", "cls")]
    text = str(signature.replace(parameters=shown))
    return re.sub(r"flask_management_endpoints(\.\w+)*\.|flask\.app\.|collections\.abc\.|typing\.", "", text).replace(
        "'", ""
    )


def _prose(value: object) -> str:
    """Return a numpydoc docstring as Markdown: sections become lists."""
    text = inspect.getdoc(value) or ""
    lines, output, section = text.splitlines(), [], False
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[number + 1]):
            output.append(f"**{line}**\n")
            section = True
        elif re.fullmatch(r"-{3,}", line):
            continue
        elif section and line and not line.startswith(" "):
            output.append(f"- `{line}`")
        else:
            output.append(line if not section else f"  {line.strip()}" if line else line)
    return "\n".join(output).replace("``", "`")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
