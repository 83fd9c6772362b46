"""Public demonstration applications: their manifests, reduced to what could tell dependencies, and who needs whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from apphealth.cli.graph.reading import read_world
from apphealth.store.graph import graph_of

FOLDER = Path(__file__).with_name("demos")
Edges = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One application."""

    name: str
    manifests: Path
    true: Edges
    """Who needs whom, by its sources."""
    named: Edges
    """Those of them that the manifests name."""

    def found(self) -> Edges:
        """Return what we find."""
        world, _ = read_world([str(self.manifests)], [], "default", "cluster.local")
        graph = graph_of(world)
        return frozenset((edge.source.name, edge.service.name) for edge in graph.edges)


def demos() -> list[Demo]:
    """Return all of them."""
    truth = yaml.safe_load((FOLDER / "truth.yaml").read_text())
    return [
        Demo(
            name=name,
            manifests=FOLDER / f"{name}.yaml",
            true=_edges(told["edges"]),
            named=_edges([one for one in told["edges"] if one["named"]]),
        )
        for name, told in truth.items()
    ]


def _edges(told: list[dict[str, object]]) -> Edges:
    return frozenset((str(one["from"]), str(to)) for one in told for to in _list(one["to"]))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
