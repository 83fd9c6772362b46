"""A dependency, as a value."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

CheckKind: TypeAlias = Literal["actuator", "status", "tcp"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, from then until the whole answer is there, and for both together."""

    connect: float
    read: float
    total: float

    @classmethod
    def of(cls, value: float | tuple[float, float]) -> "Timeouts":
        """Return the timeouts for one number (for everything together) or requests' pair (connect, read)."""
        if isinstance(value, tuple):
            return cls(value[0], value[1], value[0] + value[1])
        return cls(value, value, value)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another service that this app needs, and how to see whether it is well."""

    name: str
    url: str
    """As written; see ``urls`` for what is asked. Empty or impossible ones are DOWN, never an error."""
    verbatim: bool = False
    """Whether ``url`` is asked as it stands (the operator's file).

    Otherwise version 1's rules append prefix and check.
    """
    kind: CheckKind = "actuator"
    required: bool = True
    groups: frozenset[str] = frozenset()
    timeouts: Timeouts | None = None
    """None: the app's ``BACKEND_TIMEOUT``."""
    source: Literal["app", "file"] = "app"
