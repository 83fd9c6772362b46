"""`apphealth run --policy-reports`: reports follow the findings, in whichever of the two APIs the cluster has."""

from pathlib import Path

import pytest
import yaml

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RIGHTS = "/apis/rbac.authorization.k8s.io/v1"
COMPONENT = Path(__file__).parents[3] / "deploy/operator/policy-reports/kustomization.yaml"
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


def fields(**properties):
    return {"type": "object", "properties": properties}


OF_BOTH = fields(
    scope=fields(apiVersion=TEXT, kind=TEXT, namespace=TEXT, name=TEXT),
    summary=fields(**dict.fromkeys(("pass", "fail", "warn", "error", "skip"), NUMBER)),
    results={
        "type": "array",
        "items": fields(
            **dict.fromkeys(("source", "rule", "category", "message"), TEXT),
            policy=TEXT,
            result=TEXT | {"enum": ["pass", "fail", "warn", "error", "skip"]},
            severity=TEXT | {"enum": ["critical", "high", "low", "medium", "info"]},
            properties={"type": "object", "additionalProperties": TEXT},
        )
        | {"required": ["policy"]},
    },
)
"""The part of both schemas that is written; what else they have is optional."""
OLD, NEW = "/apis/wgpolicyk8s.io/v1alpha2", "/apis/openreports.io/v1alpha1"
KINDS = {OLD: ("policyreports", "PolicyReport"), NEW: ("reports", "Report")}


class Reports:
    """The definitions of reports, and the operator's rights on them."""

    def __init__(self, shop):
        self.shop, self.made = shop, []

    def install(self, api):
        (plural, kind), (group, version) = KINDS[api], api.removeprefix("/apis/").split("/")
        names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
        served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": OF_BOTH}}
        spec = {"group": group, "names": names, "scope": "Namespaced", "versions": [served]}
        head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        self.create(DEFINITIONS, head | {"metadata": {"name": f"{plural}.{group}"}, "spec": spec})
        self.shop.until(lambda: self.shop.api.get(self.shop.path(api, plural)), f"{plural} are served")

    def allow(self):
        """Grant what the component of the kustomization grants."""
        (rule,) = (
            operation["value"]
            for patch in yaml.safe_load(COMPONENT.read_text())["patches"]
            for operation in yaml.safe_load(patch["patch"])
            if operation["path"] == "/rules/-"
        )
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "test-policy-reports"}
        who = {"kind": "ServiceAccount", "name": "apphealth", "namespace": "apphealth"}
        named = {"metadata": {"name": role["name"]}}
        self.create(f"{RIGHTS}/clusterroles", named | {"rules": [rule]})
        self.create(f"{RIGHTS}/clusterrolebindings", named | {"roleRef": role, "subjects": [who]})

    def create(self, path, body):
        self.shop.api.create(path, body)
        self.made.append(f"{path}/{body['metadata']['name']}")

    def remove(self):
        for path in reversed(self.made):
            self.shop.api.delete(path)

    def of(self, api):
        """Return the reports of the namespace by name."""
        items = (self.shop.api.get(self.shop.path(api, KINDS[api][0])) or {"items": []})["items"]
        return {item["metadata"]["name"]: item for item in items}


@pytest.fixture
def reports(shop):
    made = Reports(shop)
    yield made
    made.remove()


def test_reports_follow_the_findings_and_go_with_the_flag(shop, reports, run_operator):
    reports.allow()
    reports.install(OLD)
    shop.deployment()
    shop.rule(preset="springboot")
    operator = run_operator("--policy-reports")
    report = shop.until(lambda: reports.of(OLD).get("apphealth-deployment-web"), "there is a report")
    assert report["scope"]["name"] == "web"
    assert report["summary"]["fail"] == 1
    assert [(one["rule"], one["result"]) for one in report["results"] if one["result"] == "fail"] == [
        ("preset-unknown", "fail")
    ]
    (owner,) = report["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("HealthPlan", shop.plan()["metadata"]["uid"])

    shop.change_rule(preset=None)
    shop.until(lambda: "preset-unknown" not in str(reports.of(OLD)), "the finding has gone from the report")
    shop.change_rule(preset="springboot")
    shop.until(lambda: "preset-unknown" in str(reports.of(OLD)), "it is back")
    operator.stop()

    reports.install(NEW)
    operator = run_operator("--policy-reports")
    shop.until(lambda: "preset-unknown" in str(reports.of(NEW)), "the newer API has the report")
    shop.until(lambda: not reports.of(OLD), "the older one no longer")
    version = reports.of(NEW)["apphealth-deployment-web"]["metadata"]["resourceVersion"]
    operator.stop()

    operator = run_operator("--policy-reports")
    shop.deployment("other", app="other")
    shop.until(lambda: len(reports.of(NEW)) == 2, "the operator has compared all reports")
    assert reports.of(NEW)["apphealth-deployment-web"]["metadata"]["resourceVersion"] == version, "not written again"
    operator.stop()

    operator = run_operator()
    shop.until(lambda: not reports.of(NEW), "without the flag they are deleted")
    assert "policy reports" not in operator.tail()


def test_without_the_definitions_or_the_rights_the_log_says_so(shop, reports, run_operator):
    operator = run_operator("--policy-reports", f"--namespace={shop.namespace}")
    shop.until(
        lambda: "no policy reports: the cluster has neither openreports.io" in operator.tail(), "they are missed"
    )
    operator.stop()
    reports.install(OLD)
    operator = run_operator("--policy-reports", f"--namespace={shop.namespace}")
    shop.until(lambda: "policy reports: " in operator.tail(), "the right is missed")
    shop.deployment()
    shop.rule()
    shop.until_applied()
