"""`apphealth lint` of many manifests, as a process, beside kube-score (Go) and checkov (Python) on the same files.

And which probe problems each of them finds: the bad example of every rule's page against its good one. A tool finds a
problem where something fails in the bad one that doesn't in the good one.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table
from tests.bench import objects
from tests.bench.options import Options
from tests.bench.report import Result, Row, console, measured, middle

from localcluster.paths import cache_dir

KUBE_SCORE = "v1.20.0"
CHECKOV = "3.3.30"
DOCS = Path(__file__).parents[2] / "docs" / "lint"
_EXAMPLE = re.compile(r"^## (Bad|Good)\n\n```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_READER = """\
import pathlib, sys, yaml
for path in pathlib.Path(sys.argv[1]).rglob("*.yaml"):
    list(yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader))
"""
_CHECKS = "CKV_K8S_8,CKV_K8S_9"
"""checkov's liveness and readiness; with all its checks it takes far longer."""
Judge = Callable[[Path], dict[str, set[str]]]
"""What a tool reports of each file in a folder."""


def run(options: Options) -> Result:
    """Measure with `small` files, each a Deployment without probes and its Service."""
    tools = {} if options.quick else {"kube-score": _kube_score(), "checkov": _checkov()}
    with measured("lint") as result, tempfile.TemporaryDirectory(prefix="apphealth-bench-lint-") as name:
        folder = Path(name)
        _write(folder / "manifests", options.small)
        _write(folder / "one", 1)
        result.rows = _speed(folder, options, tools, result)
        result.samples.append({"finds": _finds(folder, tools)})
    return result


def _speed(folder: Path, options: Options, tools: dict[str, Path], result: Result) -> list[Row]:
    manifests = folder / "manifests"
    files = [str(path) for path in sorted(manifests.rglob("*.yaml"))]
    commands: dict[str, list[str]] = {"apphealth": _ours(manifests), "one": _ours(folder / "one")}
    commands["reading"] = [sys.executable, "-c", _READER, str(manifests)]
    if tools:
        commands["kube-score"] = [str(tools["kube-score"]), "score", *files]
        commands["checkov"] = _checkov_command(tools["checkov"], manifests)
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(options.pairs):
        for name, command in commands.items():
            if name != "checkov" or turn == 0:  # half a minute
                taken, worked = _seconds(command, folder)
                seconds[name].append(taken)
                cpu[name].append(worked)
    result.samples = [{"seconds": seconds, "cpu": cpu}]
    note = f"median of {options.pairs}"
    ours = middle(seconds["apphealth"])
    rows = [
        Row(what="lint of one manifest: the start", value=middle(seconds["one"]), unit="s", limit=0.4, note=note),
        Row(
            what=f"lint of {options.small:,} manifests; floor: PyYAML's C loader reads them",
            value=ours,
            unit="s",
            floor=middle(seconds["reading"]),
            limit=1.5,
            absolute=True,
            note=note,
        ),
    ]
    for what, figures in (("time", seconds), ("CPU", cpu)):
        rows += [
            Row(
                what=f"the same, {what}; floor: {name}",
                value=middle(figures["apphealth"]),
                unit="s",
                floor=middle(figures[name]),
                note=note,
            )
            for name in tools
        ]
    return rows


def _ours(folder: Path) -> list[str]:
    return [str(Path(sys.executable).parent / "apphealth"), "lint", "-q", "-f", str(folder)]


def _checkov_command(program: Path, folder: Path) -> list[str]:
    return [str(program), "-d", str(folder), "--framework", "kubernetes", "--check", _CHECKS, "--compact", "--quiet"]


def _seconds(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run a command; return its time, and its time on a CPU, which suffers less from what runs beside."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    # Findings make the exit code 1.
    done = subprocess.run(command, check=False, capture_output=True, cwd=folder, env=_environment())
    taken, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONWARNINGS": "ignore", "LOG_LEVEL": "ERROR"}


def _write(folder: Path, count: int) -> None:
    for number in range(count):
        target = folder / objects.namespace_of(number) / f"{objects.name_of(number)}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        documents = [objects.deployment(number), objects.service(number)]
        target.write_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False))


def _finds(folder: Path, tools: dict[str, Path]) -> dict[str, dict[str, list[str]]]:
    """Return for each rule what each tool says of its bad example that it doesn't say of the good one."""
    judges: dict[str, Judge] = {"apphealth": _each(_ids_of_ours)}
    if tools:
        judges["kube-score"] = _each(lambda path: _ids_of_kube_score(tools["kube-score"], path))
        judges["checkov"] = lambda examples: _ids_of_checkov(tools["checkov"], examples)
    ids = _write_examples(folder / "examples")
    told = {name: judge(folder / "examples") for name, judge in judges.items()}
    found = {
        id_: {name: sorted(said[f"{id_}-bad.yaml"] - said[f"{id_}-good.yaml"]) for name, said in told.items()}
        for id_ in ids
    }
    table = Table("rule", *judges, title="which problems each one finds", title_justify="left")
    for id_, row in found.items():
        table.add_row(id_, *(", ".join(names) or "-" for names in row.values()))
    console.print(table)
    return found


def _write_examples(folder: Path) -> list[str]:
    folder.mkdir()
    pages = [page for page in sorted(DOCS.glob("*.md")) if page.stem != "index"]
    for page in pages:
        for kind, text in _EXAMPLE.findall(page.read_text()):
            (folder / f"{page.stem}-{kind.lower()}.yaml").write_text(text)
    return [page.stem for page in pages]


def _each(judge: Callable[[Path], set[str]]) -> Judge:
    """Judge the files one by one."""
    return lambda folder: {path.name: judge(path) for path in sorted(folder.iterdir())}


def _output(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=_environment())
    return done.stdout


def _ids_of_ours(path: Path) -> set[str]:
    found = json.loads(_output([*_ours(path), "-o", "json"], path.parent))
    return {one["id"] for one in found["findings"]}


def _ids_of_kube_score(program: Path, path: Path) -> set[str]:
    """Return the checks that are not fully passed; what kube-score can't read counts as said, too."""
    text = _output([str(program), "score", "--output-format", "json", str(path)], path.parent)
    try:
        scored: list[dict[str, Any]] = json.loads(text)
    except json.JSONDecodeError:
        return {"unreadable"}
    return {
        check["check"]["id"]
        for item in scored or ()
        for check in item["checks"] or ()
        if check["grade"] < 10 and not check["skipped"]
    }


def _ids_of_checkov(program: Path, folder: Path) -> dict[str, set[str]]:
    """Return the checks that fail; checkov takes seconds to start, and tells files apart by itself."""
    command = [str(program), "-d", str(folder), "--framework", "kubernetes", "--compact", "-o", "json"]
    report = json.loads(_output(command, folder))
    found: dict[str, set[str]] = {path.name: set() for path in folder.iterdir()}
    for check in report["results"]["failed_checks"]:
        found[Path(check["file_path"]).name].add(check["check_id"])
    return found


def _kube_score() -> Path:
    """Return kube-score, built once into the cache."""
    folder = cache_dir() / "bench" / f"kube-score-{KUBE_SCORE}"
    if not (folder / "kube-score").exists():
        console.print(f"building kube-score {KUBE_SCORE}")
        subprocess.run(
            ["go", "install", f"github.com/zegl/kube-score/cmd/kube-score@{KUBE_SCORE}"],
            check=True,
            env=os.environ | {"GOBIN": str(folder)},
        )
    return folder / "kube-score"


def _checkov() -> Path:
    """Return checkov, installed once into an environment of its own."""
    folder = cache_dir() / "bench" / f"checkov-{CHECKOV}"
    program = folder / "bin" / "checkov"
    if not program.exists():
        console.print(f"installing checkov {CHECKOV}")
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", f"checkov=={CHECKOV}"], check=True)
    return program
