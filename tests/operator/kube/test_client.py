"""The client against a real HTTP server on loopback."""

import asyncio
import socket

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from apphealth.kube.client import TRIES, Client
from apphealth.kube.configuration import ClusterAccess
from apphealth.kube.credentials import Credentials
from apphealth.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    NotLeadingError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)


def client(address, **options):
    return Client(Credentials(ClusterAccess(configuration=Configuration(host=address), ssl_context=None)), **options)


def status(code, reason="", message="because", **headers):
    body = {"kind": "Status", "reason": reason, "message": message}
    return web.json_response(body, status=code, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (400, "BadRequest", InvalidError),
        (401, "Unauthorized", UnauthorizedError),
        (403, "Forbidden", ForbiddenError),
        (404, "NotFound", NotFoundError),
        (409, "Conflict", ConflictError),
        (409, "AlreadyExists", AlreadyExistsError),
        (410, "Expired", NotFoundError),
        (415, "UnsupportedMediaType", InvalidError),
        (422, "Invalid", InvalidError),
        (500, "InternalError", ServerError),
        (503, "", ServerError),
        (302, "", UnauthorizedError),
    ],
)
async def test_each_answer_becomes_the_error_that_says_what_to_do(server, code, reason, error):
    async def handler(_):
        return status(code, reason)

    async with server(handler) as address, client(address) as asked:
        with pytest.raises(error) as caught:
            await asked.request("GET", "/api")
    assert type(caught.value) is error
    assert caught.value.status == code


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>no</html>", id="html"),
        pytest.param(b"\xff\xfe", id="bytes"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"message": 5}', id="wrong-type"),
        pytest.param(b"x" * 100_000, id="long"),
    ],
)
async def test_an_error_of_any_shape_is_an_error_with_a_short_message(server, body):
    async def handler(_):
        return web.Response(body=body, status=500)

    async with server(handler) as address, client(address) as asked:
        with pytest.raises(ServerError) as caught:
            await asked.request("GET", "/api")
    assert 0 < len(str(caught.value)) <= 1000


async def test_a_429_is_waited_for_as_long_as_the_server_says(server):
    times = []

    async def handler(_):
        times.append(asyncio.get_running_loop().time())
        return status(429, Retry_After="0.1") if len(times) == 1 else web.json_response({})

    async with server(handler) as address, client(address) as asked:
        await asked.request("PATCH", "/api", body={})
    assert len(times) == 2
    assert times[1] - times[0] >= 0.1


async def test_while_one_request_waits_for_a_429_no_other_is_sent(server):
    seen = []

    async def handler(request):
        seen.append((request.path, asyncio.get_running_loop().time()))
        return status(429, Retry_After="0.2") if len(seen) == 1 else web.json_response({})

    async with server(handler) as address, client(address) as asked:
        first = asyncio.create_task(asked.request("GET", "/first"))
        await asyncio.sleep(0.05)
        await asked.request("GET", "/second")
        await first
    assert seen[1][1] - seen[0][1] >= 0.2


async def test_an_endless_429_is_an_error_in_the_end(server):
    count = 0

    async def handler(_):
        nonlocal count
        count += 1
        return status(429, Retry_After="0.01")

    async with server(handler) as address, client(address) as asked:
        with pytest.raises(TooManyRequestsError) as caught:
            await asked.request("GET", "/api")
    assert count == TRIES
    assert caught.value.retry_after == 0.01


async def test_a_server_that_is_not_there_is_unreachable():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with client(f"http://127.0.0.1:{port}") as asked:
        with pytest.raises(UnreachableError, match=f"cannot reach http://127.0.0.1:{port}"):
            await asked.request("GET", "/api")


async def test_an_answer_that_does_not_come_in_time_is_no_answer(server):
    async def handler(_):
        await asyncio.sleep(5)
        return web.json_response({})

    async with server(handler) as address, client(address, timeout=0.2) as asked:
        with pytest.raises(UnreachableError, match="in time"):
            await asked.request("GET", "/api")


async def test_no_more_connections_are_used_than_asked_for(server):
    under_way, most = 0, 0

    async def handler(_):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return web.json_response({})

    async with server(handler) as address, client(address, connections=3) as asked:
        await asyncio.gather(*(asked.request("GET", "/api") for _ in range(20)))
    assert most == 3


async def test_every_error_is_of_one_family():
    for error in (UnreachableError, ConflictError, TooManyRequestsError, ServerError):
        assert issubclass(error, KubeError)


async def test_writes_that_may_not_be_sent_are_not_sent(server):
    seen = []

    async def handler(request):
        seen.append(request.method)
        return web.json_response({})

    async with server(handler) as address, client(address, may_write=lambda: False) as kube:
        await kube.request("GET", "/x")
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(NotLeadingError):
                await kube.request(method, "/x", body={})
    assert seen == ["GET"]
