"""kubectl commands, as a user would type them."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy.demo.errors import DemoError

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
            raise DemoError(f"`kubectl {shlex.join(arguments)}` failed: {words}", "correct what this message names")
        return result.stdout

    def works(self, *arguments: str) -> bool:
        """Run a command, and return whether it succeeded."""
        return self._start(arguments, None).returncode == 0

    def get(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the parsed JSON of ``kubectl get``."""
        return json.loads(self.run("get", *arguments, "-o", "json"))

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the objects of a list."""
        found: list[dict[str, Any]] = self.get(*arguments)["items"]
        return found

    def _start(self, arguments: Sequence[str], text: str | None) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.program, *self.options, *arguments],
                input=text,
                stdin=subprocess.DEVNULL if text is None else None,
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise DemoError(
                f"`kubectl {shlex.join(arguments)}` gave no answer within {_TIMEOUT} s",
                "is the API server still there?",
            ) from None
