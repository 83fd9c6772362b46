"""The smallest edits of a text that give a node another value.

Equal values keep their text, with comments, quotes and order; new values are added after the existing ones. A value
that can't be edited inside (a key removed from braces, an alias) is rewritten as a whole.
"""

from __future__ import annotations

from apphealth.cli.yamledit import emitter
from apphealth.cli.yamledit.commented import comment_above
from apphealth.cli.yamledit.edit import Edit
from apphealth.cli.yamledit.flowstyle import FlowStyle
from apphealth.cli.yamledit.layout import Layout
from apphealth.cli.yamledit.nodes import Entry, Mapping, Node, Scalar, Sequence
from apphealth.cli.yamledit.places import CannotEditError, Collection, Places, is_block_scalar, is_collection
from apphealth.cli.yamledit.plain import Plain


def same(one: Plain, other: Plain) -> bool:
    """Whether two values are equal as JSON: 1 is not true.

    Parameters
    ----------
    one, other
        Values of JSON.
    """
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def changes(text: str, root: Node, old: Plain, new: Plain, layout: Layout) -> list[Edit]:
    """Return the edits that give a document a new value.

    Parameters
    ----------
    text
        The text of the file.
    root
        The root node of the document.
    old
        The value of the root.
    new
        The new value of the root.
    layout
        The layout of added lines.

    Raises
    ------
    CannotEditError
        The whole document would have to be rewritten, or the text has a form that can't be edited.
    """
    edits = _Differ(text, layout).inside(root, old, new)
    if edits is None:
        raise CannotEditError(f"line {root.line + 1}: the whole document would have to be rewritten")
    return edits


class _Differ:
    """Makes the edits of one text."""

    def __init__(self, text: str, layout: Layout) -> None:
        self._places = Places(text)
        self._flow = FlowStyle(text, layout)
        self._layout = layout

    def inside(self, node: Node, old: Plain, new: Plain) -> list[Edit] | None:
        """Return the edits inside a node, or None if the whole node has to be rewritten."""
        if same(old, new):
            return []
        if isinstance(node, Mapping) and isinstance(old, dict) and isinstance(new, dict):
            return self._mapping(node, old, new)
        if isinstance(node, Sequence) and isinstance(old, list) and isinstance(new, list):
            return self._sequence(node, old, new)
        return None

    def _mapping(self, node: Mapping, old: dict[str, Plain], new: dict[str, Plain]) -> list[Edit] | None:
        own = {entry.key.text: entry for entry in node.entries}
        gone = [own[key] for key in old if key not in new and key in own]
        if gone and (node.flow or not new or not all(self._has_lines(entry) for entry in gone)):
            return None
        edits: list[Edit] = []
        for key, entry in own.items():
            if key in old and key in new:
                below = self.inside(entry.value, old[key], new[key])
                edits += self._comment(node, entry, old[key], new[key])
                edits += self._replace_value(node, entry, new[key]) if below is None else below
        edits += [self._removal(entry) for entry in gone]
        added = {key: value for key, value in new.items() if key not in own and not same(old.get(key), value)}
        return edits + (self._add_entries(node, added) if added else [])

    def _comment(self, node: Mapping, entry: Entry, old: Plain, new: Plain) -> list[Edit]:
        """Add the comment of a changed value above its key, if the key starts a line."""
        start = self._places.line_start(entry.key.start)
        lines = comment_above(new, " " * (entry.key.start - start))
        if not lines or same(old, new) or node.flow or not self._places.starts_line(entry.key):
            return []
        return [Edit(start, start, lines[0] + self._layout.newline)]

    def _sequence(self, node: Sequence, old: list[Plain], new: list[Plain]) -> list[Edit] | None:
        if len(new) < len(old):
            return None
        edits: list[Edit] = []
        for item, before, after in zip(node.items, old, new, strict=False):
            below = self.inside(item, before, after)
            edits += self._replace_item(node, item, after) if below is None else below
        return edits + (self._append(node, new[len(old) :]) if len(new) > len(old) else [])

    def _add_entries(self, node: Mapping, values: dict[str, Plain]) -> list[Edit]:
        if node.flow:
            return self._flow.add_entries(node, values)
        return [self._add_lines(node, values)]

    def _append(self, node: Sequence, values: list[Plain]) -> list[Edit]:
        return self._flow.append(node, values) if node.flow else [self._add_lines(node, values)]

    def _add_lines(self, node: Collection, values: dict[str, Plain] | list[Plain]) -> Edit:
        column = self._places.column(node)
        return self._insert(self._places.after(node, column), emitter.block(values, self._layout, column), values)

    def _insert(self, position: int, lines: list[str], value: Plain) -> Edit:
        """Insert lines at the start of a line, or at the end of a text without a final newline, which stays so."""
        newline = self._layout.newline
        joined = newline.join(lines)
        if self._places.ends_line(position):
            return Edit(position, position, joined + newline)
        return Edit(position, position, newline + joined + (newline if emitter.ends_in_newline(value) else ""))

    def _replace_value(self, node: Mapping, entry: Entry, new: Plain) -> list[Edit]:
        value = entry.value
        if node.flow or (isinstance(value, Mapping | Sequence) and value.flow):
            return [self._flow.replace(node, value, new)]
        if isinstance(value, Scalar) and isinstance(new, str) and "\n" not in value.text + new:
            return [Edit(value.start, value.end, emitter.quoted_as(value.style, new))]
        first, *rest = emitter.inline(new, self._layout, self._places.column(node))
        end = self._places.content_end(value)
        if isinstance(value, Mapping | Sequence) and not first:
            return [self._replace_lines(value, end, rest, new)]
        colon = self._places.after_colon(entry)
        if first and not (rest and not is_block_scalar(value)) and not is_collection(value):
            return [Edit(colon, end, self._layout.newline.join([first, *rest]))]
        # The old value ends on the key's line, or the new one begins there: a comment on that line stays.
        return [Edit(colon, end, first), *([self._insert(self._places.line_end(end), rest, new)] if rest else [])]

    def _replace_lines(self, value: Collection, end: int, lines: list[str], new: Plain) -> Edit:
        """Replace the lines of a block by other lines."""
        start = self._places.line_start(self._places.first_line(value))
        finish = self._places.line_end(end)
        tail = self._layout.newline if self._places.ends_line(finish) or emitter.ends_in_newline(new) else ""
        return Edit(start, finish, self._layout.newline.join(lines) + tail)

    def _replace_item(self, node: Sequence, item: Node, new: Plain) -> list[Edit]:
        if node.flow or (isinstance(item, Mapping | Sequence) and item.flow):
            return [self._flow.replace(node, item, new)]
        if isinstance(item, Scalar) and item.start == item.end:
            raise CannotEditError(f"line {item.line + 1}: an empty item would have to be filled in")
        lines = [emitter.flow(new)] if isinstance(new, list) else emitter.block(new, self._layout, item.column)
        text = self._layout.newline.join(lines).lstrip(" ")
        return [Edit(item.start, self._places.content_end(item), text)]

    def _has_lines(self, entry: Entry) -> bool:
        """Whether a key and its value fill whole lines, which can be removed."""
        end = self._places.line_end(self._places.content_end(entry.value))
        return self._places.starts_line(entry.key) and self._places.ends_line(end)

    def _removal(self, entry: Entry) -> Edit:
        start = self._places.line_start(entry.key.start)
        return Edit(start, self._places.line_end(self._places.content_end(entry.value)), "")
