"""From lists and watch events to the store, and from what they concern to the queues."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apphealth.controller.resources import Resource
from apphealth.controller.store import NOBODY, Concerned, Name, Store

log = logging.getLogger(__name__)


class Intake:
    """Takes in what the API server tells.

    Nobody is concerned before every kind has been listed once: a workload whose rule has not been read yet looks just
    like a workload without one, and would lose its probes.

    Parameters
    ----------
    store
        Where everything goes.
    resources
        What has to be listed.
    concern
        Called with whom a change concerns, once the store is full.
    """

    def __init__(self, store: Store, resources: Sequence[Resource], concern: Callable[[Concerned], None]) -> None:
        self._store = store
        self._concern = concern
        self._missing = set(resources)
        self._listed: dict[Resource, set[Name]] = {}
        self.full = asyncio.Event()

    def page(self, resource: Resource, items: Sequence[Mapping[str, Any]], first: bool, last: bool) -> None:
        """Take in a page of a list; the last one makes everything go that the list didn't have."""
        names = self._listed.setdefault(resource, set())
        if first:
            names.clear()
        for item in items:
            names.add(_name(item))
            self._pass_on(self._guarded(resource, item))
        if last:
            self._pass_on(self._store.sweep(resource, names))
            del self._listed[resource]
            self._missing.discard(resource)
            if not self._missing:
                self.full.set()

    def event(self, resource: Resource, kind: str | None, item: Mapping[str, Any]) -> None:
        """Take in a watch event."""
        self._pass_on(self._store.drop(resource, item) if kind == "DELETED" else self._guarded(resource, item))

    def _guarded(self, resource: Resource, item: Mapping[str, Any]) -> Concerned:
        """Put an object in; one that trips us up must not keep the others out."""
        try:
            return self._store.put(resource, item, listed=resource in self._listed)
        except Exception:
            log.exception("cannot read %s %s: this is a bug", resource.title, "/".join(_name(item)))
            return NOBODY

    def _pass_on(self, concerned: Concerned) -> None:
        if self.full.is_set() and concerned is not NOBODY:
            self._concern(concerned)


def _name(item: Mapping[str, Any]) -> Name:
    metadata = item["metadata"]
    return Name(metadata.get("namespace", ""), metadata["name"])
