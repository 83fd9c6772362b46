"""The baseline: findings that existed when a team adopted lint, and that don't make lint fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.lint.report import LocatedFinding
from apphealth.cli.output import as_json

VERSION = 1
MAX_BYTES = 64 * 1024 * 1024


class _Entry(msgspec.Struct, frozen=True):
    fingerprint: str


class _Baseline(msgspec.Struct, frozen=True):
    version: int
    findings: tuple[_Entry, ...]


def read_baseline(path: Path) -> frozenset[str]:
    """Return the fingerprints of a baseline.

    Raises
    ------
    CommandError
        The file can't be read, is no baseline, or has another version.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
        found = msgspec.json.decode(content, type=_Baseline)
    except OSError as error:
        raise CommandError(f"--baseline {path}: can't be read: {error.strerror or error}", ExitCode.INPUT) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        hint = "write a new one with --write-baseline"
        raise CommandError(
            f"--baseline {path}: is not a baseline of apphealth ({error}); {hint}", ExitCode.INPUT
        ) from error
    if found.version != VERSION:
        message = f"--baseline {path}: has version {found.version}, and this apphealth reads version {VERSION}"
        raise CommandError(f"{message}; write a new one with --write-baseline", ExitCode.INPUT)
    return frozenset(entry.fingerprint for entry in found.findings)


def baseline_text(findings: Iterable[LocatedFinding]) -> str:
    """Return the text of a baseline with all findings, except ignored ones and problems of the input."""
    entries: dict[str, dict[str, Any]] = {}
    for one in findings:
        if one.suppression is None and not one.invalid_input:
            entries[one.fingerprint] = {
                "fingerprint": one.fingerprint,
                "id": one.finding.id,
                "object": one.object,
                "field": one.field,
            }
    ordered = sorted(entries.values(), key=lambda entry: (entry["object"], entry["id"], entry["field"]))
    return as_json({"version": VERSION, "findings": ordered})


def accept(findings: Iterable[LocatedFinding], known: frozenset[str]) -> list[LocatedFinding]:
    """Return the findings, those in the baseline marked as accepted."""
    return [
        replace(one, accepted=True) if one.fingerprint in known and not one.invalid_input else one for one in findings
    ]
