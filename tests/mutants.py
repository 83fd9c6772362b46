"""Change the code of `plan/` and `model/` a little, thousands of times, and see whether a fast test notices.

`make mutants` runs mutmut, and writes `.mutants/report.md`: a table of the modules, and the difference of every mutant
that no test killed. It isn't part of CI: all modules together take hours. `make mutants ARGS=apphealth.model.multimap`
takes one module or package, or whatever a pattern matches: `ARGS='*.x_plan_probes__mutmut_*'`.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".mutants"
"""Where mutmut runs. It derives the names of modules from paths, so that the package must lie in `src` there."""
LINKS = {"src": "operator/src"} | {name: name for name in ("tests", "docs", "crds", "deploy", "pyproject.toml")}
REPORT = FOLDER / "report.md"
NOT_CHOSEN = "not checked"
KILLED = ("killed", "timeout", "segfault")
"""What became of a mutant that was noticed: one that hangs or crashes is."""


def main() -> int:
    """Run mutmut on what was chosen, and write the report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="a module, a package, or a pattern of mutants' names; default: all")
    names = [name if "*" in name else f"{name}.*" for name in parser.parse_args().names]
    _make_folder()
    if code := _mutmut("run", *names).returncode:
        return code
    mutants = [line.strip().rpartition(": ") for line in _output("results", "--all", "true").splitlines()]
    chosen = {name: outcome for name, _, outcome in mutants if outcome != NOT_CHOSEN}
    REPORT.write_text("\n".join(_report(chosen)))
    sys.stdout.write(f"\n{REPORT.relative_to(ROOT)}\n\n" + "\n".join(_table(chosen)) + "\n")
    return 0


def _make_folder() -> None:
    # From scratch each time: mutmut believes what it found in an earlier run, even if tests have changed.
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for name, target in LINKS.items():
        (FOLDER / name).symlink_to(ROOT / target)


def _mutmut(*arguments: str, **options: bool) -> "subprocess.CompletedProcess[str]":
    # CI=true: Hypothesis tries the same examples on all mutants, so that none is killed by luck.
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=FOLDER, env=os.environ | {"CI": "true"}, text=True, check=False, **options)


def _output(*arguments: str) -> str:
    done = _mutmut(*arguments, capture_output=True)
    done.check_returncode()
    return str(done.stdout)


def _table(outcomes: dict[str, str]) -> Iterator[str]:
    """Return a Markdown table with a line for each module, and one for all together."""
    modules = defaultdict[str, Counter[str]](Counter)
    for name, outcome in outcomes.items():
        modules[name.rpartition(".")[0]][outcome] += 1
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


def _report(outcomes: dict[str, str]) -> Iterator[str]:
    """Return the table, and below it every mutant that no test killed by failing, with what was changed."""
    yield from ("# Mutants", "", *_table(outcomes))
    for name, outcome in sorted(outcomes.items()):
        if outcome != "killed":
            difference = _output("show", name).partition("\n")[2].strip()
            yield from ("", f"## {name}: {outcome}", "", "```diff", difference, "```")
    yield ""


if __name__ == "__main__":
    sys.exit(main())
