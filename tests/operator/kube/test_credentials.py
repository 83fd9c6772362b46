"""Credentials that end while we run: renewed once for all, beside the event loop, and said when they can't be."""

import asyncio
import contextlib
import time

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from apphealth.kube import credentials
from apphealth.kube.client import Client
from apphealth.kube.configuration import ClusterAccess, CredentialsError
from apphealth.kube.credentials import Credentials, find_credentials
from apphealth.kube.errors import UnauthorizedError


class Server:
    """Answers those who send the right header, and notes what was sent."""

    def __init__(self, right):
        self.right = right
        self.seen = []
        self.address = ""

    async def handle(self, request):
        header = request.headers.get("Authorization")
        self.seen.append((header, await request.text()))
        return web.json_response({}, status=200 if header == self.right else 401)


@pytest.fixture
def serve(server):
    """Provide a way to serve those who send a header: `async with serve("Bearer x") as server`."""

    @contextlib.asynccontextmanager
    async def start(right):
        found = Server(right)
        async with server(found.handle) as found.address:
            yield found

    return start


def access(server, header):
    configuration = Configuration(host=server.address, api_key={"BearerToken": header} if header else {})
    return ClusterAccess(configuration=configuration, ssl_context=None)


async def test_a_refused_token_is_renewed_and_the_request_sent_again(serve):
    async with serve("Bearer new") as server:
        known = Credentials(access(server, "Bearer old"), lambda: access(server, "Bearer new"))
        async with Client(known) as client:
            await client.request("PUT", "/api", body={"a": 1})
            await client.request("PUT", "/api", body={"a": 2})
    assert server.seen == [("Bearer old", '{"a":1}'), ("Bearer new", '{"a":1}'), ("Bearer new", '{"a":2}')]


async def test_many_requests_that_are_refused_renew_it_once_and_the_loop_goes_on(serve):
    logins, turns = [], []

    def find():
        """Take its time, until the loop has gone on."""
        logins.append(len(turns))
        deadline = time.monotonic() + 30
        while len(turns) < logins[0] + 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        return access(server, "Bearer new")

    async with serve("Bearer new") as server, Client(Credentials(access(server, "Bearer old"), find)) as client:
        requests = asyncio.gather(*(client.request("GET", "/api") for _ in range(20)))
        while not requests.done():
            await asyncio.sleep(0.01)
            turns.append(None)
        await requests
    assert len(logins) == 1
    assert len(turns) >= logins[0] + 5


OLD = ClusterAccess(configuration=Configuration(api_key={"BearerToken": "Bearer old"}), ssl_context=None)


@pytest.mark.parametrize(
    "find",
    [
        pytest.param(None, id="nowhere-to-ask"),
        pytest.param(lambda: OLD, id="same-token"),
    ],
)
async def test_a_token_that_stays_the_same_is_not_tried_again(serve, find):
    async with serve("Bearer new") as server, Client(Credentials(access(server, "Bearer old"), find)) as client:
        with pytest.raises(UnauthorizedError):
            await client.request("GET", "/api")
    assert len(server.seen) == 1


async def test_why_there_is_no_other_token_is_said_and_it_is_tried_again_with_the_next_request(serve):
    def find():
        if len(server.seen) == 1:
            raise CredentialsError("the credential plugin 'aws' failed: log in first")
        return access(server, "Bearer new")

    async with serve("Bearer new") as server, Client(Credentials(access(server, "Bearer old"), find)) as client:
        with pytest.raises(UnauthorizedError, match="'aws' failed: log in first"):
            await client.request("GET", "/api")
        await client.request("GET", "/api")


async def test_without_credentials_no_header_is_sent(serve):
    async with serve(None) as server, Client(Credentials(access(server, None))) as client:
        await client.request("GET", "/api")
    assert server.seen == [(None, "")]


COUNTING = """
count = os.path.getsize('count') if os.path.exists('count') else 0
open('count', 'a').write('x')
ends = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 60))
give({'token': f'number-{count}', 'expirationTimestamp': ends})
"""


async def test_a_token_near_its_end_is_renewed_while_requests_go_on(serve, kubeconfig, plugin, monkeypatch, caplog):
    monkeypatch.setattr(credentials, "CHECK", 0.2)
    async with serve(None) as server:
        path = kubeconfig(user=plugin(COUNTING), cluster={"server": server.address})
        known = find_credentials(path)
        first = known.header

        async def ask_until(condition):
            async with asyncio.timeout(10):
                while not condition():
                    with contextlib.suppress(UnauthorizedError):
                        await client.request("GET", "/api")
                    await asyncio.sleep(0.05)

        async with Client(known) as client:
            server.right = first
            await client.request("GET", "/api")
            await ask_until(lambda: known.header != first)
            (path.parent / "plugin").unlink()
            await ask_until(lambda: caplog.messages)
            kept = known.header
            server.right = kept
            await client.request("GET", "/api")
    assert kept.startswith("Bearer number-")
    assert "the token was not renewed" in caplog.messages[0]
    assert "the credential plugin './plugin' of the user 'u' failed" in caplog.messages[0]
