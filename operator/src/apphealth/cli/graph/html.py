"""The graph as a page of its own: one file that loads nothing, and whose policy lets nothing be loaded or run in it.

The program stands in `page/`, in the order of its files. Names and evidence come from files that anybody may have
written: they travel as JSON in which no tag can end, and the page only ever makes text of them.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

import msgspec

from apphealth.cli.graph.text import clean, evidence_kind
from apphealth.plan.dependencies.graph import Graph
from apphealth.plan.dependencies.impact import Patience

_PARTS = ("1-model.js", "2-layout.js", "3-draw.js", "4-view.js", "5-panel.js", "6-table.js", "7-show.js", "8-main.js")
_ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def html(graph: Graph, patience: Patience) -> str:
    """Write the page; `patience` tells after how long each workload notices a failed dependency."""
    page = files("apphealth.cli.graph") / "page"
    script = "".join(["\n'use strict';\n{\n", *((page / part).read_text() for part in _PARTS), "}\n"])
    style = f"\n{(page / 'page.css').read_text()}"
    text = (page / "page.html").read_text()
    for mark, value in (
        ("@SCRIPT_HASH@", _hash(script)),
        ("@STYLE_HASH@", _hash(style)),
        ("@STYLE@", style),
        ("@SCRIPT@", script),
        ("@DATA@", _data(graph, patience)),  # the last, for nothing is looked for in what it brings
    ):
        text = text.replace(mark, value)
    return text


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _data(graph: Graph, patience: Patience) -> str:
    at_workload = {key: index for index, key in enumerate(graph.workloads)}
    at_service = {key: index for index, key in enumerate(graph.services)}
    found = {
        "workloads": [
            {"kind": key.kind, "namespace": key.namespace, "name": key.name, "seconds": patience.get(key)}
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
