"""``GET {prefix}/metrics`` for Prometheus (extra ``metrics``).

One scrape shows all workers if ``PROMETHEUS_MULTIPROC_DIR`` is set, as prometheus-client wants it. The health metrics
are gauges of what was last seen: a scrape never runs a check.
"""

import os
import threading
from typing import TYPE_CHECKING

from flask_management_endpoints.checks.outcome import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask_management_endpoints.report import Component

MISSING = "the option metrics needs prometheus-client: pip install 'flask-management-endpoints[metrics]'"


class HealthMetrics:
    """The metrics of this process. Two apps in one process share them, told apart by the label ``app``."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge

        labels = ["app", "component"]
        self._up: Gauge = Gauge(
            "health_component_up",
            "1 if the component was well when last asked, else 0",
            labels,
            multiprocess_mode="mostrecent",
        )
        self._seconds: Gauge = Gauge(
            "health_component_seconds", "How long its last check took", labels, multiprocess_mode="mostrecent"
        )
        self._failures: Counter = Counter("health_component_failures", "How often it wasn't well when asked", labels)

    def note(self, app: str, components: "Iterable[Component]") -> None:
        """Remember what ``components`` said."""
        for component in components:
            if not component.counted:
                continue
            well = component.result.status in (Status.UP, Status.DEGRADED)
            self._up.labels(app, component.name).set(int(well))
            self._seconds.labels(app, component.name).set(component.result.seconds)
            if not well:
                self._failures.labels(app, component.name).inc()

    @staticmethod
    def exposition() -> tuple[bytes, str]:
        """Return this process's metrics, or with ``PROMETHEUS_MULTIPROC_DIR`` all workers', and their content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = REGISTRY
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST


_metrics: list[HealthMetrics] = []
_making = threading.Lock()


def metrics() -> HealthMetrics:
    """Return the metrics of this process; prometheus-client takes each name once.

    Raises
    ------
    ImportError
        When prometheus-client isn't installed.
    """
    if not _metrics:
        with _making:
            if not _metrics:
                _metrics.append(HealthMetrics())
    return _metrics[0]
