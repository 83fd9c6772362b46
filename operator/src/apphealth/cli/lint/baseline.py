"""The baseline: findings that were there when lint was adopted, and don't count until they are mended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.lint.report import INPUT, Judged

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
        Where it can't be read; what to do is said.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
        found = msgspec.json.decode(content, type=_Baseline)
    except OSError as error:
        raise CommandError(f"--baseline {path}: can't be read: {error.strerror or error}", ExitCode.INPUT) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        hint = "write it anew with --write-baseline"
        raise CommandError(
            f"--baseline {path}: is no baseline of apphealth ({error}); {hint}", ExitCode.INPUT
        ) from error
    if found.version != VERSION:
        message = f"--baseline {path}: has version {found.version}, and this apphealth writes {VERSION}"
        raise CommandError(f"{message}; write it anew with --write-baseline", ExitCode.INPUT)
    return frozenset(entry.fingerprint for entry in found.findings)


def baseline_text(judged: Iterable[Judged]) -> str:
    """Return the text of a baseline that accepts all that counts; what can't be read is never accepted."""
    entries: dict[str, dict[str, Any]] = {}
    for one in judged:
        if one.suppression is None and one.finding.id != INPUT:
            entries[one.fingerprint] = {
                "fingerprint": one.fingerprint,
                "id": one.finding.id,
                "object": one.object,
                "field": one.field,
            }
    ordered = sorted(entries.values(), key=lambda entry: (entry["object"], entry["id"], entry["field"]))
    text = msgspec.json.encode({"version": VERSION, "findings": ordered})
    return msgspec.json.format(text, indent=2).decode() + "\n"


def accept(judged: Iterable[Judged], known: frozenset[str]) -> list[Judged]:
    """Mark the findings that are in a baseline."""
    return [
        replace(one, accepted=True) if one.finding.id != INPUT and one.fingerprint in known else one for one in judged
    ]
