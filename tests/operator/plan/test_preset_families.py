"""Every preset: from a container's own settings to the probes, and the signs that it is told by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apphealth.model.probe import describe_probe
from apphealth.plan.probes import presets

DOCS = Path(__file__).parents[3] / "docs" / "presets.md"


def env(**variables):
    return {"env": [{"name": name, "value": value} for name, value in variables.items()]}


def asks(plan):
    probes = (p for c in plan.containers for p in c.probes if p.probe)
    return {p.kind.value: re.split(" delay=", describe_probe(p.probe))[0].strip() for p in probes}


def three(readiness, liveness, startup=None):
    return {"readiness": readiness, "liveness": liveness, "startup": startup or liveness}


def at(port, readiness, liveness, startup=None, scheme="http"):
    """All three over HTTP at a port; the startup probe asks as liveness does unless it says otherwise."""
    return three(*(f"http-get {scheme}://:{port}{path}" for path in (readiness, liveness, startup or liveness)))


@pytest.fixture
def planned_by(build, planned):
    """Plan one container by a named preset."""

    def run(preset, fields, **options):
        bare = {"ports": []} | fields
        return planned(build.deployment(build.container(**bare)), build.rule(preset=preset), **options)

    return run


NOTHING: dict = {}
HTTP = {"ports": [{"containerPort": 8080, "name": "http"}]}


@pytest.mark.parametrize(
    ("preset", "fields", "expected"),
    [
        pytest.param("flask-healthz", HTTP, at("http", "/healthz/ready", "/healthz/live"), id="flask-healthz"),
        pytest.param(
            "kubernetes-style", HTTP, at("http", "/readyz", "/livez"), id="kubernetes-style: the newer ones if unasked"
        ),
        pytest.param(
            "django-health-check",
            NOTHING,
            {"readiness": "http-get http://:8000/ht/"},
            id="django",
        ),
        pytest.param(
            "django-health-check",
            HTTP | env(SCRIPT_NAME="/shop"),
            {"readiness": "http-get http://:http/shop/ht/"},
            id="django below a script name",
        ),
        pytest.param("minio", NOTHING, at(9000, "/minio/health/ready", "/minio/health/live"), id="minio"),
        pytest.param(
            "nats",
            {"ports": [{"containerPort": 4222, "name": "client"}]},
            at(8222, "/healthz?js-server-only=true", "/healthz?js-enabled-only=true"),
            id="nats: at its port for monitoring",
        ),
        pytest.param(
            "opentelemetry-collector",
            {"ports": [{"containerPort": 4317, "name": "otlp"}]},
            {"readiness": "http-get http://:13133/"},
            id="a collector, at the port of its extension",
        ),
        pytest.param("kafka", NOTHING, {"readiness": "tcp-socket :9092"}, id="kafka"),
        pytest.param("rails", NOTHING, at(3000, "/up", "/up"), id="rails"),
        pytest.param(
            "rails",
            env(PORT="5000", RAILS_RELATIVE_URL_ROOT="/shop"),
            at(5000, "/shop/up", "/shop/up"),
            id="rails below a root",
        ),
        pytest.param("laravel", NOTHING, at(8000, "/up", "/up"), id="laravel"),
        pytest.param(
            "spring-boot", NOTHING, at(8080, "/actuator/health/readiness", "/actuator/health/liveness"), id="spring"
        ),
        pytest.param(
            "spring-boot",
            env(SERVER_PORT="9090", SERVER_SERVLET_CONTEXT_PATH="/shop/"),
            at(9090, "/shop/actuator/health/readiness", "/shop/actuator/health/liveness"),
            id="spring below a context path",
        ),
        pytest.param(
            "spring-boot",
            HTTP
            | env(
                MANAGEMENT_SERVER_PORT="8081",
                SERVER_SERVLET_CONTEXT_PATH="/shop",
                MANAGEMENT_ENDPOINTS_WEB_BASE_PATH="/manage",
            ),
            at(8081, "/manage/health/readiness", "/manage/health/liveness"),
            id="spring: the management port leaves the context path",
        ),
        pytest.param(
            "spring-boot",
            HTTP | env(MANAGEMENT_SERVER_PORT="8080", SERVER_SERVLET_CONTEXT_PATH="/shop"),
            at("http", "/shop/actuator/health/readiness", "/shop/actuator/health/liveness"),
            id="spring: the same port is no management port",
        ),
        pytest.param(
            "spring-boot",
            {
                "ports": [{"containerPort": 8080}, {"containerPort": 9001, "name": "actuator"}],
                "args": ["--management.server.port=9001", "--management.server.base-path=/m"],
            },
            at("actuator", "/m/actuator/health/readiness", "/m/actuator/health/liveness"),
            id="spring: by arguments, the port by its name",
        ),
        pytest.param(
            "spring-boot",
            env(JAVA_TOOL_OPTIONS="-Xmx1g -Dserver.port=8888 -Dspring.webflux.base-path=/w"),
            at(8888, "/w/actuator/health/readiness", "/w/actuator/health/liveness"),
            id="spring: by system properties",
        ),
        pytest.param(
            "spring-boot",
            HTTP | env(SERVER_SSL_KEY_STORE="/k.p12"),
            at("http", "/actuator/health/readiness", "/actuator/health/liveness", scheme="https"),
            id="spring with TLS",
        ),
        pytest.param(
            "spring-boot",
            HTTP | env(SERVER_SSL_BUNDLE="web", MANAGEMENT_SERVER_PORT="9001"),
            at(9001, "/actuator/health/readiness", "/actuator/health/liveness"),
            id="spring: TLS of the server, not of the management port",
        ),
        pytest.param(
            "spring-boot",
            HTTP | env(SERVER_SERVLET_CONTEXT_PATH="$(PREFIX)"),
            at("http", "/actuator/health/readiness", "/actuator/health/liveness"),
            id="spring: a reference is no path",
        ),
        pytest.param(
            "quarkus", NOTHING, at(8080, "/q/health/ready", "/q/health/live", "/q/health/started"), id="quarkus"
        ),
        pytest.param(
            "quarkus",
            HTTP | env(QUARKUS_MANAGEMENT_ENABLED="true"),
            at(9000, "/q/health/ready", "/q/health/live", "/q/health/started"),
            id="quarkus with a management port",
        ),
        pytest.param(
            "quarkus",
            HTTP
            | env(
                QUARKUS_MANAGEMENT_ENABLED="true",
                QUARKUS_MANAGEMENT_PORT="9002",
                QUARKUS_MANAGEMENT_ROOT_PATH="/m",
                QUARKUS_MANAGEMENT_TLS_CONFIGURATION_NAME="m",
            ),
            at(9002, "/m/health/ready", "/m/health/live", "/m/health/started", "https"),
            id="quarkus: another one, with TLS",
        ),
        pytest.param(
            "quarkus",
            HTTP | env(QUARKUS_HTTP_ROOT_PATH="/shop"),
            at("http", "/shop/q/health/ready", "/shop/q/health/live", "/shop/q/health/started"),
            id="quarkus below a root path",
        ),
        pytest.param(
            "quarkus",
            HTTP | env(QUARKUS_HTTP_ROOT_PATH="/shop", QUARKUS_HTTP_NON_APPLICATION_ROOT_PATH="/ops"),
            at("http", "/ops/health/ready", "/ops/health/live", "/ops/health/started"),
            id="quarkus: a root of its own",
        ),
        pytest.param(
            "microprofile", NOTHING, at(8080, "/health/ready", "/health/live", "/health/started"), id="microprofile"
        ),
        pytest.param("helidon", NOTHING, at(8080, "/health/ready", "/health/live", "/health/started"), id="helidon"),
        pytest.param(
            "helidon",
            env(SERVER_PORT="7001"),
            at(7001, "/health/ready", "/health/live", "/health/started"),
            id="helidon at another port",
        ),
        pytest.param(
            "open-liberty", NOTHING, at(9080, "/health/ready", "/health/live", "/health/started"), id="liberty"
        ),
        pytest.param(
            "open-liberty",
            env(HTTP_PORT="9081"),
            at(9081, "/health/ready", "/health/live", "/health/started"),
            id="liberty at another port",
        ),
        pytest.param(
            "wildfly",
            HTTP,
            at(9990, "/health/ready", "/health/live", "/health/started"),
            id="wildfly: its management interface",
        ),
        pytest.param("micronaut", NOTHING, at(8080, "/health/readiness", "/health/liveness"), id="micronaut"),
        pytest.param(
            "micronaut",
            HTTP | env(MICRONAUT_SERVER_CONTEXT_PATH="/shop", ENDPOINTS_ALL_PATH="/ops", ENDPOINTS_ALL_PORT="8085"),
            at(8085, "/shop/ops/health/readiness", "/shop/ops/health/liveness"),
            id="micronaut with a management port",
        ),
        pytest.param("vertx", NOTHING, {"readiness": "http-get http://:8080/health"}, id="vertx"),
        pytest.param("thorntail", NOTHING, {"readiness": "http-get http://:8080/health"}, id="thorntail"),
        pytest.param("karaf", NOTHING, at(8181, "/readiness-check", "/health-check"), id="karaf"),
        pytest.param("camel-k", NOTHING, at(8080, "/q/health/ready", "/q/health/live"), id="camel-k"),
        pytest.param("aspnet", NOTHING, at(8080, "/health", "/alive"), id="aspnet"),
        pytest.param(
            "aspnet",
            env(ASPNETCORE_HTTP_PORTS="5000;5001", ASPNETCORE_PATHBASE="/shop"),
            at(5000, "/shop/health", "/shop/alive"),
            id="aspnet: its ports",
        ),
        pytest.param(
            "aspnet", env(ASPNETCORE_URLS="http://+:7000"), at(7000, "/health", "/alive"), id="aspnet: its URLs"
        ),
        pytest.param("lightship", HTTP, at(9000, "/ready", "/live"), id="lightship: a port of its own"),
        pytest.param(
            "lightship", HTTP | env(LIGHTSHIP_PORT="9100"), at(9100, "/ready", "/live"), id="lightship: another one"
        ),
        pytest.param("kube-probe", NOTHING, at(8080, "/api/health/readiness", "/api/health/liveness"), id="kube-probe"),
        pytest.param("prometheus", NOTHING, at(9090, "/-/ready", "/-/healthy"), id="prometheus"),
        pytest.param(
            "prometheus",
            {"args": ["--web.external-url=https://example.com/prom/"]},
            at(9090, "/prom/-/ready", "/prom/-/healthy"),
            id="prometheus below an external URL",
        ),
        pytest.param(
            "alertmanager", {"args": ["--web.route-prefix=/"]}, at(9093, "/-/ready", "/-/healthy"), id="alertmanager"
        ),
        pytest.param("grafana", NOTHING, {"readiness": "http-get http://:3000/api/health"}, id="grafana"),
        pytest.param(
            "grafana",
            env(
                GF_SERVER_ROOT_URL="https://x/grafana",
                GF_SERVER_SERVE_FROM_SUB_PATH="true",
                GF_SERVER_HTTP_PORT="3001",
                GF_SERVER_PROTOCOL="https",
            ),
            {"readiness": "http-get https://:3001/grafana/api/health"},
            id="grafana below a path, with TLS",
        ),
        pytest.param(
            "traefik", {"ports": [{"containerPort": 8000, "name": "web"}]}, at(8080, "/ping", "/ping"), id="traefik"
        ),
        pytest.param(
            "traefik",
            {"args": ["--entryPoints.traefik.address=:9100/tcp", "--ping=true"]},
            at(9100, "/ping", "/ping"),
            id="traefik at another entry point",
        ),
        pytest.param("envoy", HTTP, at(9901, "/ready", "/server_info"), id="envoy"),
        pytest.param("keycloak", HTTP, at(9000, "/health/ready", "/health/live", "/health/started"), id="keycloak"),
        pytest.param(
            "keycloak",
            HTTP
            | env(KC_HTTP_RELATIVE_PATH="/auth", KC_HTTPS_CERTIFICATE_FILE="/c.pem", KC_HTTP_MANAGEMENT_PORT="9100"),
            at(9100, "/auth/health/ready", "/auth/health/live", "/auth/health/started", "https"),
            id="keycloak below a path, with TLS",
        ),
        pytest.param(
            "elasticsearch",
            NOTHING,
            {"readiness": "http-get http://:9200/_cluster/health?local=true"},
            id="elasticsearch",
        ),
        *[
            pytest.param(name, NOTHING, {"readiness": f"tcp-socket :{port}"}, id=name)
            for name, port in [
                ("postgres", 5432),
                ("mysql", 3306),
                ("mariadb", 3306),
                ("redis", 6379),
                ("rabbitmq", 5672),
                ("mongo", 27017),
            ]
        ],
        pytest.param(
            "rabbitmq",
            {"ports": [{"containerPort": 15672, "name": "http"}, {"containerPort": 5672, "name": "rabbitmq"}]},
            {"readiness": "tcp-socket :rabbitmq"},
            id="a database's own port before http",
        ),
    ],
)
def test_the_settings_that_a_framework_reads_say_where_it_answers(planned_by, preset, fields, expected):
    assert asks(planned_by(preset, fields)) == expected


@pytest.mark.parametrize("preset", sorted(presets.ALL))
def test_a_users_prefix_counts_before_every_setting(build, planned, preset):
    rule = build.rule(preset=preset, pathPrefix="/said", probes={"liveness": {"enabled": False}})
    for path in asks(planned(build.deployment(), build.service(), rule)).values():
        assert "://" not in path or "/said" in path


@pytest.mark.parametrize("name", ["postgres", "mysql", "redis"])
def test_a_database_is_pinged_where_commands_are_allowed(planned_by, name):
    assert asks(planned_by(name, NOTHING, options={"allow_exec": True}))["readiness"].startswith("exec [")


NO_SIGN_OF_LIFE = (
    *("django-health-check", "elasticsearch", "grafana", "http", "tcp", "thorntail", "vertx"),
    *("mariadb", "mongo", "mysql", "postgres", "rabbitmq", "redis"),
)
"""Presets whose only page runs checks of other services, or that have no page."""


@pytest.mark.parametrize("name", NO_SIGN_OF_LIFE)
def test_liveness_is_never_asked_of_a_page_that_checks_others_nor_of_an_open_port(planned_by, name):
    assert asks(planned_by(name, HTTP)).keys() <= {"readiness"}


@pytest.mark.parametrize("name", sorted(presets.ALL.keys() - {"grpc"}))
def test_no_preset_has_a_liveness_that_opens_a_port_or_asks_what_readiness_asks(planned_by, name):
    endpoints = presets.ALL[name].endpoints("")
    coarse = {"rails", "laravel", "traefik", "oauth2-proxy"}  # these pages check nothing but that the program answers
    for live in endpoints.get("liveness", ()):
        assert live.type == "HTTP"
        assert name in coarse or live not in endpoints["readiness"]


@pytest.mark.parametrize("name", ["rails", "laravel", "traefik"])
def test_a_coarse_liveness_is_patient(planned_by, name):
    live = next(p.probe for c in planned_by(name, NOTHING).containers for p in c.probes if p.kind == "liveness")
    assert live.gives_up_after == 60


@pytest.mark.parametrize(
    ("fields", "preset", "evidence"),
    [
        pytest.param(env(APPHEALTH_PREFIX="/z"), "flask-management-endpoints", "env APPHEALTH_PREFIX", id="flask"),
        pytest.param(env(SPRING_PROFILES_ACTIVE="prod"), "spring-boot", "env SPRING_PROFILES_ACTIVE", id="spring"),
        pytest.param(env(QUARKUS_HTTP_PORT="1"), "quarkus", "env QUARKUS_HTTP_PORT", id="quarkus"),
        pytest.param(env(MICRONAUT_ENVIRONMENTS="k8s"), "micronaut", "env MICRONAUT_ENVIRONMENTS", id="micronaut"),
        pytest.param(env(RAILS_ENV="production"), "rails", "env RAILS_ENV", id="rails"),
        pytest.param(
            env(APP_KEY="base64:x") | {"command": ["/usr/bin/php", "artisan", "serve"]},
            "laravel",
            "env APP_KEY, command /usr/bin/php",
            id="laravel: a key and php",
        ),
        pytest.param(env(APP_KEY="base64:x"), "", "", id="a key alone is not laravel"),
        pytest.param(
            env(DJANGO_SETTINGS_MODULE="shop.settings") | {"command": ["sh", "-c", "exec gunicorn shop.wsgi"]},
            "django-health-check",
            "env DJANGO_SETTINGS_MODULE, command gunicorn",
            id="django: settings and gunicorn",
        ),
        pytest.param(
            env(DJANGO_SETTINGS_MODULE="x") | {"command": ["celery", "worker"]}, "", "", id="a worker is no server"
        ),
        pytest.param(env(ASPNETCORE_URLS="http://+:80"), "aspnet", "env ASPNETCORE_URLS", id="aspnet"),
        pytest.param(env(LIGHTSHIP_PORT="9000"), "lightship", "env LIGHTSHIP_PORT", id="lightship"),
        pytest.param(
            {"image": "docker.io/library/postgres:16@sha256:abc"}, "postgres", "image library/postgres", id="postgres"
        ),
        pytest.param(
            {"image": "registry:5000/bitnami/postgresql:16"},
            "postgres",
            "image bitnami/postgresql",
            id="somebody's postgres",
        ),
        pytest.param({"image": "grafana/loki:3"}, "loki", "image grafana/loki", id="loki"),
        pytest.param({"image": "bitnami/kafka:4"}, "kafka", "image bitnami/kafka", id="kafka"),
        pytest.param({"image": "grafana/agent:3"}, "", "", id="an organisation is no application"),
        pytest.param(
            {"image": "localhost/keycloak"} | env(QUARKUS_X="1"),
            "keycloak",
            "image keycloak",
            id="keycloak before quarkus",
        ),
        pytest.param({"image": "prom/prometheus"}, "prometheus", "image prom/prometheus", id="prometheus"),
        pytest.param(
            {"ports": [{"containerPort": 9, "name": "grpc-api"}]}, "grpc", "port name grpc-api", id="grpc by port"
        ),
        pytest.param({"ports": [{"containerPort": 9, "name": "grpcweb"}]}, "", "", id="grpcweb is HTTP"),
        pytest.param(
            {"image": "shop/catalogue-db:1", "ports": [{"containerPort": 3306, "name": "mysql"}]},
            "mysql",
            "port name mysql",
            id="a database in an image of one's own",
        ),
        pytest.param({}, "", "", id="nothing"),
        pytest.param(env(MY_SPRING_X="1"), "", "", id="a name that only contains it"),
    ],
)
def test_a_container_is_told_by_its_signs(build, planned, fields, preset, evidence):
    found = planned(build.deployment(build.container(**fields)), build.rule(preset="auto"))
    assert (found.containers[0].preset, found.containers[0].preset_source) == (preset, evidence)


def test_grpc_is_told_by_the_protocol_of_a_service(build, planned):
    service = build.service(ports=[{"port": 80, "targetPort": "http", "appProtocol": "grpc"}])
    found = planned(build.deployment(), service, build.rule(preset="auto"))
    assert (found.containers[0].preset, found.containers[0].preset_source) == (
        "grpc",
        "appProtocol grpc of Service web",
    )


@pytest.mark.parametrize(
    ("target", "preset"), [pytest.param(9555, "grpc", id="to its port"), pytest.param(9556, "", id="to another one")]
)
def test_grpc_is_told_by_the_name_of_a_services_port_that_leads_to_it(build, planned, target, preset):
    service = build.service(ports=[{"name": "grpc", "port": 80, "targetPort": target}])
    main = build.container(ports=[{"containerPort": 9555}])
    assert planned(build.deployment(main), service, build.rule(preset="auto")).containers[0].preset == preset


def test_of_several_ports_grpc_asks_its_own(build, planned):
    ports = [{"containerPort": 8080, "name": "http"}, {"containerPort": 50051, "name": "grpc"}]
    service = build.service(ports=[{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": "grpc"}])
    found = planned(build.deployment(build.container(ports=ports)), service, build.rule(preset="grpc"))
    assert asks(found)["readiness"] == "grpc <pod>:50051"


@pytest.mark.parametrize("name", sorted(presets.ALL))
def test_the_page_lists_every_preset(name):
    assert f"| `{name}` |" in DOCS.read_text()


def test_every_preset_has_a_source_and_a_name_of_its_own():
    families = [preset for family in presets.FAMILIES for preset in family]
    assert len({preset.name for preset in families}) == len(families)
    assert all(len(preset.source) > 20 for preset in families)


@pytest.mark.parametrize(
    "value", ["x" * 100_000, "/" * 5000, "a b", "/a?b", "/a#b", "\x00", "$(X)", "../..", "/ä", "\u2028", "9" * 5000]
)
@pytest.mark.parametrize("name", sorted(presets.ALL))
def test_hostile_settings_give_no_hostile_probe(planned_by, name, value):
    said = (
        "SERVER_SERVLET_CONTEXT_PATH",
        "SERVER_PORT",
        "MANAGEMENT_SERVER_PORT",
        "QUARKUS_HTTP_ROOT_PATH",
        "SCRIPT_NAME",
    )
    more = (
        "LIGHTSHIP_PORT",
        "KC_HTTP_RELATIVE_PATH",
        "GF_SERVER_ROOT_URL",
        "JAVA_TOOL_OPTIONS",
        "APPHEALTH_PREFIX",
        "PORT",
    )
    fields = env(**dict.fromkeys((*said, *more), value)) | {"args": [f"--server.port={value}", value]}
    for text in asks(planned_by(name, fields | HTTP)).values():
        assert len(text) < 600
        assert re.fullmatch(r"[!-~]+( [!-~]*)*", text)
