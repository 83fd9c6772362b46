"""A dependency may do what it likes: the answer comes in time, is short, says DOWN, and why."""

import gzip
import logging
import re
import socket
import ssl
import subprocess
import time

import pytest

from flask_management_endpoints import ManagementEndpoints

TIMEOUT = 0.4
"""For servers that never answer: these tests take so long."""
PATIENCE = 10.0
"""For all others, which answer by then on a busy machine too; servers that hang or drip take longer."""
IN_TIME = "no (whole )?answer (in time|within)"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def health(app, timeout=PATIENCE, **dependencies):
    app.config["BACKEND_TIMEOUT"] = timeout
    app.config["Z_ENDPOINTS"] = {"service_dependencies": dependencies}
    if "management_endpoints" not in app.extensions:
        ManagementEndpoints(app)
    started = time.monotonic()
    response = app.test_client().get("/z/health")
    return response, time.monotonic() - started


def faults(b):
    return {
        "hangs": (b.hangs, IN_TIME),
        "drips its headers": (b.drips(b"HTTP/1.1 200 OK\r\nX-Header: "), IN_TIME),
        "drips its status line": (b.drips(b"HTTP/1.1 200 "), IN_TIME),
        "drips its body": (b.drips(HEAD + b"Content-Length: 100000\r\n\r\n"), IN_TIME),
        "drips an endless body": (b.drips(HEAD + b"\r\n"), IN_TIME),
        "resets": (b.resets, "ConnectionResetError"),
        "closes without a word": (b.raw(b""), "RemoteDisconnected"),
        "answers garbage": (b.raw(b"\x00\xff\x00 garbage\r\n\r\n"), "BadStatusLine"),
        "answers an endless line": (b.raw(b"HTTP/1.1 200 " + b"x" * 100_000), "LineTooLong"),
        "answers thousands of headers": (b.raw(HEAD + b"X-A: b\r\n" * 5000 + b"\r\n"), "HTTPException"),
        "answers 500": (b.says({"status": "UP"}, 500), "HTTP 500"),
        "answers HTML": (b.says(b"<html>"), "without JSON"),
        "answers deeply nested JSON": (b.says(b"[" * 100_000), "without JSON"),
        "answers a list": (b.says(["UP"]), "no object"),
        "answers a number": (b.says(1), "no object"),
        "answers null": (b.says(None), "no object"),
        "answers a status that is a list": (b.says({"status": ["UP"]}), "status .+UP"),
        "answers 20 MiB": (b.says({"status": "UP", "x": "y" * 20 * 1024 * 1024}), "longer than 1 MiB"),
        "ends early": (b.raw(HEAD + b'Content-Length: 100\r\n\r\n{"status": "UP"'), "85 more expected"),
        "ends early, but looks whole": (
            b.raw(HEAD + b'Content-Length: 900\r\n\r\n{"status": "UP"}'),
            "884 more expected",
        ),
        "sends a bad chunk": (b.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "IncompleteRead"),
        "redirects in a loop": (b.redirects("/z/health"), "redirects more than 3 times"),
        "redirects to another host": (b.redirects("http://localhost.invalid/z/health"), "redirects to another host"),
        "redirects to nonsense": (b.redirects("ftp://127.0.0.1/"), "BadUrlError"),
    }


@pytest.mark.parametrize("proxied", [False, True], ids=["directly", "by a proxy"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(gzip.compress(b'{"status": "UP"}'), "UP", id="whole"),
        pytest.param(gzip.compress(b'{"status": "UP"}')[:-12], "DOWN", id="cut off"),
        pytest.param(b'{"status": "UP"}', "DOWN", id="not compressed at all"),
        pytest.param(gzip.compress(b'{"status": "UP", "x": "' + b"y" * 200_000_000 + b'"}'), "DOWN", id="a bomb"),
    ],
)
def test_a_server_that_always_compresses_is_understood(app, peer, behaviours, monkeypatch, body, status, proxied):
    users = peer(behaviours.says(body, headers="Content-Encoding: gzip\r\n"))
    if proxied:
        monkeypatch.setenv("HTTP_PROXY", f"http://{users.host}")
    response, _ = health(app, users="users.invalid" if proxied else users.host)
    assert response.get_json()["components"]["users"]["status"] == status


class _Nothing:
    def __getattr__(self, name):
        return lambda *args, **kwargs: None


NAMES = list(faults(_Nothing()))


@pytest.mark.parametrize("fault", NAMES)
def test_a_faulty_dependency_is_down_in_time_and_the_log_says_why(app, peer, behaviours, caplog, fault):
    behaviour, reason = faults(behaviours)[fault]
    bad, good = peer(behaviour), peer()
    with caplog.at_level(logging.WARNING):
        well = {"url": good.host, "timeout": PATIENCE}
        response, seconds = health(app, TIMEOUT if reason is IN_TIME else PATIENCE, bad=bad.host, good=well)
    assert response.status_code == 503
    assert response.get_json() == {
        "components": {"bad": {"status": "DOWN"}, "good": {"status": "UP"}},
        "status": "DOWN",
    }
    assert seconds < PATIENCE
    assert re.search(reason, caplog.text)


def test_one_that_refuses(app, unused_port):
    response, seconds = health(app, bad=f"127.0.0.1:{unused_port}")
    assert (response.status_code, seconds < PATIENCE) == (503, True)


def test_one_that_is_not_in_dns(app):
    assert health(app, bad="no-such-host.invalid")[0].get_json()["components"] == {"bad": {"status": "DOWN"}}


def test_one_whose_backlog_is_full(app):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        blockers = [socket.create_connection(address, 1)]
        response, seconds = health(app, TIMEOUT, bad=f"127.0.0.1:{address[1]}")
        for blocker in blockers:
            blocker.close()
    assert (response.status_code, seconds < PATIENCE) == (503, True)


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        b"host",
        "",
        " ",
        "://",
        "http://",
        "http://[",
        "host:port",
        "ftp://host/",
        "http://a b/",
        "tcp://host",
        "\x00",
    ],
)
def test_one_whose_url_is_impossible(app, peer, url):
    response, _ = health(app, bad=url, good=peer().host)
    assert response.get_json()["components"] == {"bad": {"status": "DOWN"}, "good": {"status": "UP"}}


def test_hung_ones_take_the_time_of_one(app, peer, behaviours):
    many = int(2 * PATIENCE / TIMEOUT)  # one after another they would take twice the patience
    app.config["Z_ENDPOINTS_MAX_THREADS"] = many
    hung = peer(behaviours.hangs)
    response, seconds = health(app, TIMEOUT, **{f"hung{number}": f"{hung.host}/{number}" for number in range(many)})
    assert (response.status_code, seconds < PATIENCE) == (503, True)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(app, peer, behaviours, status):
    def behave(connection, head):
        moved = behaviours.says(b"", status, headers="Location: /elsewhere\r\n")
        return (moved if head.startswith("GET /z/") else behaviours.says({"status": "UP"}))(connection, head)

    one = peer(behave)
    assert health(app, users=one.host)[0].status_code == 200
    assert one.paths == ["/z/health", "/elsewhere"]


def test_a_connection_is_kept_and_one_that_was_closed_meanwhile_is_no_failure(app, peer, behaviours):
    answers = iter([True, True, False, True])

    def behave(connection, head):
        keep = next(answers)
        behaviours.says({"status": "UP"})(connection, head)
        return keep

    users = peer(behave)
    assert [health(app, users=users.host)[0].status_code for _ in range(2)] == [200, 200]
    assert users.connections == 1
    assert health(app, users=users.host)[0].status_code == 200
    time.sleep(0.05)
    assert health(app, users=users.host)[0].status_code == 200
    assert (users.connections, len(users.requests)) == (2, 4)


def test_secrets_in_its_answer_stay_there(app, peer, behaviours):
    users = peer(
        behaviours.says({
            "status": "UP", "version": "1.2", "db_password": "hunter2", "list": ["u:hunter2@db"],
            "components": {"db": {"status": "UP", "dsn": "postgres://u:hunter2@db"}}, "long": "hunter2" * 100,
            "nested": {"token": {"value": "hunter2"}}, "url": "postgres://u:hunter2@db", "apiKey": "hunter2",
        })
    )  # fmt: skip
    response, _ = health(app, users=users.host)
    assert "hunter2" not in response.text
    assert response.get_json()["components"]["users"] == {
        "version": "1.2", "components": {"db": {"status": "UP"}}, "nested": {}, "list": [], "status": "UP",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("show", "component"),
    [
        ("never", {"status": "UP"}),
        ("safe", {"size": 3, "status": "UP"}),
        ("always", {"size": 3, "password": "hunter2", "status": "UP"}),
    ],
)
def test_show_details_says_how_much_of_its_answer_is_shown(app, peer, behaviours, show, component):
    users = peer(behaviours.says({"status": "UP", "size": 3, "password": "hunter2"}))
    app.config["Z_ENDPOINTS_SHOW_DETAILS"] = show
    assert health(app, users=users.host)[0].get_json()["components"]["users"] == component


def test_even_always_is_bounded(app, peer, behaviours):
    users = peer(behaviours.says({"status": "UP", "text": "x" * 500_000}))
    app.config["Z_ENDPOINTS_SHOW_DETAILS"] = "always"
    assert health(app, users=users.host)[0].get_json()["components"]["users"] == {"truncated": True, "status": "UP"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself.

    Bad for whoever doesn't know it, good for whoever is told to trust it.
    """
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    return folder


@pytest.fixture
def tls_peer(peer, behaviours, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    one = peer()
    converse = one._converse

    def secured(connection):
        try:
            wrapped = context.wrap_socket(connection, server_side=True)
        except (ssl.SSLError, OSError):
            connection.close()
            return
        converse(wrapped)

    one._converse = secured
    return one


def test_a_bad_certificate_is_down(app, tls_peer, caplog):
    assert health(app, users=f"https://{tls_peer.host}/")[0].status_code == 503
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


def test_a_ca_bundle_from_the_environment_is_trusted_and_the_connection_kept(app, tls_peer, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate / "cert.pem"))
    assert [health(app, users=f"https://{tls_peer.host}/")[0].status_code for _ in range(3)] == [200] * 3
    assert tls_peer.connections == 1


class TestOtherKindsOfCheck:
    @pytest.mark.parametrize(("status", "answer"), [(200, 200), (204, 200), (299, 200), (404, 503), (500, 503)])
    def test_a_status_check_reads_no_body(self, app, peer, behaviours, status, answer):
        search = peer(behaviours.says(b"", status))
        response, _ = health(app, search={"url": f"http://{search.host}/healthz", "check": "status"})
        assert (response.status_code, search.paths) == (answer, ["/healthz"])

    def test_tcp_is_up_where_somebody_listens(self, app, peer):
        store = peer()
        assert health(app, store={"url": f"tcp://{store.host}"})[0].status_code == 200
        assert store.requests == []

    def test_tcp_is_down_where_nobody_does(self, app, unused_port):
        assert health(app, store={"url": f"tcp://127.0.0.1:{unused_port}"})[0].status_code == 503

    def test_an_optional_one_degrades(self, app, unused_port):
        response, _ = health(app, store={"url": f"tcp://127.0.0.1:{unused_port}", "required": False})
        assert response.status_code == 200
        assert response.get_json() == {"components": {"store": {"status": "DOWN"}}, "status": "DEGRADED"}

    def test_in_the_group_readiness_it_decides_about_readiness(self, app, peer, behaviours):
        users = peer(behaviours.says({"status": "DOWN"}, 503))
        health(app, users={"url": users.host, "groups": ["readiness"]})
        assert app.test_client().get("/z/health/readiness").status_code == 503
        assert users.paths[-1] == "/z/health/readiness"

    def test_a_degraded_one_degrades(self, app, peer, behaviours):
        response, _ = health(app, users=peer(behaviours.says({"status": "DEGRADED"})).host)
        assert (response.status_code, response.get_json()["status"]) == (200, "DEGRADED")

    def test_credentials_in_the_url_are_sent_and_not_logged(self, app, peer, behaviours, caplog):
        users = peer(behaviours.says({}, 401))
        assert health(app, users=f"http://ada:hunter2@{users.host}/")[0].status_code == 503
        assert "Authorization: Basic YWRhOmh1bnRlcjI=" in users.requests[0]
        assert "hunter2" not in caplog.text
