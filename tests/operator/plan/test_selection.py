"""Which rules select a workload, and in which order they count."""

from __future__ import annotations

import pytest

from apphealth.plan.rules.selection import opted_out, selecting

IN = {"key": "tier", "operator": "In", "values": ["web", "api"]}
NOT_IN = {"key": "tier", "operator": "NotIn", "values": ["web"]}


def chosen(build, workload, *objects):
    world = build.world(workload, *objects)
    parsed = build.parse(workload)
    rules = selecting(world.rules_in(parsed.namespace), parsed, world.namespace(parsed.namespace))
    return [rule.name for rule in rules]


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        pytest.param({}, {}, True, id="an empty selector takes everything"),
        pytest.param({"matchLabels": {"tier": "web"}}, {"tier": "web"}, True, id="pair there"),
        pytest.param({"matchLabels": {"tier": "web"}}, {"tier": "api"}, False, id="pair with another value"),
        pytest.param({"matchLabels": {"tier": "web"}}, {}, False, id="pair missing"),
        pytest.param({"matchLabels": {"tier": "web", "a": "b"}}, {"tier": "web"}, False, id="every pair must be there"),
        pytest.param({"matchExpressions": [IN]}, {"tier": "api"}, True, id="In"),
        pytest.param({"matchExpressions": [IN]}, {"tier": "db"}, False, id="not In"),
        pytest.param({"matchExpressions": [IN]}, {}, False, id="In of a missing label"),
        pytest.param({"matchExpressions": [NOT_IN]}, {"tier": "web"}, False, id="NotIn of that very value"),
        pytest.param({"matchExpressions": [NOT_IN]}, {"tier": "db"}, True, id="NotIn of another value"),
        pytest.param({"matchExpressions": [NOT_IN]}, {}, True, id="NotIn of a missing label"),
        pytest.param(
            {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, {"tier": ""}, True, id="Exists, empty"
        ),
        pytest.param({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, {}, False, id="Exists, missing"),
        pytest.param({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, {}, True, id="DoesNotExist"),
        pytest.param(
            {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, {"tier": "x"}, False, id="it does"
        ),
        pytest.param(
            {"matchLabels": {"a": "b"}, "matchExpressions": [IN]}, {"a": "b"}, False, id="pairs and expressions"
        ),
    ],
)
def test_a_selector_selects_by_labels(build, selector, labels, selected):
    found = chosen(build, build.deployment(labels=labels), build.rule(selector=selector))
    assert found == (["rule"] if selected else [])


@pytest.mark.parametrize(
    ("target", "selected"),
    [
        pytest.param({"kind": "Deployment", "name": "web"}, True, id="by kind and name"),
        pytest.param({"kind": "Deployment", "name": "webs"}, False, id="another name"),
        pytest.param({"kind": "StatefulSet", "name": "web"}, False, id="another kind"),
    ],
)
def test_a_target_ref_selects_one_workload(build, target, selected):
    assert chosen(build, build.deployment(), build.rule(targetRef=target)) == (["rule"] if selected else [])


@pytest.mark.parametrize(
    ("namespace", "spec", "selected"),
    [
        pytest.param("shop", {}, True, id="every ordinary namespace"),
        pytest.param("kube-system", {}, False, id="kube-system is out"),
        pytest.param("kube-flannel", {}, False, id="every kube-* is out"),
        pytest.param("kubernetes-apps", {}, True, id="a name that only begins alike is in"),
        pytest.param(
            "kube-system", {"namespaceSelector": {"matchLabels": {"team": "a"}}}, False, id="a label does not name it"
        ),
        pytest.param(
            "kube-system",
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}},
            True,
            id="named by its label",
        ),
        pytest.param(
            "kube-system",
            {
                "namespaceSelector": {
                    "matchExpressions": [
                        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["kube-system", "x"]}
                    ]
                }
            },
            True,
            id="named in a list",
        ),
        pytest.param(
            "kube-system",
            {
                "namespaceSelector": {
                    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["x"]}]
                }
            },
            False,
            id="not excluded is not named",
        ),
        pytest.param(
            "shop", {"namespaceSelector": {"matchLabels": {"team": "a"}}}, True, id="by the namespace's label"
        ),
        pytest.param("shop", {"namespaceSelector": {"matchLabels": {"team": "b"}}}, False, id="another label"),
    ],
)
def test_a_cluster_rule_reaches_namespaces(build, namespace, spec, selected):
    there = {"kind": "Namespace", "metadata": {"name": namespace, "labels": {"team": "a"}}}
    found = chosen(build, build.deployment(namespace=namespace), build.cluster_rule(**spec), there)
    assert found == (["standard"] if selected else [])


def test_a_rule_stays_in_its_namespace(build):
    assert chosen(build, build.deployment(namespace="other"), build.rule()) == []


def test_a_rule_inside_a_kube_namespace_counts_there(build):
    assert chosen(build, build.deployment(namespace="kube-system"), build.rule(namespace="kube-system")) == ["rule"]


def test_the_strongest_rule_comes_last(build):
    rules = [
        build.rule("target", targetRef={"kind": "Deployment", "name": "web"}, created="2020-01-01T00:00:00Z"),
        build.rule("younger", created="2026-01-02T00:00:00Z"),
        build.rule("b-same-age", created="2026-01-01T00:00:00Z"),
        build.rule("a-same-age", created="2026-01-01T00:00:00Z"),
        build.cluster_rule("strong", priority=10),
        build.cluster_rule("weak", priority=-10),
        build.cluster_rule("middle"),
    ]
    expected = ["weak", "middle", "strong", "younger", "b-same-age", "a-same-age", "target"]
    assert chosen(build, build.deployment(), *rules) == expected
    assert chosen(build, build.deployment(), *reversed(rules)) == expected


@pytest.mark.parametrize(
    ("workload", "namespace", "reason"),
    [
        pytest.param({}, {}, None, id="nobody opts out"),
        pytest.param({"apphealth.dev/ignore": "legacy"}, {}, "legacy", id="the workload"),
        pytest.param({}, {"apphealth.dev/ignore": "frozen"}, "frozen", id="its namespace"),
        pytest.param({"apphealth.dev/ignore": ""}, {}, "no reason given", id="without a reason"),
        pytest.param({"apphealth.dev/ignore-port-number": "x"}, {}, None, id="one finding is not everything"),
    ],
)
def test_whoever_opts_out_is_left_alone(build, workload, namespace, reason):
    obj = build.deployment(annotations=workload)
    there = {"kind": "Namespace", "metadata": {"name": "shop", "annotations": namespace}}
    world = build.world(obj, there)
    assert opted_out(build.parse(obj), world.namespace("shop")) == reason
    assert chosen(build, obj, there, build.rule()) == (["rule"] if reason is None else [])
