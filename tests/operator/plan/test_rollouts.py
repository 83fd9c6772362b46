"""Argo Rollouts: the same decisions, shown and never written."""

from __future__ import annotations

import pytest

from apphealth.plan import Options
from apphealth.store.facts import plan_of


def rollout(build, **fields):
    return build.deployment(kind="Rollout", **fields) | {"apiVersion": "argoproj.io/v1alpha1"}


def ids(plan):
    return [finding.id for finding in plan.findings]


def test_a_rollout_is_planned_like_a_deployment_and_not_written(build, planned):
    found, same = (planned(obj, build.service()) for obj in (rollout(build), build.deployment()))
    assert found.containers == same.containers
    assert (found.mode, found.state, found.patches, found.delivery) == ("Audit", "Preview", (), None)
    assert found.findings[0].id == "rollout-not-written"
    assert "apphealth explain rollout/web" in found.findings[0].fix
    assert found.record.spec.workload.api_version == "argoproj.io/v1alpha1"
    assert found.record.status.summary.workload == "Rollout/web"


def test_the_rollout_of_another_workloads_pods_says_so(build, planned):
    manifest = rollout(build)
    manifest["spec"] = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    found = planned(manifest)
    assert (ids(found), found.containers) == (["rollout-not-written"], ())
    assert "workloadRef" in found.findings[0].message


def test_a_rollout_that_no_rule_selects_is_none_of_our_business(build, planned):
    found = planned(rollout(build), build.rule(namespace="other"))
    assert (found.selected, found.mode, found.findings, found.record, found.patches) == (False, None, (), None, ())


def test_in_files_a_rollout_is_written_for_nobody_else_writes_there(build):
    there = build.world(build.service(), build.rule())
    there.options = Options(files=True)
    found = plan_of(build.parse(rollout(build)), there)
    assert (found.mode, found.state) == ("Enforce", "Applied")
    assert found.patches
    assert "rollout-not-written" not in ids(found)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_the_other_kinds_are_written(build, planned, kind):
    found = planned(build.deployment(kind=kind), build.service())
    assert found.patches
    assert "rollout-not-written" not in ids(found)


def test_a_rule_selects_a_rollout_by_its_name(build, planned):
    rule = build.rule(targetRef={"kind": "Rollout", "name": "web"})
    assert planned(rollout(build), rule).selected
    assert not planned(build.deployment(), rule).selected
