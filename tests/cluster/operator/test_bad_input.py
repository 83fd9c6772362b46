"""Whatever people write, the answer is a condition or a finding that says what to do, and never a hot loop."""

import time

import pytest
from kubernetes.client.exceptions import ApiException

pytestmark = pytest.mark.usefixtures("operator")

LONG = "w" * 253
WEB = {"kind": "Deployment", "name": "web"}
NO_STARTUP = {"startup": {"enabled": False}}


def test_a_rule_that_selects_nothing_says_so(shop):
    shop.deployment()
    shop.rule(selector={"matchLabels": {"no": "such"}})
    shop.until(lambda: shop.condition("Ready") == ("False", "NothingSelected"), "the rule says that it selects nothing")
    assert shop.status()["workloads"]["selected"] == 0
    assert shop.generation() == 1


def test_a_target_that_does_not_exist_is_waited_for(shop):
    shop.rule(targetRef={"kind": "Deployment", "name": "later"})
    shop.until(lambda: shop.condition("Ready") == ("False", "NothingSelected"), "the rule says that it selects nothing")
    shop.deployment("later")
    shop.until_applied("later")


@pytest.mark.parametrize(
    ("settings", "finding", "paths"),
    [
        pytest.param(
            {"targetRef": WEB, "containers": [{"name": "nobody", "probes": {"liveness": {"path": "/x"}}}]},
            "container-missing",
            {"liveness": "/live", "readiness": "/ready"},
            id="container",
        ),
        pytest.param(
            {"probes": {"liveness": {"path": "/live", "port": "nowhere"}} | NO_STARTUP},
            "port-unresolved",
            {},
            id="port",
        ),
        pytest.param(
            {"probes": {"liveness": {"type": "GRPC", "port": "dns"}} | NO_STARTUP},
            "port-unresolved",
            {},
            id="protocol",
        ),
    ],
)
def test_what_a_rule_names_and_a_workload_lacks_is_a_finding(shop, settings, finding, paths):
    ports = [{"name": "http", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    shop.deployment("web", {"name": "main", "image": "a", "ports": ports})
    shop.rule(**settings)
    shop.until(lambda: finding in shop.findings(), f"{finding} is found, not {shop.findings()}")
    shop.until(lambda: shop.paths() == paths, f"the probes are {paths}, not {shop.paths()}")
    generation = shop.generation()
    time.sleep(1)
    assert shop.generation() == generation


def test_numbers_that_contradict_each_other_are_written_as_they_stand_and_reported(shop):
    shop.deployment()
    liveness = {"path": "/live", "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 1}
    shop.rule(probes={"liveness": liveness, "readiness": {"path": "/ready"}} | NO_STARTUP)
    shop.until_applied()
    assert shop.probes()["livenessProbe"]["periodSeconds"] == 1
    assert shop.findings()


def test_thirty_containers(shop):
    names = [f"c{number}" for number in range(30)]
    containers = [
        {"name": name, "image": "a", "ports": [{"containerPort": 8000 + number}]} for number, name in enumerate(names)
    ]
    shop.deployment("web", *containers)
    shop.rule(probes={"liveness": {"path": "/live"}, "readiness": {"enabled": False}} | NO_STARTUP)
    shop.until(lambda: all(shop.paths("web", name) == {"liveness": "/live"} for name in names), "all have their probe")
    assert shop.generation() == 2
    shop.delete_rule()
    shop.until(lambda: not any(shop.probes("web", name) for name in names), "none has a probe")


def test_names_at_their_limits(shop):
    container = {"name": "c" * 63, "image": "a", "ports": [{"name": "p" * 15, "containerPort": 8080}]}
    shop.deployment(LONG, container, app="long")
    shop.rule("r" * 253)
    shop.until(lambda: shop.paths(LONG, "c" * 63).get("liveness") == "/live", "the probes are there")
    plans = shop.until(shop.leftovers, "the plan is there")
    assert len(plans[0]) <= 253
    shop.delete_rule("r" * 253)
    shop.until(lambda: shop.leftovers() == [], "nothing is left")


def test_a_service_without_a_selector_is_nobodys(shop):
    shop.service("web", selector=None)
    shop.deployment()
    shop.rule()
    shop.until_applied()


def test_a_dependency_that_does_not_exist_is_a_finding(shop):
    shop.deployment()
    shop.rule(dependencies={"services": [{"name": "nobody"}]})
    shop.until(lambda: "nobody" in str(shop.findings()), "a finding names it")


def test_a_number_that_a_policy_rewrites_is_said_and_not_written_again_and_again(shop, api, operator):
    """Here a MutatingAdmissionPolicy: before, every look at the workload sent a patch that changed nothing."""
    name = f"hasty-{shop.namespace}"
    group = "/apis/admissionregistration.k8s.io/v1"
    target = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    at = "/spec/template/spec/containers/0/livenessProbe/failureThreshold"
    policy = {
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {
                "resourceRules": [target],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace}},
            },
            "matchConditions": [
                {"name": "probed", "expression": "has(object.spec.template.spec.containers[0].livenessProbe)"}
            ],
            "mutations": [
                {
                    "patchType": "JSONPatch",
                    "jsonPatch": {"expression": f'[JSONPatch{{op: "add", path: "{at}", value: 9}}]'},
                }
            ],
        },
    }
    api.create(f"{group}/mutatingadmissionpolicies", policy)
    api.create(f"{group}/mutatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": {"policyName": name}})
    try:
        shop.deployment()

        def in_force():
            shop.patch_container({"livenessProbe": {"httpGet": {"path": "/", "port": 1}}})
            found = shop.probes()["livenessProbe"]["failureThreshold"]
            shop.patch_container({"livenessProbe": None})
            return found == 9

        shop.until(in_force, "the policy is in force")
        shop.rule()
        shop.until(lambda: "rewritten" in shop.findings(), "the plan says so")
        assert "liveness of main has failureThreshold 9, not 3" in shop.findings()["rewritten"]
        shop.until(lambda: shop.condition("Degraded") == ("True", "WritesRejected"), "the rule is degraded")
        shop.service()  # which has the workload looked at again
        time.sleep(2)
        said = f"{shop.namespace}/web: the API server has kept other values"
        assert operator.log.read_text().count(said) == 1
    finally:
        api.delete(f"{group}/mutatingadmissionpolicybindings/{name}")
        api.delete(f"{group}/mutatingadmissionpolicies/{name}")


def test_a_patch_that_a_policy_refuses_is_said_and_not_sent_again_and_again(shop, api):
    """Here a ValidatingAdmissionPolicy: no liveness probes in this namespace."""
    name = f"no-probes-{shop.namespace}"
    group = "/apis/admissionregistration.k8s.io/v1"
    rules = [
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": ["UPDATE"],
            "resources": ["deployments"],
        }
    ]
    selector = {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace}}
    validation = "object.spec.template.spec.containers.all(c, !has(c.livenessProbe))"
    policy = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": rules, "namespaceSelector": selector},
            "validations": [{"expression": validation, "message": "we want no liveness probes"}],
        },
    }
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    api.create(f"{group}/validatingadmissionpolicies", policy)
    api.create(f"{group}/validatingadmissionpolicybindings", binding)
    try:
        shop.deployment()
        probe = {"livenessProbe": {"httpGet": {"path": "/", "port": 1}}}

        def in_force():
            try:
                shop.patch_container(probe)
            except ApiException as error:
                return "we want no liveness probes" in str(error)
            shop.patch_container({"livenessProbe": None})
            return False

        shop.until(in_force, "the policy is in force")
        shop.rule()
        shop.until(lambda: shop.state() == "Rejected", "the plan says Rejected")
        assert "we want no liveness probes" in shop.findings()["rejected"]
        shop.until(lambda: shop.condition("Degraded") == ("True", "WritesRejected"), "the rule is degraded")
        assert shop.status()["workloads"]["failed"] == 1
        version = shop.plan()["metadata"]["resourceVersion"]
        time.sleep(2)
        assert shop.plan()["metadata"]["resourceVersion"] == version
    finally:
        api.delete(f"{group}/validatingadmissionpolicybindings/{name}")
        api.delete(f"{group}/validatingadmissionpolicies/{name}")
    time.sleep(1)
    shop.change_rule(probes={"liveness": {"path": "/live-2"}})
    shop.until_applied("web", liveness="/live-2", readiness="/ready")
