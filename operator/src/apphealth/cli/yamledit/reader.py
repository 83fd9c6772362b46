"""Nodes parsed from a text, by libyaml's events.

JSON is parsed as YAML, of which it is nearly a subset. Limits protect the process from hostile files: deep nesting
would overflow the stack, and aliases could expand to billions of values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml

from apphealth.cli.yamledit.nodes import Alias, Document, Entry, Mapping, Node, Scalar, Sequence

MAX_DEPTH = 100
"""The deepest nesting that is parsed. A Deployment needs about 12."""
MAX_VALUES = 1_000_000
"""The number of values of one document, aliases expanded. The API server's limit of 3 MB is far below it."""

Event: TypeAlias = Any
"""An event of yaml.parse. The stubs let its marks be None, which a parser's never are."""
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SURROGATE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_INDENTED_BY_TAB = re.compile(r" *\t")
_NO_MARK = yaml.Mark("", 0, 0, 0, None, 0)


class YamlError(Exception):
    """The text can't be parsed; `line` and `column` are counted from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def read(text: str) -> list[Document]:
    """Parse all documents of a text without a byte order mark.

    Raises
    ------
    YamlError
        The text can't be parsed. The error has the place and, if it is known, the fix.
    """
    events = yaml.parse(parsable(text), Loader=LOADER)
    try:
        return list(_documents(events, text))
    except yaml.MarkedYAMLError as error:
        raise _explained(error, text) from None
    except yaml.reader.ReaderError as error:
        raise _unreadable(error, text) from None


def parsable(text: str) -> str:
    r"""Replace JSON's surrogate pairs (`\ud83d\ude00`), which YAML doesn't have, by as many other characters."""
    return _SURROGATE.sub(r"\\ufffd\\ufffd", text) if "\\ud" in text or "\\uD" in text else text


def _documents(events: Iterator[Any], text: str) -> Iterator[Document]:
    composer = _Composer(events, text)
    start = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            root = composer.compose()
            end = next(events).end_mark.index
            yield Document(root, start, end)
            start = end


class _Composer:
    """Builds the nodes of one document after the other, without recursion."""

    def __init__(self, events: Iterator[Any], text: str) -> None:
        self._events = events
        self._text = text

    def compose(self) -> Node | None:
        anchors: dict[str, Node | None] = {}
        stack: list[_Open] = []
        while True:
            event = next(self._events)
            kind = type(event)
            if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node = self._close(stack.pop(), event, anchors)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if len(stack) >= MAX_DEPTH:
                    raise _error(f"nested more than {MAX_DEPTH} deep", event.start_mark)
                stack.append(_Open(_collection(event, kind), self._text))
                if event.anchor:
                    anchors[event.anchor] = None
                continue
            else:
                node = _alias(event, anchors) if kind is yaml.AliasEvent else _scalar(event)
                if node.anchor:
                    anchors[node.anchor] = node
            if not stack:
                return None if _is_nothing(node) else node
            stack[-1].add(node)

    def _close(self, opened: _Open, event: Event, anchors: dict[str, Node | None]) -> Node:
        node = opened.node
        node.end = event.end_mark.index
        if node.size > MAX_VALUES:
            raise YamlError(f"its aliases expand to more than {MAX_VALUES} values", node.line + 1, node.column + 1)
        if node.anchor:
            anchors[node.anchor] = node
        return node


class _Open:
    """A collection that is being parsed."""

    __slots__ = ("_key", "_keys", "_text", "node")

    def __init__(self, node: Mapping | Sequence, text: str) -> None:
        self.node = node
        self._key: Scalar | None = None
        self._keys: dict[str, Scalar] = {}
        self._text = text

    def add(self, child: Node) -> None:
        node = self.node
        node.size += child.size
        if isinstance(node, Sequence):
            node.items.append(child)
        elif self._key is None:
            self._key = self._checked(child)
        else:
            node.entries.append(Entry(self._key, child))
            self._key = None

    def _checked(self, child: Node) -> Scalar:
        if not isinstance(child, Scalar):
            raise YamlError(f"a key must be text{_hint(self._text, child.line)}", child.line + 1, child.column + 1)
        if (first := self._keys.setdefault(child.text, child)) is not child:
            message = f'the key "{child.text[:60]}" is defined twice, first on line {first.line + 1}; remove one'
            raise YamlError(message, child.line + 1, child.column + 1)
        return child


def _collection(event: Event, kind: type) -> Mapping | Sequence:
    mark = event.start_mark
    wanted = Mapping if kind is yaml.MappingStartEvent else Sequence
    return wanted(
        start=mark.index,
        end=mark.index,
        line=mark.line,
        column=mark.column,
        anchor=event.anchor or "",
        flow=bool(event.flow_style),
    )


def _scalar(event: Event) -> Scalar:
    mark = event.start_mark
    return Scalar(
        start=mark.index,
        end=event.end_mark.index,
        line=mark.line,
        column=mark.column,
        anchor=event.anchor or "",
        text=event.value,
        style=event.style or "",
        tag=event.tag or "",
    )


def _alias(event: Event, anchors: dict[str, Node | None]) -> Alias:
    name, mark = event.anchor, event.start_mark
    if name not in anchors:
        raise _error(f"the alias *{name} has no anchor &{name} before it", mark)
    if (target := anchors[name]) is None:
        raise _error(f"the alias *{name} is inside its own anchor", mark)
    end = event.end_mark.index
    return Alias(
        start=mark.index, end=end, line=mark.line, column=mark.column, size=target.size, name=name, target=target
    )


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.text and not node.style and not node.tag


def _error(message: str, mark: yaml.Mark) -> YamlError:
    return YamlError(message, mark.line + 1, mark.column + 1)


def _explained(error: yaml.MarkedYAMLError, text: str) -> YamlError:
    mark = error.problem_mark or error.context_mark or _NO_MARK
    problem = error.problem or error.context or "not valid YAML"
    if "'\\t'" in problem or _tab_at(text, mark.index):
        problem = "a tab where YAML wants spaces; replace it by spaces"
    return _error(problem + _hint(text, mark.line), mark)


def _tab_at(text: str, index: int) -> bool:
    """Whether the indentation of the line of `index` contains a tab."""
    return _INDENTED_BY_TAB.match(text, text.rfind("\n", 0, index) + 1) is not None


def _hint(text: str, line: int) -> str:
    """Return the fix if the text is the source of a Helm template on or before `line`; else an empty string."""
    if "{{" not in "".join(text.split("\n", line + 1)[: line + 1]):
        return ""
    return (
        "; this looks like the source of a Helm template: render it first (helm template ... | apphealth render -f -)"
    )


def _unreadable(error: yaml.reader.ReaderError, text: str) -> YamlError:
    """Find the place of a forbidden character; the reader counts bytes or characters, depending on its build."""
    code = error.character if isinstance(error.character, int) else ord(error.character)
    before = text[: max(text.find(chr(code)), 0)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return YamlError(f"the character U+{code:04X} is not allowed; is this a text file?", line, column)
