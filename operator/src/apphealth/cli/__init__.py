"""The command line. It reads arguments and files, calls what decides, and writes what came out.

Each subcommand is a module or package of its own, imported when it is called: `render` never loads kopf or aiohttp.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line that started this process, and leave with its exit code."""
    from apphealth.cli.app import execute

    sys.exit(execute(sys.argv[1:]))
