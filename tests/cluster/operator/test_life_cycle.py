"""From the first rule to the last: the end state is always what the rules say, and nothing of ours is left behind."""

import time

import pytest

pytestmark = pytest.mark.usefixtures("operator")

THEIRS = {"tcpSocket": {"port": 9999}, "periodSeconds": 7, "timeoutSeconds": 2, "failureThreshold": 4}


def test_a_rule_gives_a_workload_its_probes_and_a_record(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    plan = shop.plan()
    owner = plan["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Deployment", "web", shop.get()["metadata"]["uid"])
    assert plan["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "apphealth"
    assert "apphealth" in shop.managers()


def test_nothing_but_the_pod_template_of_a_workload_is_touched(shop):
    before = shop.deployment()["metadata"]
    shop.rule()
    shop.until_applied()
    after = shop.get()["metadata"]
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        ours = {k: v for k, v in (after.get(field) or {}).items() if "kubernetes.io/" not in k}
        assert ours == (before.get(field) or {}), field
    rule = shop.api.get(shop.path("/apis/apphealth.dev/v1alpha1", "apphealths", "all"))["metadata"]
    assert "finalizers" not in rule
    assert "annotations" not in rule


def test_a_workload_that_comes_after_the_rule_gets_its_probes(shop):
    shop.rule()
    shop.until(lambda: shop.condition("Ready") == ("False", "NothingSelected"), "the rule says that it selects nothing")
    shop.deployment()
    shop.until_applied()
    shop.until(lambda: shop.condition("Ready") == ("True", "AllManaged"), "the rule is ready")
    nothing = dict.fromkeys(("pending", "keptByOwner", "failed", "unknown", "withoutProbes", "wouldRestart"), 0)
    assert shop.status()["workloads"] == {"selected": 1, "managed": 1, "covered": 1} | nothing


def test_a_changed_rule_changes_the_probes_once(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    generation = shop.generation()
    shop.change_rule(probes={"liveness": {"path": "/alive"}})
    shop.until_applied(liveness="/alive", readiness="/ready")
    assert shop.generation() == generation + 1
    shop.until(lambda: shop.status().get("observedGeneration") == 2, "the status is of the new rule")


def test_one_change_of_a_workload_is_one_write(shop):
    shop.rule()
    shop.deployment()
    shop.until_applied()
    assert shop.generation() == 2


def test_a_deleted_rule_leaves_nothing_behind(shop):
    before = shop.deployment()["spec"]["template"]
    shop.rule()
    shop.until_applied()
    shop.delete_rule()
    shop.until_clean()
    assert shop.get()["spec"]["template"] == before
    assert "apphealth" not in shop.managers()
    assert shop.leftovers() == []


def test_a_relabelled_workload_loses_and_regains_its_probes(shop):
    shop.deployment()
    shop.rule(selector={"matchLabels": {"tier": "front"}})
    shop.label("web", tier="front")
    shop.until_applied()
    shop.label("web", tier="back")
    shop.until_clean()
    shop.label("web", tier="front")
    shop.until_applied()


def test_a_workload_that_opts_out_is_left_alone(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    path = shop.path("/apis/apps/v1", "deployments", "web")
    shop.api.patch(path, {"metadata": {"annotations": {"apphealth.dev/ignore": "we know better"}}})
    shop.until_clean()
    shop.until(lambda: shop.status().get("workloads", {}).get("selected") == 0, "the rule no longer counts it")


def test_of_conflicting_rules_the_older_wins_and_the_younger_is_told(shop):
    shop.deployment()
    shop.rule("older", probes={"liveness": {"path": "/old"}, "startup": {"enabled": False}})
    shop.until(lambda: shop.paths().get("liveness") == "/old", "the first rule counts")
    time.sleep(1.1)  # creationTimestamp has seconds
    shop.rule("a-younger", probes={"liveness": {"path": "/new"}, "startup": {"enabled": False}})
    shop.until(lambda: shop.condition("Conflicting", "a-younger") == ("True", "Overridden"), "the younger one is told")
    assert shop.paths().get("liveness") == "/old"
    shop.until(
        lambda: shop.condition("Conflicting", "older") == ("False", "NoConflicts"), "the older one isn't told so"
    )
    shop.delete_rule("older")
    shop.until(lambda: shop.paths().get("liveness") == "/new", "the younger rule counts now")
    shop.until(lambda: shop.condition("Conflicting", "a-younger") == ("False", "NoConflicts"), "no conflict any more")


def test_an_owners_probe_is_kept_by_default(shop):
    shop.deployment("web", {"name": "main", "image": "a", "ports": [{"containerPort": 8080}], "livenessProbe": THEIRS})
    shop.rule(probes={"liveness": {"path": "/live"}, "readiness": {"enabled": False}, "startup": {"enabled": False}})
    shop.until(lambda: shop.state() == "Kept", "the plan says Kept")
    assert shop.probes()["livenessProbe"]["tcpSocket"] == {"port": 9999}
    assert shop.generation() == 1
    shop.until(lambda: shop.status().get("workloads", {}).get("keptByOwner") == 1, "the rule counts it as kept")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda shop: shop.delete_rule(), id="rule-deleted"),
        pytest.param(lambda shop: shop.change_rule(existingProbes="Keep"), id="rule-says-keep"),
        pytest.param(lambda shop: shop.label("web", app="other"), id="workload-relabelled"),
    ],
)
def test_a_replaced_probe_is_put_back(shop, end):
    theirs = {"name": "main", "image": "a", "ports": [{"containerPort": 8080}], "livenessProbe": THEIRS}
    before = shop.deployment("web", theirs)["spec"]["template"]
    probes = {"liveness": {"path": "/live"}, "readiness": {"enabled": False}, "startup": {"enabled": False}}
    shop.rule(existingProbes="Replace", selector={"matchLabels": {"app": "web"}}, probes=probes)
    shop.until_applied("web", liveness="/live")
    original = shop.plan()["status"]["originals"][0]
    assert original["original"]["tcpSocket"] == {"port": 9999}
    end(shop)
    shop.until(lambda: shop.get()["spec"]["template"] == before, "the original is back")


def test_a_probe_that_its_owner_takes_back_is_not_taken_twice(shop):
    theirs = {"name": "main", "image": "a", "ports": [{"containerPort": 8080}], "livenessProbe": THEIRS}
    shop.deployment("web", theirs)
    probes = {"liveness": {"path": "/live"}, "readiness": {"enabled": False}, "startup": {"enabled": False}}
    shop.rule(existingProbes="Replace", probes=probes)
    shop.until_applied("web", liveness="/live")
    shop.patch_container({"livenessProbe": {"httpGet": {"path": "/mine", "port": 8080}}})
    shop.until(lambda: shop.state() == "Contested", "the plan says Contested")
    assert shop.paths()["liveness"] == "/mine"


def test_in_audit_everything_is_decided_and_nothing_written(shop):
    shop.deployment()
    shop.rule(mode="Audit")
    shop.until(lambda: shop.state() == "Preview", "the plan says Preview")
    assert shop.generation() == 1
    assert "/live" in shop.plan()["status"]["summary"]["liveness"]
    shop.until(lambda: shop.condition("Ready") == ("True", "Previewed"), "the rule is ready")
    shop.change_rule(mode="Enforce")
    shop.until_applied()


def test_a_deleted_workload_takes_its_record_along(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    shop.api.delete(shop.path("/apis/apps/v1", "deployments", "web"))
    shop.until(lambda: shop.leftovers() == [], "nothing is left")
    shop.until(lambda: shop.condition("Ready") == ("False", "NothingSelected"), "the rule selects nothing")


def test_a_workload_deleted_without_its_dependents_takes_its_record_along(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    shop.api.delete(shop.path("/apis/apps/v1", "deployments", "web") + "?propagationPolicy=Orphan")
    shop.until(lambda: shop.leftovers() == [], "nothing is left")


def test_a_workload_of_the_same_name_starts_anew(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    shop.api.delete(shop.path("/apis/apps/v1", "deployments", "web") + "?propagationPolicy=Background")
    shop.until(lambda: shop.get() is None, "the first one is gone")
    uid = shop.deployment()["metadata"]["uid"]
    shop.until_applied()
    owned = lambda: (shop.plan() or {"metadata": {}})["metadata"].get("ownerReferences", [{}])[0].get("uid") == uid  # noqa: E731
    shop.until(owned, "the record is of the new one")


def test_a_record_that_somebody_deletes_or_changes_is_written_again(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    path = shop.path("/apis/apphealth.dev/v1alpha1", "healthplans", "deployment-web")
    shop.api.delete(path)
    shop.until(lambda: shop.state() == "Applied", "the record is back")
    shop.api.patch(path, {"status": {"state": "Kept", "message": "not true"}})
    shop.until(lambda: shop.state() == "Applied", "the record tells the truth again")


def test_a_probe_that_somebody_removes_is_written_again(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    shop.patch_container({"livenessProbe": None, "readinessProbe": None})
    shop.until_applied()


def test_a_renamed_container_takes_its_probes_along(shop):
    shop.deployment()
    shop.rule()
    shop.until_applied()
    path = shop.path("/apis/apps/v1", "deployments", "web")
    operations = [{"op": "replace", "path": "/spec/template/spec/containers/0/name", "value": "renamed"}]
    shop.api.patch(path, operations, "json")
    shop.until(lambda: shop.paths("web", "renamed").get("liveness") == "/live", "the probes are there")
