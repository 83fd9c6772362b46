"""The nodes of a document, each with its position in the text.

`start` and `end` are offsets into the text in characters; `line` and `column` count from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False, kw_only=True)
class Node:
    """Any value. If a block collection has an anchor, `start` is the position of the anchor."""

    start: int
    end: int
    line: int
    column: int
    anchor: str = ""
    size: int = 1
    """The number of values in this node, with every alias below it expanded."""


@dataclass(slots=True, eq=False, kw_only=True)
class Scalar(Node):
    """A string, number, boolean or null."""

    text: str
    style: str = ""
    """Empty for a plain scalar, else its first character: `'`, `"`, `|` or `>`."""
    tag: str = ""


@dataclass(slots=True, eq=False, kw_only=True)
class Sequence(Node):
    """A list; `flow` means that it is written in brackets, and only then `end` is exact."""

    items: list[Node] = field(default_factory=list)
    flow: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Mapping(Node):
    """A mapping; `flow` means that it is written in braces, and only then `end` is exact."""

    entries: list[Entry] = field(default_factory=list)
    flow: bool = False

    def get(self, key: str) -> Node | None:
        """Return the value of the mapping's own `key`, ignoring merge keys; of equal keys, the last one counts."""
        return next((entry.value for entry in reversed(self.entries) if entry.key.text == key), None)


@dataclass(slots=True, eq=False, kw_only=True)
class Alias(Node):
    """`*name`: the value of an earlier anchor."""

    name: str
    target: Node


@dataclass(slots=True, eq=False)
class Entry:
    """One key of a mapping, and its value."""

    key: Scalar
    value: Node


@dataclass(slots=True, eq=False)
class Document:
    """One document of a stream; `root` is None if it is empty."""

    root: Node | None
    start: int
    end: int
    """The end of its text: before the next `---`, after its `...`."""


def resolved(node: Node) -> Node:
    """Return the target of an alias, and any other node itself."""
    return node.target if isinstance(node, Alias) else node


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly below, with keys; an alias has none."""
    match node:
        case Mapping():
            for entry in node.entries:
                yield entry.key
                yield entry.value
        case Sequence():
            yield from node.items


def locate(root: Node, path: tuple[str | int, ...]) -> Node:
    """Return the node at a path.

    Parameters
    ----------
    root
        The root node of the document.
    path
        Keys of mappings and indexes of lists.

    Returns
    -------
    Node
        The node at the path, or its nearest existing parent. For a field of a mapping this is the node of its key,
        because messages should point at the key.
    """
    node, found = root, root
    for part in path:
        current = resolved(node)
        if isinstance(part, str) and isinstance(current, Mapping):
            entry = next((entry for entry in current.entries if entry.key.text == part), None)
            if entry is None:
                break
            node, found = entry.value, entry.key
        elif isinstance(part, int) and isinstance(current, Sequence) and 0 <= part < len(current.items):
            node = found = current.items[part]
        else:
            break
    return found
