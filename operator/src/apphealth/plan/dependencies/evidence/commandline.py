"""The command and arguments of a container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apphealth.model.workload import Container
from apphealth.plan.dependencies.evidence.environment import Variable, expanded
from apphealth.plan.dependencies.evidence.text import Text

MAX_WORDS = 128
"""Most words of one command line that are read."""


def command_line(container: Container, known: Mapping[str, Variable]) -> Iterator[Text]:
    """Yield the words of a command line as texts. In `--name value`, the flag's name is the key of the value."""
    for source, words in (("command", container.command), ("args", container.args)):
        flag = ""
        for word in words[:MAX_WORDS]:
            yield Text(flag, expanded(word, known), f"{source} of {container.name}")
            flag = word.lstrip("-") if word.startswith("-") and "=" not in word else ""
