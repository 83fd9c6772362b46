"""Positions in a text: line starts, the end of a block's content, the position of a new part."""

from __future__ import annotations

import re

from apphealth.cli.yamledit.layout import key_column
from apphealth.cli.yamledit.nodes import Entry, Mapping, Node, Scalar, Sequence

_REST_OF_LINE = re.compile(r"[ \t]*(#[^\r\n]*)?(\r\n|\n|\r|$)")
_COMMENT_LINE = re.compile(r"([ ]*)#[^\r\n]*(\r\n|\n|\r|$)")
_BLOCK_HEADER = re.compile(r"[|>]([-+0-9]*)")
_BREAKS = "\r\n"

Collection = Mapping | Sequence


class CannotEditError(Exception):
    """The text has a form that can't be edited in place; the message names the line."""


def is_collection(node: Node) -> bool:
    """Whether a node is a mapping or a list; an alias is neither."""
    return isinstance(node, Mapping | Sequence)


def is_block_scalar(node: Node) -> bool:
    """Whether a node is a string in the style `|` or `>`."""
    return isinstance(node, Scalar) and node.style in ("|", ">")


def first_part(node: Collection) -> Node | None:
    """Return the first key or item."""
    if isinstance(node, Mapping):
        return node.entries[0].key if node.entries else None
    return node.items[0] if node.items else None


def last_part(node: Collection) -> Node | None:
    """Return the last value or item."""
    if isinstance(node, Mapping):
        return node.entries[-1].value if node.entries else None
    return node.items[-1] if node.items else None


class Places:
    """Finds positions in one text, as offsets in characters."""

    def __init__(self, text: str) -> None:
        self._text = text

    def line_start(self, position: int) -> int:
        """Return the start of the line of `position`."""
        return max(self._text.rfind("\n", 0, position), self._text.rfind("\r", 0, position)) + 1

    def line_end(self, position: int) -> int:
        """Return the start of the next line. After `position`, its line may only have spaces and a comment.

        Raises
        ------
        CannotEditError
            Something else follows on the line.
        """
        rest = _REST_OF_LINE.match(self._text, position)
        if rest is None:
            line = self._text.count("\n", 0, position) + 1
            raise CannotEditError(f"line {line}: something follows on the line of a value")
        return rest.end()

    def indentation(self, position: int) -> str:
        """Return the white space at the start of the line of `position`, at most up to `position`."""
        line = self._text[self.line_start(position) : position]
        return line[: len(line) - len(line.lstrip())]

    def starts_line(self, node: Node) -> bool:
        """Whether only spaces are before a node on its line."""
        return not self._text[self.line_start(node.start) : node.start].strip(" ")

    def ends_line(self, position: int) -> bool:
        """Whether `position` is at the beginning of a line."""
        return position == 0 or self._text[position - 1] in _BREAKS

    def content_end(self, node: Node) -> int:
        """Return the end of a node's own text, without the comments and empty lines after it."""
        while isinstance(node, Mapping | Sequence) and not node.flow and (last := last_part(node)) is not None:
            node = last
        if not is_block_scalar(node):
            return node.end
        body = self._text[node.start : node.end]
        header = _BLOCK_HEADER.search(body)
        keeps_empty_lines = header is not None and "+" in header[1]
        return node.start + len(_without_break(body) if keeps_empty_lines else body.rstrip(_BREAKS))

    def after(self, node: Collection, column: int) -> int:
        """Return the position of a new part of a block collection: after its last part and the comments below that.

        Comments to the left of `column`, the column of its parts, belong to the next node.
        """
        position = self.line_end(self.content_end(node))
        while self.ends_line(position):
            comment = _COMMENT_LINE.match(self._text, position)
            if comment is None or len(comment[1]) < column:
                break
            position = comment.end()
        return position

    def after_colon(self, entry: Entry) -> int:
        """Return the position after the colon between a key and its value."""
        return self._text.index(":", entry.key.end) + 1

    def first_line(self, node: Collection) -> int:
        """Return a position on the line of a block collection's first part, even if an anchor or tag is before it."""
        if isinstance(node, Mapping):
            return node.entries[0].key.start
        return self._text.rfind("-", 0, node.items[0].start) if node.anchor else node.start

    def column(self, node: Collection) -> int:
        """Return the column of the keys or the dashes of a block collection."""
        if isinstance(node, Mapping):
            return key_column(node)
        dash = self.first_line(node)
        return dash - self.line_start(dash)


def _without_break(body: str) -> str:
    return next((body[: -len(newline)] for newline in ("\r\n", "\n", "\r") if body.endswith(newline)), body)
