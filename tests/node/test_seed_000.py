"""Seed 000: every endpoint and every example of the library, over HTTP, under gunicorn in a pod."""

import pytest

PORTS = {"blueprint": 8001, "admin": 8002, "checks": 8003, "extension": 8004}
UP = {"status": "UP"}
DOWN = {"status": "DOWN"}


@pytest.fixture(scope="module")
def examples(places, ask, address):
    """Provide a way to ask an example: `examples("admin", "/admin/health")`."""
    place = places["seed-000"]
    place.settle("examples")
    (pod,) = place.pods("examples")

    def request(example, path, method="GET"):
        return ask(address(pod, PORTS[example]) + path, method)

    return request


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/z/health/liveness", UP, id="liveness says UP tersely"),
        pytest.param("/z/health/ping", UP, id="ping is liveness"),
        pytest.param("/z/health/readiness", UP, id="readiness is liveness by default"),
        pytest.param("/z/health", {"components": {}, "status": "UP"}, id="health shows every check"),
    ],
)
def test_an_endpoint_answers_json(examples, path, body):
    answer = examples("blueprint", path)
    assert (answer.status_code, answer.json()) == (200, body)
    assert answer.headers["Content-Type"] == "application/json"


def test_version_is_the_environment_variable_as_plain_text(examples):
    answer = examples("blueprint", "/z/version")
    assert (answer.status_code, answer.text) == (200, "1.4.2")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_version_comes_from_a_closure(examples):
    assert examples("extension", "/z/version").text == "9.8.7"


def test_info_describes_the_application_and_its_host(examples):
    info = examples("blueprint", "/z/info").json()
    assert info["app"]["name"] == "blueprint"
    assert info["trace.attributes"]["k8s.deployment.name"] == "examples"
    assert info["trace.attributes"]["os.type"] == "linux"


@pytest.mark.parametrize("path", ["/z/info", "/z/health", "/z/health/liveness", "/z/health/readiness", "/z/version"])
def test_an_endpoint_is_only_for_looking(examples, path):
    assert examples("blueprint", path, "POST").status_code == 405
    head = examples("blueprint", path, "HEAD")
    assert (head.status_code, head.text) == (200, "")


def test_the_prefix_can_be_another(examples):
    assert examples("admin", "/admin/health/liveness").json() == UP
    assert examples("admin", "/z/health/liveness").status_code == 404


def test_dependencies_are_asked_by_base_url_and_by_host(examples, eventually):
    def statuses():
        answer = examples("admin", "/admin/health")
        components = answer.json()["components"].items()
        return answer.status_code, {name: component["status"] for name, component in components}

    eventually(lambda: statuses() == (200, {"users_api": "UP", "widget_api": "UP"}), "both are UP")


def test_a_function_of_ones_own_decides_on_health_and_a_dependent_app_sees_it(examples):
    assert examples("checks", "/admin/health").json() == {"components": {"db": UP}, "status": "UP"}
    examples("checks", "/database/down", "POST")
    try:
        answer = examples("checks", "/admin/health")
        assert (answer.status_code, answer.json()) == (503, {"components": {"db": DOWN}, "status": "DOWN"})
        assert examples("checks", "/admin/health/liveness").json() == UP
        dependent = examples("admin", "/admin/health")
        assert dependent.status_code == 503
        assert dependent.json()["components"]["widget_api"]["status"] == "DOWN"
        assert dependent.json()["components"]["users_api"]["status"] == "UP"
        assert examples("admin", "/admin/health/readiness").json() == UP
    finally:
        examples("checks", "/database/up", "POST")


def test_the_extension_keeps_its_endpoints_out_of_the_log(examples, places):
    for example in ("extension", "blueprint"):
        examples(example, "/z/health")
    assert examples("extension", "/").text == "hello\n"
    (pod,) = places["seed-000"].pods("examples")
    logs = {name: places["seed-000"].kubectl("logs", pod["metadata"]["name"], "-c", name) for name in PORTS}
    assert '"GET / ' in logs["extension"]
    assert "/z/health" not in logs["extension"]
    assert '"GET /z/health ' in logs["blueprint"]


def test_each_container_is_probed_where_its_endpoints_are(examples, places):
    containers = places["seed-000"].get("deployment", "examples")["spec"]["template"]["spec"]["containers"]
    asked = {
        c["name"]: (c["livenessProbe"]["httpGet"]["path"], c["livenessProbe"]["httpGet"]["port"]) for c in containers
    }
    assert asked == {
        "blueprint": ("/z/health/liveness", 8001),
        "admin": ("/admin/health/liveness", 8002),
        "checks": ("/admin/health/liveness", 8003),
        "extension": ("/z/health/liveness", 8004),
    }
