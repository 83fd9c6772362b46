"""What the user asked `render` to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click

from apphealth.cli.manifests.sources import STDIN

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line."""

    paths: tuple[str, ...]
    rules: tuple[str, ...]
    namespace: str | None
    output: str | None
    patches: Path | None
    in_place: bool
    diff: bool
    check: bool
    enforce: bool
    allow_exec: bool
    unproven: bool
    cluster_domain: str
    quiet: bool

    def validate(self) -> None:
        """Refuse options that contradict each other."""
        asked = {"--output": bool(self.output), "--in-place": self.in_place, "--patches": self.patches is not None}
        chosen = [name for name, there in asked.items() if there]
        if len(chosen) > 1:
            raise click.UsageError(f"{' and '.join(chosen)} don't go together: choose one")
        if (self.diff or self.check) and (self.output or self.in_place):
            raise click.UsageError(f"{chosen[0]} writes, --diff and --check don't: choose one")
        if self.namespace is not None and not _NAMESPACE.fullmatch(self.namespace):
            raise click.UsageError(f"-n: '{self.namespace[:80]}' is no name of a namespace")
        if self.in_place and STDIN in self.paths:
            raise click.UsageError("--in-place has no file to write for '-f -'")
        if (*self.paths, *self.rules).count(STDIN) > 1:
            raise click.UsageError("standard input can be read once only")
