"""Edits inside brackets and braces: YAML's flow style and JSON, on one line or on several."""

from __future__ import annotations

import re

from apphealth.cli.yamledit import emitter
from apphealth.cli.yamledit.edit import Edit
from apphealth.cli.yamledit.layout import Layout, is_json
from apphealth.cli.yamledit.nodes import Mapping, Node, Sequence
from apphealth.cli.yamledit.places import Collection, Places, first_part, last_part
from apphealth.cli.yamledit.plain import Plain

_COMMENT = re.compile(r"#[^\r\n]*")


class FlowStyle:
    """Makes the edits of flow collections in one text."""

    def __init__(self, text: str, layout: Layout) -> None:
        self._text = text
        self._places = Places(text)
        self._layout = layout

    def add_entries(self, node: Mapping, values: dict[str, Plain]) -> list[Edit]:
        """Add keys and values to a mapping in braces."""
        key = emitter.quoted if self._is_json(node) else emitter.flow
        return self._add(node, [f"{key(name)}: {self._value(node, value)}" for name, value in values.items()])

    def append(self, node: Sequence, values: list[Plain]) -> list[Edit]:
        """Add items to a list in brackets."""
        return self._add(node, [self._value(node, value) for value in values])

    def replace(self, parent: Collection, value: Node, new: Plain) -> Edit:
        """Replace a value that is in flow style, or whose parent is."""
        near = value if isinstance(value, Mapping | Sequence) else parent
        return Edit(value.start, value.end, self._spelled(near, new, self._places.indentation(value.start)))

    def _add(self, node: Collection, parts: list[str]) -> list[Edit]:
        last = last_part(node)
        if last is None:
            return [Edit(node.start + 1, node.start + 1, ", ".join(parts))]
        if not self._is_spread(node):
            return [Edit(last.end, last.end, "".join(f", {part}" for part in parts))]
        gap = self._text[last.end : node.end - 1]
        position = last.end + len(gap.rstrip())
        line = self._layout.newline + self._inner(node)
        comma = [] if "," in _COMMENT.sub("", gap) else [Edit(last.end, last.end, ",")]
        return [*comma, Edit(position, position, line + f",{line}".join(parts))]

    def _value(self, near: Collection, value: Plain) -> str:
        return self._spelled(near, value, self._inner(near))

    def _spelled(self, near: Collection, value: Plain, prefix: str) -> str:
        """Return a value written in the style of the parts of `near`, for a line indented by `prefix`."""
        if not self._is_json(near):
            return emitter.flow(value)
        unit = self._unit(near) if self._is_spread(near) else ""
        return emitter.as_json(value, prefix=prefix, unit=unit, newline=self._layout.newline)

    def _is_json(self, node: Collection) -> bool:
        return self._layout.json or is_json(node)

    @staticmethod
    def _is_spread(node: Collection) -> bool:
        """Whether a collection has its parts on lines of their own."""
        first = first_part(node)
        return first is not None and first.line > node.line

    def _inner(self, node: Collection) -> str:
        """Return the indentation of the parts of a collection, or of its own line."""
        first = first_part(node)
        return self._places.indentation(first.start if first is not None and self._is_spread(node) else node.start)

    def _unit(self, node: Collection) -> str:
        """Return the indentation of the parts of a collection on several lines, relative to its closing bracket."""
        inner, outer = self._inner(node), self._places.indentation(node.end - 1)
        return inner[len(outer) :] if inner.startswith(outer) and inner != outer else "  "
