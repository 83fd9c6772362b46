"""The examples of the documentation do what the documentation says.

A block that begins with "```yaml NAME" is written to that file, and one that begins with "```console" is run: each
command must print what stands below it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import binaries

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(block: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


@pytest.mark.parametrize("page", ["cli.md", "how-to/gitops.md", "how-to/ci.md"])
def test_each_example_prints_what_the_page_shows(page: str, tmp_path: Path) -> None:
    programs = (Path(sys.executable).parent, binaries.ensure(["kubectl"]))
    env = os.environ | {"PATH": ":".join([*map(str, programs), os.environ["PATH"]])}
    run = 0
    for language, name, content in BLOCK.findall((DOCS / page).read_text()):
        if name:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        for command, output in commands(content) if language == "console" else ():
            done = subprocess.run(
                ["bash", "-c", f"exec 2>&1; {command}"],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout == output, command
            run += 1
    assert run >= 3


def test_the_page_lists_every_exit_code_and_command() -> None:
    from apphealth.cli.app import COMMANDS
    from apphealth.cli.errors import ExitCode

    page = (DOCS / "cli.md").read_text()
    assert all(f"| `{name}" in page for name in COMMANDS)
    listed = re.findall(r"\d+", " ".join(re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE)))
    assert {int(code) for code in listed} == set(ExitCode)
