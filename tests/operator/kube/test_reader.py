"""The command line's reads, by the official client, against a real HTTP server on loopback."""

import asyncio
import socket

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from apphealth.kube.configuration import ClusterAccess, find_access
from apphealth.kube.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from apphealth.kube.reader import RETRIES, Reader


def reader(address):
    return Reader(ClusterAccess(configuration=Configuration(host=address), ssl_context=None))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, UnauthorizedError),
        (400, InvalidError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (410, NotFoundError),
        (500, ServerError),
        (503, ServerError),
    ],
)
async def test_each_answer_becomes_the_error_that_says_what_to_do(server, status, error):
    async def handler(_):
        return web.json_response({"message": "because"}, status=status, headers={"Location": "/elsewhere"})

    async with server(handler) as address:
        with reader(address) as read, pytest.raises(error) as caught:
            await asyncio.to_thread(read.get, "/api")
    assert caught.value.status == status
    assert ("because" in caught.value.message) is (status >= 400)


async def test_a_429_is_waited_for_and_an_endless_one_is_an_error(server):
    asked = []

    async def handler(request):
        asked.append(request.path)
        if request.path == "/busy" or asked.count("/soon") == 1:
            return web.json_response({"message": "later"}, status=429, headers={"Retry-After": "0"})
        return web.json_response({"found": True})

    async with server(handler) as address:
        with reader(address) as read:
            assert await asyncio.to_thread(read.get, "/soon") == {"found": True}
            with pytest.raises(TooManyRequestsError):
                await asyncio.to_thread(read.get, "/busy")
    assert (asked.count("/soon"), asked.count("/busy")) == (2, RETRIES + 1)


async def test_a_list_is_read_page_by_page(server):
    asked = []

    async def handler(request):
        asked.append(dict(request.query))
        more = {} if "continue" in request.query else {"continue": "a/b+c"}
        return web.json_response({"metadata": more, "items": [{"number": len(asked)}]})

    async with server(handler) as address:
        with reader(address) as read:
            assert await asyncio.to_thread(list, read.items("/api/v1/pods")) == [{"number": 1}, {"number": 2}]
    assert asked == [{"limit": "500"}, {"limit": "500", "continue": "a/b+c"}]


def test_a_server_that_is_not_there_is_told_in_one_line(caplog):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with reader(f"http://127.0.0.1:{port}") as read, pytest.raises(UnreachableError) as caught:
        read.get("/api")
    assert str(caught.value).startswith(f"cannot reach http://127.0.0.1:{port}: ")
    assert "Connection refused" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not caplog.records


async def test_a_plugin_with_short_lived_tokens_is_run_once(server, kubeconfig, plugin, tmp_path):
    async def handler(request):
        return web.json_response({"token": request.headers["Authorization"]})

    code = "open('runs', 'a').write('x'); give({'token': 'short', 'expirationTimestamp': '2020-01-01T00:00:00Z'})"
    async with server(handler) as address:
        path = kubeconfig(user=plugin(code), cluster={"server": address})
        with Reader(find_access(path)) as read:
            found = [await asyncio.to_thread(read.get, "/api") for _ in range(3)]
    assert found == [{"token": "Bearer short"}] * 3
    assert (tmp_path / "runs").read_text() == "x"
