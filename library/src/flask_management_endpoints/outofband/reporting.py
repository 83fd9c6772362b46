"""Liveness checks, run in each worker for those who never ask it: the other workers, and the arbiter."""

import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_management_endpoints.health import Health

REPORT_EVERY = 2.0
"""Seconds between two runs. Checks with a cache or a background refresh run as seldom as they say."""


def report_liveness() -> None:
    """Run this worker's liveness checks from now on, and tell the others what they say. Not at all without any."""
    module = sys.modules.get("flask_management_endpoints.health")
    apps = [health for health in module.APPS if health.has_liveness_checks] if module else []
    if apps:
        threading.Thread(target=_report, args=(apps,), name="health-report", daemon=True).start()


def _report(apps: "list[Health]") -> None:
    while True:
        for health in apps:
            health.report_liveness()
        time.sleep(REPORT_EVERY)
