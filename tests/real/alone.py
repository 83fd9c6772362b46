"""One program of the corpus without a cluster: `python -m tests.real.alone NAME`, in a network of its own.

The program runs on this machine, the planner plans it as the operator would, and the prober asks it at 127.0.0.1.
Prints one line of JSON: what its probes ask. Quick, and enough to compare two versions of the planner; what a kubelet
makes of the probes only the node tells.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.real.programs import PROGRAMS, Program, manifests, short

from apphealth.api.parse import parse_rule
from apphealth.model.parse_workload import parse_workload
from apphealth.model.pod import Pod
from apphealth.model.probe import serialise_probe
from apphealth.model.proof import Proof
from apphealth.model.service import parse_service
from apphealth.plan import Plan
from apphealth.probing.asker import ask
from apphealth.store.facts import plan_of
from apphealth.store.world import World

START = 300.0
"""Seconds that a program may take to open a port."""
ROUNDS = 20
RULE = {
    "apiVersion": "apphealth.dev/v1alpha1",
    "kind": "ClusterAppHealth",
    "metadata": {"name": "real"},
    "spec": {"mode": "Enforce", "selector": {}, "preset": "auto"},
}


def main(name: str, folder: Path) -> None:
    """Run a program; `folder` has the programs' binaries, and a virtual environment for those from PyPI."""
    program = next(one for one in PROGRAMS if one.name == name)
    with TemporaryDirectory() as home, ExitStack() as stack:
        for file, content in program.files.items():
            Path(home, file).write_bytes(content)
        commands = [*(one["command"] for one in program.more), program.command]
        for command in commands:
            process = subprocess.Popen(
                _here(command, program, folder, Path(home)),
                cwd=home,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PATH": f"{folder / 'venv/bin'}:{os.environ['PATH']}", "HOME": home} | program.env,
            )
            stack.callback(process.kill)
        _wait(program)
        plan, asked = asyncio.run(_derive(program))
    ports = {name: number for number, name in program.ports.items() if name}
    probes = {
        probe.kind.value: short(serialise_probe(probe.probe) if probe.probe else None, ports)
        for probe in plan.containers[0].probes
    }
    print(json.dumps({"name": name, "asked": asked} | probes))  # noqa: T201


def _here(command: Sequence[str], program: Program, folder: Path, home: Path) -> list[str]:
    """Return the command line with the paths of this machine instead of the image's."""
    first, *rest = command
    found = folder / first.lstrip("/") if first.startswith("/") else None
    moved = [word.replace("=/data", f"={home}/data") for word in rest]
    moved = [str(Path(__file__).with_name(word)) if word == "traps.py" else word for word in moved]
    for file in program.files:
        moved = [word.replace(f"=/{file}", f"={home}/{file}") for word in moved]
    return [str(found or first), *moved]


def _wait(program: Program) -> None:
    """Wait until one of the program's ports is open, and a little longer for the others."""
    deadline = time.monotonic() + START
    numbers = {*program.ports, program.service or 8000}
    while time.monotonic() < deadline and not any(_is_open(number) for number in numbers):
        time.sleep(0.5)
        if program.readiness == "" and time.monotonic() > deadline - START + 10:
            break
    time.sleep(3)


def _is_open(number: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", number)) == 0


async def _derive(program: Program) -> tuple[Plan, int]:
    world = World()
    objects: list[dict[str, Any]] = list(manifests(program))
    workload = parse_workload(objects[0] | {"status": {"readyReplicas": 1}})
    world.put_workload(workload)
    world.put_service(parse_service(objects[1]))
    world.put_rule(parse_rule(RULE))
    asked = 0
    for _ in range(ROUNDS):
        plan = plan_of(workload, world)
        if not plan.questions:
            break
        for question in plan.questions:
            asked += 1
            came = await ask(question, [Pod(name="pod", uid="1", ip="127.0.0.1", age=3600.0)])
            assert isinstance(came, Proof), came
            world.put_answer(question, came)
    return plan, asked


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
