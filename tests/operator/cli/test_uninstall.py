"""Which workloads `apphealth uninstall` waits for, and what it refuses."""

import pytest

from apphealth.cli.errors import ExitCode
from apphealth.cli.uninstall import Left, left_of


def plan(name="web", *rules, state="Applied"):
    return {
        "metadata": {"name": f"deployment-{name}", "namespace": "shop"},
        "spec": {"workload": {"kind": "Deployment", "name": name}},
        "status": {"state": state, "message": "why", "rules": list(rules)},
    }


MINE, CLUSTERS = "AppHealth/shop/all", "ClusterAppHealth/standard"


@pytest.mark.parametrize(
    ("plans", "namespaced", "left"),
    [
        pytest.param([], False, [], id="nothing"),
        pytest.param([plan("web", MINE), plan("api", CLUSTERS)], False, ["api", "web"], id="all of the cluster"),
        pytest.param([plan("web", MINE), plan("api", CLUSTERS)], True, ["web"], id="those of one namespace"),
        pytest.param([plan("web", CLUSTERS, MINE)], True, ["web"], id="of both, until the operator has looked"),
        pytest.param([plan("web")], True, ["web"], id="one whose rules aren't known"),
    ],
)
def test_it_waits_for_every_workload_that_a_deleted_rule_selected(plans, namespaced, left):
    found = left_of(plans, namespaced=namespaced)
    assert found == tuple(Left(f"Deployment/shop/{name}", "Applied", "why") for name in left)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        pytest.param("--timeout=soon", "'soon' is not a duration; write 90s, 10m or 1h", id="timeout"),
        pytest.param("--timeout=-1s", "'-1s' is not a duration", id="negative"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_what_is_right(run, option, said):
    outcome = run("uninstall", option)
    assert outcome.code == ExitCode.USAGE
    assert said in outcome.err
