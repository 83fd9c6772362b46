"""Which ports a survey asks, and what follows from what it found."""

from __future__ import annotations

import pytest

from apphealth.model.probe import describe_probe
from apphealth.model.proof import Proof, Verdict
from apphealth.model.survey import Runtime, Served, Speaks
from apphealth.plan.probes.named_paths import named_paths
from apphealth.plan.probes.port_ranking import USUAL, configured_ports, survey_ports
from apphealth.plan.probes.presets.common import BY_PATH, COMMON_PATHS, WITHOUT_PREFIX, told_by_name
from apphealth.plan.probes.presets.proxies import is_proxy
from apphealth.plan.rules.settings import ContainerSettings
from apphealth.probing.survey import MAX_REQUESTS
from apphealth.store.facts import plan_of

HTTP, HTTPS, GRPC, TCP = Speaks


def port(number, name="", protocol="TCP"):
    return {"containerPort": number, "protocol": protocol} | ({"name": name} if name else {})


def env(**variables):
    return [{"name": name, "value": value} for name, value in variables.items()]


def leads(*targets, **fields):
    return [{"port": 80 + n, "targetPort": target} | fields for n, target in enumerate(targets)]


@pytest.fixture
def ranked(build):
    """Return a container's ports in the order of a survey, without the usual ones."""

    def rank(service=None, alone=True, **fields):
        container = build.parse(build.deployment(build.container(**fields))).containers[0]
        world = build.world(*([build.service(ports=service)] if service else []))
        found = survey_ports(container, list(world.services.values()), ContainerSettings(), alone=alone)
        return [(one.number, one.first) for one in found if not one.guess]

    return rank


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"ports": [port(8080)]}, [(8080, HTTP)], id="the only one"),
        pytest.param(
            {"ports": [port(9090, "metrics"), port(8080, "api")]}, [(8080, HTTP), (9090, HTTP)], id="metrics last"
        ),
        pytest.param(
            {"ports": [port(9090, "http-metrics"), port(8080)]}, [(8080, HTTP), (9090, HTTP)], id="in any words"
        ),
        pytest.param(
            {"ports": [port(8080, "http"), port(8081, "healthz")], "service": leads("http")},
            [(8081, HTTP), (8080, HTTP)],
            id="a port for health first",
        ),
        pytest.param(
            {"ports": [port(7000), port(8080)], "service": leads(8080)},
            [(8080, HTTP), (7000, TCP)],
            id="what a Service leads to first",
        ),
        pytest.param(
            {"ports": [port(9090, "metrics"), port(50051, "grpc-api")], "service": leads("grpc-api", "metrics")},
            [(50051, GRPC), (9090, HTTP)],
            id="gRPC at its own port, not at that of the metrics",
        ),
        pytest.param(
            {"ports": [port(5005, "debug"), port(8080, "http-api")]},
            [(8080, HTTP), (5005, HTTP)],
            id="not the debugger",
        ),
        pytest.param(
            {"ports": [port(50051, "grpc"), port(8080, "http")], "service": leads("http", "grpc")},
            [(8080, HTTP), (50051, GRPC)],
            id="HTTP before gRPC",
        ),
        pytest.param({"ports": [port(5432)]}, [(5432, TCP)], id="a database's port is opened and no more"),
        pytest.param({"ports": [port(6379, "redis")]}, [(6379, TCP)], id="by its name"),
        pytest.param({"ports": [port(9092, "http")]}, [(9092, HTTP)], id="unless its name says HTTP"),
        pytest.param({"ports": [port(8443)]}, [(8443, HTTPS)], id="TLS by its number"),
        pytest.param({"ports": [port(4000, "https")]}, [(4000, HTTPS)], id="TLS by its name"),
        pytest.param(
            {"ports": [port(8080)], "service": leads(3000)}, [(3000, HTTP), (8080, HTTP)], id="a wrong containerPort"
        ),
        pytest.param(
            {"ports": [port(8080)], "env": env(PORT="3000")}, [(3000, HTTP), (8080, HTTP)], id="PORT says otherwise"
        ),
        pytest.param(
            {"ports": [port(8080, "http")], "env": env(MANAGEMENT_SERVER_PORT="9001")},
            [(9001, HTTP), (8080, HTTP)],
            id="a port for management by a variable",
        ),
        pytest.param(
            {"ports": [port(8443, "https")], "args": ["--health-probe-bind-address=:8081", "--metrics-addr=:8080"]},
            [(8081, HTTP), (8443, HTTPS), (8080, HTTP)],
            id="kubebuilder",
        ),
        pytest.param(
            {"ports": [], "env": env(LISTEN_ADDR="0.0.0.0:7001", CATALOG_SERVICE_ADDR="catalog:3550")},
            [(7001, HTTP)],
            id="not the address of another service",
        ),
        pytest.param({"ports": [], "env": env(ASPNETCORE_URLS="http://+:5000;https://+:1")}, [(5000, HTTP)], id=".NET"),
        pytest.param({"ports": [port(53, "dns", "UDP")]}, [], id="UDP"),
    ],
)  # fmt: skip
def test_the_ports_of_a_survey(ranked, fields, expected):
    assert ranked(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "guessed"),
    [
        pytest.param({"ports": [port(8080)]}, True, id="the declared ones may be wrong"),
        pytest.param({"ports": []}, True, id="none is declared"),
        pytest.param({"ports": [port(5432)]}, False, id="a database"),
        pytest.param({"ports": [port(53, "dns", "UDP")]}, False, id="UDP alone"),
    ],
)
def test_the_usual_ports_come_last(build, fields, guessed):
    container = build.parse(build.deployment(build.container(**fields))).containers[0]
    found = [one.number for one in survey_ports(container, (), ContainerSettings(), alone=True) if one.guess]
    assert set(found) == (set(USUAL) - {p["containerPort"] for p in fields["ports"]} if guessed else set())


@pytest.mark.parametrize(
    ("variables", "args", "numbers"),
    [
        pytest.param({"PORT": "3000"}, [], [3000], id="PORT"),
        pytest.param({"SERVER_PORT": "8081"}, [], [8081], id="SERVER_PORT"),
        pytest.param({"HTTP_ADDR": ":8082"}, [], [8082], id="an address"),
        pytest.param({"HTTP_ADDR": "[::]:8082"}, [], [8082], id="of IPv6"),
        pytest.param({"DB_PORT_NAME": "x", "PORT": "99999"}, [], [], id="no port"),
        pytest.param({"SUPPORT": "8080"}, [], [], id="no setting of a port"),
        pytest.param({}, ["--listen=0.0.0.0:9000"], [9000], id="--listen="),
        pytest.param({}, ["-b", "127.0.0.1:9000"], [], id="reached by nobody"),
        pytest.param({}, ["sh", "-c", "exec app --port 9000"], [9000], id="in a shell"),
        pytest.param({}, ["--port", "--verbose"], [], id="without a value"),
    ],
)
def test_ports_in_settings(build, variables, args, numbers):
    main = build.container(ports=[], env=env(**variables), args=args)
    container = build.parse(build.deployment(main)).containers[0]
    assert [number for number, _ in configured_ports(container)] == numbers


@pytest.fixture
def derived(build):
    """Plan a container of which a survey found this, and have every proof succeed; returns its probes in short."""

    def derive(*served, rule=None, **fields):
        workload = build.deployment(build.container(**fields)) | {"status": {"readyReplicas": 1}}
        spec = build.rule(**{"preset": "auto", "verification": "Required"} | (rule or {}))
        world, parsed = build.world(workload, spec, build.service()), build.parse(workload)
        for _ in range(6):
            plan = plan_of(parsed, world)
            for question in plan.questions:
                well = Proof(verdict=Verdict.VERIFIED, answer="200", served=served)
                world.put_answer(question, well)
        assert not plan.questions
        probes = {
            p.kind.value: describe_probe(p.probe).split(" delay")[0] for p in plan.containers[0].probes if p.probe
        }
        short = {
            kind: text.replace("http-get http://:http", "").replace("tcp-socket :http", "TCP")
            for kind, text in probes.items()
        }
        return short, [finding.id for finding in plan.findings]

    return derive


def at(*paths, number=8080, speaks=HTTP, **fields):
    return (Served(number, speaks), *(Served(number, speaks, path, **fields) for path in paths))


@pytest.mark.parametrize(
    ("served", "probes", "findings"),
    [
        pytest.param(
            at("/healthz", "/health", "/ready"), {"readiness": "/ready"}, [], id="the narrowest of three"
        ),
        pytest.param(at("/health"), {"readiness": "/health"}, ["readiness-broad"], id="an aggregate, with a note"),
        pytest.param(
            at("/health", "/livez"),
            {"readiness": "/health", "liveness": "/livez", "startup": "/livez"},
            ["readiness-broad"],
            id="liveness where something is for it",
        ),
        pytest.param(
            at("/livez"),
            {"readiness": "/livez", "liveness": "/livez", "startup": "/livez"},
            [],
            id="readiness by a sign of life is more than an open port",
        ),
        pytest.param(
            at("/v1/__heartbeat__", "/v1/__lbheartbeat__"),
            {"readiness": "/v1/__heartbeat__", "liveness": "/v1/__lbheartbeat__", "startup": "/v1/__lbheartbeat__"},
            ["readiness-broad"],
            id="below a base",
        ),
        pytest.param(at("/readyz", "/livez", proxied=True), {"readiness": "/readyz"}, [], id="through a proxy"),
        pytest.param(at(speaks=GRPC), {"readiness": "grpc <pod>:8080 "}, [], id="gRPC that nobody declared"),
        pytest.param(at(speaks=TCP), {"readiness": "TCP"}, ["endpoint-not-found"], id="an open port"),
        pytest.param(at(), {"readiness": "TCP"}, ["endpoint-not-found"], id="HTTP without an endpoint"),
        pytest.param((), {}, ["endpoint-not-found"], id="nothing at all"),
        pytest.param(
            at("/healthz", number=9000),
            {"readiness": "http-get http://:9000/healthz"},
            ["readiness-broad"],
            id="a port that nobody declared",
        ),
        pytest.param(
            at("/readyz", speaks=HTTPS), {"readiness": "http-get https://:http/readyz"}, [], id="TLS"
        ),
    ],
)  # fmt: skip
def test_what_follows_from_a_survey(derived, served, probes, findings):
    fields = {"args": ["--port=9000"]} if served and served[0].port == 9000 else {}
    assert derived(*served, **fields) == (probes, findings)


@pytest.mark.parametrize("image", ["nginx:1.27", "docker.io/bitnami/nginx@sha256:0", "haproxy"])
def test_a_proxy_is_known_by_its_image(derived, image):
    assert is_proxy(image)
    assert derived(*at("/readyz", "/livez"), image=image)[0] == {"readiness": "/readyz"}


@pytest.mark.parametrize("image", ["shop/nginx-exporter:1", "python:3", "mynginxapp"])
def test_other_images_are_none(image):
    assert not is_proxy(image)


def test_every_common_path_has_a_source_and_is_there_once():
    assert len(BY_PATH) == len(COMMON_PATHS)
    assert all(one.source and one.path.startswith("/") and not one.path.endswith("/") for one in COMMON_PATHS)


@pytest.mark.parametrize("runtime", [None, *Runtime])
def test_a_container_with_one_port_is_asked_for_every_path(runtime):
    assert 1 + sum(path.suits(runtime) for path in WITHOUT_PREFIX.paths) <= MAX_REQUESTS


@pytest.mark.parametrize(
    ("path", "told"),
    [
        pytest.param("/health", "/health", id="itself"),
        pytest.param("/live", "/live", id="itself, though short"),
        pytest.param("/shop/v2/health", "/health", id="below a version"),
        pytest.param("/v1/__lbheartbeat__/", "/__lbheartbeat__", id="with a slash at its end"),
        pytest.param("/shop/actuator/health/liveness", "/actuator/health/liveness", id="the longest"),
        pytest.param("/streams/live", None, id="no sign of life"),
        pytest.param("/offers/up", None, id="nor this"),
        pytest.param("/", None, id="the root"),
    ],
)
def test_a_path_is_told_by_its_end(path, told):
    found = told_by_name(path)
    assert (found.path if found else None) == told


@pytest.mark.parametrize(
    ("variables", "args", "paths"),
    [
        pytest.param({"HEALTH_PATH": "/internal/ok"}, [], [("/internal/ok", {"readiness"}, False)], id="a variable"),
        pytest.param({}, ["--health-check-path=/a/readyz"], [("/a/readyz", {"readiness"}, True)], id="an option"),
        pytest.param({}, ["--liveness-path", "/app/livez"], [("/app/livez", {"liveness"}, True)], id="in two words"),
        pytest.param({"LIVENESS_PATH": "/status"}, [], [("/status", {"readiness"}, False)], id="its name counts"),
        pytest.param({"HEALTH_URL": "http://users/health"}, [], [], id="another service's"),
        pytest.param({"HEALTH_PATH": "/a/../b"}, [], [], id="no plain path"),
        pytest.param({"STATUS_PATH": "/orders/status"}, [], [], id="not about health"),
        pytest.param({"DATA_PATH": "/var/lib"}, [], [], id="a folder"),
        pytest.param({"HEALTH_FILE": "/tmp/healthy"}, [], [], id="a file"),
    ],
)
def test_paths_that_settings_name_are_asked_for_first(build, variables, args, paths):
    main = build.container(env=env(**variables), args=args)
    container = build.parse(build.deployment(main)).containers[0]
    found = named_paths(container)
    assert [(one.path, set(one.kinds), one.narrow) for one in found] == paths


def test_users_port_and_prefix_are_all_that_is_asked(build):
    workload = build.deployment() | {"status": {"readyReplicas": 1}}
    rule = build.rule(preset="auto", verification="Required", pathPrefix="/api", probes={"readiness": {"port": 9000}})
    (question,) = plan_of(build.parse(workload), build.world(workload, rule, build.service())).questions
    assert [one.number for one in question.handler.ports] == [9000]
    assert all(one.path.startswith("/api") for one in question.handler.catalogue.paths)
