"""The metadata of objects: the part that is read, and the labels and owners of the operator's own objects."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from apphealth.model.ownership import MANAGER
from apphealth.model.workload import Workload

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "apphealth"
LABELS = {MANAGED_BY: OURS}
"""The labels of every object that the operator creates."""
WRITE = {"fieldManager": MANAGER}
"""The query of every write, except those of workloads."""


class Owner(msgspec.Struct, frozen=True):
    """An entry of ownerReferences."""

    uid: str = ""
    kind: str = ""
    name: str = ""


class Meta(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an object's metadata that is read."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] = {}
    owner_references: tuple[Owner, ...] = ()

    @property
    def ours(self) -> bool:
        """Whether the operator created the object."""
        return self.labels.get(MANAGED_BY) == OURS

    @property
    def owner_uid(self) -> str:
        """The uid of its first owner, or an empty text."""
        return self.owner_references[0].uid if self.owner_references else ""


class Object(msgspec.Struct, frozen=True):
    """The metadata of an object of any kind."""

    metadata: Meta = Meta()


def metadata_for(name: str, workload: Workload) -> dict[str, Any]:
    """Return the metadata of an object of ours: labelled, and owned by the workload, so that it is deleted with it.

    Parameters
    ----------
    name
        The name of an object of ours.
    workload
        The workload that owns it.
    """
    return {"name": name, "namespace": workload.namespace, "labels": LABELS, "ownerReferences": [owner_of(workload)]}


def owner_of(workload: Workload) -> dict[str, Any]:
    """Return the ownerReferences entry of a workload; it doesn't block the workload's deletion."""
    return {
        "apiVersion": workload.api_version,
        "kind": workload.kind,
        "name": workload.name,
        "uid": workload.uid,
        "controller": False,
        "blockOwnerDeletion": False,
    }


def parse_meta(value: object) -> Meta:
    """Parse the metadata of a raw object; metadata of the wrong shape counts as empty."""
    try:
        return msgspec.convert(value, Meta)
    except (msgspec.ValidationError, RecursionError):
        return Meta()


def path_of(api: str, plural: str, namespace: str, name: str = "") -> str:
    """Return the path of an object, or of a collection: `/apis/apps/v1/namespaces/shop/deployments/web`.

    Parameters
    ----------
    api
        The path of the API's group and version: `/apis/apps/v1`.
    plural
        The resource's plural.
    namespace
        Empty if the resource has none, or for all namespaces.
    name
        The object's name; empty for the collection.
    """
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{api}{where}/{plural}" + (f"/{quote(name, safe='')}" if name else "")
