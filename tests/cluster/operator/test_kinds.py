"""StatefulSets and DaemonSets are looked after as Deployments are; Argo Rollouts are planned, shown and left alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from localcluster import Cluster

APPS, OURS, CORE = "/apis/apps/v1", "/apis/apphealth.dev/v1alpha1", "/api/v1"
ARGO = "/apis/argoproj.io/v1alpha1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FIELDS = ("livenessProbe", "readinessProbe", "startupProbe")
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Rollout": "rollouts"}
KINDS = ["StatefulSet", "DaemonSet"]
BOTH = {"liveness": "/live", "readiness": "/ready"}
THEIRS = {"tcpSocket": {"port": 9999}, "periodSeconds": 7, "timeoutSeconds": 2, "failureThreshold": 4}
WAYS = [
    pytest.param((), id="client-side"),
    pytest.param(("--server-side",), id="server-side"),
]


def manifest(kind: str, name: str = "web", image: str = "example/web:1", **container: Any) -> dict[str, Any]:
    labels = {"app": name, "kind": kind.lower()}
    main = {"name": "main", "image": image, "ports": [{"name": "http", "containerPort": 8080}]} | container
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [main]}},
    }
    version = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    replicas = {} if kind == "DaemonSet" else {"replicas": 0}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": replicas | spec}


class Owner:
    """Somebody who applies manifests in a namespace, and looks at what became of them."""

    def __init__(self, cluster: Cluster, shop: Any) -> None:
        self.cluster, self.shop = cluster, shop

    def apply(self, body: dict[str, Any], *how: str) -> None:
        self.cluster.kubectl("apply", *how, "-n", self.shop.namespace, "-f", "-", input=json.dumps(body))

    def get(self, kind: str, name: str = "web") -> dict[str, Any]:
        return self.shop.api.get(self.shop.path(ARGO if kind == "Rollout" else APPS, PLURALS[kind], name))

    def template(self, kind: str) -> dict[str, Any]:
        return self.get(kind)["spec"]["template"]

    def paths(self, kind: str) -> dict[str, str]:
        """Return the HTTP paths of the probes: `{"liveness": "/live"}`."""
        main = self.template(kind)["spec"]["containers"][0]
        there = {field: main[field] for field in FIELDS if field in main}
        return {f.removesuffix("Probe"): p["httpGet"]["path"] for f, p in there.items() if "httpGet" in p}

    def plan(self, kind: str, name: str = "web") -> dict[str, Any]:
        return self.shop.api.get(self.shop.path(OURS, "healthplans", f"{kind.lower()}-{name}")) or {"status": {}}

    def until_applied(self, kind: str) -> None:
        self.shop.until(lambda: self.paths(kind) == BOTH, f"the {kind} has its probes")
        self.shop.until(lambda: self.plan(kind)["status"].get("state") == "Applied", f"the {kind} is Applied")


@pytest.fixture
def owner(control_plane: Cluster, shop: Any) -> Owner:
    """Provide somebody who applies manifests in a namespace of their own."""
    return Owner(control_plane, shop)


@pytest.mark.usefixtures("operator_of_the_class")
class TestWithTheOperator:
    """One operator for all."""

    @pytest.mark.parametrize("how", WAYS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_it_gets_probes_keeps_them_over_the_next_apply_and_loses_them_with_the_rule(self, owner, kind, how):
        owner.apply(manifest(kind), *how)
        before = owner.template(kind)
        owner.shop.rule()
        owner.until_applied(kind)
        reference = owner.plan(kind)["metadata"]["ownerReferences"][0]
        assert (reference["kind"], reference["name"]) == (kind, "web")

        owner.apply(manifest(kind, image="example/web:2"), *how)
        assert owner.paths(kind) == BOTH
        assert owner.template(kind)["spec"]["containers"][0]["image"] == "example/web:2"

        owner.apply(manifest(kind), *how)
        owner.shop.delete_rule()
        owner.shop.until(lambda: owner.template(kind) == before, f"the {kind} is as it was")
        owner.shop.until(lambda: owner.shop.leftovers() == [], "nothing of ours is left")

    @pytest.mark.parametrize("how", WAYS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_its_owners_probe_is_kept(self, owner, kind, how):
        owner.apply(manifest(kind, livenessProbe=THEIRS), *how)
        owner.shop.rule()
        owner.shop.until(lambda: owner.paths(kind) == {"readiness": "/ready"}, f"the {kind} has what was missing")
        main = owner.template(kind)["spec"]["containers"][0]
        assert {key: main["livenessProbe"][key] for key in THEIRS} == THEIRS

    @pytest.mark.parametrize("how", WAYS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_its_owner_may_write_a_probe_of_another_type(self, owner, kind, how):
        owner.apply(manifest(kind), *how)
        owner.shop.rule()
        owner.until_applied(kind)
        force = ("--force-conflicts",) if how else ()  # without it, the usual conflict over the numbers names us
        owner.apply(manifest(kind, livenessProbe=THEIRS), *how, *force)

        def theirs_alone() -> bool:
            probe = owner.template(kind)["spec"]["containers"][0]["livenessProbe"]
            return "httpGet" not in probe and {key: probe[key] for key in THEIRS} == THEIRS

        owner.shop.until(theirs_alone, "their probe, and nothing but theirs")

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_replaced_probe_is_put_back(self, owner, kind):
        owner.apply(manifest(kind, livenessProbe=THEIRS))
        before = owner.template(kind)
        owner.shop.rule(existingProbes="Replace")
        owner.until_applied(kind)
        owner.shop.delete_rule()
        owner.shop.until(lambda: owner.template(kind) == before, "the original is back")

    def test_workloads_of_one_name_do_not_get_in_each_others_way(self, owner):
        kinds = ["Deployment", *KINDS]
        for kind in kinds:
            owner.apply(manifest(kind))
        owner.shop.rule(preset="flask-management-endpoints")
        for kind in kinds:
            owner.until_applied(kind)
        names = {f"{kind.lower()}-web" for kind in kinds}
        names |= {"web-apphealth", "web.statefulset-apphealth", "web.daemonset-apphealth"}
        owner.shop.until(lambda: set(owner.shop.leftovers()) == names, f"{names}, not {owner.shop.leftovers()}")
        for kind, config_map in zip(kinds, ("web", "web.statefulset", "web.daemonset"), strict=True):
            found = owner.shop.api.get(owner.shop.path(CORE, "configmaps", f"{config_map}-apphealth"))
            assert json.loads(found["data"]["dependencies.json"])["workload"]["kind"] == kind
            (volume,) = owner.template(kind)["spec"]["volumes"]
            assert volume["configMap"]["name"] == f"{config_map}-apphealth"
        owner.shop.delete_rule()
        owner.shop.until(lambda: owner.shop.leftovers() == [], "nothing of ours is left")

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_belongs_to_a_deleted_one_goes(self, owner, kind):
        owner.apply(manifest(kind))
        owner.shop.rule()
        owner.until_applied(kind)
        owner.shop.api.delete(owner.shop.path(APPS, PLURALS[kind], "web"))
        owner.shop.until(lambda: owner.shop.leftovers() == [], "its HealthPlan has gone")


class Definition:
    """Argo's definition of Rollouts, as far as it matters: up to 1.8, all containers of a Rollout are one value."""

    PATH = f"{DEFINITIONS}/rollouts.argoproj.io"

    def __init__(self, shop: Any) -> None:
        self.shop = shop

    def install(self) -> None:
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        spec = {
            "group": "argoproj.io",
            "names": {"kind": "Rollout", "listKind": "RolloutList", "plural": "rollouts", "singular": "rollout"},
            "scope": "Namespaced",
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}],
        }
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        self.shop.api.create(DEFINITIONS, body | {"metadata": {"name": "rollouts.argoproj.io"}, "spec": spec})
        self.shop.until(self.served, "Rollouts are served", timeout=60)

    def remove(self) -> None:
        if self.shop.api.get(self.PATH):
            self.shop.api.delete(self.PATH)
        self.shop.until(lambda: not self.served(), "Rollouts are no longer served", timeout=60)

    def served(self) -> bool:
        found = self.shop.api.get(ARGO) or {"resources": []}
        return any(item["name"] == "rollouts" for item in found["resources"])


@pytest.fixture
def rollouts(shop: Any) -> Iterator[Definition]:
    """Provide a cluster without Rollouts, and a way to have them."""
    definition = Definition(shop)
    yield definition
    definition.remove()


def test_rollouts_are_planned_and_never_written_wherever_they_are_installed(owner, rollouts, run_operator):
    running = run_operator()
    owner.shop.rule()
    owner.apply(manifest("Deployment"))
    owner.until_applied("Deployment")

    rollouts.install()
    running.stop()
    running.start()
    owner.apply(manifest("Rollout"))
    before = owner.get("Rollout")
    owner.shop.until(lambda: owner.plan("Rollout")["status"].get("state") == "Preview", "the Rollout is planned")
    plan = owner.plan("Rollout")
    assert next(finding["id"] for finding in plan["status"]["findings"]) == "rollout-not-written"
    assert plan["status"]["summary"]["liveness"].startswith("http-get http://:http/live")
    assert plan["metadata"]["ownerReferences"][0]["kind"] == "Rollout"

    rollouts.remove()
    owner.apply(manifest("StatefulSet"))
    owner.until_applied("StatefulSet")
    assert owner.paths("Deployment") == BOTH
    assert before["metadata"]["generation"] == 1


def test_a_rollout_has_not_been_touched(owner, rollouts, run_operator):
    rollouts.install()
    run_operator()
    owner.apply(manifest("Rollout"))
    before = owner.get("Rollout")
    owner.shop.rule()
    owner.shop.until(lambda: owner.plan("Rollout")["status"].get("state") == "Preview", "the Rollout is planned")
    owner.shop.until(lambda: owner.shop.status().get("workloads", {}).get("selected") == 1, "the rule counts it")
    assert owner.get("Rollout") == before
    owner.shop.delete_rule()
    owner.shop.until(lambda: owner.shop.leftovers() == [], "nothing of ours is left")
    assert owner.get("Rollout") == before


def test_why_rollouts_are_not_written_the_owners_next_apply_takes_everything_out(owner, rollouts):
    rollouts.install()
    owner.apply(manifest("Rollout"))
    path = owner.shop.path(ARGO, "rollouts", "web")
    probe = {"httpGet": {"path": "/live", "port": "http"}}
    operation = {"op": "add", "path": "/spec/template/spec/containers/0/livenessProbe", "value": probe}
    owner.shop.api.patch(path, [operation], "json", "apphealth")
    assert owner.paths("Rollout") == {"liveness": "/live"}
    owner.apply(manifest("Rollout"))
    assert owner.paths("Rollout") == {}


def test_why_rollouts_are_not_written_strategic_merge_is_not_for_custom_resources(owner, rollouts):
    rollouts.install()
    owner.apply(manifest("Rollout"))
    with pytest.raises(ApiException, match="415"):
        owner.shop.api.patch(owner.shop.path(ARGO, "rollouts", "web"), {"spec": {}}, "strategic")
