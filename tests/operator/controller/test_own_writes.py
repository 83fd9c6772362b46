"""What kopf gets to read of a watch: everything but the echoes of our own writes, over a real connection."""

import asyncio
import json

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from apphealth.controller.watch_session import watch_session
from apphealth.kube.configuration import ClusterAccess
from apphealth.kube.credentials import Credentials
from apphealth.kube.meta import parse_meta
from apphealth.kube.resources import Resource

PATH = Resource.DEPLOYMENTS.path(None)


@pytest.fixture
async def watched(store, make):
    """Serve chunks of text as a watch; gives what comes out of it, line by line."""
    runners = []

    async def read(*chunks: bytes, path: str = f"{PATH}?watch=true") -> list[bytes]:
        async def handler(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(request)
            for chunk in chunks:
                await answer.write(chunk)
                await asyncio.sleep(0.01)
            return answer

        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        runners.append(runner := web.AppRunner(app, access_log=None, shutdown_timeout=0))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        access = ClusterAccess(configuration=Configuration(host=address), ssl_context=None)
        session = watch_session(Credentials(access), None, lambda *_: None, store.knows)
        async with session, session.get(address + path) as answer:
            return b"".join([data async for data in answer.content.iter_chunked(1 << 20)]).splitlines()

    yield read
    for runner in runners:
        await runner.cleanup()


def line(kind: str, obj: object) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def bookmark(obj: dict) -> dict:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}}}


async def test_an_event_of_a_version_that_is_known_becomes_a_bookmark(watched, store, make):
    store.put(Resource.DEPLOYMENTS, ours := make.deployment())
    (got,) = await watched(line("MODIFIED", ours))
    assert json.loads(got) == bookmark(ours)


async def test_an_event_older_than_what_is_known_becomes_a_bookmark(watched, store, make):
    late = make.deployment()
    store.put(Resource.DEPLOYMENTS, make.deployment())
    (got,) = await watched(line("ADDED", late))
    assert json.loads(got) == bookmark(late)


async def test_what_is_new_passes_byte_by_byte(watched, store, make):
    store.put(Resource.DEPLOYMENTS, before := make.deployment())
    sent = [
        line("MODIFIED", make.deployment()),
        line("ADDED", make.deployment("unknown")),
        line("DELETED", before),
        line("BOOKMARK", {"metadata": {"resourceVersion": "1"}}),
        line("ERROR", {"kind": "Status", "code": 410}),
        b"no JSON at all\n",
    ]
    assert [got + b"\n" for got in await watched(*sent)] == sent


async def test_lines_are_put_together_from_pieces(watched, store, make):
    store.put(Resource.DEPLOYMENTS, ours := make.deployment())
    text = line("MODIFIED", ours) + line("MODIFIED", theirs := make.deployment()) + b'{"cut": "off'
    got = await watched(*(text[at : at + 100] for at in range(0, len(text), 100)))
    assert json.loads(got[0]) == bookmark(ours)
    assert json.loads(got[1])["object"] == theirs
    assert got[2:] == [b'{"cut": "off']


async def test_the_answer_to_a_write_makes_its_echo_known_and_never_an_older_one(watched, store, make):
    first, second, third = (make.health_plan() for _ in range(3))
    store.wrote(Resource.HEALTH_PLANS, parse_meta(second["metadata"]))
    store.wrote(Resource.HEALTH_PLANS, parse_meta(first["metadata"]))
    path = f"{Resource.HEALTH_PLANS.path(None)}?watch=true"
    got = await watched(line("ADDED", first), line("MODIFIED", second), line("MODIFIED", third), path=path)
    assert [json.loads(text)["type"] for text in got] == ["BOOKMARK", "BOOKMARK", "MODIFIED"]


async def test_other_paths_are_left_alone(watched, store, make):
    store.put(Resource.DEPLOYMENTS, ours := make.deployment())
    assert await watched(line("MODIFIED", ours), path=f"{PATH}/web?watch=true") == [line("MODIFIED", ours).strip()]
