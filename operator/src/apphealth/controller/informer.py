"""From lists and watch events to the store, and from there to the queues."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apphealth.kube.resources import Resource
from apphealth.store.store import NOBODY, Concerned, Name, Store, union

log = logging.getLogger(__name__)


class Informer:
    """Puts what the API server reports into the store, and passes on what the changes concern.

    Nothing is passed on before every resource has been listed once: a workload whose rule has not been read yet looks
    just like a workload without a rule, and would lose its probes.

    Parameters
    ----------
    store
        Gets the objects.
    resources
        The resources that have to be listed.
    concern
        Called with what a change concerns, once the store is full.

    Attributes
    ----------
    full
        Set once every resource has been listed.
    """

    def __init__(self, store: Store, resources: Sequence[Resource], concern: Callable[[Concerned], None]) -> None:
        self._store = store
        self._concern = concern
        self._missing = set(resources)
        self._listed: dict[Resource, set[Name]] = {}
        self._held: list[Concerned] = []
        self.full = asyncio.Event()

    def page(self, resource: Resource, items: Sequence[Mapping[str, Any]], first: bool, last: bool) -> None:
        """Store a page of a list; after the last page, drop the objects that the list lacks.

        Parameters
        ----------
        resource, items
            The resource that is listed, and the objects of this page.
        first, last
            Whether this is the first, and the last, page of its list.
        """
        names = self._listed.setdefault(resource, set())
        if first:
            names.clear()
        for item in items:
            names.add(_name(item))
            self._pass_on(self._put(resource, item))
        if last:
            self._pass_on(self._store.sweep(resource, names))
            del self._listed[resource]
            self._missing.discard(resource)
            if not self._missing:
                self.full.set()
            self._release()

    def restart(self, resources: Sequence[Resource]) -> None:
        """Expect every resource to be listed again, because all watches were lost."""
        self._missing.update(resources)
        self._listed.clear()

    def event(self, resource: Resource, kind: str | None, item: Mapping[str, Any]) -> None:
        """Store the object of a watch event.

        Parameters
        ----------
        resource, item
            The object's resource, and the object.
        kind
            The event's type: ADDED, MODIFIED or DELETED.
        """
        self._pass_on(self._store.drop(resource, item) if kind == "DELETED" else self._put(resource, item))

    def _put(self, resource: Resource, item: Mapping[str, Any]) -> Concerned:
        """Store an object. A bug in parsing one object must not keep the others out, so it is logged."""
        try:
            return self._store.put(resource, item, listed=resource in self._listed)
        except Exception:
            log.exception("cannot read %s %s: this is a bug", resource.title, "/".join(_name(item)))
            return NOBODY

    def _pass_on(self, concerned: Concerned) -> None:
        if self.full.is_set() and concerned is not NOBODY:
            self._held.append(concerned)
            self._release()

    def _release(self) -> None:
        """Pass on what was held, unless a list is under way.

        Lists come in any order: between the new labels of a workload and the new selector of its rule it would lose its
        probes, and get them back.
        """
        if self._held and not self._missing and not self._listed:
            held, self._held = self._held, []
            self._concern(union(held) if len(held) > 1 else held[0])


def _name(item: Mapping[str, Any]) -> Name:
    metadata = item["metadata"]
    return Name(metadata.get("namespace", ""), metadata["name"])
