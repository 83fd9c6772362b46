"""Which port a probe asks: every rung, with its reason."""

from __future__ import annotations

import pytest

from apphealth.plan.probes.ports import PortProblem, Preference, resolve_port
from apphealth.plan.rules.settings import Sourced

HTTP = {"containerPort": 8080, "name": "http"}
WEB = {"containerPort": 8081, "name": "web"}
PLAIN = {"containerPort": 9000}
DNS = {"containerPort": 53, "name": "dns", "protocol": "UDP"}


def resolve(build, *services, explicit=None, default=None, management=None, alone=True, **fields):
    container = build.parse(build.deployment(build.container(**fields))).containers[0]
    world = build.world(*services)
    found = Sourced(explicit, "the rule") if explicit is not None else None
    usual = Sourced(default, "the preset") if default is not None else None
    own = Sourced(management, "the preset's setting") if management is not None else None
    preference = Preference(management=own, default=usual)
    return resolve_port(found, container, list(world.services.values()), preference, alone=alone)


@pytest.mark.parametrize(
    ("ports", "explicit", "port", "number"),
    [
        pytest.param([HTTP], "http", "http", 8080, id="by name"),
        pytest.param([HTTP], 8080, 8080, 8080, id="by number, written as it stands"),
        pytest.param([], 3000, 3000, 3000, id="by a number that is not declared"),
        pytest.param([HTTP, WEB], "web", "web", 8081, id="one of several"),
    ],
)
def test_an_explicit_port_stands(build, ports, explicit, port, number):
    found = resolve(build, build.service(), ports=ports, explicit=explicit)
    assert (found.port, found.number, found.source) == (port, number, "the rule")


@pytest.mark.parametrize(
    ("ports", "explicit", "words"),
    [
        pytest.param([HTTP], "admin", ["'admin'", "the rule", "(http)"], id="a name that is not there"),
        pytest.param([PLAIN], "admin", ["'admin'", "(none)"], id="a name where none has one"),
        pytest.param([DNS], 53, ["53", "UDP"], id="UDP by number"),
        pytest.param([DNS], "dns", ["dns", "UDP"], id="UDP by name"),
        pytest.param([], 70000, ["70000", "65535"], id="no such number"),
    ],
)
def test_an_explicit_port_that_cannot_be_asked_is_a_problem(build, ports, explicit, words):
    found = resolve(build, ports=ports, explicit=explicit)
    assert isinstance(found, PortProblem)
    assert all(word in found.message for word in words)
    assert found.fix


@pytest.mark.parametrize(
    ("ports", "service", "port"),
    [
        pytest.param([PLAIN, HTTP], {"ports": [{"port": 80, "targetPort": 9000}]}, 9000, id="by number"),
        pytest.param([PLAIN, HTTP], {"ports": [{"port": 80, "targetPort": "http"}]}, "http", id="by name"),
        pytest.param(
            [HTTP, WEB], {"ports": [{"port": 80, "targetPort": 8081}]}, "web", id="by number of a named port: its name"
        ),
        pytest.param([PLAIN, HTTP], {"ports": [{"port": 9000}]}, 9000, id="without targetPort, its own number"),
        pytest.param(
            [PLAIN, HTTP], {"ports": [{"port": 9000, "targetPort": ""}]}, 9000, id="an empty targetPort is none"
        ),
        pytest.param(
            [PLAIN, HTTP], {"clusterIP": "None", "ports": [{"port": 1, "targetPort": 9000}]}, 9000, id="headless"
        ),
        pytest.param(
            [PLAIN, HTTP],
            {"type": "NodePort", "ports": [{"port": 1, "targetPort": 9000, "nodePort": 32000}]},
            9000,
            id="NodePort",
        ),
        pytest.param([], {"ports": [{"port": 80, "targetPort": 3000}]}, 3000, id="a number that nobody declares"),
        pytest.param(
            [HTTP, WEB],
            {"ports": [{"port": 1, "targetPort": "web"}, {"port": 2, "targetPort": "http"}]},
            "http",
            id="several: http first",
        ),
        pytest.param(
            [WEB, PLAIN],
            {"ports": [{"port": 1, "targetPort": 9000}, {"port": 2, "targetPort": "web"}]},
            "web",
            id="several: a telling name",
        ),
        pytest.param(
            [HTTP, PLAIN],
            {"ports": [{"port": 1, "targetPort": "http"}, {"port": 2, "targetPort": 9000, "appProtocol": "HTTP"}]},
            9000,
            id="several: appProtocol first",
        ),
        pytest.param(
            [PLAIN, {"containerPort": 7000}],
            {"ports": [{"port": 1, "targetPort": 9000}, {"port": 2, "targetPort": 7000}]},
            7000,
            id="several: the lowest",
        ),
        pytest.param(
            [PLAIN, {"containerPort": 7000}],
            {"ports": [{"port": 1, "name": "web", "targetPort": 9000}, {"port": 2, "targetPort": 7000}]},
            9000,
            id="several: the Service's name for it",
        ),
    ],
)
def test_a_service_says_which_port(build, ports, service, port):
    found = resolve(build, build.service(**service), ports=ports)
    assert (found.port, found.source) == (port, "Service web leads to it")


def test_of_several_services_the_telling_port_is_asked_whatever_their_order(build):
    services = [
        build.service("a", ports=[{"port": 1, "targetPort": "web"}]),
        build.service("b", ports=[{"port": 1, "targetPort": "http"}]),
    ]
    for order in (services, services[::-1]):
        assert resolve(build, *order, ports=[WEB, HTTP]).port == "http"


@pytest.mark.parametrize(
    "service",
    [
        pytest.param({"ports": [{"port": 53, "targetPort": 53, "protocol": "UDP"}]}, id="UDP"),
        pytest.param({"ports": [{"port": 80, "targetPort": "nowhere"}]}, id="a name that is not there"),
        pytest.param({"ports": []}, id="no ports"),
    ],
)
def test_a_service_that_leads_nowhere_says_nothing(build, service):
    assert resolve(build, build.service(**service), ports=[PLAIN, HTTP]).source == "the container's port is named http"


def test_an_undeclared_target_is_nobodys_where_there_are_several_containers(build):
    assert isinstance(
        resolve(build, build.service(ports=[{"port": 80, "targetPort": 3000}]), ports=[], alone=False), PortProblem
    )


@pytest.mark.parametrize(
    ("fields", "port", "source"),
    [
        pytest.param({"ports": [PLAIN, HTTP]}, "http", "the container's port is named http", id="a telling name"),
        pytest.param(
            {"ports": [{"containerPort": 1, "name": "management"}, WEB]},
            "web",
            "the container's port is named web",
            id="the best name",
        ),
        pytest.param({"ports": [PLAIN]}, 9000, "the container's only port", id="the only one"),
        pytest.param({"ports": [DNS, PLAIN]}, 9000, "the container's only port", id="the only one over TCP"),
        pytest.param(
            {"ports": [{"containerPort": 5000, "name": "api"}]},
            "api",
            "the container's only port",
            id="the only one, by name",
        ),
        pytest.param({"ports": [], "env": [{"name": "PORT", "value": "3000"}]}, 3000, "env PORT", id="PORT"),
        pytest.param(
            {"ports": [], "env": [{"name": "FLASK_RUN_PORT", "value": "5001"}]},
            5001,
            "env FLASK_RUN_PORT",
            id="FLASK_RUN_PORT",
        ),
        pytest.param(
            {"ports": [], "env": [{"name": "ASPNETCORE_URLS", "value": "http://+:5000;https://+:5001"}]},
            5000,
            "env ASPNETCORE_URLS",
            id="ASPNETCORE_URLS",
        ),
        pytest.param(
            {"ports": [], "command": ["gunicorn"], "args": ["-b", "0.0.0.0:8000", "app"]},
            8000,
            "the command line",
            id="-b",
        ),
        pytest.param({"ports": [], "args": ["gunicorn", "--bind=[::]:8001"]}, 8001, "the command line", id="--bind="),
        pytest.param(
            {"ports": [], "command": ["sh", "-c", "exec gunicorn --bind :8002 app"]},
            8002,
            "the command line",
            id="in a shell",
        ),
        pytest.param({"ports": [], "args": ["--port", "7000"]}, 7000, "the command line", id="--port"),
        pytest.param(
            {"ports": [], "env": [{"name": "GUNICORN_CMD_ARGS", "value": "-w 4 --bind 0.0.0.0:8003"}]},
            8003,
            "env GUNICORN_CMD_ARGS",
            id="GUNICORN_CMD_ARGS",
        ),
    ],
)
def test_without_a_service_the_container_says_which_port(build, fields, port, source):
    found = resolve(build, **fields)
    assert (found.port, found.source) == (port, source)


def test_the_presets_own_port_is_the_last_resort(build):
    found = resolve(build, ports=[], default=9000)
    assert (found.port, found.source) == (9000, "the preset")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"ports": []}, id="nothing at all"),
        pytest.param({"ports": [DNS]}, id="only UDP"),
        pytest.param({"ports": [PLAIN, {"containerPort": 9001}]}, id="two, and neither tells"),
        pytest.param(
            {"ports": [], "env": [{"name": "PORT", "value": "tcp://10.0.0.1:80"}]}, id="a PORT that is no number"
        ),
        pytest.param({"ports": [], "env": [{"name": "PORT", "value": "0"}]}, id="PORT 0"),
        pytest.param({"ports": [], "env": [{"name": "PORT", "value": "99999"}]}, id="PORT 99999"),
        pytest.param({"ports": [], "args": ["--bind", "unix:/run/app.sock"]}, id="a socket file"),
        pytest.param({"ports": [], "args": ["-b"] * 1000 + ["x" * 4000]}, id="a hostile command line"),
    ],
)
def test_what_cannot_be_told_is_a_problem_with_a_fix(build, fields):
    found = resolve(build, **fields)
    assert isinstance(found, PortProblem)
    assert found.message
    assert "apphealth.dev/port" in found.fix


@pytest.mark.parametrize(
    ("ports", "service", "explicit", "https"),
    [
        pytest.param([HTTP], None, None, False, id="plain"),
        pytest.param(
            [HTTP],
            {"ports": [{"port": 443, "targetPort": "http", "appProtocol": "https"}]},
            None,
            True,
            id="appProtocol",
        ),
        pytest.param(
            [HTTP], {"ports": [{"port": 443, "targetPort": "http"}]}, None, False, id="443 outside, plain inside"
        ),
        pytest.param([{"containerPort": 9443, "name": "https"}], None, None, True, id="port name"),
        pytest.param([{"containerPort": 8443}], None, None, True, id="8443"),
        pytest.param([{"containerPort": 443}], None, 443, True, id="443, explicitly"),
        pytest.param([{"containerPort": 8443, "name": "web"}], None, None, True, id="8443 by a telling name"),
        pytest.param(
            [{"containerPort": 8443}],
            {"ports": [{"port": 80, "targetPort": 8443, "appProtocol": "http"}]},
            None,
            False,
            id="appProtocol http on 8443",
        ),
    ],
)
def test_https_is_known_by_its_signs(build, ports, service, explicit, https):
    services = [build.service(**service)] if service else []
    assert resolve(build, *services, ports=ports, explicit=explicit).https is https


ADMIN = {"containerPort": 9001, "name": "admin"}
TWO = [PLAIN, {"containerPort": 9001}]


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        pytest.param({"ports": [HTTP, ADMIN], "management": 9001, "explicit": 8080}, 8080, id="what users say"),
        pytest.param({"ports": [HTTP, ADMIN], "management": 9001}, "admin", id="then the management port, by its name"),
        pytest.param({"ports": [HTTP], "management": 9002}, 9002, id="also where it is not declared"),
        pytest.param({"ports": [HTTP, ADMIN]}, "http", id="then the Service's"),
        pytest.param({"ports": [ADMIN, WEB], "service": False}, "web", id="then a telling name"),
        pytest.param({"ports": [ADMIN], "service": False}, "admin", id="then the only one"),
        pytest.param(
            {"ports": TWO, "service": False, "env": [{"name": "PORT", "value": "9001"}]},
            9001,
            id="then what the environment says",
        ),
        pytest.param(
            {"ports": [PLAIN, ADMIN], "service": False, "args": ["--port=9001"]},
            "admin",
            id="or the command line, by its name",
        ),
        pytest.param({"ports": TWO, "service": False, "default": 7000}, 7000, id="then the preset's own"),
    ],
)
def test_each_rung_counts_before_all_below_it(build, fields, asked):
    given = {"default": 7000, "env": [{"name": "PORT", "value": "6000"}]} | fields
    services = [build.service()] if given.pop("service", True) else []
    if "args" in given or given["default"] != 7000 or fields.get("default"):
        given["env"] = fields.get("env", [])
    assert resolve(build, *services, **given).port == asked


def test_a_presets_own_port_is_not_asked_where_only_udp_is_declared(build):
    assert isinstance(resolve(build, ports=[DNS], default=8080), PortProblem)


@pytest.mark.parametrize(
    ("port", "service", "speaks"),
    [
        pytest.param(HTTP, {}, True, id="http"),
        pytest.param({"containerPort": 6379, "name": "redis"}, {"targetPort": "redis"}, False, id="redis"),
        pytest.param({"containerPort": 5671, "name": "amqp-tls"}, {"targetPort": 5671}, False, id="before a dash"),
        pytest.param(
            {"containerPort": 8080, "name": "api"}, {"targetPort": "api"}, True, id="a name that tells nothing"
        ),
        pytest.param(HTTP, {"targetPort": "http", "appProtocol": "mysql"}, False, id="the Service says more"),
        pytest.param(
            {"containerPort": 1, "name": "tcp"}, {"targetPort": "tcp", "appProtocol": "http"}, True, id="also for HTTP"
        ),
    ],
)
def test_a_port_tells_whether_it_speaks_http(build, port, service, speaks):
    there = build.service(ports=[{"port": 80, "targetPort": "http"} | service])
    assert resolve(build, there, ports=[port]).speaks_http is speaks
