"""The graph as an HTML page in one file. It loads nothing, and its Content-Security-Policy forbids all other scripts.

The scripts are in `page/`, numbered in their order. Names and evidence come from manifests, whose author may not be
trusted: the page gets them as JSON in which `<`, `>` and `&` are escaped, and shows them only as text.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files

import msgspec

from apphealth.cli.graph.notation import evidence_kind
from apphealth.cli.output import clean
from apphealth.model.probe import ProbeKind
from apphealth.model.workload import WorkloadKey
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.dependencies.impact import Patience
from apphealth.store.world import World

_PARTS = ("1-model.js", "2-layout.js", "3-draw.js", "4-view.js", "5-panel.js", "6-table.js", "7-show.js", "8-main.js")
_MAX_SCOPE = 200
_ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


Coverage = Mapping[WorkloadKey, Collection[ProbeKind]]
"""The kinds of probes that workloads carry."""


def coverage_of(graph: Graph, world: World) -> Coverage:
    """Return the kinds of probes that the workloads of a graph carry now: of each, one container's are enough."""
    known = ((key, world.workloads.get(key)) for key in graph.workloads)
    return {
        key: frozenset(kind for container in workload.containers for kind in container.probes)
        for key, workload in known
        if workload is not None
    }


def html(graph: Graph, patience: Patience, coverage: Coverage, scope: str) -> str:
    """Return the page.

    Parameters
    ----------
    graph
        The graph to show.
    patience
        After how many seconds each workload notices a failed dependency.
    coverage
        The kinds of probes that each workload carries.
    scope
        What was read, for the page's title: `deploy/`, `namespace shop`.
    """
    page = files("apphealth.cli.graph") / "page"
    script = "".join(["\n'use strict';\n{\n", *((page / part).read_text() for part in _PARTS), "}\n"])
    style = f"\n{(page / 'page.css').read_text()}"
    text = (page / "page.html").read_text()
    for mark, value in (
        ("@SCRIPT_HASH@", _hash(script)),
        ("@STYLE_HASH@", _hash(style)),
        ("@STYLE@", style),
        ("@SCRIPT@", script),
        ("@SCOPE@", escape(clean(scope)[:_MAX_SCOPE])),
        ("@DATA@", _data(graph, patience, coverage)),  # the last, so that no mark is replaced inside the data
    ):
        text = text.replace(mark, value)
    return text


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _data(graph: Graph, patience: Patience, coverage: Coverage) -> str:
    at_workload = {key: index for index, key in enumerate(graph.workloads)}
    at_service = {key: index for index, key in enumerate(graph.services)}
    found = {
        "workloads": [
            {
                "kind": key.kind,
                "namespace": key.namespace,
                "name": key.name,
                "seconds": patience.get(key),
                "probes": sorted(coverage.get(key, ())),
            }
            for key in graph.workloads
        ],
        "services": [
            {
                "namespace": key.namespace,
                "name": key.name,
                "workloads": [at_workload[one] for one in behind],
                "shared": graph.shared.get(key, 0),
            }
            for key, behind in graph.services.items()
        ],
        "edges": [
            {
                "from": at_workload[edge.source],
                "to": at_service[edge.service],
                "port": edge.port,
                "evidence": [{"kind": evidence_kind(text), "text": clean(text)} for text in edge.evidence],
                "confidence": edge.confidence,
                "required": edge.required,
                "inCycle": edge.in_cycle,
            }
            for edge in graph.edges
        ],
        "cycles": [[at_workload[key] for key in cycle] for cycle in graph.cycles],
    }
    return msgspec.json.encode(found).decode().translate(_ESCAPED)
