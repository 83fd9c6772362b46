"""parse_rule: what it takes, what it refuses and how it says so, and that nothing else ever comes out of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from apphealth.api.errors import InvalidResource
from apphealth.api.parse import parse_rule
from apphealth.api.rule import RuleKind
from apphealth.api.spec import ClusterAppHealthSpec, Header, LabelSelector, Mode, ProbeType

TABLE = yaml.safe_load(Path(__file__).with_name("specs.yaml").read_text())
GOOD = [pytest.param(case, id=name) for name, case in TABLE["good"].items()]
NAME_RULE = "must be at most 253 lower-case letters, digits, '-' and '.'"
BAD = [pytest.param(case, id=name) for name, case in TABLE["bad"].items()]


def rule(spec: Any, kind: str = "AppHealth", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop"} | metadata,
        "spec": spec,
    }


def problems_of(obj: Any) -> dict[str, str]:
    with pytest.raises(InvalidResource) as caught:
        parse_rule(obj)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("case", GOOD)
def test_good_specs_are_taken(case):
    parse_rule(rule(case["spec"], case.get("kind", "AppHealth")))


@pytest.mark.parametrize("case", BAD)
def test_bad_specs_are_refused_with_the_field_and_the_fix(case):
    problems = problems_of(rule(case["spec"], case.get("kind", "AppHealth")))
    found = {path: message for path, message in problems.items() if path.startswith(case["field"])}
    assert found, f"{case['field']} isn't named in {problems}"
    assert any(message.startswith(case.get("message", "")) for message in found.values()), found


def test_a_rule_keeps_what_was_said_and_leaves_open_what_was_not():
    parsed = parse_rule(
        rule(
            {
                "selector": {"matchLabels": {"app": "shop"}},
                "probes": {"readiness": {"type": "HTTP", "headers": [{"name": "A", "value": "b"}], "port": "http"}},
                "containers": [{"name": "main", "pathPrefix": "/z"}],
            },
            uid="u1",
            generation=3,
            creationTimestamp="2026-01-01T00:00:00Z",
        )
    )
    assert (parsed.kind, parsed.namespace, parsed.name, parsed.uid) == (RuleKind.APP_HEALTH, "shop", "web", "u1")
    assert (parsed.generation, parsed.created) == (3, "2026-01-01T00:00:00Z")
    assert str(parsed.key) == "AppHealth/shop/web"
    assert parsed.spec.mode is Mode.ENFORCE
    assert parsed.spec.selector == LabelSelector(match_labels={"app": "shop"})
    readiness = parsed.spec.probes.readiness
    assert (readiness.type, readiness.port, readiness.headers) == (
        ProbeType.HTTP,
        "http",
        (Header(name="A", value="b"),),
    )
    assert (readiness.period_seconds, readiness.path, parsed.spec.preset) == (None, None, None)
    assert parsed.spec.containers[0].path_prefix == "/z"


def test_a_cluster_rule_audits_unless_told_otherwise_and_has_no_namespace():
    parsed = parse_rule(rule({"selector": {}}, "ClusterAppHealth"))
    assert isinstance(parsed.spec, ClusterAppHealthSpec)
    assert (parsed.spec.mode, parsed.spec.priority, parsed.namespace) == (Mode.AUDIT, 0, "")
    assert parsed.spec.namespace_selector == LabelSelector()


def test_a_file_without_a_namespace_gets_the_callers():
    obj = rule({"selector": {}})
    del obj["metadata"]["namespace"]
    assert parse_rule(obj).namespace == "default"
    assert parse_rule(obj, default_namespace="shop").namespace == "shop"


def test_a_refusal_names_the_resource_and_every_problem_with_its_value():
    with pytest.raises(InvalidResource) as caught:
        parse_rule(
            rule({"selector": {}, "mode": "enforce", "probes": {"livenes": {}, "readiness": {"periodSeconds": "5"}}})
        )
    assert str(caught.value) == (
        'AppHealth shop/web: spec.mode: must be one of Enforce, Audit (did you mean Enforce?), not "enforce"; '
        "spec.probes.livenes: no such field; did you mean liveness?; "
        'spec.probes.readiness.periodSeconds: must be a whole number without quotes, not "5"'
    )


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        pytest.param(
            {"probes": {"liveness": {"periodseconds": 1}}},
            "spec.probes.liveness.periodseconds",
            "no such field; did you mean periodSeconds?",
            id="wrong-case",
        ),
        pytest.param(
            {"probes": {"liveness": {"host": "a"}}},
            "spec.probes.liveness.host",
            "no such field; a probe always goes to the pod itself; "
            "for the HTTP header write headers: [{name: Host, value: …}]",
            id="host",
        ),
        pytest.param(
            {"probes": {"liveness": {"tcpSocket": {"port": 1}}}},
            "spec.probes.liveness.tcpSocket",
            "no such field; write type: TCP, with port beside it",
            id="handler-of-a-pod",
        ),
        pytest.param(
            {"probes": {"xyz": {}}},
            "spec.probes.xyz",
            "no such field; the fields here are liveness, readiness, startup",
            id="unlike-any-field",
        ),
        pytest.param(
            {"probes": {True: {}}},
            'spec.probes."true"',
            "no such field; the fields here are liveness, readiness, startup",
            id="key-is-no-text",
        ),
        pytest.param(
            {"mode": None, "preset": 7},
            "spec.preset",
            "write auto, or the name of a preset: lower-case letters, digits and '-' (here 7)",
            id="number-for-text",
        ),
        pytest.param(
            {"probes": {"liveness": {"path": "/" + "a" * 2000}}},
            "spec.probes.liveness.path",
            'must have at most 1024 characters, not "/' + "a" * 59 + '…"',
            id="long-text-is-cut",
        ),
        pytest.param(
            {"probes": {"liveness": {"timeoutSeconds": 9, "periodSeconds": 3}}},
            "spec.probes.liveness.timeoutSeconds",
            "timeoutSeconds must be at most periodSeconds; lower it, or raise periodSeconds "
            "(here timeoutSeconds 9, periodSeconds 3)",
            id="values-of-a-rule",
        ),
        pytest.param(
            {"probes": {"liveness": {"periodSeconds": 10**100}}},
            "spec.probes.liveness.periodSeconds",
            "must be a number from 1 to 3600, not an enormous number",
            id="enormous-number",
        ),
        pytest.param(
            {"probes": {"liveness": {"service": "\ud800"}}},
            "spec.probes.liveness.service",
            'must be Unicode text, not "\\ud800"',
            id="half-a-character",
        ),
        pytest.param(
            {"containers": [{"name": "a"}] * 65},
            "spec.containers",
            "must have from 0 to 64 entries, not 65",
            id="too-many",
        ),
        pytest.param(
            {"probes": "none"},
            "spec.probes",
            'must be an object with fields such as liveness, readiness, startup, not "none"',
            id="text-for-an-object",
        ),
    ],
)
def test_messages_name_the_value_and_the_fix(spec, path, message):
    assert problems_of(rule({"selector": {}} | spec))[path] == message


@pytest.mark.parametrize(
    ("obj", "path", "message"),
    [
        pytest.param(None, "(root)", "must be an object, not null", id="null"),
        pytest.param([], "(root)", "must be an object, not a list", id="list"),
        pytest.param({}, "kind", "must be AppHealth or ClusterAppHealth, not null", id="empty"),
        pytest.param(
            rule({"selector": {}}) | {"apiVersion": "v1"},
            "apiVersion",
            'must be apphealth.dev/v1alpha1, not "v1"',
            id="version",
        ),
        pytest.param(
            rule({"selector": {}}, "HealthPlan"),
            "kind",
            'must be AppHealth or ClusterAppHealth, not "HealthPlan"',
            id="kind",
        ),
        pytest.param(rule({"selector": {}}, name=None), "metadata.name", f"{NAME_RULE}, not null", id="no-name"),
        pytest.param(rule({"selector": {}}, name="a\n"), "metadata.name", f'{NAME_RULE}, not "a\\n"', id="bad-name"),
        pytest.param(
            rule({"selector": {}}, namespace=3), "metadata.namespace", f"{NAME_RULE}, not 3", id="bad-namespace"
        ),
        pytest.param(
            rule({"selector": {}}) | {"specs": 1},
            '"specs"',
            "no such field; the fields here are apiVersion, kind, metadata, spec, status",
            id="field-beside-spec",
        ),
    ],
)
def test_what_stands_around_the_spec_is_checked_too(obj, path, message):
    assert problems_of(obj)[path] == message
