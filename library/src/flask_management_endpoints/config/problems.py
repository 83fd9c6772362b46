"""Mistakes in a configuration, as values with a message that says the key, the value and the fix."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"


def unknown(where: str, name: object, valid: Iterable[str]) -> Problem:
    """Return the problem of a name that isn't among ``valid``, with the nearest one that is."""
    names = sorted(valid)
    close = get_close_matches(str(name), names, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}" if names else "there are none"
    return Problem(where, f"{str(name)[:80]!r} isn't known; {hint}")


def wrong(key: str, value: object, wanted: str) -> Problem:
    """Return the problem of a value that isn't what it should be. The value is shown short."""
    return Problem(key, f"{value!r:.80} isn't {wanted}")


def misspelt_probe(where: str, group: str, probes: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem if ``group`` is almost, and not quite, the name of a probe."""
    names = tuple(probes)
    close = get_close_matches(group.lower(), names, n=1, cutoff=0.75)
    if close and group not in names:
        yield Problem(where, f"{group!r} is a group of its own; did you mean {close[0]!r}?")
