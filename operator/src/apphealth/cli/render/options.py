"""The options of `render`, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import click

from apphealth.cli.manifests.sources import STDIN, without_file

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
        """Check that the options agree with each other.

        Raises
        ------
        click.UsageError
            Two options exclude each other, or the namespace is not a valid name.
        """
        targets = {"--output": bool(self.output), "--in-place": self.in_place, "--patches": self.patches is not None}
        chosen = [name for name, given in targets.items() if given]
        if len(chosen) > 1:
            raise click.UsageError(f"{' and '.join(chosen)} exclude each other: choose one")
        if (self.diff or self.check) and (self.output or self.in_place):
            raise click.UsageError(f"{chosen[0]} writes files, --diff and --check don't: choose one")
        if self.namespace is not None and not _NAMESPACE.fullmatch(self.namespace):
            raise click.UsageError(f"-n: '{self.namespace[:80]}' is not a valid name of a namespace")
        if not self.paths:
            raise click.UsageError("no manifests given: give PATH, -f PATH or -k DIR")
        if self.in_place and (path := without_file(self.paths)):
            raise click.UsageError(f"--in-place has no file to write for '{path}'")
        if (*self.paths, *self.rules).count(STDIN) > 1:
            raise click.UsageError("standard input (-) can be read only once")
