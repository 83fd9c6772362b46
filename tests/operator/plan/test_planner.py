"""Whole examples: a workload, its rules and what is around it, and all that is decided."""

from __future__ import annotations

import json

import pytest


def ids(plan):
    return [finding.id for finding in plan.findings]


def written(plan):
    """Which probes of which containers the patches touch."""
    specs = [patch.body["spec"]["template"]["spec"] for patch in plan.patches]
    containers = [c for spec in specs for field in ("containers", "initContainers") for c in spec.get(field, [])]
    return {c["name"]: sorted(field for field in c if field.endswith("Probe")) for c in containers}


ALL = ["livenessProbe", "readinessProbe", "startupProbe"]


def test_an_ordinary_deployment(build, planned):
    plan = planned(build.deployment(), build.service())
    assert (plan.state, plan.message) == ("Applied", "adds liveness of main, readiness of main, startup of main")
    assert written(plan) == {"main": ALL}
    assert plan.record.status.summary.readiness.startswith("http-get http://:http/z/health/readiness")
    assert str(plan.rules[0]) == "AppHealth/shop/rule"


def test_without_a_rule_nothing_is_decided(build, planned):
    plan = planned(build.deployment(), build.rule(namespace="other"))
    assert (plan.selected, plan.record, plan.patches, plan.findings, plan.mode) == (False, None, (), (), None)


def test_audit_decides_the_same_and_writes_nothing(build, planned):
    audit, enforce = (
        planned(build.deployment(), build.service(), build.rule(mode=mode)) for mode in ("Audit", "Enforce")
    )
    assert (audit.state, audit.patches, audit.delivery) == ("Preview", (), None)
    assert audit.containers == enforce.containers
    assert audit.message.startswith("would add liveness of main")


def test_a_cluster_rule_is_an_audit_unless_it_says_otherwise(build, planned):
    rule = build.cluster_rule()
    del rule["spec"]["mode"]
    assert planned(build.deployment(), rule).state == "Preview"


@pytest.mark.parametrize("stronger", ["Audit", "Enforce"])
def test_the_mode_belongs_to_the_rule(build, planned, stronger):
    """What only an Audit rule says is shown beside, and neither written nor in the way."""
    said = {"Audit": {"readiness": {"path": "/audited"}}, "Enforce": {"readiness": {"path": "/enforced"}}}
    weaker = "Enforce" if stronger == "Audit" else "Audit"
    rules = (
        build.cluster_rule(mode=weaker, probes=said[weaker]),
        build.rule(mode=stronger, probes=said[stronger]),
    )
    found = planned(build.deployment(), *rules)
    alone = planned(build.deployment(), *(rule for rule in rules if rule["spec"]["mode"] == "Enforce"))
    assert (found.mode, found.state, found.containers) == ("Enforce", "Applied", alone.containers)
    assert found.patches == alone.patches
    assert alone.preview is None
    assert found.preview is not None
    assert found.preview.message == "would add liveness of main, readiness of main, startup of main"
    preview = found.record.status.preview
    assert preview.summary.readiness == f"http-get http://:http/{'audited' if stronger == 'Audit' else 'enforced'}"
    assert found.record.status.summary.readiness == "http-get http://:http/enforced"


def test_questions_of_a_preview_hold_up_nothing(build, planned):
    workload = build.deployment() | {"status": {"readyReplicas": 1}}
    audited = build.cluster_rule(mode="Audit", verification="Required", probes={"readiness": {"path": "/audited"}})
    found = planned(workload, audited, build.rule(probes={"liveness": {"path": "/live"}}))
    assert found.patches
    assert found.questions == ()
    assert found.preview.questions == ()
    required = build.rule(mode="Audit", verification="Required", probes={"readiness": {"path": "/audited"}})
    found = planned(workload, build.cluster_rule(probes={"liveness": {"path": "/live"}}), required)
    assert found.patches
    assert found.questions == ()
    assert found.preview.questions


@pytest.mark.parametrize(
    ("fields", "spec", "services", "finding", "words"),
    [
        pytest.param({}, {"preset": "flask"}, 1, "preset-unknown", ["'flask'", "is not known"], id="unknown preset"),
        pytest.param(
            {},
            {"targetRef": {"kind": "Deployment", "name": "web"}, "containers": [{"name": "nope", "enabled": False}]},
            1,
            "container-missing",
            ["'nope'", "main"],
            id="missing container",
        ),
        pytest.param(
            {},
            {"probes": {"liveness": {"port": "admin"}}},
            1,
            "port-unresolved",
            ["probes.liveness.port", "'admin'", "http"],
            id="missing port",
        ),
        pytest.param(
            {"ports": [{"containerPort": 53, "protocol": "UDP", "name": "dns"}]},
            {"probes": {"liveness": {"port": "dns"}}},
            0,
            "port-unresolved",
            ["UDP", "TCP"],
            id="a port of the wrong protocol",
        ),
        pytest.param(
            {"ports": [{"containerPort": 53, "protocol": "UDP"}]}, {}, 0, "port-unresolved", ["53/UDP"], id="UDP alone"
        ),
        pytest.param({"ports": []}, {}, 0, "port-unresolved", ["no port is declared"], id="no port, no Service"),
        pytest.param(
            {"ports": []},
            {"preset": "auto"},
            0,
            "container-unreachable",
            ["nothing to probe"],
            id="nobody can reach it",
        ),
        pytest.param(
            {},
            {"preset": "auto"},
            1,
            "application-unknown",
            ["what this container serves"],
            id="nothing is known of it",
        ),
    ],
)
def test_a_mistake_or_gap_is_told_with_its_fix(build, planned, fields, spec, services, finding, words):
    plan = planned(build.deployment(build.container(**fields)), *[build.service()][:services], build.rule(**spec))
    found = next(f for f in plan.findings if f.id == finding)
    assert all(word in found.message for word in words)
    assert found.fix


def test_a_container_that_a_rule_for_many_names_is_no_matter_of_one_of_them(build, planned):
    named = [{"name": name, "enabled": False} for name in ("nope", "main", "*")]
    plan = planned(build.deployment(), build.service(), build.rule(containers=named))
    assert "container-missing" not in [finding.id for finding in plan.findings]
    assert plan.lacks == ((plan.rules[0], "nope"),)


def test_a_missing_port_of_one_probe_does_not_keep_the_others_back(build, planned):
    plan = planned(
        build.deployment(), build.rule(probes={"liveness": {"port": "admin"}, "startup": {"enabled": False}})
    )
    assert written(plan) == {"main": ["readinessProbe"]}


def test_a_missing_port_is_told_once_where_startup_asks_as_liveness_does(build, planned):
    plan = planned(build.deployment(), build.rule(probes={"liveness": {"port": "admin"}}))
    assert [f.message.partition(":")[0] for f in plan.findings if f.id == "port-unresolved"] == ["probes.liveness.port"]
    reasons = {probe.kind: probe.reason for probe in plan.containers[0].probes if probe.action == "None"}
    assert set(reasons) == {"liveness", "startup"}
    assert set(reasons.values()) == {"the wanted probe can't be planned, see the findings"}


def test_a_service_without_a_selector_changes_nothing(build, planned):
    with_it = planned(build.deployment(), build.service(selector={}))
    assert with_it == planned(build.deployment())


def test_only_the_container_that_a_service_leads_to_gets_probes(build, planned):
    helper = build.container("helper", ports=[{"containerPort": 9000}])
    plan = planned(build.deployment(build.container(), helper), build.service())
    assert written(plan) == {"main": ALL}
    assert [(f.id, f.container) for f in plan.findings] == [("container-unserved", "helper")]


def test_thirty_containers(build, planned):
    containers = [build.container(f"c{i}", ports=[{"containerPort": 8000 + i, "name": f"p{i}"}]) for i in range(30)]
    service = build.service(ports=[{"port": 80 + i, "targetPort": f"p{i}"} for i in range(30)])
    plan = planned(build.deployment(*containers), service)
    assert written(plan) == {f"c{i}": ALL for i in range(30)}
    assert len(plan.patches) == 1


@pytest.mark.parametrize(
    ("name", "named", "probes"),
    [
        pytest.param("istio-proxy", [], {"main": ALL}, id="an injected sidecar is left alone"),
        pytest.param(
            "istio-proxy",
            [{"name": "istio-proxy", "preset": "tcp"}],
            {"main": ALL, "istio-proxy": ["readinessProbe"]},
            id="unless it is named",
        ),
        pytest.param(
            "istio-proxy", [{"name": "*", "preset": "tcp"}], {"main": ["readinessProbe"]}, id="'*' does not name it"
        ),
        pytest.param("other", [{"name": "other", "enabled": False}], {"main": ALL}, id="switched off"),
        pytest.param(
            "other",
            [{"name": "*", "enabled": False}, {"name": "main", "enabled": True}],
            {"main": ALL},
            id="all but one",
        ),
    ],
)
def test_which_containers_are_looked_after(build, planned, name, named, probes):
    plan = planned(build.deployment(build.container(), build.container(name)), build.rule(containers=named))
    assert {container: fields for container, fields in written(plan).items() if fields} == probes


def test_an_ordinary_init_container_never_carries_probes(build, planned):
    plan = planned(build.deployment(init=[build.container("setup")]), build.rule())
    assert [container.name for container in plan.containers] == ["main"]


def test_two_rules_for_one_workload_conflict_and_one_wins(build, planned):
    first = build.rule("first", created="2026-01-01T00:00:00Z", probes={"liveness": {"path": "/a"}})
    second = build.rule("second", created="2026-02-01T00:00:00Z", probes={"liveness": {"path": "/b"}})
    plan = planned(build.deployment(), first, second)
    assert [(str(c.loser), str(c.winner), c.field) for c in plan.conflicts] == [
        ("AppHealth/shop/second", "AppHealth/shop/first", "liveness.path")
    ]
    assert plan == planned(build.deployment(), second, first)


def test_names_at_their_length_limits(build, planned):
    name, space = "n" * 253, "s" * 63
    main = build.container("c" * 63, ports=[{"containerPort": 65535, "name": "p" * 15}])
    plan = planned(build.deployment(main, name=name, namespace=space), build.rule("r" * 253, space))
    assert written(plan) == {"c" * 63: ALL}
    volume = plan.patches[0].body["spec"]["template"]["spec"]["volumes"][0]
    assert len(volume["configMap"]["name"]) <= 253


def test_everything_of_a_decision_says_where_it_came_from(build, planned):
    plan = planned(build.deployment(), build.service())
    for record in plan.record.status.containers[0].probes:
        assert {v.field for v in record.values} >= {
            "type",
            "path",
            "port",
            "scheme",
            "headers",
            "periodSeconds",
            "failureThreshold",
        }
        assert all(value.source for value in record.values)
        assert record.reason


def test_the_record_can_be_written_as_json(build, planned):
    import msgspec

    plan = planned(build.deployment(), build.service(), build.rule(probes={"readiness": {"port": "nope"}}))
    text = json.dumps(msgspec.to_builtins(plan.record))
    assert "port-unresolved" in text


def test_somebody_elses_readiness_is_what_dependants_ask(build, planned):
    theirs = {"httpGet": {"path": "/up", "port": 8080}}
    plan = planned(build.deployment(build.container(readinessProbe=theirs)))
    assert [(name, handler.path) for name, handler in plan.readiness] == [("main", "/up")]
    assert plan.record.status.summary.readiness.endswith("(kept)")


def test_whoever_opts_out_gets_rid_of_us(build, planned):
    workload = build.deployment(annotations={"apphealth.dev/ignore": "legacy"})
    assert not planned(workload).selected


def test_a_plan_keeps_what_has_had_its_effect_and_the_rules_that_are_enforced(build, planned):
    rules = [build.rule("strong", rollout={"maxConcurrent": 3}), build.cluster_rule("weak", mode="Audit")]
    plan = planned(build.deployment(annotations={"apphealth.dev/retry": "2"}), *rules)
    assert plan.retried == "2"
    assert [(one.rule, one.max_concurrent) for one in plan.rollout] == [("AppHealth/shop/strong", "3")]
