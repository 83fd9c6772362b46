"""Whatever stands in a file, lint answers with findings, never with a traceback, and in bounded time."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apphealth.cli.errors import ExitCode

WHOLE = """\
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {kube-score/ignore: pod-probes}}
spec: {selector: {app: web}, clusterIP: 10.0.0.1, ports: [{port: 80, targetPort: http, appProtocol: http, name: a}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: default, annotations: {a: b}, labels: {a: b}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: env}
data: {URL: "http://web"}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {apphealth.dev/ignore-port-number: why, checkov.io/skip1: CKV_K8S_8=x}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {apphealth.dev/port: "8080"}}
    spec:
      terminationGracePeriodSeconds: 30
      initContainers: [{name: i, restartPolicy: Always, livenessProbe: {exec: {command: [sh, -c, ls]}}}]
      containers:
      - name: web
        image: shop/web:1.4
        command: [java, -jar, a.jar]
        env: [{name: SPRING_X, value: y}]
        envFrom: [{configMapRef: {name: env}}]
        ports: [{name: http, containerPort: 8080, protocol: TCP}]
        livenessProbe: {httpGet: {path: /z, port: http, host: h, scheme: HTTP, httpHeaders: [{name: a, value: b}]}}
        readinessProbe: {grpc: {port: 8080, service: s}, periodSeconds: 5, timeoutSeconds: 1, failureThreshold: 3}
        startupProbe: {tcpSocket: {port: http}, initialDelaySeconds: 1, successThreshold: 1}
---
apiVersion: apphealth.dev/v1alpha1
kind: AppHealth
metadata: {name: web}
spec:
  selector: {matchLabels: {}}
  probes: {liveness: {path: /livez, port: http}}
  dependencies: {services: [{name: web, required: true}]}
"""
DOCUMENTS = list(yaml.safe_load_all(WHOLE))
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["\u202e", "\x7f", "é" * 300, "{{ .Values.x }}", "::error::", "a\nb", "%0A", "0x1F", "1e400", "-", "~"]
    ),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=3),
)


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if above:
        yield above
    for key, item in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from paths(item, (*above, key))


PLACES = [(index, path) for index, document in enumerate(DOCUMENTS) for path in paths(document)]


def broken(changes: list[tuple[tuple[int, tuple[Any, ...]], Any]]) -> list[Any]:
    documents = copy.deepcopy(DOCUMENTS)
    for (index, path), value in changes:
        node: Any = documents[index]
        try:
            for part in path[:-1]:
                node = node[part]
            node[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken it away
    return documents


CODES = {ExitCode.OK, ExitCode.CHANGES, ExitCode.INPUT}
RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@RELAXED
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=3))
@pytest.mark.parametrize("output", ["text", "sarif"])
def test_values_of_any_type_at_any_place(run: Callable, output: str, changes: list[Any]) -> None:
    text = yaml.safe_dump_all(broken(changes), allow_unicode=True)
    outcome = run("lint", "-f", "-", "-o", output, stdin=text.encode())
    assert outcome.code in CODES, outcome.err


@RELAXED
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=2))
def test_values_of_any_type_in_json(run: Callable, changes: list[Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": broken(changes)})
    outcome = run("lint", "-f", "-", "-o", "json", stdin=text.encode())
    assert outcome.code in CODES, outcome.err
    json.loads(outcome.text)


@RELAXED
@given(start=st.integers(0, len(WHOLE)), length=st.integers(0, 40), put=st.text(max_size=10))
def test_texts_with_a_piece_replaced(run: Callable, start: int, length: int, put: str) -> None:
    text = WHOLE[:start] + put + WHOLE[start + length :]
    outcome = run("lint", "-f", "-", stdin=text.encode("utf-8", "replace"))
    assert outcome.code in CODES, outcome.err
    if outcome.code == ExitCode.INPUT:
        assert "<stdin>" in outcome.text


@RELAXED
@given(st.binary(max_size=200))
def test_any_bytes(run: Callable, content: bytes) -> None:
    assert run("lint", "-f", "-", stdin=content).code in CODES


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
)
BOUNDED = [
    pytest.param(BOMB, id="aliases that stand for billions"),
    pytest.param("[" * 100_000, id="deep nesting"),
    pytest.param("{a: " * 50_000 + "1" + "}" * 50_000, id="deep mappings"),
    pytest.param("? " * 20_000, id="deep keys"),
    pytest.param(WHOLE.replace("periodSeconds: 5", "periodSeconds: " + "9" * 100_000), id="a huge number"),
    pytest.param(WHOLE.replace("path: /z", "path: '/" + "a" * 1_000_000 + "'"), id="a long path"),
    pytest.param(WHOLE.replace("[sh, -c, ls]", "[sh, -c, '" + "ls | " * 100_000 + "']"), id="a long command"),
    pytest.param("a: !!binary |\n  !!!\n", id="tags"),
    pytest.param("&a [*a]", id="an alias of itself"),
    pytest.param("<<: [1, 2]\n", id="a merge of numbers"),
]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", BOUNDED)
def test_hostile_texts_end_soon(run: Callable, text: str) -> None:
    outcome = run("lint", "-f", "-", stdin=text.encode())
    assert outcome.code in CODES, outcome.err
    assert len(outcome.text) < 100_000
