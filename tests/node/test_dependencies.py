"""What real apps do with their dependencies: they tell them, leave rotation for required ones only, and follow changes.

Two namespaces: in `needs` front, which a file of settings leads to users-api, and three apps that require each other
in a circle; in `needs-data` a store, which no rule selects.
"""

import json

import pytest
import yaml

RULE = {"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth"}
FLASK = {"preset": "flask-management-endpoints"}
QUICK = {"readiness": {"periodSeconds": 2, "failureThreshold": 2}}
CIRCLE = {"ann": "bob", "bob": "cyd", "cyd": "ann"}


def app(name, program, port=8000, settings="", env=None):
    """Return a Deployment with its Service and, with settings, its ConfigMap."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "localhost/apphealth/shop:demo",
        "imagePullPolicy": "IfNotPresent",
        "command": program.split(),
        "ports": [{"containerPort": port}],
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}},
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/settings"}] if settings else [],
    }
    pod = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 2, "containers": [container]}
    found = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        service(name, port=port),
    ]
    if settings:
        pod["volumes"] = [{"name": "settings", "configMap": {"name": name}}]
        found.append(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"app.ini": settings}}
        )
    return found


def service(name, port=8000, of=""):
    spec = {"selector": {"app": of or name}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def requiring(name, *services):
    """Return a rule by which a workload requires Services."""
    needs = [{"name": need, "required": True} for need in services]
    spec = {"targetRef": {"kind": "Deployment", "name": name}, "dependencies": {"services": needs}}
    return RULE | {"metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def needs(places, place):
    """Provide the namespace of front and the circle, with everything rolled out."""
    here, data = place("needs"), place("needs-data")
    for one in (here, data):
        one.cluster.kubectl("create", "namespace", one.namespace)
    everything = RULE | {"metadata": {"name": "all"}, "spec": FLASK | {"selector": {}, "probes": QUICK}}
    apply(data, *app("store", "python3 store.py", 6379))
    apply(here, everything, *(requiring(name, need) for name, need in CIRCLE.items()))
    apply(
        here,
        *app("users-api", "gunicorn users_api:app"),
        *app("front", "gunicorn frontend:app", settings="users = http://users-api:8000\n",
             env={"STORE": "store.needs-data:6379"}),
        *(item for name in CIRCLE for item in app(name, "gunicorn users_api:app")),
    )  # fmt: skip
    here.settle("users-api", "front", *CIRCLE, timeout=180)
    return here


def apply(place, *objects):
    place.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))


@pytest.fixture
def front(needs, ask, address, eventually):
    """Provide what front tells, once all is as it was in the beginning."""
    (pod,) = needs.pods("front")
    url = f"{address(pod, 8000)}/z/health"

    def told():
        return states(ask(url))

    eventually(lambda: told() == {"users-api": "UP", "store.needs-data": "UP"}, "all is UP")
    yield told
    (after,) = needs.pods("front")
    assert (after["metadata"]["uid"], restarts(after)) == (pod["metadata"]["uid"], restarts(pod))


def states(answer):
    return {name: component["status"] for name, component in answer.json()["components"].items()}


def restarts(pod):
    return pod["status"]["containerStatuses"][0]["restartCount"]


def test_health_lists_exactly_the_dependencies_with_their_states(front):
    assert set(front()) == {"users-api", "store.needs-data"}


def test_an_optional_dependency_leaves_rotation_alone_and_a_required_one_does_not(needs, front, eventually):
    everybody = eventually(lambda: needs.ready_endpoints("front"), "front is in rotation")
    assert len(everybody) == 1
    needs.kubectl("scale", "deployment", "users-api", "--replicas=0")
    try:
        eventually(lambda: front()["users-api"] == "DOWN", "front sees it go")
        eventually(lambda: needs.ready_endpoints("front") == everybody, "front stays in rotation")
        apply(needs, requiring("front", "users-api"))
        eventually(lambda: not needs.ready_endpoints("front"), "front leaves rotation, for it requires users-api")
    finally:
        needs.kubectl("scale", "deployment", "users-api", "--replicas=1")
    eventually(lambda: needs.ready_endpoints("front") == everybody, "front comes back")
    needs.kubectl("delete", "apphealth", "front")


def test_a_circle_of_required_services_becomes_ready_and_is_told(needs, ask, address, eventually):
    for name, need in CIRCLE.items():
        (pod,) = needs.pods(name)
        url = f"{address(pod, 8000)}/z/health"
        ready, up = {pod["metadata"]["name"]}, {need: "UP"}
        eventually(lambda name=name, ready=ready: needs.ready_endpoints(name) == ready, f"{name} is in rotation")
        eventually(lambda url=url, up=up: states(ask(url)) == up, f"{name} sees {need}")
        plan = json.loads(needs.kubectl("get", "healthplan", f"deployment-{name}", "-o", "json"))
        (finding,) = (one for one in plan["status"]["findings"] if one["id"] == "dependency-cycle")
        assert all(f"Deployment/needs/{other}" in finding["message"] for other in CIRCLE)


def test_a_renamed_service_reaches_the_app_without_a_restart(needs, front, eventually):
    """The kubelet brings both ConfigMaps, the settings and the dependencies, with its next look at the pod."""
    rename(needs, "users-api", "people")
    try:
        renamed = {"people": "UP", "store.needs-data": "UP"}
        eventually(lambda: front() == renamed, "front knows of people, and no more of users-api")
    finally:
        rename(needs, "people", "users-api")
    eventually(lambda: "users-api" in front(), "front knows of users-api again")


def rename(place, before, after):
    apply(place, service(after, of="users-api"))
    settings = {"app.ini": f"users = http://{after}:8000\n"}
    place.kubectl("patch", "configmap", "front", "-p", json.dumps({"data": settings}))
    place.kubectl("delete", "service", before)
