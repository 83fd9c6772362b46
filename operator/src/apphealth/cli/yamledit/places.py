"""Where things are in a text: lines, the real end of a block, the place for one more part."""

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
    """The text is spelled in a way that can't be changed in place; the message says where."""


def is_collection(node: Node) -> bool:
    """Whether a node has parts (an alias hasn't)."""
    return isinstance(node, Mapping | Sequence)


def is_block_scalar(node: Node) -> bool:
    """Whether a node is text in the style `|` or `>`."""
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
    """Finds places in one text. All of them are offsets in characters."""

    def __init__(self, text: str) -> None:
        self._text = text

    def line_start(self, position: int) -> int:
        """Return where the line of `position` begins."""
        return max(self._text.rfind("\n", 0, position), self._text.rfind("\r", 0, position)) + 1

    def line_end(self, position: int) -> int:
        """Return where the next line begins; from `position` on, its line must be empty or a comment.

        Raises
        ------
        CannotEditError
            Where something else follows.
        """
        rest = _REST_OF_LINE.match(self._text, position)
        if rest is None:
            line = self._text.count("\n", 0, position) + 1
            raise CannotEditError(f"line {line}: something follows on the line of a value")
        return rest.end()

    def indentation(self, position: int) -> str:
        """Return the white space that the line of `position` begins with, up to there."""
        line = self._text[self.line_start(position) : position]
        return line[: len(line) - len(line.lstrip())]

    def starts_line(self, node: Node) -> bool:
        """Whether only spaces stand before a node on its line."""
        return not self._text[self.line_start(node.start) : node.start].strip(" ")

    def ends_line(self, position: int) -> bool:
        """Whether `position` is at the beginning of a line."""
        return position == 0 or self._text[position - 1] in _BREAKS

    def content_end(self, node: Node) -> int:
        """Return where a node's own text ends, without the comments and empty lines that follow it."""
        while isinstance(node, Mapping | Sequence) and not node.flow and (last := last_part(node)) is not None:
            node = last
        if not is_block_scalar(node):
            return node.end
        body = self._text[node.start : node.end]
        header = _BLOCK_HEADER.search(body)
        keeps_empty_lines = header is not None and "+" in header[1]
        return node.start + len(_without_break(body) if keeps_empty_lines else body.rstrip(_BREAKS))

    def after(self, node: Collection, column: int) -> int:
        """Return where the next part of a block collection goes: after its last one and the comments below that.

        Comments left of `column`, where its parts stand, belong to what comes next.
        """
        position = self.line_end(self.content_end(node))
        while self.ends_line(position):
            comment = _COMMENT_LINE.match(self._text, position)
            if comment is None or len(comment[1]) < column:
                break
            position = comment.end()
        return position

    def after_colon(self, entry: Entry) -> int:
        """Return the place right after the colon between a key and its value."""
        return self._text.index(":", entry.key.end) + 1

    def first_line(self, node: Collection) -> int:
        """Return a place on the line where the parts of a block collection begin, whatever stands before them."""
        if isinstance(node, Mapping):
            return node.entries[0].key.start
        return self._text.rfind("-", 0, node.items[0].start) if node.anchor else node.start

    def column(self, node: Collection) -> int:
        """Return where the parts of a block collection stand: the column of its keys, or of its dashes."""
        if isinstance(node, Mapping):
            return key_column(node)
        dash = self.first_line(node)
        return dash - self.line_start(dash)


def _without_break(body: str) -> str:
    return next((body[: -len(newline)] for newline in ("\r\n", "\n", "\r") if body.endswith(newline)), body)
