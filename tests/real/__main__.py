"""`make real`: third-party programs, and traps, on a real node without probes, under one rule for all of them.

Says for each what was written, what its own chart asks, and whether that is right; writes the table of
docs/real-applications.md with `--write`. Exit code 1: a probe is wrong, or a container was restarted.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.real.programs import NAMESPACE, PYTHON, THIRD_PARTY, TRAPS, Program, manifests, short

from localcluster import Cluster, Level, binaries, images, start
from localcluster.oci import write_image
from localcluster.paths import cache_dir
from localcluster.progress import default_progress
from localcluster.toolchain import find_go

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "real-applications.md"
BEGIN, END = "<!-- begin: make real -->\n", "<!-- end: make real -->\n"
TIMEOUT = 600.0
"""Seconds after which what is not settled is taken as it is."""
AT_ONCE = 3
"""Programs that run at once without a cluster."""
QUIET = 45.0
"""Seconds without a change after which everything is settled, and in which liveness may show harm."""
RULE = {
    "apiVersion": "apphealth.dev/v1alpha1",
    "kind": "ClusterAppHealth",
    "metadata": {"name": NAMESPACE},
    # All at once: here nothing is served to anybody, and a wave's time to settle would take the most of an hour.
    "spec": {
        "mode": "Enforce",
        "selector": {},
        "preset": "auto",
        "rollout": {"maxConcurrent": "100%", "canaries": 0, "soakSeconds": 0, "maxFailures": 100},
    },
}


@dataclass(frozen=True)
class Outcome:
    """What became of a program."""

    program: Program
    readiness: str
    liveness: str
    restarts: int
    state: str
    note: str

    @property
    def right(self) -> bool:
        """Whether it has the probes that it should have."""
        expected = (self.program.readiness, self.program.liveness)
        return (self.readiness, self.liveness) == expected and not self.restarts

    @property
    def wrong(self) -> bool:
        """Whether it has a probe that it should not have: none, or an open port for readiness, is poor but no harm."""
        pairs = ((self.readiness, self.program.readiness), (self.liveness, self.program.liveness))
        asks = [(found, wanted) for found, wanted in pairs if not found.startswith("TCP") or found is self.liveness]
        return bool(self.restarts) or any(found and found != wanted for found, wanted in asks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the corpus; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make real", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/real-applications.md")
    parser.add_argument("--alone", action="store_true", help="without a cluster: see tests/real/alone.py")
    parser.add_argument("--only", default="", help="names of programs, with commas")
    options = parser.parse_args(arguments)
    names = set(filter(None, options.only.split(",")))
    programs = [one for one in (*THIRD_PARTY, *TRAPS) if not names or one.name in names]
    outcomes = _alone(programs) if options.alone else _on_a_node(programs)
    for one in outcomes:
        mark = "ok   " if one.right else ("WRONG" if one.wrong else "none ")
        print(f"{mark} {one.program.name:24} {one.readiness or 'none':34} {one.liveness or 'none':30} {one.note}")  # noqa: T201
    if options.write:
        _write(outcomes)
    return int(any(one.wrong for one in outcomes))


def _on_a_node(programs: Sequence[Program]) -> list[Outcome]:
    archives = list(_images(programs))
    with start(f"real-{os.getpid()}", level=Level.NODE) as cluster:
        for archive in archives:
            cluster.load(archive)
        return _run(cluster, programs)


def _alone(programs: Sequence[Program]) -> list[Outcome]:
    """Run each program in a network of its own on this machine."""
    wheels = images.wheels([], _python_requirements(), lock=HERE / "requirements.lock")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        pip = [folder / "venv/bin/pip", "install", "-q", "--no-index", f"--find-links={wheels}"]
        subprocess.run([*pip, *_python_requirements()], check=True)
        for program in programs:
            if program.image != PYTHON:
                binary = _binary(program)
                (folder / binary.name).symlink_to(binary)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda program: _one_alone(program, folder), programs))


def _one_alone(program: Program, folder: Path) -> Outcome:
    inside = 'ip link set lo up; exec "$@"'
    command = [
        "unshare",
        "--net",
        "sh",
        "-c",
        inside,
        "sh",
        sys.executable,
        "-m",
        "tests.real.alone",
        program.name,
        folder,
    ]
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    probes = json.loads(found.splitlines()[-1])
    return Outcome(program, probes["readiness"], probes["liveness"], 0, "", f"{probes['asked']} questions")


def _images(programs: Iterable[Program]) -> Iterable[Path]:
    wheels = images.wheels([], _python_requirements(), lock=HERE / "requirements.lock")
    yield images.build(HERE, ROOT / "deploy/docker/real.Dockerfile", PYTHON, wheels=wheels)
    for program in programs:
        if program.image == PYTHON:
            continue
        binary = _binary(program)
        target = cache_dir() / "images" / f"real-{program.name}.tar"
        target.parent.mkdir(parents=True, exist_ok=True)
        files = {binary.name: binary.read_bytes(), **program.files}
        write_image(target, program.image, files, [program.command[0]])
        yield target


def _python_requirements() -> list[str]:
    line = (ROOT / "deploy/docker/real.Dockerfile").read_text().replace("\\\n", " ")
    words = next(text for text in line.splitlines() if text.startswith("RUN pip install")).split()[4:]
    return [word.strip('"') for word in words]


def _binary(program: Program) -> Path:
    """Return a program's binary, built from its Go module once for each version."""
    name, progress = program.command[0].lstrip("/"), default_progress()
    if not program.go:
        return binaries.ensure([name], progress) / name
    folder = cache_dir() / "real" / program.go.replace("/", "_")
    if not (folder / name).exists():
        with progress.step(f"Building {program.go}"):
            environment = os.environ | {"GOBIN": str(folder), "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
            command = [find_go(progress), "install", "-trimpath", "-ldflags=-s -w", program.go]
            subprocess.run(command, check=True, env=environment)
    return folder / name


def _run(cluster: Cluster, programs: Sequence[Program]) -> list[Outcome]:
    objects = yaml.safe_load_all(cluster.kubectl("kustomize", str(ROOT / "deploy/operator/with-admission")).stdout)
    cluster.apply(yaml.safe_dump_all([item for item in objects if item["kind"] != "Deployment"]))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.apply(yaml.safe_dump_all([item for program in programs for item in manifests(program)]))
    cluster.apply(yaml.safe_dump(RULE))
    kubeconfig = cluster.service_account_kubeconfig("apphealth", "apphealth")
    command = [Path(sys.executable).with_name("apphealth"), "run", f"--kubeconfig={kubeconfig}"]
    command += [f"--health-port={_free_port()}"]
    with tempfile.NamedTemporaryFile(suffix=".log", delete=False) as log:
        print(f"operator's log: {log.name}", file=sys.stderr)  # noqa: T201
        operator = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _settle(cluster, operator)
            return [_outcome(cluster, program) for program in programs]
        finally:
            operator.terminate()
            operator.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _settle(cluster: Cluster, operator: subprocess.Popen[bytes]) -> None:
    """Wait until nothing has changed for a while."""
    began, since, before = time.monotonic(), time.monotonic(), ""
    while time.monotonic() - began < TIMEOUT:
        if operator.poll() is not None:
            raise SystemExit("the operator has ended: see its log")
        plans = _items(cluster, "healthplans")
        states = {item["metadata"]["name"]: item["status"]["state"] for item in plans}
        ready = {
            item["metadata"]["name"]: item["status"].get("readyReplicas") for item in _items(cluster, "deployments")
        }
        now = json.dumps([states, ready], sort_keys=True)
        if now != before:
            before, since = now, time.monotonic()
        open_ = [name for name, state in states.items() if state in ("AwaitingPods", "Waiting")]
        if states and time.monotonic() - since > QUIET and not open_:
            return
        time.sleep(3)


def _items(cluster: Cluster, kind: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(cluster.kubectl("get", kind, "-n", NAMESPACE, "-o", "json").stdout)[
        "items"
    ]
    return items


def _outcome(cluster: Cluster, program: Program) -> Outcome:
    get = ("get", "deployment", program.name, "-n", NAMESPACE, "-o", "json")
    main = json.loads(cluster.kubectl(*get).stdout)["spec"]["template"]["spec"]["containers"][0]
    ports = {name: number for number, name in program.ports.items() if name}
    pods = [item for item in _items(cluster, "pods") if item["metadata"]["labels"].get("app") == program.name]
    statuses = [status for pod in pods for status in pod["status"].get("containerStatuses", ())]
    killed = sum(status["restartCount"] for status in statuses) if "livenessProbe" in main else 0
    plan = next(
        (i["status"] for i in _items(cluster, "healthplans") if i["metadata"]["name"].endswith(program.name)), {}
    )
    notes = "; ".join(finding["message"] for finding in plan.get("findings", ()))
    if any(not status["ready"] for status in statuses):
        notes = f"NOT READY {notes}"
    readiness, liveness = (short(main.get(f"{kind}Probe"), ports) for kind in ("readiness", "liveness"))
    return Outcome(program, readiness, liveness, killed, plan.get("state", ""), notes[:200])


def _write(outcomes: Iterable[Outcome]) -> None:
    """Write the tables into the page, between its marks."""
    rows = list(outcomes)
    third = [one for one in rows if one.program in THIRD_PARTY]
    lines = [
        "| program | its own chart or documentation asks | readiness | liveness | why they differ |",
        "|---|---|---|---|---|",
    ]
    for one in third:
        program = one.program
        lines.append(_row(program.name, program.upstream, one.readiness, one.liveness, program.why))
    lines += ["", "| trap | readiness | liveness | what it is |", "|---|---|---|---|"]
    lines += [
        _row(one.program.name[5:], one.readiness, one.liveness, one.program.why) for one in rows if one not in third
    ]
    right, wrong = (sum(getattr(one, name) for one in rows) for name in ("right", "wrong"))
    lines += ["", f"Of {len(rows)} workloads {right} have the probes that they should have; {wrong} have a wrong one."]
    head, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(head + BEGIN + "\n".join(lines) + "\n" + END + rest.partition(END)[2])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell or "none" for cell in cells) + " |"


if __name__ == "__main__":
    raise SystemExit(main())
