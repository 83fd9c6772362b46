"""`apphealth render` of many manifests, as a process; beside PyYAML's C loader, which only reads the same files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml
from tests.bench import objects
from tests.bench.options import Options
from tests.bench.report import Result, Row, measured, middle

_READER = """\
import pathlib, sys, yaml
for path in pathlib.Path(sys.argv[1]).rglob("*.yaml"):
    list(yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader))
"""


def run(options: Options) -> Result:
    """Measure with `small` files, each a Deployment and its Service."""
    with measured("render") as result, tempfile.TemporaryDirectory(prefix="apphealth-bench-render-") as name:
        folder = Path(name)
        manifests, rule = folder / "manifests", folder / "rule.yaml"
        rule.write_text(yaml.safe_dump(objects.rule()))
        _write(manifests, options.small)
        few = folder / "one"
        _write(few, 1)
        ours, theirs, start = [], [], []
        for _ in range(options.pairs):
            ours.append(_seconds(_render(manifests, rule, folder / "out")))
            theirs.append(_seconds([sys.executable, "-c", _READER, str(manifests)]))
            start.append(_seconds(_render(few, rule, folder / "out-one")))
        result.samples = [{"seconds": ours, "reading": theirs, "one": start}]
        note = f"median of {options.pairs}"
        result.rows = [
            Row(
                what=f"render of {options.small:,} manifests; floor: to read them",
                value=middle(ours),
                unit="s",
                floor=middle(theirs),
                note=note,
            ),
            Row(what="render of one manifest", value=middle(start), unit="s", note=note),
        ]
    return result


def _write(folder: Path, count: int) -> None:
    for number in range(count):
        target = folder / objects.namespace_of(number) / f"{objects.name_of(number)}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        documents = [objects.deployment(number), objects.service(number)]
        target.write_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper, sort_keys=False))


def _render(folder: Path, rule: Path, out: Path) -> list[str]:
    program = Path(sys.executable).parent / "apphealth"
    return [str(program), "render", "-q", "-f", str(folder), "--rules", str(rule), "-o", str(out)]


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONWARNINGS": "ignore"})
    return time.perf_counter() - started
