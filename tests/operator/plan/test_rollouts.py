"""Argo Rollouts: the same decisions, shown and never written."""

from __future__ import annotations

import pytest


def rollout(build, **fields):
    return build.deployment(kind="Rollout", **fields) | {"apiVersion": "argoproj.io/v1alpha1"}


def ids(plan):
    return [finding.id for finding in plan.findings]


def test_a_rollout_is_planned_like_a_deployment_and_not_written(build, planned):
    plan, same = (planned(obj, build.service()) for obj in (rollout(build), build.deployment()))
    assert plan.containers == same.containers
    assert (plan.mode, plan.state, plan.patches, plan.delivery) == ("Audit", "Preview", (), None)
    assert plan.findings[0].id == "rollout-not-written"
    assert "apphealth explain rollout/web" in plan.findings[0].fix
    assert plan.record.spec.workload.api_version == "argoproj.io/v1alpha1"
    assert plan.record.status.summary.workload == "Rollout/web"


def test_the_rollout_of_another_workloads_pods_says_so(build, planned):
    found = rollout(build)
    found["spec"] = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    plan = planned(found)
    assert (ids(plan), plan.containers) == (["rollout-not-written"], ())
    assert "workloadRef" in plan.findings[0].message


def test_a_rollout_that_no_rule_selects_is_none_of_our_business(build, planned):
    plan = planned(rollout(build), build.rule(namespace="other"))
    assert (plan.selected, plan.mode, plan.findings, plan.record, plan.patches) == (False, None, (), None, ())


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_the_other_kinds_are_written(build, planned, kind):
    plan = planned(build.deployment(kind=kind), build.service())
    assert plan.patches
    assert "rollout-not-written" not in ids(plan)


def test_a_rule_selects_a_rollout_by_its_name(build, planned):
    rule = build.rule(targetRef={"kind": "Rollout", "name": "web"})
    assert planned(rollout(build), rule).selected
    assert not planned(build.deployment(), rule).selected
