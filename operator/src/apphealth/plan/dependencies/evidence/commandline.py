"""The command and arguments of a container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apphealth.model.workload import Container
from apphealth.plan.dependencies.evidence.environment import Variable, expanded
from apphealth.plan.dependencies.evidence.text import Text

MAX_WORDS = 128
"""Words of one command line that are looked at."""


def command_line(container: Container, known: Mapping[str, Variable]) -> Iterator[Text]:
    """Yield the words of a command line; the name of a flag that stands alone belongs to the word after it."""
    for source, words in (("command", container.command), ("args", container.args)):
        flag = ""
        for word in words[:MAX_WORDS]:
            yield Text(flag, expanded(word, known), f"{source} of {container.name}")
            flag = word.lstrip("-") if word.startswith("-") and "=" not in word else ""
