"""kubedian on the same manifests, laid out as it wants them: a folder for each workload."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from localcluster.paths import state_dir

VERSION = "1.1.1"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def install() -> Path:
    """Install it into an environment of its own; return its program."""
    folder = state_dir() / "bench" / f"kubedian-{VERSION}"
    program = folder / "bin" / "kubedian"
    if not program.exists():
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "-q", "--clear", str(folder)], check=True)
        python = str(folder / "bin" / "python")
        subprocess.run([uv, "pip", "install", "-q", "--python", python, f"kubedian=={VERSION}"], check=True)
    return program


def found(program: Path, manifests: Path) -> frozenset[tuple[str, str]]:
    """Return who needs whom by its graph: what a workload calls, stores in or queues with."""
    objects = [item for item in yaml.safe_load_all(manifests.read_text()) if item]
    services = {item["metadata"]["name"] for item in objects if item["kind"] == "Service"}
    workloads = {item["metadata"]["name"] for item in objects if item["kind"] in WORKLOADS}
    with tempfile.TemporaryDirectory(prefix="apphealth-bench-kubedian-") as name:
        folder = Path(name)
        _lay_out(folder, objects)
        command = [str(program), "index", str(folder), "--db", str(folder / "graph.db")]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"NO_COLOR": "1"})
        with closing(sqlite3.connect(folder / "graph.db")) as database:
            query = "select a.name, b.name from edges e join nodes a on a.id = e.src_id join nodes b on b.id = e.dst_id"
            rows = database.execute(query).fetchall()
    return frozenset((tail, head) for tail, head in rows if tail in workloads and head in services and tail != head)


def _lay_out(folder: Path, objects: list[dict[str, Any]]) -> None:
    """Write `<workload>/overlays/production/`, each with its Service and the ConfigMaps that it refers to."""
    together: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    workloads = [item for item in objects if item["kind"] in WORKLOADS]
    for workload in workloads:
        name = workload["metadata"]["name"]
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        together[name].append(workload)
        text = yaml.safe_dump(workload)
        for item in objects:
            selector = item.get("spec", {}).get("selector") or {}
            if item["kind"] == "Service" and selector and selector.items() <= labels:
                together[name].append(item)
            if item["kind"] == "ConfigMap" and f"name: {item['metadata']['name']}\n" in text:
                together[name].append(item)
    for name, items in together.items():
        overlay = folder / name / "overlays" / "production"
        overlay.mkdir(parents=True)
        (overlay / "kustomization.yaml").write_text("resources: [all.yaml]\n")
        (overlay / "all.yaml").write_text(yaml.safe_dump_all(items))
