"""Leader election against a real HTTP server that hangs, storms and refuses; all times are a tenth of the real ones."""

import asyncio
import contextlib
import itertools
import time

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from apphealth.kube import lease
from apphealth.kube.client import Client
from apphealth.kube.configuration import ClusterAccess
from apphealth.kube.credentials import Credentials
from apphealth.kube.lease import Leadership

SCALE = 10
HANG = object()
MARGIN = (lease.DURATION - lease.GIVE_UP) / SCALE


@pytest.fixture(autouse=True)
def _tenth(monkeypatch):
    for name in ("DURATION", "RENEW", "RETRY", "GIVE_UP", "ANSWER", "RELEASE"):
        monkeypatch.setattr(lease, name, getattr(lease, name) / SCALE)


class Server:
    """What the API server does with a Lease. `trouble(user, method)` may return a response, or HANG."""

    def __init__(self):
        self.lease = None
        self.versions = itertools.count(1)
        self.trouble = lambda user, method: None
        self.over = asyncio.Event()

    async def handle(self, request):
        user = request.path.split("/")[1]  # each candidate has an address of its own
        wrong = self.trouble(user, request.method)
        if isinstance(wrong, web.Response):
            return wrong
        if wrong is HANG:
            await self.over.wait()
        body = await request.json() if request.can_read_body else None
        if request.method == "POST":
            return self.answer(409, "AlreadyExists") if self.lease else self.keep(body)
        if self.lease is None:
            return self.answer(404, "NotFound")
        if request.method == "PUT":
            if body["metadata"].get("resourceVersion") != self.lease["metadata"]["resourceVersion"]:
                return self.answer(409, "Conflict")
            return self.keep(body)
        return web.json_response(self.lease)

    def keep(self, body):
        self.lease = body | {"metadata": body["metadata"] | {"resourceVersion": str(next(self.versions))}}
        return web.json_response(self.lease)

    def edit(self, **labels):
        self.keep(self.lease | {"metadata": self.lease["metadata"] | {"labels": labels}})

    def answer(self, code, reason, message="because", **headers):
        return web.json_response({"kind": "Status", "reason": reason, "message": message}, status=code, headers=headers)


class Replica:
    """A candidate, and when it led."""

    def __init__(self, client, name):
        self.leading, self.spans = False, []
        self.election = Leadership(client, namespace="ops", name="apphealth", identity=name, changed=self.change)

    def change(self, leading):
        self.leading = leading
        if leading:
            self.spans.append([time.monotonic(), None])
        else:
            self.spans[-1][1] = time.monotonic()


@pytest.fixture
async def server():
    found = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    found.over.set()
    await runner.cleanup()


@pytest.fixture
async def run(server):
    """Provide a way to start candidates; they release their Lease at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(name):
            access = ClusterAccess(configuration=Configuration(host=f"{server.address}/{name}"), ssl_context=None)
            client = Client(Credentials(access), connections=2, timeout=2 * lease.ANSWER, tries=1)
            replica = Replica(await stack.enter_async_context(client), name)
            replica.task = asyncio.create_task(replica.election.run())
            stack.push_async_callback(stop, replica)
            return replica

        yield start


async def stop(replica):
    replica.task.cancel()
    await asyncio.gather(replica.task, return_exceptions=True)


async def until(condition, timeout=6.0):
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 -- the candidates have no event for it
            await asyncio.sleep(0.005)


def hanging(name):
    """Return trouble for one candidate alone: no request of it is ever answered."""
    return lambda user, method: HANG if user == name else None


async def test_one_leads_and_the_other_follows(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    second = await run("second")
    await asyncio.sleep(3 * lease.DURATION)
    assert (first.leading, second.leading, len(first.spans)) == (True, False, 1)
    assert server.lease["spec"]["holderIdentity"] == "first"


async def test_a_released_lease_is_taken_at_the_next_look(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    second = await run("second")
    await asyncio.sleep(lease.RENEW)
    await stop(first)
    assert server.lease["spec"]["holderIdentity"] == ""
    await until(lambda: second.leading, lease.RENEW * 1.5)
    assert server.lease["spec"]["leaseTransitions"] == 1


async def test_a_leader_whose_requests_hang_gives_up_before_another_can_start(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    second = await run("second")
    await asyncio.sleep(1.5 * lease.RENEW)
    renewed = first.election._renewed_at
    server.trouble = hanging("first")
    await until(lambda: second.leading)
    assert first.spans[0][1] - renewed == pytest.approx(lease.GIVE_UP, abs=0.05)
    assert second.spans[0][0] - first.spans[0][1] > MARGIN / 2, "nobody leads between the two"


async def test_a_leader_that_was_stopped_may_not_write_before_it_has_looked(server, run):
    """As after SIGSTOP: the event loop stands still for longer than the Lease lasts, with an answer on its way."""
    first = await run("first")
    await until(lambda: first.leading)
    time.sleep(lease.GIVE_UP + 0.05)  # noqa: ASYNC251 -- this is the point
    assert first.leading
    assert not first.election.may_write()
    await asyncio.sleep(0)
    await until(lambda: first.spans[0][1] is not None, 0.1)


async def test_a_leader_survives_one_answer_that_does_not_come(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    once = iter([HANG])
    server.trouble = lambda user, method: next(once, None)
    await asyncio.sleep(2 * lease.GIVE_UP)
    assert (first.leading, len(first.spans)) == (True, 1)


async def test_a_429_that_asks_for_a_minute_does_not_pause_renewals(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    ends = time.monotonic() + 0.7 * lease.GIVE_UP
    server.trouble = lambda user, method: (
        server.answer(429, "TooManyRequests", **{"Retry-After": "60"}) if time.monotonic() < ends else None
    )
    await asyncio.sleep(2 * lease.GIVE_UP)
    assert (first.leading, len(first.spans)) == (True, 1)


async def test_a_missing_right_is_logged_once_and_is_an_obstacle(server, run, caplog):
    refusal = 'leases.coordination.k8s.io "apphealth" is forbidden: User "x" cannot get resource "leases"'
    server.trouble = lambda user, method: server.answer(403, "Forbidden", refusal)
    first = await run("first")
    await until(lambda: first.election.obstacle)
    await asyncio.sleep(4 * lease.RETRY)
    assert refusal in first.election.obstacle
    assert [record.message.count(refusal) for record in caplog.records] == [1]
    server.trouble = lambda user, method: None
    await until(lambda: first.leading)
    assert first.election.obstacle == ""


async def test_a_lost_lease_is_logged_with_its_reason(server, run, caplog):
    first = await run("first")
    await until(lambda: first.leading)
    server.trouble = hanging("first")
    await until(lambda: not first.leading)
    lost = next(record.message for record in caplog.records if "lost the Lease ops/apphealth" in record.message)
    assert "no answer within" in lost


async def test_the_time_of_acquisition_is_the_holders_first_renewal(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    before = server.lease["spec"]
    await until(lambda: server.lease["spec"]["renewTime"] != before["renewTime"])
    assert server.lease["spec"]["acquireTime"] == before["acquireTime"]
    assert server.lease["spec"]["leaseTransitions"] == before["leaseTransitions"]


async def test_what_somebody_adds_to_the_lease_stays_and_costs_no_leadership(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    server.edit(team="platform")
    await asyncio.sleep(lease.GIVE_UP)
    assert (first.leading, len(first.spans)) == (True, 1)
    assert server.lease["metadata"]["labels"] == {"team": "platform"}


async def test_releasing_takes_no_longer_than_the_shutdown_allows(server, run, caplog):
    first = await run("first")
    await until(lambda: first.leading)
    server.trouble = hanging("first")
    started = time.monotonic()
    await stop(first)
    assert time.monotonic() - started < lease.RELEASE + 0.2
    assert "was not released" in caplog.text
