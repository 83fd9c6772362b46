"""Which containers get probes: those of one's own that somebody can reach."""

from __future__ import annotations

import pytest

from apphealth.plan.probes.eligibility import INJECTED


def with_probes(plan):
    return {c.name for c in plan.containers if any(probe.probe for probe in c.probes)}


@pytest.mark.parametrize("name", sorted(INJECTED))
def test_an_injected_sidecar_is_left_alone_unless_it_is_named(build, planned, name):
    workload = build.deployment(build.container(), build.container(name))
    assert with_probes(planned(workload)) == {"main"}
    named = build.rule(containers=[{"name": name, "preset": "tcp"}])
    assert with_probes(planned(workload, named)) == {"main", name}
    assert planned(workload).findings == ()


def test_what_others_inject_may_be_somebodys_application(build, planned):
    assert with_probes(planned(build.deployment(build.container("fluent-bit"), kind="DaemonSet"))) == {"fluent-bit"}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param({"restartPolicy": "Always"}, {"main", "side"}, id="a sidecar"),
        pytest.param({}, {"main"}, id="no other"),
    ],
)
def test_of_the_init_containers_only_sidecars_get_probes(build, planned, policy, expected):
    side = build.container("side", ports=[{"containerPort": 9000}]) | policy
    plan = planned(build.deployment(init=[side]), build.rule(containers=[{"name": "side"}] if policy else []))
    assert with_probes(plan) == expected
    lists = plan.patches[0].body["spec"]["template"]["spec"]
    assert [c["name"] for c in lists.get("initContainers", [])] == (["side"] if policy else [])


def test_an_ephemeral_container_is_never_looked_at(build, planned):
    workload = build.deployment()
    workload["spec"]["template"]["spec"]["ephemeralContainers"] = [build.container("debug")]
    assert [c.name for c in planned(workload).containers] == ["main"]


def test_a_container_that_nobody_can_reach_gets_a_finding(build, planned):
    plan = planned(build.deployment(build.container(ports=[])), build.rule(preset="auto"))
    (finding,) = plan.findings
    assert (finding.id, finding.severity, finding.container) == ("container-unreachable", "info", "main")
    assert plan.patches == ()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_each_kind_of_workload_is_planned_alike(build, planned, kind):
    assert with_probes(planned(build.deployment(kind=kind), build.service())) == {"main"}
