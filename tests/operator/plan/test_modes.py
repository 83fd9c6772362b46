"""Which rules make the plan that is written, and what users are told where none does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apphealth.plan.rules.modes import effective, enforced_among, left_to_controller, not_written

NAMED = {"kind": "Deployment", "name": "web"}


@pytest.fixture
def rules(build):
    """Rules: two that select, one of them in Audit, and one that names the workload."""
    return {
        "enforce": build.parse_rule(build.rule("enforce", mode="Enforce")),
        "audit": build.parse_rule(build.rule("audit", mode="Audit")),
        "named": build.parse_rule(build.rule("named", targetRef=NAMED)),
        "named audit": build.parse_rule(build.rule("named-audit", targetRef=NAMED, mode="Audit")),
    }


@pytest.mark.parametrize(
    ("given", "kind", "controller", "files", "enforced"),
    [
        pytest.param([], "Deployment", "", False, [], id="no rule"),
        pytest.param(["audit", "enforce"], "Deployment", "", False, ["enforce"], id="those in Enforce"),
        pytest.param(["audit"], "Deployment", "", False, [], id="none in Enforce"),
        pytest.param(["audit", "enforce"], "Rollout", "", False, [], id="a Rollout in a cluster"),
        pytest.param(["audit", "enforce"], "Rollout", "", True, ["enforce"], id="a Rollout in a file"),
        pytest.param(["enforce"], "Deployment", "Postgres/db", False, [], id="another object controls it"),
        pytest.param(["enforce"], "Deployment", "Postgres/db", True, [], id="another object controls it, in a file"),
        pytest.param(
            ["enforce", "named"],
            "Deployment",
            "Postgres/db",
            False,
            ["enforce", "named"],
            id="a rule names what another object controls",
        ),
        pytest.param(
            ["enforce", "named audit"], "Deployment", "Postgres/db", False, [], id="only a rule in Audit names it"
        ),
        pytest.param(["named"], "Rollout", "Postgres/db", False, [], id="a Rollout that another object controls"),
    ],
)
def test_the_rules_that_are_written_and_those_that_count(build, rules, given, kind, controller, files, enforced):
    workload = replace(build.parse(build.deployment(kind=kind)), controller=controller)
    selecting = [rules[name] for name in given]
    expected = tuple(rules[name] for name in enforced)
    assert enforced_among(selecting, workload, files=files) == expected
    assert effective(selecting, workload, files=files) == (expected or tuple(selecting))


@pytest.mark.parametrize(
    ("given", "controller", "told"),
    [
        pytest.param(["enforce"], "", False, id="nothing controls it"),
        pytest.param([], "Postgres/db", False, id="no rule"),
        pytest.param(["audit"], "Postgres/db", False, id="nothing would be written anyway"),
        pytest.param(["audit", "enforce"], "Postgres/db", True, id="left to its controller"),
        pytest.param(["enforce", "named"], "Postgres/db", False, id="a rule names it"),
    ],
)
def test_a_workload_that_is_left_to_its_controller_is_told(build, rules, given, controller, told):
    workload = replace(build.parse(build.deployment()), controller=controller)
    found = left_to_controller([rules[name] for name in given], workload)
    assert (found is not None) is told
    if found is not None:
        assert found.id == "controlled"
        assert "Postgres/db" in found.message
        assert "{kind: Deployment, name: web}" in found.fix


@pytest.mark.parametrize(
    ("kind", "containers", "files", "words"),
    [
        pytest.param("Deployment", True, False, None, id="a Deployment"),
        pytest.param("Rollout", True, True, None, id="a Rollout in a file"),
        pytest.param("Rollout", True, False, "rollout/web", id="a Rollout"),
        pytest.param("Rollout", False, False, "workloadRef", id="a Rollout that refers to another workload"),
    ],
)
def test_what_is_never_written_is_told(build, kind, containers, files, words):
    workload = build.parse(build.deployment(kind=kind))
    found = not_written(workload if containers else replace(workload, containers=()), files=files)
    assert (found is None) is (words is None)
    if found is not None and words is not None:
        assert found.id == "rollout-not-written"
        assert words in found.message + found.fix
