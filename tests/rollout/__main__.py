"""`make rollout-proof`: that a fleet is changed safely, shown on a real API server and a real node. Isn't part of CI.

waves   A thousand Deployments change within their budget, there and back, while the leader is killed 20 times and told
        to stop 5 times. The budget is counted from the API server's audit log.
brake   The same Deployments without a budget: the brake ends all writes within a second, by the audit log.
halting Of 60 workloads 30 fail: these are rolled back, the rule halts, and the others are never written.
lost    On a real node (root), clients ask eight Services while a rule is enforced, and while it is deleted.

tests/cluster/operator/test_rollout.py has small versions of the first three. All together take about 45 minutes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.rollout import brake, halting, lost, waves
from tests.rollout.common import bed, say
from tests.rollout.kubelet import Kubelet

NAMES = ("waves", "brake", "halting", "lost")


def main(arguments: Sequence[str]) -> int:
    """Run the proofs that are named, all of them by default; returns 0 if everything holds."""
    parser = argparse.ArgumentParser(
        prog="make rollout-proof", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(NAMES)}; default: all")
    parser.add_argument("--workloads", type=int, default=1000, help="waves, brake: how many [%(default)s]")
    parser.add_argument("--kills", type=int, default=20, help="waves: how often the leader is killed [%(default)s]")
    parser.add_argument("--stops", type=int, default=5, help="waves: how often it is told to stop [%(default)s]")
    parser.add_argument("--failures", type=int, default=30, help="halting: how many workloads fail [%(default)s]")
    parser.add_argument("--soak", type=int, default=60, help="lost: soakSeconds of the rule [%(default)s]")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(NAMES)):
        parser.error(f"no proof named {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    chosen = set(options.names or NAMES)
    if chosen - {"lost"}:
        folder = Path(tempfile.mkdtemp(prefix="apphealth-rollout-"))  # it stays if something doesn't hold
        say(f"audit log and the operators' logs: {folder}")
        with bed(folder) as found:
            if chosen & {"waves", "brake"}:
                kubelet = Kubelet(found.api)
                try:
                    waves.fill(found.api, waves.PREFIX, options.workloads)
                    if "waves" in chosen:
                        waves.prove(found, options.workloads, options.kills, options.stops)
                    if "brake" in chosen:
                        brake.prove(found, options.workloads)
                finally:
                    kubelet.stop()
            if "halting" in chosen:
                halting.prove(found, options.failures)
        shutil.rmtree(folder)
    if "lost" in chosen:
        lost.prove(options.soak)
    say("all of it holds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
