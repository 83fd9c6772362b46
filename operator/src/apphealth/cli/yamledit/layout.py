"""The layout of a document, so that added lines look like the existing ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from apphealth.cli.yamledit.nodes import Mapping, Node, Scalar, Sequence, children


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The indentation and spelling of one document. The defaults are those of kubectl and kustomize, but for `dash`."""

    step: int = 2
    """The indentation of a mapping, relative to its key."""
    dash: int = 0
    """The indentation of the dashes of a list, relative to its key."""
    gap: int = 2
    """The number of columns from a dash to its item."""
    newline: str = "\n"
    json: bool = False
    """Whether the document is JSON: braces and double quotes everywhere."""


_USUAL = Layout()


def detect(text: str, root: Node) -> Layout:
    """Return the layout that most collections of a document have.

    Parameters
    ----------
    text
        The text of the file.
    root
        The root node of the document.
    """
    steps: Counter[int] = Counter()
    dashes: Counter[int] = Counter()
    gaps: Counter[int] = Counter()
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(children(node))
        if isinstance(node, Mapping) and not node.flow:
            _count_values(node, steps, dashes)
        elif isinstance(node, Sequence) and not node.flow and not node.anchor:
            gaps.update(item.column - node.column for item in node.items if item.column > node.column)
    return Layout(
        step=_usual(steps, _USUAL.step),
        dash=_usual(dashes, _USUAL.dash),
        gap=_usual(gaps, _USUAL.gap),
        newline="\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n",
        json=is_json(root),
    )


def _count_values(node: Mapping, steps: Counter[int], dashes: Counter[int]) -> None:
    column = key_column(node)
    for entry in node.entries:
        value = entry.value
        if isinstance(value, Mapping) and not value.flow:
            steps[key_column(value) - column] += 1
        elif isinstance(value, Sequence) and not value.flow and not value.anchor:
            dashes[value.column - column] += 1


def _usual(counts: Counter[int], default: int) -> int:
    return counts.most_common(1)[0][0] if counts else default


def key_column(mapping: Mapping) -> int:
    """Return the column of the keys of a block mapping; an anchor before the mapping doesn't change it."""
    return mapping.entries[0].key.column


def is_json(node: Node) -> bool:
    """Whether a collection is written as JSON. For a list, its first item decides; an empty list is no JSON."""
    while isinstance(node, Sequence) and node.flow and node.items:
        node = node.items[0]
    match node:
        case Mapping(flow=True):
            return bool(node.entries) and all(entry.key.style == '"' for entry in node.entries)
        case Scalar():
            return node.style == '"'
    return False
