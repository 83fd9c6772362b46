"""How far a question goes: one level of services, unless the option ``dependency_levels`` says more.

A asks B how it is, B asks A, which asks B ...: with version 1, one probe of such a pair made 32 requests, and both
said DOWN. Every question to another service therefore carries a header with the random id of each process that it
came through. A service that is asked by another answers for itself alone; its components for its own dependencies
say UNKNOWN, and don't count. So a probe costs one request for each direct dependency, whatever these depend on.

Anybody can send the header, so all it does is make the answer that it asks for smaller. Nothing is learned from it,
and nothing that it asked for is used for anybody else. A header that isn't exactly of the form that this library
writes counts as none. See docs/decisions/0025-hops-are-a-question-for-less.md.
"""

import re
import secrets
from typing import TypeAlias

from flask_management_endpoints.execution.forking import reset_in_children

HEADER = "X-Health-Hops"
MAX_LEVELS = 8
Hops: TypeAlias = tuple[str, ...]
"""The ids of the processes that a question came through. Empty for a probe or a person."""

_ID = "[0-9a-f]{32}"
_HEADER = re.compile(rf"{_ID}(?:,{_ID}){{0,{MAX_LEVELS - 1}}}")


def parse(header: str | None) -> Hops:
    """Return the hops in a request's header; none if it isn't one that this library wrote."""
    return tuple(header.split(",")) if header and _HEADER.fullmatch(header) else ()


class Identity:
    """The random id of this process."""

    def __init__(self) -> None:
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Take an id of its own: a forked worker is another process."""
        self.process = secrets.token_hex(16)

    def goes_on(self, hops: Hops, levels: int) -> bool:
        """Return whether a question that came through ``hops`` may be passed on: not too far, and not in a circle."""
        return len(hops) < levels and self.process not in hops

    def header(self, hops: Hops) -> str:
        """Return the header for a question that is passed on."""
        return ",".join((*hops, self.process))
