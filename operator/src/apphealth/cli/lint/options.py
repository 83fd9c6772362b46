"""What the user asked `lint` to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from apphealth.cli.lint.report import FailOn
from apphealth.cli.live.options import Cluster
from apphealth.cli.manifests.sources import STDIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line."""

    paths: tuple[str, ...]
    rules: tuple[str, ...]
    cluster: Cluster | None
    """None: files."""
    namespace: str | None
    output: str
    fail_on: FailOn
    baseline: Path | None
    write_baseline: Path | None
    fix: bool
    unproven: bool
    diff: bool
    quiet: bool

    def validate(self) -> None:
        """Refuse options that contradict each other."""
        if not self.paths and self.cluster is None:
            raise click.UsageError("say what to look at: -f PATH, or --cluster")
        if self.paths and self.cluster is not None:
            raise click.UsageError("-f and --cluster don't go together: choose one")
        if (*self.paths, *self.rules).count(STDIN) > 1:
            raise click.UsageError("standard input can be read once only")
        self._validate_fix()

    def _validate_fix(self) -> None:
        if self.fix and self.cluster is not None:
            raise click.UsageError("--fix writes files; in a cluster the operator does it (apphealth run)")
        if self.fix and STDIN in self.paths:
            raise click.UsageError("--fix has no file to write for '-f -'; use apphealth render -f -")
        for name, given in (("--unproven", self.unproven), ("--diff", self.diff)):
            if given and not self.fix:
                raise click.UsageError(f"{name} goes with --fix")
