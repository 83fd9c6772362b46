"""From the paths of a command line to manifests: the others are read even if one can't be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apphealth.cli.manifests.documents import Manifest, parse
from apphealth.cli.manifests.problem import Problem
from apphealth.cli.manifests.sources import gather


def read_manifests(paths: Sequence[str], without: Path | None = None) -> tuple[list[Manifest], list[Problem]]:
    """Read the files that `paths` lead to; `without` is a directory that is not searched."""
    sources, problems = gather(paths, without=without)
    manifests: list[Manifest] = []
    for source in sources:
        match parse(source):
            case Manifest() as manifest:
                manifests.append(manifest)
            case Problem() as problem:
                problems.append(problem)
    return manifests, problems
