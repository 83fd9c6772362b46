"""parse_rule on anything at all: a rule or InvalidResource comes out, soon, and nothing else."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apphealth.api import API_VERSION
from apphealth.api.errors import InvalidResource
from apphealth.api.parse import parse_rule
from apphealth.api.rule import Rule, RuleKind
from apphealth.api.shape import MAX_PROBLEMS
from apphealth.api.spec import ClusterAppHealthSpec


def rule(spec: Any, kind: str = "AppHealth") -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


def outcome(obj: Any) -> Rule | InvalidResource:
    try:
        return parse_rule(obj)
    except InvalidResource as error:
        return error


def names_in(type_: Any) -> set[str]:
    found: set[str] = set()
    for definition in msgspec.json.schema(type_)["$defs"].values():
        found |= {str(value) for value in definition.get("enum", [])} | set(definition.get("properties", {}))
    return found


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)) | st.binary()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | SCALARS, inner, max_size=4),
    max_leaves=30,
)
NAMES = st.sampled_from(sorted(names_in(ClusterAppHealthSpec) | {"apiVersion", "kind", "metadata", "spec"}))
LIKELY = st.recursive(
    SCALARS | NAMES | st.sampled_from(["AppHealth", API_VERSION, "web", "/a", 1, 80, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=300, deadline=None)
@given(ANYTHING | LIKELY)
def test_any_object_gives_a_rule_or_a_printable_refusal(obj):
    found = outcome(obj)
    assert isinstance(found, Rule) or (found.problems and str(found).isprintable())


@settings(max_examples=300, deadline=None)
@given(ANYTHING | LIKELY, st.sampled_from(list(RuleKind)))
def test_any_spec_gives_a_rule_or_a_printable_refusal(spec, kind):
    found = outcome(rule(spec, kind))
    assert isinstance(found, Rule) or (found.problems and str(found).isprintable())


def nested(depth: int) -> Any:
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(rule({f"field{number}": {} for number in range(100_000)}), id="fields-by-the-hundred-thousand"),
        pytest.param(rule({"a" * 10_000_000: 1}), id="a-field-of-ten-megabytes"),
        pytest.param(rule({"selector": {"matchLabels": {str(n): "a" for n in range(100_000)}}}), id="labels"),
        pytest.param(rule({"selector": {}, "containers": [{"name": "a"}] * 1_000_000}), id="containers-by-the-million"),
        pytest.param(rule({"selector": {}, "probes": {"liveness": {"path": "/" * 10_000_000}}}), id="path"),
        pytest.param(rule({"selector": {}, "probes": {"liveness": {"port": "a-" * 5_000_000}}}), id="port"),
        pytest.param(rule({"selector": {}, "mode": "e" * 10_000_000}), id="mode-of-ten-megabytes"),
        pytest.param(rule({"selector": {}, "priority": 10**10_000}, "ClusterAppHealth"), id="number-of-10,000-digits"),
        pytest.param(rule({"selector": {}, 10**10_000: 1}), id="key-of-10,000-digits"),
        pytest.param(rule({"selector": nested(100_000)}), id="nested-deeper-than-python-follows"),
        pytest.param({10**10_000: 1, "kind": "a" * 10_000_000}, id="no-rule-at-all"),
        pytest.param(rule({}) | {"metadata": {"name": "a" * 10_000_000}}, id="name-of-ten-megabytes"),
    ],
)
@pytest.mark.timeout(10)
def test_a_hostile_object_is_refused_soon_and_in_few_words(obj):
    found = outcome(obj)
    assert isinstance(found, InvalidResource)
    assert 1 <= len(found.problems) <= MAX_PROBLEMS + 10
    assert len(str(found)) < 10_000
