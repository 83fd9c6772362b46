"""kopf, set up to watch and to do nothing else: docs/decisions, "kopf watches, and that is all".

The handlers return nothing and change nothing, so kopf writes nothing: no annotation, finalizer or status on anybody's
object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import kopf

from apphealth.controller.informer import Informer
from apphealth.kube.resources import Resource

PAGE = 500
"""Objects in one page of a list: 3 MB of typical Deployments."""


def register(registry: kopf.OperatorRegistry, resources: Sequence[Resource], informer: Informer) -> None:
    """Pass watch events on to the informer.

    Parameters
    ----------
    registry
        kopf's registry of handlers.
    resources
        The resources to watch.
    informer
        Gets the events.
    """
    for resource in resources:
        _register(registry, resource, informer)


def _register(registry: kopf.OperatorRegistry, resource: Resource, informer: Informer) -> None:
    value = resource.value

    @kopf.on.event(value.group, value.version, value.plural, registry=registry, id=value.plural)
    async def _(event: kopf.RawEvent, **_: object) -> None:
        informer.event(resource, event["type"], event["object"])


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
    # The operator starts kopf again when it gives up; retrying for minutes inside kopf would only delay that.
    settings.networking.error_backoffs = (0.5, 1, 2)
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 10
    # kopf would kill the whole process some minutes after it gave up.
    settings.process.ultimate_exiting_timeout = None
    return settings


class NoDiffs(kopf.DiffBaseStorage):
    """Stores no former state. Half of kopf's work would be copies for diffs that `on.event` never uses."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[kopf.FieldSpec] | None = None) -> kopf.BodyEssence:  # noqa: ARG002 -- as its base class
        """Build nothing."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002 -- as its base class
        """Find nothing."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Write nothing."""


class NoProgress(kopf.ProgressStorage):
    """Stores no handler's progress: event handlers have none."""

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
