"""The command line: it reads arguments, manifests and clusters, has them planned, and writes the results.

Each subcommand has a module or package of its own, which is imported when the subcommand is called: `render` never
imports kopf or aiohttp. Commands don't import each other; they share `manifests` (reading), `patching` (plans written
into texts), `yamledit`, `live` (clusters), `output` and `options`.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process, and exit with its exit code."""
    from apphealth.cli.app import execute

    sys.exit(execute(sys.argv[1:]))
