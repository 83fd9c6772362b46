"""Change the code of `plan/` and `model/` a little, thousands of times, and see whether a fast test notices.

`make mutants` writes `.mutants/report.md`: a table of the modules, and the difference of every mutant that no test
killed. `make mutants ARGS=apphealth.model.multimap` takes one module or package; `ARGS="--sample 40"` takes that many
mutants of each module, the same ones at each run. It isn't part of CI: all of it takes more than an hour.

mutmut makes the mutants. It would run pytest anew for each; here one pytest collects the tests once, notes which test
runs which line, and then forks for each mutant: the child runs the tests of the line that was changed, those that run
the fewest others first, until one fails.
"""

import argparse
import gc
import os
import random
import resource
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from itertools import zip_longest
from math import ceil
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage, CoverageData
from coverage.parser import PythonParser
from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "operator/src"
FOLDER = ROOT / ".mutants"
REPORT = FOLDER / "report.md"
PACKAGES = ("model", "plan")
TESTS = [f"tests/operator/{package}" for package in PACKAGES]
TOO_SLOW = (
    "tests/operator/plan/loops/test_facts.py",  # properties over histories: hundreds of plans each
    "tests/operator/plan/loops/test_histories.py",
    "tests/operator/plan/loops/test_properties.py",
    "tests/operator/plan/test_bounded_work.py",  # counts calls; a mutant's function is two
    "tests/operator/plan/test_findings.py",  # reads the source
    "tests/operator/plan/test_cycles.py::test_the_graph_library_is_not_imported_where_there_is_no_cycle",  # a process
)
"""Tests that don't take part: those that take long, and those that the copy of the code confuses."""
ARGUMENTS = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", *TESTS]
KILLED = ("killed", "timeout")
"""What became of a mutant that was noticed: one that hangs is."""
MEMORY = 2 << 30
"""Bytes a mutant may take."""
CLOSEST = 200
"""Tests that run few other lines look closest at a mutant: so many of them are tried, and as many of the rest."""
SEED = 9


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small change of one function."""

    module: str
    name: str
    path: str
    line: int
    """The line of the original that was changed, in the copy."""
    body: range
    """The lines of the original function."""
    difference: str


@dataclass
class Trial:
    """A pytest plugin that tries mutants instead of running the tests once."""

    mutants: Sequence[Mutant]
    outcomes: dict[Mutant, str] = field(default_factory=dict)

    def pytest_configure(self) -> None:
        """Let Hypothesis try the same examples on all mutants, so that none is killed by luck or by a clock."""
        from hypothesis import settings  # pytest wants to import it

        settings.register_profile("mutants", derandomize=True, deadline=None, database=None)
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what doesn't take part."""
        items[:] = [item for item in items if not item.nodeid.startswith(TOO_SLOW)]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests once, and then those of each mutant."""
        seconds: dict[pytest.Item, float] = {}
        lines = Coverage(data_file=None, config_file=False, include=[str(FOLDER / "src/*")])
        set_mutant_under_test("")
        lines.start()
        for item in session.items:
            lines.switch_context(item.nodeid)
            start = time.process_time()
            if not _passes([item]):
                pytest.exit(f"{item.nodeid} fails without a mutant", returncode=1)
            seconds[item] = time.process_time() - start
        lines.stop()
        run = _lines_by_test(lines.get_data())
        gc.freeze()  # a collection in a child would copy all memory that it shares
        items = sorted(session.items, key=lambda item: len(run[item.nodeid]))
        for number, mutant in enumerate(self.mutants, 1):
            # The signature is no line that tests run.
            tests = [item for item in items if (mutant.path, mutant.line) in run[item.nodeid]] or [
                item for item in items if any((mutant.path, line) in run[item.nodeid] for line in mutant.body)
            ]
            tests = _closest(tests)
            self.outcomes[mutant] = _try(mutant, tests, sum(seconds[test] for test in tests)) if tests else "no tests"
            if number % 25 == 0:
                noticed = sum(outcome in KILLED for outcome in self.outcomes.values())
                sys.stderr.write(f"{number} of {len(self.mutants)} mutants, {noticed / number:.1%} noticed\n")
                self.report()
        self.report()
        return True

    def report(self) -> None:
        """Write what is known so far."""
        REPORT.write_text("\n".join(_report(self.outcomes)))


def main() -> int:
    """Try the mutants that were chosen, and write the report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["apphealth"], help="a module or a package; default: all")
    parser.add_argument("--sample", type=int, help="at most this many mutants of each module, chosen at random")
    arguments = parser.parse_args()
    made = list(_made(arguments.names))
    most = arguments.sample or sys.maxsize
    trial = Trial([mutant for one in made for mutant in random.Random(SEED).sample(one, min(most, len(one)))])
    sys.path.insert(0, str(FOLDER / "src"))
    if not trial.mutants:
        parser.error(f"no mutant has such a name: {' '.join(arguments.names)}")
    if code := pytest.main(ARGUMENTS, plugins=[trial]):
        return int(code)
    sys.stdout.write(f"\n{REPORT.relative_to(ROOT)}\n\n" + "\n".join(_table(trial.outcomes)) + "\n")
    return 0


def _made(names: Sequence[str]) -> Iterator[list[Mutant]]:
    """Copy the package, and put the mutants of each module that was chosen beside its functions.

    Yields the mutants of each module, in the order of the names.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(SOURCE, FOLDER / "src")
    paths = [path for package in PACKAGES for path in sorted((FOLDER / "src/apphealth" / package).rglob("*.py"))]
    modules = {".".join(path.relative_to(FOLDER / "src").with_suffix("").parts): path for path in paths}
    modules = {module.removesuffix(".__init__"): path for module, path in modules.items()}
    for module in dict.fromkeys(one for name in names for one in modules if f"{one}.".startswith(f"{name}.")):
        path = modules[module]
        mutated = mutate_file_contents(str(path), path.read_text())
        path.write_text(mutated.code)
        lines = mutated.code.splitlines()
        sources = {
            name: [line.replace(name, name.partition("__mutmut_")[0]) for line in lines[span.start - 1 : span.end]]
            for name, span in mutated.line_span_by_function_name.items()
        }
        yield [_mutant(module, str(path), name, sources, mutated) for name in mutated.mutant_names]


def _mutant(module: str, path: str, name: str, sources: dict[str, list[str]], mutated: MutatedFile) -> Mutant:
    original = name.partition("__mutmut_")[0] + "__mutmut_orig"
    span = mutated.line_span_by_function_name[original]
    return Mutant(
        module,
        name,
        path,
        span.start + _first_difference(sources[original], sources[name]),
        range(span.start + 1, span.end + 1),
        "\n".join([*unified_diff(sources[original], sources[name], lineterm="", n=1)][2:]),
    )


def _first_difference(original: Sequence[str], changed: Sequence[str]) -> int:
    """Return the number of lines before the first one that was changed."""
    pairs = zip_longest(original, changed)
    return next(number for number, (before, after) in enumerate(pairs) if before != after)


def _lines_by_test(data: CoverageData) -> dict[str, set[tuple[str, int]]]:
    """Return the lines that each test runs; of a statement of several lines, all of them count."""
    found = defaultdict[str, set[tuple[str, int]]](set)
    for path in data.measured_files():
        starts = PythonParser(filename=path)
        starts.parse_source()
        lines: dict[int, list[str]] = data.contexts_by_lineno(path)
        by_statement = defaultdict[int, set[str]](set)
        for line, tests in lines.items():
            by_statement[starts.first_line(line)].update(tests)
        for line in range(1, starts.text.count("\n") + 1):
            for test in by_statement.get(starts.first_line(line), ()):
                found[test].add((path, line))
    return found


def _closest(tests: Sequence[pytest.Item]) -> Sequence[pytest.Item]:
    """Return the tests to try, of those that run a line: the closest, and some of the rest, spread evenly."""
    rest = tests[CLOSEST:]
    return [*tests[:CLOSEST], *rest[:: ceil(len(rest) / CLOSEST) or 1]]


def _passes(tests: Sequence[pytest.Item]) -> bool:
    following = [*tests[1:], None]
    return all(
        not report.failed
        for test, after in zip(tests, following, strict=True)
        for report in runtestprotocol(test, log=False, nextitem=after)
    )


def _try(mutant: Mutant, tests: Sequence[pytest.Item], seconds: float) -> str:
    """Run the tests of a mutant in a child process, until one fails; returns what became of the mutant."""
    if child := os.fork():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {0: "survived", 1: "killed"}.get(status, "timeout")
    limit = ceil(time.process_time() + 2 + 3 * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        set_mutant_under_test(f"{mutant.module}.{mutant.name}")
        survived = _passes(tests)
    except BaseException:  # noqa: BLE001 -- whatever it is, it was noticed
        os._exit(1)
    os._exit(0 if survived else 1)


def _table(outcomes: dict[Mutant, str]) -> Iterator[str]:
    """Return a Markdown table with a line for each module, and one for all together."""
    modules = defaultdict[str, Counter[str]](Counter)
    for mutant, outcome in outcomes.items():
        modules[mutant.module][outcome] += 1
    columns = sorted(set(outcomes.values()), key=lambda outcome: (outcome not in KILLED, outcome))
    yield from _row(["module", "mutants", "noticed", *columns], ["---", *["--:"] * (len(columns) + 2)])
    for module, counts in sorted(modules.items()):
        yield from _row(_figures(module, counts, columns))
    if len(modules) > 1:
        yield from _row(_figures("all", Counter(outcomes.values()), columns))


def _figures(title: str, counts: Counter[str], columns: Sequence[str]) -> list[str]:
    noticed = sum(counts[outcome] for outcome in KILLED) / counts.total()
    return [title, str(counts.total()), f"{noticed:.0%}", *(str(counts[outcome]) for outcome in columns)]


def _row(*rows: list[str]) -> Iterator[str]:
    yield from (f"| {' | '.join(cells)} |" for cells in rows)


def _report(outcomes: dict[Mutant, str]) -> Iterator[str]:
    """Return the table, and below it every mutant that no test killed by failing, with what was changed."""
    yield from ("# Mutants", "", *_table(outcomes))
    for mutant, outcome in outcomes.items():
        if outcome != "killed":
            yield from ("", f"## {mutant.module}.{mutant.name}: {outcome}", "", "```diff", mutant.difference, "```")
    yield ""


if __name__ == "__main__":
    sys.exit(main())
