"""The operator as a process on this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.errors import DemoError
from deploy.demo.kubectl import Kubectl
from deploy.demo.world import OPERATOR_NAMESPACE

_STOP_TIMEOUT = 20
"""Seconds, as in the Deployment's terminationGracePeriodSeconds."""


@dataclass(frozen=True, slots=True)
class OperatorProcess:
    """An ``apphealth run`` that has the rights of the operator's ServiceAccount, and no others."""

    process: subprocess.Popen[bytes]
    port: int
    kubeconfig: Path
    log: Path

    @classmethod
    def start(cls, kubectl: Kubectl, folder: Path) -> OperatorProcess:
        """Start an operator whose kubeconfig and log are in `folder`."""
        kubeconfig, log, port = folder / "operator.kubeconfig", folder / "operator.log", _free_port()
        kubeconfig.write_text(json.dumps(_kubeconfig(kubectl)))
        program = Path(sys.executable).with_name("apphealth")
        command = [str(program), "run", f"--kubeconfig={kubeconfig}", f"--health-port={port}"]
        with log.open("wb") as stream:
            # In a session of its own it doesn't get Ctrl-C: it must restore all probes before `stop` ends it.
            process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
        return cls(process, port, kubeconfig, log)

    def is_ready(self) -> bool:
        """Whether the operator has read the cluster.

        Raises
        ------
        DemoError
            The process has ended.
        """
        if self.process.poll() is not None:
            raise DemoError(f"the operator ended with code {self.process.returncode}", f"read {self.log}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError):
            return False

    def stop(self) -> None:
        """Stop the process, and wait for its end."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _kubeconfig(kubectl: Kubectl) -> dict[str, Any]:
    """Return the user's kubeconfig with the ServiceAccount instead of the user."""
    own = json.loads(kubectl.run("config", "view", "--minify", "--raw", "--flatten", "-o", "json"))
    token = kubectl.run("create", "token", "apphealth", "-n", OPERATOR_NAMESPACE, "--duration=2h").strip()
    # The operator's Lease is in the namespace of its context: its ServiceAccount has rights on one in its own alone.
    context = {"cluster": own["clusters"][0]["name"], "user": "apphealth", "namespace": OPERATOR_NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": own["clusters"],
        "users": [{"name": "apphealth", "user": {"token": token}}],
        "contexts": [{"name": "demo", "context": context}],
        "current-context": "demo",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
