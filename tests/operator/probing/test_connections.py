"""Open, refused and out of reach: what a connection alone tells."""

import errno
import socket

import pytest

from apphealth.model.probe import Exec, Grpc, HttpGet, TcpSocket
from apphealth.model.proof import Accept, Question, Verdict
from apphealth.probing.asker import ask
from apphealth.probing.connecting import no_connection
from apphealth.probing.tries import NotYet, Outcome


def question(handler, accept=Accept.DISTINCT, timeout=5):
    return Question(container="main", image="db:1", template="x", handler=handler, timeout=timeout, accept=accept)


@pytest.fixture
def closed_port():
    """Provide a port at which nobody listens, and nobody will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def silent_port():
    """Provide a port that takes no connection any more, as if a firewall dropped what is sent there."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(full.getsockname())
            waiting.append(client)
        yield full.getsockname()[1]
        for client in waiting:
            client.close()


async def test_an_open_port_is_verified(servers, make_pod):
    async def silent(reader, writer):
        await reader.read()

    proof = await ask(question(TcpSocket(port=await servers.talk(silent))), [make_pod(), make_pod("db-1")])
    assert (proof.verdict, proof.answer.startswith("open in"), proof.answer.endswith("2 pods")) == (
        Verdict.VERIFIED,
        True,
        True,
    )


@pytest.mark.parametrize("handler", [HttpGet, TcpSocket, Grpc])
async def test_who_refuses_is_refuted_unless_he_has_just_started(make_pod, closed_port, handler):
    asked = question(handler(port=closed_port))
    proof = await ask(asked, [make_pod(age=301)])
    assert (proof.verdict, proof.answer) == (Verdict.REFUTED, "connection refused from web-5d4f-x2x")
    assert await ask(asked, [make_pod(age=299)]) == NotYet("connection refused from web-5d4f-x2x")


@pytest.mark.parametrize("handler", [HttpGet, TcpSocket, Grpc])
async def test_a_pod_that_takes_no_connection_is_unreachable(make_pod, silent_port, handler):
    proof = await ask(question(handler(port=silent_port), timeout=1), [make_pod()])
    assert (proof.verdict, proof.answer) == (Verdict.UNREACHABLE, "no connection within 1 s from web-5d4f-x2x")


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.EHOSTUNREACH, Outcome.UNREACHED),
        (errno.ENETUNREACH, Outcome.UNREACHED),
        (errno.ETIMEDOUT, Outcome.UNREACHED),
        (errno.ECONNREFUSED, Outcome.STARTING),
        (errno.ECONNRESET, Outcome.BAD),
    ],
    ids=errno.errorcode.get,
)
def test_what_the_systems_errors_mean(number, outcome):
    assert no_connection(OSError(number, "as the system says")).outcome is outcome


async def test_those_who_answer_decide_when_another_is_out_of_reach(servers, make_pod):
    async def silent(reader, writer):
        await reader.read()

    port = await servers.talk(silent)
    with socket.socket() as full:
        full.bind(("127.0.0.2", port))
        full.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        proof = await ask(question(TcpSocket(port=port), timeout=1), [make_pod(), make_pod("web-2", ip="127.0.0.2")])
        for client in waiting:
            client.close()
    assert (proof.verdict, proof.answer.endswith("1 pod")) == (Verdict.VERIFIED, True)


@pytest.mark.parametrize("handler", [Exec(command=("true",)), HttpGet(port="http")], ids=["exec", "a port's name"])
async def test_what_cannot_be_asked_over_the_network_is_refuted(make_pod, handler):
    assert (await ask(question(handler), [make_pod()])).verdict is Verdict.REFUTED
