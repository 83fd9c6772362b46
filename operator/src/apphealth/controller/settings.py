"""kopf, set up to watch and do nothing else: docs/decisions, "kopf watches, and that is all"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf

PAGE = 500
"""Objects in one page of a list: 3 MB of typical Deployments."""


class NoDiffs(kopf.DiffBaseStorage):
    """Remembers no former state. Half of kopf's work would be copies for diffs that `on.event` never looks at."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[kopf.FieldSpec] | None = None) -> kopf.BodyEssence:  # noqa: ARG002 -- as its base class
        """Build nothing."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002 -- as its base class
        """Find nothing."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Write nothing."""


class NoProgress(kopf.ProgressStorage):
    """Keeps no handler's progress: event handlers have none."""

    def fetch(self, *, key: kopf.HandlerId, body: kopf.Body) -> kopf.ProgressRecord | None:  # noqa: ARG002 -- as its base class
        """Find nothing."""
        return None

    def store(self, *, key: kopf.HandlerId, record: kopf.ProgressRecord, body: kopf.Body, patch: kopf.Patch) -> None:
        """Write nothing."""

    def purge(self, *, key: kopf.HandlerId, body: kopf.Body, patch: kopf.Patch) -> None:
        """Remove nothing."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: Any) -> None:  # noqa: ANN401 -- as its base class
        """Touch nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Clear nothing."""
        return essence


def quiet_settings() -> kopf.OperatorSettings:
    """Return settings with which kopf only watches."""
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = NoDiffs()
    settings.persistence.progress_storage = NoProgress()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = 0.05
    settings.queueing.exit_timeout = 0.5
    settings.watching.chunk_size = PAGE
    settings.watching.reconnect_backoff = 0.1
    # We start kopf anew when it gives up; there is no use in its trying for minutes.
    settings.networking.error_backoffs = (0.5, 1, 2)
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 10
    # kopf would kill the whole process some minutes after it gave up.
    settings.process.ultimate_exiting_timeout = None
    return settings
