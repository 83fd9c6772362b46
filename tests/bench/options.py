"""What can be chosen on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much to measure.

    Attributes
    ----------
    sizes
        `apply`: numbers of Deployments, each with whether kube-controller-manager runs.
    pairs
        `apply`: runs of the operator and of the bare client at each size; `waves`: with a budget and without.
    count
        `start`, `plan`: how many Deployments.
    small
        `latency`, `settled`, `waves`, `render`: how many Deployments or manifests.
    changes
        `latency`: how many changes one after another.
    minutes
        `settled`: how long to watch.
    out
        Where the results go.
    quick
        Whether this only shows that everything works.
    """

    sizes: tuple[tuple[int, bool], ...] = ((1000, True), (1000, False), (10_000, False))
    pairs: int = 3
    count: int = 10_000
    small: int = 1000
    changes: int = 200
    minutes: float = 10.0
    out: Path
    quick: bool = False
