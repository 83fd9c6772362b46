"""`apphealth rollout status`, `pause` and `resume`: what they show, what they change, and their errors."""

from __future__ import annotations

from typing import Any

import pytest

from apphealth.cli.errors import ExitCode
from apphealth.cli.output import duration

SOAK = {"soakSeconds": 30, "canaries": 0}


def rule(name: str = "standard", *, mode: str = "Enforce", rollout: Any = None, **numbers: Any) -> dict[str, Any]:
    counts = {"planned": 0, "waiting": 0, "inFlight": 0, "done": 0, "rolledBack": 0, "halted": False, "message": ""}
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "ClusterAppHealth",
        "metadata": {"name": name, "generation": 2},
        "spec": {"selector": {}, "mode": mode, "rollout": SOAK if rollout is None else rollout},
        "status": {
            "observedGeneration": 2,
            "workloads": {"selected": 100},
            "rollout": counts | numbers,
            "conditions": [],
        },
    }


@pytest.mark.parametrize(
    ("given", "code", "expected"),
    [
        pytest.param(
            rule(planned=100, done=40, waiting=55, inFlight=5, message="waits for its turn in the rollout of x"),
            ExitCode.OK,
            "[#########...............] 40 of 100 done, 5 in flight, 55 waiting; about 12 min left",
            id="under-way",
        ),
        pytest.param(
            rule(
                rollout=SOAK | {"stages": ["readiness+startup", "liveness"]},
                planned=20,
                done=5,
                waiting=10,
                inFlight=5,
                message="waits for its next pass: readiness must go well for 30 s first",
            ),
            ExitCode.OK,
            "[######..................] 5 of 20 done, 5 in flight, 10 waiting; about 5 min left",
            id="between-passes",
        ),
        pytest.param(rule(planned=8, done=8), ExitCode.OK, f"[{'#' * 24}] 8 of 8 done; rolled out", id="done"),
        pytest.param(rule(), ExitCode.OK, f"[{'#' * 24}] 0 of 0 done; rolled out", id="nothing-to-do"),
        pytest.param(
            rule(planned=9, done=3, rolledBack=3, waiting=3, halted=True, message="too many workloads failed"),
            ExitCode.CHANGES,
            "[################........] 3 of 9 done, 3 waiting, 3 rolled back; halted: too many workloads failed",
            id="halted",
        ),
        pytest.param(
            rule(planned=2, waiting=2, message="stopped by the ConfigMap apphealth/apphealth-brake"),
            ExitCode.OK,
            f"[{'.' * 24}] 0 of 2 done, 2 waiting; stopped by the ConfigMap apphealth/apphealth-brake",
            id="the-brake",
        ),
    ],
)
def test_a_rollout_in_a_line(serve: Any, run: Any, given: Any, code: ExitCode, expected: str) -> None:
    _, cluster = serve(given, rule("shown", mode="Audit"))
    done = run("rollout", "status", "--kubeconfig", cluster.kubeconfig)
    assert (done.code, done.text) == (code, f"ClusterAppHealth/standard {expected}\n")


def test_one_rule_of_several_until_it_is_rolled_out(serve: Any, run: Any) -> None:
    two = rule("two", planned=1, done=1)
    two["status"]["conditions"] = [
        {"type": "RolledOut", "status": "True", "reason": "RolledOut", "lastTransitionTime": "", "message": ""}
    ]
    _, cluster = serve(rule("one"), two)
    done = run("rollout", "status", "cah/two", "--watch", "--kubeconfig", cluster.kubeconfig)
    assert (done.code, done.text) == (
        ExitCode.OK,
        f"ClusterAppHealth/two [{'#' * 24}] 1 of 1 done; rolled out\n",
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["rollout", "status", "cah/none"], ExitCode.INPUT, "there is no rule cah/none in mode Enforce"),
        (["rollout", "status", "web"], ExitCode.USAGE, "'web' is not of the form KIND/NAME; write ah/NAME or cah/NAME"),
        (["pause", "deploy/web"], ExitCode.USAGE, "'deploy/web' is not of the form KIND/NAME"),
        (["pause", "cah/none"], ExitCode.INPUT, 'clusterapphealths "none" not found'),
        (["pause", "cah/standard", "--reason", "x"], ExitCode.USAGE, "--reason goes with the brake"),
    ],
)
def test_an_error_is_one_line(serve: Any, run: Any, words: list[str], code: ExitCode, message: str) -> None:
    _, cluster = serve(rule())
    done = run(*words, "--kubeconfig", cluster.kubeconfig)
    assert done.code == code
    assert message in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "paused"), [(["pause", "cah/standard"], True), (["resume", "clusterapphealth/standard"], None)]
)
def test_one_rule_is_paused_and_resumed(serve: Any, run: Any, words: list[str], paused: bool | None) -> None:
    server, cluster = serve(rule())
    assert run(*words, "--kubeconfig", cluster.kubeconfig).code == ExitCode.OK
    assert server.patches == [{"spec": {"rollout": {"paused": paused}}}]


def test_the_brake_is_a_config_map_in_the_operators_namespace(serve: Any, run: Any) -> None:
    server, cluster = serve()
    done = run("pause", "--reason", "incident 42", "--kubeconfig", cluster.kubeconfig)
    assert (done.code, done.text) == (
        ExitCode.OK,
        "the brake is on: the operator in the namespace apphealth writes no workload\n",
    )
    (made,) = server.made
    assert made["metadata"] == {"name": "apphealth-brake", "annotations": {"apphealth.dev/reason": "incident 42"}}
    done = run("resume", "-n", "ops", "--kubeconfig", cluster.kubeconfig)
    assert done.code == ExitCode.OK
    assert server.deleted == ["/api/v1/namespaces/ops/configmaps/apphealth-brake"]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(40, "40 s"), (720, "12 min"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")]
)
def test_a_duration(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
