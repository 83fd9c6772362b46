"""What changes around a workload is noticed by exactly those whom it concerns."""

import pytest

pytestmark = pytest.mark.usefixtures("operator")

WEB = {"name": "main", "image": "a", "ports": [{"name": "web", "containerPort": 8080}, {"containerPort": 9090}]}
LIBRARY = {"name": "main", "image": "a", "ports": [{"name": "http", "containerPort": 8080}]}
FLASK = {"preset": "flask-management-endpoints", "probes": {"startup": {"enabled": False}}}


def with_env(*variables, **more):
    return LIBRARY | {"env": [{"name": name, "value": value} for name, value in variables]} | more


def dependencies(shop, name="web"):
    plan = shop.plan(name) or {"status": {}}
    return {item["name"]: item["url"] for item in plan["status"].get("dependencies", [])}


def delivered(shop, name="web"):
    found = shop.api.get(shop.path("/api/v1", "configmaps", f"{name}-apphealth"))
    return found and found["data"]["dependencies.json"]


def test_a_service_that_turns_to_another_port_moves_the_probe(shop):
    shop.deployment("web", WEB)
    shop.service("web", target=9090)
    shop.rule()
    shop.until(lambda: shop.probes().get("livenessProbe", {}).get("httpGet", {}).get("port") == 9090, "port 9090")
    path = shop.path("/api/v1", "services", "web")
    shop.api.patch(path, {"spec": {"ports": [{"port": 80, "targetPort": "web"}]}})
    shop.until(lambda: shop.probes()["livenessProbe"]["httpGet"]["port"] == "web", "the port named web")


def test_a_namespace_label_brings_a_cluster_rule_in_and_out(shop, new_shop, api):
    elsewhere = new_shop()
    for one in (shop, elsewhere):
        one.deployment()
    name = f"by-label-{shop.namespace}"
    spec = {
        "mode": "Enforce",
        "selector": {},
        "verification": "Skip",
        "namespaceSelector": {"matchLabels": {"probes": shop.namespace}},
        "probes": {"liveness": {"path": "/live"}, "readiness": {"path": "/ready"}, "startup": {"enabled": False}},
    }
    rule = {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "ClusterAppHealth",
        "metadata": {"name": name},
        "spec": spec,
    }
    api.create("/apis/apphealth.dev/v1alpha1/clusterapphealths", rule)
    try:
        path = f"/api/v1/namespaces/{shop.namespace}"
        api.patch(path, {"metadata": {"labels": {"probes": shop.namespace}}})
        shop.until_applied()
        assert elsewhere.probes() == {}
        assert elsewhere.generation() == 1
        api.patch(path, {"metadata": {"labels": {"probes": None}}})
        shop.until_clean()
    finally:
        api.delete(f"/apis/apphealth.dev/v1alpha1/clusterapphealths/{name}")


def test_a_service_that_comes_and_goes_is_a_dependency_and_no_longer(shop):
    shop.deployment("web", with_env(("USERS_URL", "http://users:80/")))
    shop.rule()
    shop.until_applied()
    assert dependencies(shop) == {}
    shop.service("users")
    shop.until(lambda: dependencies(shop) == {"users": f"tcp://users.{shop.namespace}.svc:80"}, "a dependency")
    shop.api.delete(shop.path("/api/v1", "services", "users"))
    shop.until(lambda: dependencies(shop) == {}, "no dependency any more")


def test_a_dependency_is_asked_where_its_readiness_is_told(shop):
    shop.deployment("web", with_env(("USERS_URL", "http://users/")))
    shop.service("users")
    shop.deployment("users")
    shop.rule()
    host = f"http://users.{shop.namespace}.svc:80"
    shop.until(lambda: dependencies(shop) == {"users": f"{host}/ready"}, "the readiness of users is asked")
    shop.change_rule(probes={"readiness": {"path": "/ready-too"}})
    shop.until(lambda: dependencies(shop) == {"users": f"{host}/ready-too"}, "the new path is asked")


def test_a_config_map_that_names_a_service_is_read_and_watched(shop):
    path = shop.path("/api/v1", "configmaps")
    shop.api.create(path, {"metadata": {"name": "settings"}, "data": {"url": "http://users:80/"}})
    source = {"configMapKeyRef": {"name": "settings", "key": "url"}}
    shop.deployment("web", LIBRARY | {"env": [{"name": "USERS", "valueFrom": source}]})
    for name in ("users", "orders"):
        shop.service(name)
    shop.rule()
    shop.until(lambda: list(dependencies(shop)) == ["users"], "users is a dependency")
    shop.api.patch(f"{path}/settings", {"data": {"url": "http://orders:80/"}})
    shop.until(lambda: list(dependencies(shop)) == ["orders"], "orders is a dependency")
    shop.api.delete(f"{path}/settings")
    shop.until(lambda: dependencies(shop) == {}, "there is no dependency")
    shop.api.create(path, {"metadata": {"name": "settings"}, "data": {"url": "http://users:80/"}})
    shop.until(lambda: list(dependencies(shop)) == ["users"], "users is a dependency again")


def test_dependencies_are_delivered_kept_right_and_withdrawn(shop):
    before = shop.deployment("web", with_env(("USERS_URL", "http://users/")))["spec"]["template"]
    shop.service("users")
    shop.rule(**FLASK)
    shop.until(lambda: '"users"' in (delivered(shop) or ""), "the ConfigMap names users")
    shop.until(lambda: shop.state() == "Applied", "the plan is carried out")
    mounts = shop.get()["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert [mount["mountPath"] for mount in mounts] == ["/etc/apphealth"]
    generation = shop.generation()
    path = shop.path("/api/v1", "configmaps", "web-apphealth")
    right = delivered(shop)
    shop.api.patch(path, {"data": {"dependencies.json": "{}"}})
    shop.until(lambda: delivered(shop) == right, "what somebody changed is right again")
    shop.api.delete(path)
    shop.until(lambda: delivered(shop) == right, "what somebody deleted is there again")
    shop.service("orders")
    shop.patch_container({"env": [{"name": "ORDERS_URL", "value": "http://orders/"}]})
    shop.until(lambda: '"orders"' in delivered(shop), "the ConfigMap names orders")
    assert shop.generation() == generation + 1
    shop.delete_rule()
    shop.until(lambda: shop.leftovers() == [], "nothing is left")
    after = shop.get()["spec"]["template"]
    assert "volumes" not in after["spec"]
    assert "volumeMounts" not in after["spec"]["containers"][0]
    assert before["spec"]["containers"][0]["image"] == after["spec"]["containers"][0]["image"]


def test_somebody_elses_config_map_of_our_name_is_left_alone(shop):
    path = shop.path("/api/v1", "configmaps")
    shop.api.create(path, {"metadata": {"name": "web-apphealth"}, "data": {"theirs": "yes"}})
    shop.deployment("web", with_env(("USERS_URL", "http://users/")))
    shop.service("users")
    shop.rule(**FLASK)
    shop.until(lambda: "rejected" in shop.findings(), "a finding says so")
    assert "web-apphealth" in shop.findings()["rejected"]
    assert shop.api.get(f"{path}/web-apphealth")["data"] == {"theirs": "yes"}
    shop.api.delete(f"{path}/web-apphealth")
    shop.until(lambda: "users" in (delivered(shop) or ""), "it is delivered once the name is free")
    shop.until(lambda: "rejected" not in shop.findings(), "the finding is gone")
