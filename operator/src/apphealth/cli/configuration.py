"""Defaults of options from a configuration file: `.apphealth.yaml`, or `[tool.apphealth]` in `pyproject.toml`.

The first directory counts that has one, from the current one upwards. Options on the command line win.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
import yaml

FILE = ".apphealth.yaml"
PROJECT = "pyproject.toml"
_MAX_BYTES = 1024 * 1024


class LintDefaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True):
    """Defaults of `apphealth lint`."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Literal["error", "warning", "info", "never", ""] = ""
    baseline: str = ""
    """The path of the file, relative to the configuration file."""
    rules: tuple[str, ...] = ()
    """Paths, relative to the configuration file."""
    namespace: str = ""
    allow_empty: bool = False


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration file."""

    lint: LintDefaults = LintDefaults()


def lint_defaults(file: Path | None) -> dict[str, Any]:
    """Return the defaults of the options of lint, by parameter.

    Parameters
    ----------
    file
        The configuration file; None: the nearest one, if there is any.

    Raises
    ------
    click.UsageError
        The file can't be read, or a field of it is wrong.
    """
    found = (file, _content(file)) if file is not None else next(_nearest(Path.cwd()), None)
    if found is None or found[1] is None:
        return {}
    path, content = found
    try:
        lint = msgspec.convert(content, Configuration).lint
    except msgspec.ValidationError as error:
        raise click.UsageError(f"{_shown(path)}: {error}") from error
    values: dict[str, Any] = msgspec.structs.asdict(lint)
    values["rules"] = [_relative(path, rule) for rule in lint.rules]
    values["baseline"] = _relative(path, lint.baseline) if lint.baseline else ""
    return {name: value for name, value in values.items() if value}


def _nearest(start: Path) -> Iterator[tuple[Path, Any]]:
    for folder in (start, *start.parents):
        for name in (FILE, PROJECT):
            path = folder / name
            if path.is_file() and (content := _content(path)) is not None:
                yield path, content


def _content(path: Path) -> Any:  # noqa: ANN401 -- msgspec checks the type
    """Return the content of a file that is ours; None if it has none."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES)
        if path.suffix == ".toml":
            content: Any = tomllib.loads(text.decode())
            tool = content.get("tool")
            return tool.get("apphealth") if isinstance(tool, dict) else None
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 -- a safe loader
    except OSError as error:
        raise click.UsageError(f"{_shown(path)}: can't be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError) as error:
        raise click.UsageError(f"{_shown(path)}: can't be parsed: {' '.join(str(error).split())[:300]}") from error


def _relative(path: Path, given: str) -> str:
    return given if given == "-" else _shown(path.parent / given)


def _shown(path: Path) -> str:
    """Return a path relative to the current directory if it is below it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
