"""`python -m tests.bench [NAME…]`, or `make bench ARGS="NAME…"`: measure the numbers of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from tests.bench.options import Options
from tests.bench.report import Result, console, save, show

from localcluster.paths import state_dir

_MODULES = {
    "apply": "apply",
    "start": "starting",
    "latency": "latency",
    "settled": "settled",
    "waves": "waves",
    "clients": "clients",
    "plan": "planning",
    "render": "rendering",
    "lint": "linting",
    "graph": "graphs",
    "recall": "recall",
}
"""The operator's benchmarks; `library` has a command line of its own."""
_NAMES = (*_MODULES, "library")
_QUICK: dict[str, Any] = {"count": 20, "pairs": 1, "changes": 5, "minutes": 0.1}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named, all of them by default; return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(_NAMES)):
        parser.error(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(_NAMES)}")
    options = _options(given)
    code = 0
    # The library's has no small numbers.
    for name in given.names or (_MODULES if given.quick else _NAMES):
        console.print(f"[bold]{name}[/bold]")
        if name == "library":
            code |= _library()
            continue
        bench = cast("Callable[[Options], Result]", import_module(f"tests.bench.{_MODULES[name]}").run)
        result = bench(options)
        show(result)
        console.print(f"written: {save(result, options.out)}", highlight=False)
    return code


def _library() -> int:
    from tests.bench.library import main as library

    return library([])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(_NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it works, measures nothing")
    parser.add_argument("--count", type=int, help="how many Deployments or manifests, instead of each one's own number")
    parser.add_argument("--controllers", action="store_true", help="with --count: apply beside kube-controller-manager")
    parser.add_argument("--pairs", type=int, help="apply, waves: runs of each of the two sides; default 3")
    parser.add_argument("--changes", type=int, help="latency: changes one after another; default 200")
    parser.add_argument("--minutes", type=float, help="settled: how long to watch; default 10")
    parser.add_argument("--out", type=Path, default=state_dir() / "bench", help="folder of the results [%(default)s]")
    return parser


def _options(given: argparse.Namespace) -> Options:
    chosen = {name: value for name in _QUICK if (value := getattr(given, name)) is not None}
    values = (_QUICK if given.quick else {}) | chosen
    if size := values.get("count"):
        values |= {"small": size, "sizes": ((size, given.controllers),)}
    return Options(out=given.out, quick=given.quick, **values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
