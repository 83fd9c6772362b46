"""Commands of kubectl and apphealth, as a user would type them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.errors import DemoError

ROOT = Path(__file__).parents[2]
"""The root of the repository, from which commands are run and shown."""
_CORRECT = "correct what this message names"
_TIMEOUT = 120
"""The timeout of a command in seconds. Commands take a few seconds, unless the API server is gone."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with the options of one cluster."""

    program: str
    options: tuple[str, ...]
    """``--kubeconfig`` or ``--context``; left out of the commands that are shown."""

    def run(self, *arguments: str, text: str | None = None) -> str:
        """Run a command, and return its output.

        Raises
        ------
        DemoError
            The command fails; the message has its error output.
        """
        result = self._start(arguments, text)
        if result.returncode != 0:
            words = (result.stderr or result.stdout).strip() or f"it ended with code {result.returncode}"
            raise DemoError(f"`kubectl {shlex.join(arguments)}` failed: {words}", _CORRECT)
        return result.stdout

    def works(self, *arguments: str) -> bool:
        """Run a command, and return whether it succeeded."""
        return self._start(arguments, None).returncode == 0

    def apphealth(self, *arguments: str, files: bool = False) -> str:
        """Run a command of apphealth on this cluster, and return its output: exit codes up to 1 are results.

        Parameters
        ----------
        arguments
            The command line.
        files
            Whether the command reads files instead of the cluster.

        Raises
        ------
        DemoError
            The command fails; the message has its error output.
        """
        command = [str(Path(sys.executable).with_name("apphealth")), *arguments]
        result = _start(command if files else [*command, *self.options], None)
        if result.returncode > 1:
            raise DemoError(f"`apphealth {shlex.join(arguments)}` failed: {result.stderr.strip()}", _CORRECT)
        return result.stdout + result.stderr

    def get(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the parsed JSON of ``kubectl get``."""
        return json.loads(self.run("get", *arguments, "-o", "json"))

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects of a list."""
        found: list[dict[str, Any]] = self.get(*arguments)["items"]
        return found

    def _start(self, arguments: Sequence[str], text: str | None) -> subprocess.CompletedProcess[str]:
        return _start([self.program, *self.options, *arguments], text)


def _start(command: Sequence[str], text: str | None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired:
        raise DemoError(
            f"`{shlex.join([Path(command[0]).name, *command[1:]])}` gave no answer within {_TIMEOUT} s",
            "is the API server still there?",
        ) from None
