"""From texts to Kubernetes objects, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apphealth.cli.manifests.problem import Problem
from apphealth.cli.manifests.sources import Source
from apphealth.cli.yamledit.nodes import Node, locate
from apphealth.cli.yamledit.plain import Plain, plain
from apphealth.cli.yamledit.reader import YamlError, read

ObjectPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Document:
    """One document of a file."""

    root: Node
    value: Plain


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One Kubernetes object: a document, or an item of a List."""

    source: Source
    document: Document
    path: ObjectPath
    """Where it stands in its document."""
    value: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.value["kind"])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata, empty where there is none."""
        metadata = self.value.get("metadata")
        return metadata if isinstance(metadata, Mapping) else {}

    @property
    def name(self) -> str:
        """Its name; empty where it has none."""
        name = self.metadata.get("name")
        return name if isinstance(name, str) else ""

    @property
    def place(self) -> str:
        """`web.yaml:12`, the line on which it begins."""
        return f"{self.source.name}:{self._node(()).line + 1}"

    def namespace(self, default: str) -> str:
        """Return its namespace, or the default."""
        namespace = self.metadata.get("namespace")
        return namespace if isinstance(namespace, str) and namespace else default

    def problem(self, message: str, path: ObjectPath = ()) -> Problem:
        """Say what is wrong with the field at `path` of this object."""
        node = self._node(path)
        return Problem(self.source.name, node.line + 1, node.column + 1, message)

    def _node(self, path: ObjectPath) -> Node:
        return locate(self.document.root, (*self.path, *path))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Manifest:
    """One file that could be read."""

    source: Source
    documents: tuple[Document, ...]
    items: tuple[Item, ...]


def parse(source: Source) -> Manifest | Problem:
    """Read the objects of a text, or say why it can't be."""
    try:
        documents = tuple(
            Document(root=document.root, value=plain(document.root))
            for document in read(source.text)
            if document.root is not None
        )
    except YamlError as error:
        return Problem(source.name, error.line, error.column, error.message)
    items = tuple(item for document in documents for item in _items(source, document, document.value, ()))
    return Manifest(source=source, documents=documents, items=items)


def _items(source: Source, document: Document, value: Plain, path: ObjectPath) -> Iterator[Item]:
    """Yield the objects in a value; a List's items are objects, and may be Lists."""
    if not isinstance(value, dict):
        return
    kind, version = value.get("kind"), value.get("apiVersion")
    if not (isinstance(kind, str) and isinstance(version, str) and kind and version):
        return
    items = value.get("items")
    if kind.endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _items(source, document, item, (*path, "items", index))
    else:
        yield Item(source=source, document=document, path=path, value=value)
