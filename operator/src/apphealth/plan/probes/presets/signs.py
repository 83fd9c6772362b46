"""The signs that a container runs an application of a family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apphealth.plan.probes.presets.clues import Clues


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Any one of these is a sign."""

    env: tuple[str, ...] = ()
    """Prefixes of the names of variables."""
    images: tuple[str, ...] = ()
    """Names of images in any repository: `postgres` also matches `example/postgres`."""
    programs: tuple[str, ...] = ()
    """Names of programs on the command line, in any directory; `.jar` matches every word with this end."""
    ports: tuple[str, ...] = ()
    """Names of ports, or the part of them before a dash."""
    protocols: tuple[str, ...] = ()
    """appProtocol of a Service's port."""

    @property
    def any(self) -> bool:
        """Whether there are any signs to look for."""
        return self != NO_SIGNS

    def evidence(self, clues: Clues) -> str:
        """Return the container's strongest sign, or an empty text."""
        return next(self._found(clues), "")

    def _found(self, clues: Clues) -> Iterator[str]:
        if self.env:
            yield from (f"env {name}" for name in sorted(clues.env) if name.startswith(self.env))
        if self.programs:
            endings = tuple(name if name.startswith(".") else f"/{name}" for name in self.programs)
            yield from (f"command {word[-63:]}" for word in clues.words if _program(word).endswith(endings))
        if self.images and clues.image:
            last = clues.image.rpartition("/")[2]
            yield from (f"image {clues.image[:63]}" for name in self.images if name == last)
        if self.ports:
            yield from (f"port name {name}" for name in clues.ports if name.partition("-")[0] in self.ports)
        if self.protocols:
            pairs = (pair for pair in clues.protocols if pair[0] in self.protocols)
            yield from (f"appProtocol {protocol} of Service {name}" for protocol, name in pairs)


NO_SIGNS = Signs()


def _program(word: str) -> str:
    """Return a word's last part with a slash before it, so that `endswith` matches whole names."""
    return "/" + word.rpartition("/")[2]
