"""The Kubernetes objects in the text of a file, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.sources import Source
from apphealth.cli.yamledit.nodes import Document as NodeDocument
from apphealth.cli.yamledit.nodes import Node, locate
from apphealth.cli.yamledit.plain import Plain, plain
from apphealth.cli.yamledit.reader import YamlError, read
from apphealth.cli.yamledit.values import Marks, read_values

ObjectPath = tuple[str | int, ...]


class Document:
    """One document of a file: its value, and the places of its parts, which are worked out on demand."""

    __slots__ = ("_index", "_marks", "_roots", "value")

    def __init__(self, value: Plain, index: int, roots: _Roots, marks: Marks | None) -> None:
        self.value = value
        self._index = index
        self._roots = roots
        self._marks = marks

    @property
    def root(self) -> Node:
        """The document as nodes with positions, which edits need."""
        root = self._roots.nodes[self._index].root
        assert root is not None  # noqa: S101 -- empty documents are left out
        return root

    def place(self, path: ObjectPath) -> tuple[int, int]:
        """Return the line and column, from 1, of the value at `path`, or of its nearest existing parent."""
        if self._marks is not None:
            line, column = self._marks.find(self.value, path)
        else:
            node = locate(self.root, path)
            line, column = node.line, node.column
        return line + 1, column + 1


class _Roots:
    """The nodes of a file's documents, parsed on first use."""

    __slots__ = ("_nodes", "_text")

    def __init__(self, text: str, nodes: list[NodeDocument] | None = None) -> None:
        self._text = text
        self._nodes = nodes

    @property
    def nodes(self) -> list[NodeDocument]:
        if self._nodes is None:
            self._nodes = read(self._text)
        return self._nodes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One Kubernetes object: a document, or an item of a List."""

    source: Source
    document: Document
    path: ObjectPath
    """The path of the object in its document; empty unless it is an item of a List."""
    value: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.value["kind"])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata; empty if it has none."""
        metadata = self.value.get("metadata")
        return metadata if isinstance(metadata, Mapping) else {}

    @property
    def name(self) -> str:
        """Its name; empty if it has none."""
        name = self.metadata.get("name")
        return name if isinstance(name, str) else ""

    @property
    def place(self) -> str:
        """`web.yaml:12`, the line on which it begins."""
        return f"{self.source.name}:{self.document.place(self.path)[0]}"

    def namespace(self, default: str) -> str:
        """Return its namespace, or the default."""
        namespace = self.metadata.get("namespace")
        return namespace if isinstance(namespace, str) and namespace else default

    def problem(self, message: str, path: ObjectPath = ()) -> Problem:
        """Return a problem of the field at `path` of this object.

        Parameters
        ----------
        message
            The problem, for users.
        path
            The field, from the object's root; the object itself if it is empty.
        """
        line, column = self.document.place((*self.path, *path))
        return Problem(self.source.name, line, column, message)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Manifest:
    """One file that could be parsed."""

    source: Source
    documents: tuple[Document, ...]
    items: tuple[Item, ...]


def parse(source: Source) -> Manifest | Problem:
    """Parse the objects of a text.

    Returns
    -------
    Manifest or Problem
        The problem is the reason why the text can't be parsed.
    """
    try:
        documents = tuple(_documents(source.text))
    except YamlError as error:
        return Problem(source.name, error.line, error.column, error.message)
    items = tuple(item for document in documents for item in _items(source, document, document.value, ()))
    return Manifest(source=source, documents=documents, items=items)


def _documents(text: str) -> Iterator[Document]:
    if (found := read_values(text)) is not None:
        roots = _Roots(text)
        for index, document in enumerate(found):
            if document is not None:
                yield Document(document[0], index, roots, document[1])
        return
    nodes = read(text)
    roots = _Roots(text, nodes)
    for index, node in enumerate(nodes):
        if node.root is not None:
            yield Document(plain(node.root), index, roots, None)


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
