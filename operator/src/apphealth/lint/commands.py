"""Read the commands of exec probes: which programs they start, also through shells and wrappers such as `timeout`.

It is no shell: what it can't split is left out, so that the checks report nothing there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh"})
MAX_SCRIPT = 4096
"""Most characters of a script that are read."""
_MAX_DEPTH = 4
"""Most levels of scripts within scripts."""
_KEYWORDS = frozenset(
    {"if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "exec", "command", "nohup"}
)
_NO_PROGRAM = frozenset({"for", "case", "fi", "done", "esac", "in", "}"})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_COMMENT = re.compile(r"(?m)^\s*#.*$")
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_WRAPPERS = {
    "busybox": "",
    "env": "uCS",
    "nice": "n",
    "sudo": "ug",
    "stdbuf": "ioe",
    "timeout": "ks",
    "gosu": "",
    "su-exec": "",
}
"""Programs that run the program after them, and their options that have a value."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that a command starts."""

    words: tuple[str, ...]
    """The program and its arguments."""
    piped: bool = False
    """Its output goes into the next program."""

    @property
    def name(self) -> str:
        """The program without its directory."""
        return base_name(self.words[0])


@dataclass(frozen=True, slots=True)
class Script:
    """The text that a shell gets by `-c`."""

    text: str
    more: tuple[str, ...]
    """The words after it, which the shell takes for the script's own parameters."""


def base_name(word: str) -> str:
    """Return a program's name without its directory."""
    return word.rpartition("/")[2]


def script_of(command: Sequence[str]) -> Script | None:
    """Return the script that a command gives a shell, or None if it is no `sh -c`."""
    if not command or base_name(command[0]) not in SHELLS:
        return None
    words, inline = list(command[1:]), False
    while words and words[0][:1] in ("-", "+"):
        option = words.pop(0)
        inline = inline or (not option.startswith("--") and "c" in option)
        if option.endswith("o") and not option.startswith("--") and words:
            words.pop(0)  # -o pipefail
    return Script(words[0], tuple(words[1:])) if inline and words else None


def top_level(command: Sequence[str]) -> tuple[Program, ...]:
    """Return the programs whose exit codes may decide that of a command, in their order."""
    words = _unwrapped(command)
    script = script_of(words)
    if script is None:
        return (Program(tuple(words)),) if words else ()
    return tuple(_split(_SUBSTITUTION.sub("$_", script.text[:MAX_SCRIPT])))


def programs(command: Sequence[str], depth: int = 0) -> Iterator[Program]:
    """Yield every program that a command starts, except shells.

    Parameters
    ----------
    command
        The words of the command.
    depth
        How many scripts this one is in.
    """
    words = _unwrapped(command)
    if not words or depth > _MAX_DEPTH:
        return
    script = script_of(words)
    if script is None:
        interpreted = _after_options(words[1:]) if base_name(words[0]) in SHELLS else []
        yield Program(tuple(interpreted or words))
        return
    text = script.text[:MAX_SCRIPT]
    for found in _SUBSTITUTION.finditer(text):
        yield from programs(("sh", "-c", found[1] or found[2] or ""), depth + 1)
    for program in _split(_SUBSTITUTION.sub("$_", text)):
        inner = _unwrapped(program.words)
        if inner and base_name(inner[0]) in SHELLS:
            yield from programs(inner, depth + 1)
        elif inner:
            yield Program(tuple(inner), program.piped)


def _unwrapped(command: Sequence[str]) -> list[str]:
    """Return a command without the wrappers before its program."""
    words = list(command)
    while words and (name := base_name(words[0])) in _WRAPPERS:
        words = _after_options(words[1:], _WRAPPERS[name])
        if name == "timeout":
            words = words[1:]  # the duration
        elif name in ("gosu", "su-exec"):
            words = words[1:]  # the user
        while name == "env" and words and _ASSIGNMENT.match(words[0]):
            words = words[1:]
    return words


def _after_options(words: Sequence[str], with_value: str = "") -> list[str]:
    """Return the words after the options at the beginning; those in `with_value` have a value as a word of its own."""
    left = list(words)
    while left and left[0].startswith("-"):
        option = left.pop(0)
        if len(option) == len("-x") and option[1] in with_value:
            left = left[1:]
    return left


def _split(text: str) -> Iterator[Program]:
    """Yield the programs of a script without substitutions."""
    lexer = shlex.shlex(_COMMENT.sub("", text).replace("\\\n", " "), posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        tokens = [*lexer]
    except ValueError:  # a quotation that doesn't end
        return
    words: list[str] = []
    redirected = False
    for token in (*tokens, ";"):
        if not token or token.strip(";&|()<>\n"):
            if not redirected:
                words.append(token)
            redirected = False
        elif "<" in token or ">" in token:
            redirected = True
        else:
            if (found := _program(words)) and found[0]:
                yield Program(tuple(found), piped=token.strip() == "|")
            words, redirected = [], False


def _program(words: list[str]) -> list[str]:
    """Return the words of a program without the shell's keywords and assignments before it; empty if there is none."""
    while words and (words[0] in _KEYWORDS or _ASSIGNMENT.match(words[0])):
        words = words[1:]
    return [] if words and words[0] in _NO_PROGRAM else words
