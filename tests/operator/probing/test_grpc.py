"""gRPC: a real server with and without the health service, and things that are none."""

import asyncio

import pytest

from apphealth.model.probe import Grpc
from apphealth.model.proof import Accept, Question, Verdict
from apphealth.probing.asker import ask
from apphealth.probing.tries import NotYet


def question(port, service="", timeout=5):
    handler = Grpc(port=port, service=service)
    return Question(
        container="main", image="a:1", template="x", handler=handler, timeout=timeout, accept=Accept.DISTINCT
    )


@pytest.mark.parametrize(
    ("statuses", "service", "verdict", "said"),
    [
        pytest.param({"": "SERVING"}, "", Verdict.VERIFIED, "SERVING in", id="serving"),
        pytest.param({"a.B": "SERVING"}, "a.B", Verdict.VERIFIED, "SERVING in", id="a service of a name"),
        pytest.param({"x" * 300: "SERVING"}, "x" * 300, Verdict.VERIFIED, "SERVING in", id="a long name"),
        pytest.param({"": "NOT_SERVING"}, "", Verdict.REFUTED, "NOT_SERVING from", id="not serving"),
        pytest.param({"": "SERVING"}, "other", Verdict.REFUTED, "NOT_FOUND: it doesn't", id="unknown service"),
        pytest.param(None, "", Verdict.REFUTED, "UNIMPLEMENTED: it has no health service", id="no health service"),
    ],
)
async def test_what_a_server_says(start_grpc, make_pod, statuses, service, verdict, said):
    proof = await ask(question(start_grpc(statuses), service), [make_pod()])
    assert (proof.verdict, said in proof.answer) == (verdict, True), proof


async def test_ipv6(start_grpc, make_pod):
    port = start_grpc({"": "SERVING"}, "[::1]")
    assert (await ask(question(port), [make_pod(ip="::1")])).verdict is Verdict.VERIFIED


async def test_a_young_pod_may_not_serve_yet(start_grpc, make_pod):
    port = start_grpc({"": "NOT_SERVING"})
    assert await ask(question(port), [make_pod(age=3)]) == NotYet("NOT_SERVING from web-5d4f-x2x")


async def hang(reader, writer):
    await asyncio.sleep(3600)


async def http_one(reader, writer):
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def garbage(reader, writer):
    writer.write(b"\x00\xff" * 5000)
    await reader.read(100_000)


async def settings_without_end(reader, writer):
    while True:
        writer.write(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 500)
        await writer.drain()


async def nothing(reader, writer):
    await reader.read(100)


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        pytest.param(hang, "no complete answer within 1 s", id="hanging"),
        pytest.param(http_one, "what came back is no gRPC", id="HTTP/1"),
        pytest.param(garbage, "what came back is no gRPC", id="garbage"),
        pytest.param(settings_without_end, "more than 64 KiB", id="endless"),
        pytest.param(nothing, "closed without an answer", id="closed"),
    ],
)
async def test_what_is_no_grpc_refutes(servers, make_pod, talk, said):
    proof = await ask(question(await servers.talk(talk), timeout=1), [make_pod()])
    assert (proof.verdict, said in proof.answer) == (Verdict.REFUTED, True), proof


def http2(*, status="200", headers=(), data=b"", end=True):
    """Serve HTTP/2 that is no gRPC, or bad gRPC."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import RequestReceived, StreamEnded

    async def talk(reader, writer):
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while received := await reader.read(65536):
            for event in connection.receive_data(received):
                if isinstance(event, StreamEnded):
                    connection.send_headers(1, [(":status", status), *headers], end_stream=end and not data)
                    if data:
                        connection.send_data(1, data, end_stream=end)
                assert event is not RequestReceived
            writer.write(connection.data_to_send())

    return talk


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        pytest.param(http2(status="404"), "what came back is no gRPC", id="HTTP/2 alone"),
        pytest.param(http2(headers=[("grpc-status", "\x1b[1m")]), "no gRPC status", id="a hostile status"),
        pytest.param(http2(headers=[("grpc-status", "13")]), "gRPC status 13", id="an internal error"),
        pytest.param(
            http2(headers=[("grpc-status", "0")], data=b"\0\0\0\0\2\x08\x09"), "an answer of another kind", id="odd"
        ),
        pytest.param(
            http2(headers=[("grpc-status", "0")], data=b"\0\0\0\0\2\x08\x02"), "NOT_SERVING", id="not serving"
        ),
    ],
)
async def test_bad_grpc_refutes(servers, make_pod, talk, said):
    proof = await ask(question(await servers.talk(talk)), [make_pod()])
    assert (proof.verdict, said in proof.answer) == (Verdict.REFUTED, True), proof
    assert proof.answer.isprintable()
