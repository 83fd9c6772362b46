"""The file of dependencies follows what happens to the Services, nothing else, and starts no pod anew."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("operator")

FLASK = {"preset": "flask-management-endpoints", "probes": {"startup": {"enabled": False}}}


@pytest.fixture
def web(shop):
    """Provide a namespace in which web needs users, and has been given its file."""
    variables = {"USERS_URL": "http://users", "LATER_URL": "http://later", "FAR": f"db.{shop.namespace}-data.svc:5432"}
    env = [{"name": name, "value": value} for name, value in variables.items()]
    main = {"name": "main", "image": "a", "ports": [{"name": "http", "containerPort": 8080}], "env": env}
    shop.deployment("web", main)
    shop.service("users")
    shop.rule(**FLASK)
    shop.until(lambda: set(urls(shop)) == {"users"}, "web is given users")
    shop.until(lambda: shop.state() == "Applied", "the plan is carried out")
    return shop


def config_map(shop, name="web"):
    return shop.api.get(shop.path("/api/v1", "configmaps", f"{name}-apphealth"))


def urls(shop, name="web"):
    """Return what the file of a workload says: URLs by name."""
    found = config_map(shop, name)
    services = json.loads(found["data"]["dependencies.json"])["service_dependencies"] if found else {}
    return {service: told["url"] for service, told in services.items()}


def host(shop, name):
    return f"{name}.{shop.namespace}.svc"


def test_a_service_that_appears_changes_its_port_or_vanishes(web):
    generation = web.generation()
    web.service("later", target=9090)
    both = {"users": f"tcp://{host(web, 'users')}:80", "later": f"tcp://{host(web, 'later')}:80"}
    web.until(lambda: urls(web) == both, "it appears")
    web.api.patch(web.path("/api/v1", "services", "later"), {"spec": {"ports": [{"port": 8888, "targetPort": 9090}]}})
    web.until(lambda: urls(web).get("later") == f"tcp://{host(web, 'later')}:8888", "its port changes")
    web.api.delete(web.path("/api/v1", "services", "later"))
    web.until(lambda: set(urls(web)) == {"users"}, "it vanishes")
    assert web.generation() == generation


def test_a_service_of_another_namespace(web, api):
    generation = web.generation()
    other = f"{web.namespace}-data"
    api.create("/api/v1/namespaces", {"metadata": {"name": other}})
    try:
        spec = {"clusterIP": "None", "ports": [{"port": 5432}]}
        api.create(f"/api/v1/namespaces/{other}/services", {"metadata": {"name": "db"}, "spec": spec})
        web.until(lambda: urls(web).get(f"db.{other}") == f"tcp://db.{other}.svc:5432", "it is given")
    finally:
        api.delete(f"/api/v1/namespaces/{other}")
    assert web.generation() == generation


def test_what_changes_nothing_is_not_written(web):
    """A later change that does matter is the proof that the earlier ones have been seen."""
    before = config_map(web)["metadata"]["resourceVersion"]
    path = web.path("/api/v1", "services", "users")
    web.api.patch(path, {"metadata": {"labels": {"team": "users"}}})
    web.api.patch(path, {"spec": {"sessionAffinity": "ClientIP"}})
    web.service("unrelated")
    web.change_rule(probes={"liveness": {"periodSeconds": 20}, "startup": {"enabled": False}})
    web.until(lambda: web.probes()["livenessProbe"]["periodSeconds"] == 20, "the rule's change is carried out")
    assert config_map(web)["metadata"]["resourceVersion"] == before


def test_the_file_goes_with_its_workload(web):
    workload = web.get()["metadata"]
    (owner,) = config_map(web)["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Deployment", "web", workload["uid"])
    web.api.delete(web.path("/apis/apps/v1", "deployments", "web"))
    web.until(lambda: config_map(web) is None, "it is gone")


def test_more_services_than_a_file_may_hold_is_said(shop):
    names = [f"s{number}" for number in range(70)]
    for name in names:
        shop.service(name, clusterIP="None")
    env = [{"name": f"{name}_URL", "value": f"http://{name}"} for name in names]
    shop.deployment("web", {"name": "main", "image": "a", "ports": [{"containerPort": 8080}], "env": env})
    shop.rule(**FLASK)
    shop.until(lambda: len(urls(shop)) == 64, "as many as may be")
    shop.until(lambda: "too-many-dependencies" in shop.findings(), "a finding says so")
