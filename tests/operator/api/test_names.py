"""Names of our objects: plain where they fit, cut and told apart by a hash where they don't."""

import pytest

from apphealth.api.names import MAX_NAME, config_map_name, health_plan_name, workload_of_config_map

LONG = "a" * 253


@pytest.mark.parametrize(
    ("kind", "name", "plan", "config_map"),
    [
        ("Deployment", "users-api", "deployment-users-api", "users-api-apphealth"),
        ("StatefulSet", "users-api", "statefulset-users-api", "users-api.statefulset-apphealth"),
        ("DaemonSet", "agent.v2", "daemonset-agent.v2", "agent.v2.daemonset-apphealth"),
        ("Rollout", "web", "rollout-web", "web.rollout-apphealth"),
        ("Deployment", "web.job", "deployment-web.job", "web.job-apphealth"),
        ("Deployment", "a" * 242, f"deployment-{'a' * 242}", f"{'a' * 242}-apphealth"),
    ],
)
def test_names_are_those_of_the_workload(kind, name, plan, config_map):
    assert (health_plan_name(kind, name), config_map_name(kind, name)) == (plan, config_map)
    assert workload_of_config_map(config_map) == (kind, name)


@pytest.mark.parametrize("name_of", [health_plan_name, config_map_name])
@pytest.mark.parametrize("name", [LONG, "a" * 241 + "-" * 12, "a" * 231 + "." * 22, "é" * 253])
def test_long_names_fit_and_never_end_a_part_in_punctuation(name_of, name):
    found = name_of("Deployment", name)
    assert len(found) <= MAX_NAME
    assert "--" not in found
    assert ".-" not in found


@pytest.mark.parametrize("name_of", [health_plan_name, config_map_name])
def test_long_names_that_differ_at_the_end_stay_different(name_of):
    assert name_of("Deployment", LONG[:-1] + "b") != name_of("Deployment", LONG)
    assert name_of("StatefulSet", LONG) != name_of("Deployment", LONG)
