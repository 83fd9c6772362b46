"""Endpoints that an application names itself: in an OpenAPI description, or by redirecting `/` to its base. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from apphealth.model.survey import Catalogue, Runtime, SurveyPath
from apphealth.plan.probes.presets.common import told_by_name
from apphealth.probing.http import Answer

MAX_NAMED = 4
"""Most endpoints of a description that are asked for."""
MAX_PATH = 128
"""Longest path that is asked for, in characters."""


class _Description(msgspec.Struct):
    """An OpenAPI description, or one of Swagger before it."""

    paths: dict[str, dict[str, Any]]
    base: str = msgspec.field(default="", name="basePath")


def named_by(answer: Answer, catalogue: Catalogue, runtime: Runtime | None) -> tuple[SurveyPath, ...]:
    """Return the paths that an answer leads to.

    Parameters
    ----------
    answer
        At a path that may name others (`SurveyPath.names`).
    catalogue
        Its `below` is asked for below a base.
    runtime
        What the application is written for; None if that isn't known.
    """
    if 300 <= answer.status < 400:
        base = _base(answer.location)
        return tuple(replace(one, path=base + one.path) for one in catalogue.below if base and one.suits(runtime))
    try:
        described = msgspec.json.decode(answer.body, type=_Description)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ()
    return tuple(_described(described))[:MAX_NAMED]


def _base(location: str) -> str:
    """Return the folder that a redirect leads to, without the slash at its end; empty for the root, or a page."""
    try:
        path = urlsplit(location).path
    except ValueError:
        return ""
    return path.rstrip("/") if path.endswith("/") and _may_be_asked(path) else ""


def _described(described: _Description) -> Iterator[SurveyPath]:
    for path, operations in described.paths.items():
        full = described.base.rstrip("/") + path
        common = told_by_name(full)
        if common is not None and "get" in operations and _may_be_asked(full):
            yield SurveyPath(full, common.kinds, narrow=not common.broad)


def _may_be_asked(path: str) -> bool:
    plain = path.isascii() and path.isprintable() and not any(character in path for character in ' {}?#%\\"')
    return path.startswith("/") and not path.startswith("//") and ".." not in path and plain and len(path) <= MAX_PATH
