"""What is wrong with something that was read, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One reason why the input can't be used as it stands."""

    file: str
    line: int
    """From 1; 0 where the whole file is meant."""
    column: int
    message: str

    def __str__(self) -> str:
        """`web.yaml:12:7: message`, as editors and terminals link it."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"
