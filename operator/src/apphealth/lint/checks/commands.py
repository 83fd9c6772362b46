"""Commands of exec probes that don't do what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apphealth.lint.check import Check, Hit
from apphealth.lint.commands import SHELLS, Program, base_name, programs, script_of, top_level
from apphealth.lint.subject import Subject
from apphealth.model import raw
from apphealth.plan import findings
from apphealth.plan.findings import Severity

_OPERATORS = re.compile(r"\|\|?|&&|;|[012]?>{1,2}(&[012]|/dev/null)?|<")
_WITH_OPERATORS = frozenset({"find", "xargs", "expr", "test", "[", "jq", "awk"})
"""Programs whose arguments may look like a shell's operators."""
_BUILT_IN = frozenset({"exit", "source", "if", "while", "for", "[[", "set", "export"})
_UNEXPANDED = re.compile(r"\$[A-Za-z_]\w*|\$\{\w+[^}]*\}|`[^`]+`")
_OTHER_LANGUAGES = re.compile(
    r"awk|gawk|sed|grep|egrep|jq|perl|php|python[\d.]*|ruby|node|mongo|mongosh|mysql|psql|tclsh|pwsh"
)
"""Programs with scripts of their own, in which a dollar sign means something else."""
_AFTERWARDS = frozenset({"exit", "return", "true", "false", "echo", ":"})
_CURL_FAILS = re.compile(r"-[A-Za-z#]*[fK][A-Za-z]*|--fail.*|--config")
_Wrong = tuple[str, str, Severity]
"""What is wrong, the fix, and how much it matters."""


def _commands(subject: Subject) -> Iterator[Hit]:
    for container in subject.containers:
        for probe in container.probes.values():
            command = raw.texts(raw.mapping(probe.raw.get("exec")).get("command"))
            if command and (found := _wrong(command)):
                message, fix, severity = found
                yield Hit(
                    message=f"{probe.kind} {message}",
                    fix=fix,
                    path=probe.at("exec", "command"),
                    container=container.name,
                    severity=severity,
                )


def _wrong(command: tuple[str, ...]) -> _Wrong | None:
    return _not_found(command) or _lost(command) or _without_shell(command) or _any_status(command)


def _not_found(command: tuple[str, ...]) -> _Wrong | None:
    program = command[0]
    if _holds_arguments(program.split(), alone=len(command) == 1):
        message = f"runs '{program[:60]}', a program and its arguments in one word: no program has this name"
        return message, "write each argument as a word of its own, or run it with sh -c", Severity.ERROR
    if base_name(program) in _BUILT_IN and "/" not in program:
        message = f"runs '{program}', which is the shell's own command and no program"
        return message, "write [sh, -c, '...']", Severity.ERROR
    return None


def _holds_arguments(words: list[str], *, alone: bool) -> bool:
    """Return whether the first word of a command holds arguments too, and is no path with a space in it."""
    rest = words[1:]
    return any(word.startswith("-") for word in rest) or (alone and bool(rest) and "/" not in rest[-1])


def _lost(command: tuple[str, ...]) -> _Wrong | None:
    """Return that the words after the script of `sh -c` don't reach the program."""
    script = script_of(command)
    if script is None or not script.more or "$" in script.text or any(mark in script.text for mark in "\n;"):
        return None
    text = script.text.strip()
    more = " ".join(script.more)[:60]
    message = f"runs '{text[:60]}' alone: the words after it ({more}) go to the shell, not to the program"
    fix = f"write the whole command as one word after {command[1][:20]}"
    return message, fix, Severity.WARNING if "/" in text or " " in text else Severity.ERROR


def _without_shell(command: tuple[str, ...]) -> _Wrong | None:
    """Return that a command is written for a shell, and none reads it."""
    if any(base_name(word) in SHELLS for word in command):
        return None
    name = next((program.name for program in programs(command)), "")
    if name not in _WITH_OPERATORS and (
        found := next((word for word in command[1:] if _OPERATORS.fullmatch(word)), "")
    ):
        message = f"runs no shell, so '{found}' is an argument of {name[:40]}"
        return message, "write [sh, -c, '...'] with the whole command as one word", Severity.ERROR
    if _OTHER_LANGUAGES.fullmatch(name) is None and (found := _unexpanded(command)):
        message = f"runs no shell, so {found[:60]} stays as it is written"
        return message, "write $(NAME), which Kubernetes expands, or run it with sh -c", Severity.WARNING
    return None


def _unexpanded(command: tuple[str, ...]) -> str:
    return next((found[0] for word in command[1:] if (found := _UNEXPANDED.search(word))), "")


def _any_status(command: tuple[str, ...]) -> _Wrong | None:
    """Return that curl succeeds with any status, if its exit code is that of the command."""
    started = top_level(command)
    for index, program in enumerate(started):
        ends = all(later.name in _AFTERWARDS for later in started[index + 1 :])
        if program.name == "curl" and not program.piped and ends and _takes_any_status(program):
            message = "runs curl without -f, which succeeds whatever status the server answers"
            return message, "add -f (--fail), or ask over HTTP with httpGet", Severity.WARNING
    return None


def _takes_any_status(curl: Program) -> bool:
    words = curl.words[1:]
    http = any(
        "://" not in word or word.startswith(("http://", "https://")) for word in words if not word.startswith("-")
    )
    return http and not any(_CURL_FAILS.fullmatch(word) for word in words)


CHECKS = (
    Check(
        kind=findings.EXEC_COMMAND,
        title="The command of an exec probe doesn't do what it says",
        why="The kubelet runs the words of a command as they are, without a shell: a program is looked for by the whole"
        " first word, and operators and variables are arguments like others. Such a probe always fails, or always"
        " succeeds.",
        remedy="Give the program and each argument as a word of its own; for pipes, && and variables write [sh, -c,"
        " '...'] with the whole command as one word. Give curl -f: without it every status is a success (a warning, as"
        " are variables that nobody expands).",
        sources=(
            "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Probe",
            "https://curl.se/docs/manpage.html#-f",
        ),
        workload=_commands,
    ),
)
