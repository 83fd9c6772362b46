"""HTTP answers of every kind, by real sockets: what each of them proves."""

import asyncio
import itertools
import json

import pytest

from apphealth.model.probe import HttpGet, ProbeKind
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.probing.asker import ask
from apphealth.probing.tries import NotYet


def answer(status=200, body=b"ok", headers="", length=None):
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: {length}\r\n\r\n".encode() + body


def question(port, path="/healthz", *, accept=Accept.SUCCESS, timeout=5, **handler):
    return Question(
        container="main",
        image="web:1",
        template="x",
        handler=HttpGet(port=port, path=path, **handler),
        timeout=timeout,
        accept=accept,
    )


def only(path, there, elsewhere):
    return lambda asked: there if asked == path else elsewhere


UP = json.dumps({"status": "UP"}).encode()
LOGIN = "Location: https://sso.example/login?token=secret\r\n"
V, R = Verdict.VERIFIED, Verdict.REFUTED


@pytest.mark.parametrize(
    ("accept", "there", "elsewhere", "verdict", "said"),
    [
        pytest.param(Accept.SUCCESS, answer(), answer(404), V, "200 in", id="200"),
        pytest.param(Accept.SUCCESS, answer(204, b""), answer(404), V, "204 in", id="204 without a body"),
        pytest.param(
            Accept.SUCCESS, answer(302, headers=LOGIN), answer(), V, "302 to /login on another host", id="elsewhere"
        ),
        pytest.param(Accept.SUCCESS, answer(404), answer(), R, "404 from web-5d4f-x2x", id="404"),
        pytest.param(Accept.SUCCESS, answer(500), answer(), R, "500 from", id="500"),
        pytest.param(Accept.SUCCESS, answer(503), answer(), R, "503 from", id="503 of an old pod"),
        pytest.param(Accept.DISTINCT, answer(), answer(404), V, "200 in", id="derived, 404 elsewhere"),
        pytest.param(Accept.DISTINCT, answer(), answer(302, headers=LOGIN), V, "200 in", id="derived, login elsewhere"),
        pytest.param(Accept.DISTINCT, answer(), answer(), R, "200, but 200 too at a path that nobody", id="200 to all"),
        pytest.param(
            Accept.DISTINCT, answer(302, headers=LOGIN), answer(404), R, "302 to /login from", id="login page"
        ),
        pytest.param(Accept.DISTINCT, answer(200, UP), answer(200, b"<html>"), V, "200 in", id="health among pages"),
        pytest.param(Accept.DISTINCT, answer(200, b'{"status":"DOWN"}'), answer(404), R, "isn't well", id="200, DOWN"),
        pytest.param(Accept.HEALTH, answer(200, b"<html><form>"), answer(404), R, "a page for people", id="a form"),
        pytest.param(Accept.HEALTH, answer(200, b"<html>fine</html>"), answer(404), V, "200 in", id="a little HTML"),
        pytest.param(Accept.WELL, answer(200, UP), answer(200, UP), V, "200 in", id="UP at every path"),
        pytest.param(Accept.WELL, answer(200, b"hello"), answer(), R, "nothing says that it is well", id="hello"),
        pytest.param(Accept.LIBRARY, answer(200, UP), answer(), V, "200 in", id="the library's JSON"),
        pytest.param(
            Accept.LIBRARY, answer(200, b'{"status": "DEGRADED", "components": {}}'), answer(), V, "200", id="degraded"
        ),
        pytest.param(Accept.LIBRARY, answer(200, b"ok"), answer(), R, "200, but not the JSON of", id="not JSON"),
        pytest.param(Accept.LIBRARY, answer(200, b'["UP"]'), answer(), R, "200, but not", id="JSON of another shape"),
        pytest.param(
            Accept.LIBRARY, answer(200, b'{"status": "DOWN"}'), answer(), R, "200, but not", id="200 and DOWN"
        ),
        pytest.param(Accept.LIBRARY, answer(200, b"[" * 60_000), answer(), R, "200, but not", id="JSON without end"),
        pytest.param(Accept.LIBRARY, answer(200, b"\xff\xfe\x00\x01"), answer(), R, "200, but not", id="binary"),
        pytest.param(Accept.LIBRARY, answer(503, b'{"status": "DOWN"}'), answer(), R, "503 from", id="DOWN"),
        pytest.param(Accept.SUCCESS, answer(200, b"\x00\xff" * 100), answer(), V, "200 in", id="binary is an answer"),
        pytest.param(Accept.SUCCESS, answer(200, b"x" * 70_000), answer(), V, "200 in", id="long, as the kubelet"),
        pytest.param(Accept.DISTINCT, answer(200, b"x" * 70_000), answer(404), R, "more than 64 KiB", id="long"),
        pytest.param(
            Accept.SUCCESS,
            answer(headers="X: y\r\n" * 200),
            answer(),
            R,
            "what came back is no HTTP",
            id="many headers",
        ),
        pytest.param(
            Accept.SUCCESS, answer(headers=f"X: {'y' * 20_000}\r\n"), answer(), R, "no HTTP", id="a huge header"
        ),
        pytest.param(
            Accept.SUCCESS, b"SSH-2.0-OpenSSH_9.6\r\n" * 4, answer(), R, "what came back is no HTTP", id="SSH"
        ),
        pytest.param(Accept.SUCCESS, b"\x00\x01\xfe" * 50, answer(), R, "what came back is no HTTP", id="garbage"),
        pytest.param(Accept.SUCCESS, b"", answer(), R, "closed without an answer", id="nothing"),
        pytest.param(Accept.SUCCESS, answer(length=100), answer(), R, "no HTTP", id="half an answer"),
    ],
)
async def test_what_an_answer_proves(servers, make_pod, accept, there, elsewhere, verdict, said):
    port = await servers.http(only("/healthz", there, elsewhere))
    proof = await ask(question(port, accept=accept), [make_pod()])
    assert isinstance(proof, Proof)
    assert (proof.verdict, said in proof.answer) == (verdict, True), proof
    assert (proof.slowest > 0) == (verdict is V)
    assert "secret" not in proof.answer


def redirect(location, status=301):
    return answer(status, b"", headers=f"Location: {location}\r\n" if location else "")


def hops(number):
    """Redirect this often, then answer."""
    return lambda path: answer() if path == f"/{number}" else redirect(f"/{int(path.strip('/')) + 1}")


@pytest.mark.parametrize(
    ("status", "location", "target", "verdict", "said"),
    [
        *(
            pytest.param(status, "/up", answer(), V, "200 after a redirect to http :{port}/up in", id=f"{status}")
            for status in (301, 302, 303, 307, 308)
        ),
        pytest.param(301, "/up", answer(503), R, "503 after a redirect to http :{port}/up from", id="to a 503"),
        pytest.param(301, "up?token=secret", answer(404), R, "404 after a redirect to http :{port}/up", id="relative"),
        pytest.param(301, "http://127.0.0.1:{port}/up", answer(), V, "200 after a redirect", id="absolute"),
        pytest.param(301, "//127.0.0.1:{port}/up", answer(500), R, "500 after", id="without a scheme"),
        pytest.param(301, "http://localhost:{port}/up", answer(500), V, "301 to /up on another host", id="other name"),
        pytest.param(301, "https://127.0.0.1:1/up", answer(), R, "refused after a redirect to https :1/up", id="https"),
        pytest.param(301, "ftp://127.0.0.1/up", answer(), R, "301 to something that is no HTTP", id="another protocol"),
        pytest.param(301, "", answer(), V, "301", id="without a target"),
        pytest.param(304, "/up", answer(500), V, "304", id="a status that is no redirect"),
        pytest.param(301, "/healthz", answer(), R, "more than 9 redirects", id="to itself"),
        pytest.param(301, "http://[::1", answer(), R, "can't be sent", id="no URL"),
    ],
)
async def test_redirects_are_followed_as_the_kubelet_does(servers, make_pod, status, location, target, verdict, said):
    port = 0
    port = await servers.http(
        lambda path: redirect(location.format(port=port), status) if path == "/healthz" else target
    )
    proof = await ask(question(port), [make_pod()])
    assert (proof.verdict, said.format(port=port) in proof.answer) == (verdict, True), proof
    assert "secret" not in proof.answer


@pytest.mark.parametrize(("number", "verdict"), [(9, V), (10, R)])
async def test_ten_requests_are_the_most(servers, make_pod, number, verdict):
    proof = await ask(question(await servers.http(hops(number)), "/0"), [make_pod()])
    assert proof.verdict is verdict, proof
    assert all(int(request.split()[1].strip(b"/")) <= 9 for request in servers.asked)


async def test_a_redirect_to_another_port_and_scheme_of_the_pod_is_followed(servers, make_pod, certificate):
    """`force_ssl` of a framework: before, `301` was enough, and the kubelet then found no answer at :443."""
    there = await servers.http(lambda path: answer(), tls=certificate)
    port = await servers.http(lambda path: redirect(f"https://127.0.0.1:{there}/up"))
    proof = await ask(question(port), [make_pod()])
    assert (proof.verdict, f"200 after a redirect to https :{there}/up" in proof.answer) == (V, True), proof


async def test_redirects_share_one_deadline(servers, make_pod):
    async def slowly(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.4)
        number = int(request.split()[1].strip(b"/"))
        writer.write(answer() if number == 5 else redirect(f"/{number + 1}"))
        await writer.drain()

    proof = await ask(question(await servers.talk(slowly), "/0", timeout=1), [make_pod()])
    assert (proof.verdict, "no complete answer within 1 s after a redirect" in proof.answer) == (R, True), proof


async def test_headers_go_along_and_a_host_of_ones_own_with_relative_redirects_only(servers, make_pod):
    port = 0
    targets = {"/healthz": "/second", "/second": "http://127.0.0.1:{port}/third"}
    port = await servers.http(lambda path: redirect(targets[path].format(port=port)) if path in targets else answer())
    await ask(question(port, headers=(("Host", "shop.example"), ("X-Probe", "1"))), [make_pod()])
    hosts = {b"/healthz": b"shop.example", b"/second": b"shop.example", b"/third": b"127.0.0.1:%d" % port}
    for path, host in hosts.items():
        sent = next(request for request in servers.asked if request.split()[1] == path)
        assert b"Host: " + host in sent
        assert b"X-Probe: 1" in sent


@pytest.mark.parametrize("accept", [Accept.DISTINCT, Accept.LIBRARY, Accept.INDEX])
async def test_no_redirect_is_followed_for_what_was_derived(servers, make_pod, accept):
    port = await servers.http(lambda path: redirect("/elsewhere"))
    proof = await ask(question(port, accept=accept), [make_pod()])
    assert proof.verdict is R
    assert b"/elsewhere" not in {request.split()[1] for request in servers.asked}


async def test_every_pod_is_asked_twice_and_all_must_pass(servers, make_pod):
    port = await servers.http(lambda path: answer())
    proof = await ask(question(port), [make_pod(f"web-{number}") for number in range(5)])
    assert (proof.verdict, proof.answer.partition(" from ")[2], len(servers.asked)) == (V, "3 pods", 6)
    turns = itertools.count()
    port = await servers.http(lambda path: answer(200 if next(turns) != 4 else 500))
    assert (await ask(question(port), [make_pod(f"web-{number}") for number in range(3)])).verdict is R


async def test_the_probes_own_headers_are_sent_and_nothing_of_the_environment(servers, make_pod, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    port = await servers.http(lambda path: answer(headers="Set-Cookie: a=b\r\n"))
    asked = question(port, headers=(("X-Probe", "liveness"), ("Host", "shop.example"), ("X-Probe", "twice")))
    assert (await ask(asked, [make_pod()])).verdict is V
    head = servers.asked[1].decode()
    assert "Host: shop.example" in head
    assert "X-Probe: liveness" in head
    assert "X-Probe: twice" in head
    assert "User-Agent: kube-probe/" in head
    assert "Accept-Encoding" not in head
    assert "Cookie" not in head


async def test_compressed_answers_stay_as_they_are(servers, make_pod):
    port = await servers.http(lambda path: answer(200, b"no gzip", headers="Content-Encoding: gzip\r\n"))
    assert (await ask(question(port), [make_pod()])).verdict is V


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/a/b?c=d", "/a/b?c=d"),
        ("relative", "/relative"),
        ("//elsewhere.example/x", "//elsewhere.example/x"),
        ("@elsewhere.example/x", "/@elsewhere.example/x"),
        ("/a b\r\nX-Evil: 1", None),
        ("/ä", "/%C3%A4"),
    ],
)
async def test_a_path_stays_a_path(servers, make_pod, path, sent):
    port = await servers.http(lambda path: answer())
    proof = await ask(question(port, path), [make_pod()])
    assert all(b"X-Evil: 1\r\n" not in request for request in servers.asked)
    if sent is not None:
        assert (proof.verdict, servers.asked[0].split()[1].decode()) == (V, sent)


async def test_headers_that_cannot_be_sent_refute(servers, make_pod):
    port = await servers.http(lambda path: answer())
    proof = await ask(question(port, headers=(("X", "a\r\nY: b"),)), [make_pod()])
    assert (proof.verdict, "can't be sent" in proof.answer) == (R, True)


async def hang(reader, writer):
    await asyncio.sleep(3600)


async def drip(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        await writer.drain()


async def endless_headers(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 100)
        await writer.drain()


async def endless_line(reader, writer):
    while True:
        writer.write(b"H" * 4096)
        await writer.drain()


async def trickle(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        pytest.param(hang, "no complete answer within 1 s", id="slow"),
        pytest.param(drip, "no complete answer within 1 s", id="dripping"),
        pytest.param(trickle, "no complete answer within 1 s", id="a body without end"),
        pytest.param(endless_headers, "what came back is no HTTP", id="endless headers"),
        pytest.param(endless_line, "what came back is no HTTP", id="an endless line"),
    ],
)
async def test_time_and_size_are_bounded(servers, make_pod, talk, said):
    port = await servers.talk(talk)
    proof = await ask(question(port, timeout=1), [make_pod()])
    assert (proof.verdict, said in proof.answer) == (R, True), proof


async def test_a_reset_connection_refutes(servers, make_pod):
    async def reset(reader, writer):
        await reader.read(1)
        writer.transport.abort()

    proof = await ask(question(await servers.talk(reset)), [make_pod()])
    assert (proof.verdict, "closed without an answer" in proof.answer) == (R, True)


async def test_https_takes_any_certificate(servers, make_pod, certificate):
    port = await servers.http(lambda path: answer(), tls=certificate)
    proof = await ask(question(port, scheme="HTTPS"), [make_pod()])
    assert (proof.verdict, proof.answer.startswith("200 in")) == (V, True)


async def test_https_at_a_port_without_tls_refutes(servers, make_pod):
    port = await servers.http(lambda path: answer())

    async def plain(reader, writer):
        writer.write(b"I speak no TLS\r\n")
        await reader.read(100)

    port = await servers.talk(plain)
    proof = await ask(question(port, scheme="HTTPS"), [make_pod()])
    assert (proof.verdict, "what came back is no TLS" in proof.answer) == (R, True), proof


async def test_ipv6(servers, make_pod):
    port = await servers.http(lambda path: answer(), host="::1")
    assert (await ask(question(port), [make_pod(ip="::1")])).verdict is V


@pytest.mark.parametrize(
    ("status", "age", "wanted"),
    [
        pytest.param(503, 20.0, None, id="a young pod that isn't available"),
        pytest.param(503, 301.0, R, id="an old one"),
        pytest.param(404, 20.0, R, id="a young one that doesn't know the path"),
    ],
)
async def test_a_young_pod_may_come_round(servers, make_pod, status, age, wanted):
    port = await servers.http(lambda path: answer(status))
    came = await ask(question(port), [make_pod(age=age)])
    assert came == NotYet(f"{status} from web-5d4f-x2x") if wanted is None else came.verdict is wanted


async def test_a_bad_answer_weighs_more_than_a_pod_that_may_come_round(servers, make_pod):
    turns = itertools.cycle([503, 404])
    port = await servers.http(lambda path: answer(next(turns)))
    proof = await ask(question(port), [make_pod("web-1", age=1), make_pod("web-2", age=1)])
    assert (proof.verdict, proof.answer.startswith("404 from")) == (R, True)


LINKS = {
    "self": {"href": "/z"},
    "health-liveness": {"href": "/z/health/liveness"},
    "health-readiness": {"href": "/z/health/readiness"},
    "health-startup": {"href": "/z/health/startup"},
    "info": {"href": "/z/info"},
}
FOUND = {kind: f"/z/health/{kind}" for kind in ProbeKind}


def index(**changes):
    return json.dumps({"_links": LINKS | {name: {"href": href} for name, href in changes.items()}}).encode()


@pytest.mark.parametrize(
    ("body", "endpoints"),
    [
        pytest.param(index(), FOUND, id="as the library has it"),
        pytest.param(
            index(**{"health-startup": "http://evil.example/"}),
            {kind: path for kind, path in FOUND.items() if kind is not ProbeKind.STARTUP},
            id="another host",
        ),
        pytest.param(
            index(**{"health-startup": "/admin/delete"}),
            {kind: path for kind, path in FOUND.items() if kind is not ProbeKind.STARTUP},
            id="another prefix",
        ),
        pytest.param(
            index(
                **{"health-startup": "/z/../admin", "health-liveness": "/z/a b", "health-readiness": "/z/" + "x" * 600}
            ),
            None,
            id="hostile paths",
        ),
        pytest.param(b'{"_links": {}}', None, id="no endpoints"),
        pytest.param(b'{"_links": {"health-liveness": "/z/x"}}', None, id="another shape"),
        pytest.param(b"<html>", None, id="no JSON"),
    ],
)
async def test_the_librarys_index_names_its_endpoints(servers, make_pod, body, endpoints):
    port = await servers.http(lambda path: answer(200, body))
    proof = await ask(question(port, "/z", accept=Accept.INDEX), [make_pod()])
    assert (proof.verdict, dict(proof.endpoints)) == ((V, endpoints) if endpoints else (R, {}))


async def test_hostile_text_does_not_get_into_the_answer(servers, make_pod):
    location = "/\x1b[31m\u202egnp.exe" + "x" * 500
    port = await servers.http(
        lambda path: f"HTTP/1.1 302 \x1b[0m\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    proof = await ask(question(port, accept=Accept.DISTINCT), [make_pod()])
    assert proof.verdict is R
    assert proof.answer.isprintable()
    assert len(proof.answer) <= 200


async def test_no_answer_is_waited_for_longer_than_ten_seconds(servers, make_pod, monkeypatch):
    """Rules allow a timeout of an hour, and a pod that never answers would keep a place for as long."""
    monkeypatch.setattr("apphealth.probing.asker.MAX_TIMEOUT", 0.2)
    proof = await ask(question(await servers.talk(hang), timeout=3600), [make_pod()])
    assert (proof.verdict, "no complete answer within 0.2 s" in proof.answer) == (R, True), proof
