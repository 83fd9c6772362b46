"""Surveys of real servers: what each of them turns out to serve, and what it was asked."""

import asyncio
import json
import re

import pytest

from apphealth.model.probe import ProbeKind
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.survey import Catalogue, Runtime, Served, Speaks, Survey, SurveyPath, SurveyPort
from apphealth.plan.probes.presets.common import WITHOUT_PREFIX, catalogue
from apphealth.probing import survey as surveying
from apphealth.probing.asker import ask
from apphealth.probing.tries import NotYet

UP = json.dumps({"status": "UP"}).encode()
PAGE = b"<!doctype html><html><head><script src=/app.js></script></head><body><div id=root></div></body></html>"
LOGIN = b"<html><form action=/login><input type=password></form></html>"
PETS = json.dumps([{"pet": number, "weight": 4.5, "teeth": "good"} for number in range(10)]).encode()
WAITRESS = "Server: waitress\r\n"
INDEX = json.dumps({"_links": {"health-liveness": {"href": "/z/health/liveness"}}}).encode()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Tests don't wait between requests, but for the one about that."""
    monkeypatch.setattr(surveying, "PER_SECOND", 10_000)


def answer(status=200, body=b"ok", headers="", version="1.1"):
    return f"HTTP/{version} {status} Whatever\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def serving(elsewhere=None, **paths):
    """Answer at these paths (`_` is a slash), and otherwise everywhere else."""
    at = {f"/{name if '/' in name or '__' in name else name.replace('_', '/')}": what for name, what in paths.items()}
    return lambda asked: at.get(asked, elsewhere or answer(404, b"no"))


def adds_slash(path):
    if path == "/health":
        return answer(301, b"", "Location: /health/\r\n")
    return answer() if path == "/health/" else answer(404)


def described(*paths, **served):
    """A FastAPI application whose description has these paths."""
    document = json.dumps({"openapi": "3.1.0", "paths": {path: {"get": {}} for path in paths}}).encode()
    at = {re.sub(r"\W", "_", path.strip("/")) + ("_" if path.endswith("/") else ""): path for path in paths}
    served = {at.get(name, name).lstrip("/"): what for name, what in served.items()}
    return serving(answer(404, b'{"detail":"Not Found"}'), **{"openapi.json": answer(200, document)}, **served)


def question(*ports, catalogue=WITHOUT_PREFIX, others=(), timeout=2):
    ports = tuple(SurveyPort(port) if isinstance(port, int) else port for port in ports)
    return Question(
        container="main",
        image="web:1",
        template="x",
        handler=Survey(ports, catalogue, others),
        timeout=timeout,
        accept=Accept.SURVEY,
    )


def found(proof):
    assert isinstance(proof, Proof), proof
    return sorted(one.path for one in proof.served if one.path)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        pytest.param(serving(readyz=answer(), livez=answer()), ["/livez", "/readyz"], id="Kubernetes' own"),
        pytest.param(serving(health=answer(200, UP)), ["/health"], id="an aggregate alone"),
        pytest.param(serving(health=answer(), ready=answer()), ["/health", "/ready"], id="and something narrower"),
        pytest.param(serving(readyz=answer(200, b"{}"), health=answer()), ["/readyz"], id="no word of health"),
        pytest.param(
            serving(actuator_health_readiness=answer(200, UP), actuator_health_liveness=answer(200, UP)),
            ["/actuator/health/liveness", "/actuator/health/readiness"],
            id="Spring",
        ),
        pytest.param(
            serving(z=answer(200, INDEX), z_health_liveness=answer(200, UP)), ["/z"], id="the library's index"
        ),
        pytest.param(serving(answer()), [], id="ok at every path"),
        pytest.param(serving(answer(200, UP)), [], id="UP at every path"),
        pytest.param(serving(answer(200, PAGE)), [], id="a single-page application"),
        pytest.param(serving(answer(200, PAGE), health=answer(200, UP)), ["/health"], id="one with a health endpoint"),
        pytest.param(serving(answer(200, PAGE), health=answer(200, b"hello")), [], id="one with something at /health"),
        pytest.param(
            lambda path: answer(200, b"Exporter is Ready.\n") if path == "/-/ready" else answer(200, PAGE),
            ["/-/ready"],
            id="words of health among pages",
        ),
        pytest.param(lambda path: answer(200, f"you asked for {path}".encode()), [], id="an echo"),
        pytest.param(lambda path: answer(200, json.dumps({"message": path}).encode()), [], id="an echo in JSON"),
        pytest.param(serving(health=answer(200, LOGIN)), [], id="a login page"),
        pytest.param(serving(live=answer(200, PAGE)), [], id="a page for people"),
        pytest.param(serving(answer(302, b"", "Location: /login\r\n")), [], id="a login everywhere"),
        pytest.param(serving(answer(302, b"", "Location: /login\r\n"), healthz=answer()), ["/healthz"], id="but there"),
        pytest.param(serving(answer(401, b"")), [], id="a password everywhere"),
        pytest.param(serving(answer(200, b"not found")), [], id="a 404 with status 200"),
        pytest.param(serving(health=answer(200, b'{"status": "DOWN"}')), [], id="200, and DOWN"),
        pytest.param(serving(health=answer(version="1.0")), ["/health"], id="HTTP/1.0"),
        pytest.param(adds_slash, ["/health/"], id="a slash is added"),
        pytest.param(serving(health=answer(200, b"x" * 70_000)), [], id="far too long"),
        pytest.param(lambda _: b"SSH-2.0-OpenSSH_9.6\r\n", [], id="no HTTP"),
        pytest.param(
            described("/api/v1/utils/health-check/", api_v1_utils_health_check_=answer(200, b"true")),
            ["/api/v1/utils/health-check/"],
            id="an OpenAPI description names it",
        ),
        pytest.param(
            described("/pets/health", pets_health=answer(200, PETS)), [], id="one that is the application's business"
        ),
        pytest.param(described("/live", "/up/{name}", live=answer(404)), [], id="one that names none"),
        pytest.param(described("/streams/live", streams_live=answer()), [], id="one that tells nothing by its name"),
        pytest.param(
            serving(
                answer(404, b"", WAITRESS),
                **{"": answer(307, b"", "Location: http://h/v1/\r\n")},
                **{"v1/__heartbeat__": answer(200, b"{}"), "v1/__lbheartbeat__": answer(200, b"{}")},
            ),
            ["/v1/__heartbeat__", "/v1/__lbheartbeat__"],
            id="below the base that / redirects to",
        ),
        pytest.param(
            serving(answer(404, b"", WAITRESS), **{"": answer(302, b"", "Location: /login\r\n")}, login=answer()),
            [],
            id="a page is no base",
        ),
        pytest.param(
            serving(answer(404, b"Cannot GET /x"), **{"api/v1/health": answer()}), ["/api/v1/health"], id="Express"
        ),
        pytest.param(serving(answer(404, b"?"), **{"api/v1/health": answer()}), [], id="nobody knows what it is"),
    ],
)
async def test_what_is_served(servers, make_pod, server, expected):
    port = await servers.http(server)
    proof = await ask(question(port), [make_pod()])
    assert (found(proof), proof.verdict) == (expected, Verdict.VERIFIED), proof
    assert len(servers.asked) <= surveying.MAX_REQUESTS
    assert all(request.startswith(b"GET ") for request in servers.asked if request[:4] != b"PRI ")
    assert all(b"kube-probe/apphealth" in request for request in servers.asked if request.startswith(b"GET"))


async def test_nothing_more_is_asked_once_enough_is_known(servers, make_pod):
    first = await servers.http(serving(readyz=answer(), livez=answer()))
    second = await servers.http(serving(readyz=answer()))
    proof = await ask(question(first, second), [make_pod()])
    assert (found(proof), len(servers.asked)) == (["/livez", "/readyz"], 3)


async def test_what_settings_name_is_asked_first_then_what_its_family_serves(servers, make_pod):
    named = SurveyPath("/ok", frozenset({ProbeKind.READINESS}), runtimes=frozenset(Runtime))
    port = await servers.http(serving(answer(404, b"", "Server: Kestrel\r\n")))
    await ask(question(port, catalogue=catalogue("", [named])), [make_pod()])
    paths = [request.split()[1].decode() for request in servers.asked]
    asked = [path for path in paths if not path.startswith("/apphealth-")]
    assert asked[:3] == ["/ok", "/actuator/health/readiness", "/actuator/health/liveness"]
    assert "/hc" in asked
    assert not {"/z", "/q/health/ready", "/up"} & set(asked)


async def test_the_next_port_is_asked_where_the_first_has_no_endpoint(servers, make_pod):
    first, second = await servers.http(serving()), await servers.http(serving(healthz=answer()))
    proof = await ask(question(first, second), [make_pod()])
    assert Served(second, Speaks.HTTP, "/healthz") in proof.served
    assert len(servers.asked) <= surveying.MAX_REQUESTS


async def test_a_closed_port_is_passed_over(servers, make_pod):
    second = await servers.http(serving(healthz=answer()))
    proof = await ask(question(SurveyPort(1, served=True), second), [make_pod(age=10)])
    assert (found(proof), "connection refused" in proof.answer) == (["/healthz"], True)


async def test_usual_ports_are_tried_only_where_all_are_closed(servers, make_pod):
    open_, guessed = await servers.http(serving()), await servers.http(serving(healthz=answer()))
    assert found(await ask(question(open_, SurveyPort(guessed, guess=True)), [make_pod()])) == []
    assert found(await ask(question(1, SurveyPort(guessed, guess=True)), [make_pod()])) == ["/healthz"]


@pytest.mark.parametrize(
    ("server", "age", "waits"),
    [
        pytest.param(serving(readyz=answer(503)), 10, True, id="not ready yet"),
        pytest.param(serving(readyz=answer(503)), 3600, False, id="not ready for an hour"),
        pytest.param(serving(answer(503)), 10, False, id="503 at every path says nothing"),
        pytest.param(serving(), 10, False, id="no endpoint"),
    ],
)
async def test_an_application_that_starts_is_asked_again(servers, make_pod, server, age, waits):
    port = await servers.http(server)
    assert isinstance(await ask(question(port), [make_pod(age=age)]), NotYet) is waits


async def test_a_closed_port_that_a_service_leads_to_is_waited_for(make_pod):
    assert isinstance(await ask(question(SurveyPort(1, served=True)), [make_pod(age=10)]), NotYet)
    old = await ask(question(SurveyPort(1, served=True)), [make_pod()])
    assert (old.verdict, old.served) == (Verdict.REFUTED, ())


async def test_tls_is_found_with_any_certificate(servers, make_pod, certificate):
    port = await servers.http(serving(healthz=answer()), tls=certificate)
    proof = await ask(question(port), [make_pod()])
    assert Served(port, Speaks.HTTPS, "/healthz") in proof.served


async def test_a_server_that_wants_tls_says_400(servers, make_pod):
    """It has no TLS either: what is left are its own answers."""
    port = await servers.http(serving(answer(400, b"Client sent an HTTP request to an HTTPS server.")))
    assert found(await ask(question(port), [make_pod()])) == []


@pytest.mark.parametrize("server", ["nginx/1.25", "envoy", "openresty", "Caddy"])
async def test_what_a_proxy_says_is_marked(servers, make_pod, server):
    port = await servers.http(serving(livez=answer(headers=f"Server: {server}\r\n")))
    proof = await ask(question(port), [make_pod()])
    assert [one.proxied for one in proof.served if one.path] == [True]


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn", "Werkzeug/3.0 Python/3.11", "Apache-Coyote/1.1"])
async def test_a_server_of_the_application_is_no_proxy(servers, make_pod, server):
    port = await servers.http(serving(livez=answer(headers=f"Server: {server}\r\n")))
    assert [one.proxied for one in (await ask(question(port), [make_pod()])).served if one.path] == [False]


async def test_an_answer_that_another_container_gives_too_is_marked(servers, make_pod):
    behind = await servers.http(serving(livez=answer(200, b"alive: 7")))
    front = await servers.http(serving(livez=answer(200, b"alive: 7"), readyz=answer()))
    proof = await ask(question(front, others=(behind,)), [make_pod()])
    assert {one.path: one.proxied for one in proof.served if one.path} == {"/livez": True, "/readyz": False}


async def test_a_port_of_another_protocol_is_sent_nothing(servers, make_pod):
    port = await servers.http(serving(healthz=answer()))
    proof = await ask(question(SurveyPort(port, Speaks.TCP)), [make_pod()])
    assert (proof.served, servers.asked) == ((Served(port, Speaks.TCP),), [])


async def test_a_server_that_never_answers_is_left_alone(servers, make_pod):
    async def silent(reader, writer):
        servers.asked.append(await reader.read(100))
        await asyncio.sleep(60)

    port = await servers.talk(silent)
    assert isinstance(await ask(question(port, timeout=0.5), [make_pod(age=10)]), NotYet), "it may be starting"
    servers.asked.clear()
    proof = await ask(question(port, timeout=0.5), [make_pod()])
    assert (proof.served, len(servers.asked) <= 5) == ((Served(port, Speaks.TCP),), True)


async def test_a_server_that_was_too_busy_to_answer_gets_more_time(servers, make_pod):
    """Seen on a starved machine: an application that had just started was taken for one without HTTP."""
    answers = serving(healthz=answer())

    async def busy(reader, writer):
        if not (came := await reader.read(1000)):
            return  # only a connection
        servers.asked.append(came)
        if len(servers.asked) <= 3:  # HTTP, HTTPS and gRPC
            await asyncio.sleep(60)
        writer.write(answers(came.split()[1].decode()))

    port = await servers.talk(busy)
    assert found(await ask(question(port, timeout=0.5), [make_pod()])) == ["/healthz"]


async def test_a_pod_is_asked_so_often_a_second_at_most(servers, make_pod, monkeypatch):
    monkeypatch.setattr(surveying, "PER_SECOND", 50)
    port = await servers.http(serving())
    started = asyncio.get_running_loop().time()
    await ask(question(port), [make_pod()])
    assert asyncio.get_running_loop().time() - started >= (len(servers.asked) - 1) / 50


async def test_out_of_reach(make_pod, monkeypatch):
    async def nowhere(*_):
        raise surveying.NoAnswerError(surveying.Outcome.UNREACHED, "no route")

    monkeypatch.setattr(surveying, "knock", nowhere)
    proof = await ask(question(8080), [make_pod()])
    assert (proof.verdict, "no route" in proof.answer) == (Verdict.UNREACHABLE, True)


def test_a_catalogue_is_known_by_its_paths():
    paths, below = WITHOUT_PREFIX.paths, WITHOUT_PREFIX.below
    assert repr(WITHOUT_PREFIX) == repr(Catalogue(paths, below))
    assert repr(WITHOUT_PREFIX) not in (repr(Catalogue(paths[1:], below)), repr(Catalogue(paths)))


@pytest.mark.parametrize(
    ("statuses", "speaks", "said"),
    [
        pytest.param({"": "SERVING"}, Speaks.GRPC, "gRPC: SERVING", id="serving"),
        pytest.param({"": "NOT_SERVING"}, Speaks.TCP, "gRPC: NOT_SERVING", id="not serving"),
        pytest.param(None, Speaks.TCP, "gRPC: UNIMPLEMENTED", id="no health service"),
    ],
)
@pytest.mark.parametrize("first", [Speaks.HTTP, Speaks.GRPC])
async def test_grpc_is_found_where_http_is_refused(start_grpc, make_pod, statuses, speaks, said, first):
    port = start_grpc(statuses)
    proof = await ask(question(SurveyPort(port, first)), [make_pod()])
    assert (proof.served, said in proof.answer) == ((Served(port, speaks),), True), proof
