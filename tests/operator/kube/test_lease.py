"""Leader election against a real HTTP server that hangs, storms and refuses; all times are a tenth of the real ones."""

import asyncio
import contextlib
import itertools
import time

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from apphealth.kube import lease, others
from apphealth.kube.client import Client
from apphealth.kube.configuration import ClusterAccess
from apphealth.kube.credentials import Credentials
from apphealth.kube.lease import Leadership
from apphealth.kube.others import CLUSTER, NAMESPACE, SCOPE, Others

SCALE = 10
HANG = object()
MARGIN = (lease.DURATION - lease.GIVE_UP) / SCALE


@pytest.fixture(autouse=True)
def _tenth(monkeypatch):
    for name in ("DURATION", "RENEW", "RETRY", "GIVE_UP", "ANSWER", "RELEASE"):
        monkeypatch.setattr(lease, name, getattr(lease, name) / SCALE)
    monkeypatch.setattr(others, "HELD", others.HELD / SCALE)
    monkeypatch.setattr(others, "LOOK", others.LOOK / SCALE)
    monkeypatch.setattr(others, "REPLACED", others.REPLACED / SCALE / 4)


class Server:
    """What the API server does with a Lease. `trouble(user, method)` may return a response, or HANG."""

    def __init__(self):
        self.lease = None
        self.others = []
        self.sighted = True
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
        if request.method == "GET" and request.path.endswith("/leases"):
            assert request.query["fieldSelector"] == "metadata.name=apphealth"
            there = [*self.others, *([self.lease] if self.lease else [])]
            return web.json_response({"items": there}) if self.sighted else self.answer(403, "Forbidden")
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

    def __init__(self, client, name, scope):
        self.leading, self.spans, self.changes = False, [], 0
        self.others = Others(client, namespace="ops", name="apphealth", scope=scope, changed=self.elsewhere_changed)
        self.election = Leadership(
            client, namespace="ops", name="apphealth", identity=name, others=self.others, changed=self.change
        )

    def elsewhere_changed(self):
        self.changes += 1

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

        async def start(name, scope=CLUSTER):
            access = ClusterAccess(configuration=Configuration(host=f"{server.address}/{name}"), ssl_context=None)
            client = Client(Credentials(access), connections=2, timeout=2 * lease.ANSWER, tries=1)
            replica = Replica(await stack.enter_async_context(client), name, scope)
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
    assert time.monotonic() - started < lease.RELEASE + 10, "the API server never answers"
    assert "was not released" in caplog.text


class OtherOperator:
    """An operator that renews a Lease of its own, in another namespace."""

    def __init__(self, server, namespace="elsewhere", scope=CLUSTER):
        self.server, self.times = server, itertools.count()
        annotations = {SCOPE: scope} if scope else {}
        self.lease = {"metadata": {"name": "apphealth", "namespace": namespace, "annotations": annotations}}
        server.others.append(self.lease)
        self.renew()

    def renew(self):
        self.lease["spec"] = {"holderIdentity": "other", "renewTime": f"{next(self.times)}"}

    async def renew_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.renew()
            await asyncio.sleep(lease.RENEW)

    def release(self):
        self.lease["spec"] = {"holderIdentity": ""}


@pytest.mark.parametrize("mine", [CLUSTER, NAMESPACE])
async def test_it_stands_by_while_another_operator_manages_the_whole_cluster(server, run, caplog, mine):
    other = OtherOperator(server)
    second = await run("second", mine)
    await other.renew_for(2 * others.HELD)
    assert (second.leading, server.lease) == (False, None)
    assert "held by other" in second.others.standing_by
    assert sum("standing by: another operator" in record.message for record in caplog.records) == 1
    other.release()
    released = time.monotonic()
    await until(lambda: second.leading)
    assert time.monotonic() - released >= others.REPLACED - lease.RENEW * 1.5, "the other one may only be replaced"
    assert second.others.standing_by == ""
    assert server.lease["metadata"]["annotations"][SCOPE] == mine


async def test_a_lease_that_does_not_say_so_is_no_operators(server, run):
    other = OtherOperator(server, scope="")
    second = await run("second")
    await other.renew_for(0.5)
    assert second.leading


async def test_a_lease_that_nobody_renews_is_no_operator(server, run):
    OtherOperator(server)
    second = await run("second")
    await until(lambda: second.leading)


async def test_a_leader_does_not_make_way_for_an_operator_that_comes_later(server, run):
    first = await run("first")
    await until(lambda: first.leading)
    await OtherOperator(server).renew_for(2 * others.HELD)
    assert (first.leading, len(first.spans)) == (True, 1)


async def test_of_two_that_start_at_the_same_time_both_give_way(server, run):
    """The other one's Lease appears after the first look, and is seen by the second."""
    first = await run("first")
    original, looks = first.others._read, itertools.count(1)

    async def read(now):
        if next(looks) == 2:
            OtherOperator(server)
        return await original(now)

    first.others._read = read
    await until(lambda: server.lease is not None)
    await until(lambda: first.others.standing_by)
    await asyncio.sleep(0.05)
    assert (first.leading, first.spans) == (False, [])
    assert server.lease["spec"]["holderIdentity"] == ""


async def test_for_the_whole_cluster_it_leaves_out_namespaces_with_operators_of_their_own(server, run, caplog):
    other = OtherOperator(server, "shop", NAMESPACE)
    first = await run("first")
    await until(lambda: first.leading)
    assert first.others.elsewhere == {"shop"}
    assert any("the namespace shop has an operator of its own" in record.message for record in caplog.records)
    await other.renew_for(1.5 * others.HELD)
    assert (first.others.elsewhere, first.changes) == ({"shop"}, 1)
    other.release()
    await until(lambda: not first.others.elsewhere)
    assert (first.changes, first.leading) == (2, True)


async def test_for_one_namespace_operators_of_other_namespaces_are_nobodys_business(server, run):
    OtherOperator(server, "market", NAMESPACE)
    first = await run("first", NAMESPACE)
    await until(lambda: first.leading)
    assert (first.others.elsewhere, first.changes) == (frozenset(), 0)


async def test_without_the_right_to_see_others_it_says_so_once_and_leads(server, run, caplog):
    server.sighted = False
    first = await run("first", NAMESPACE)
    await until(lambda: first.leading)
    said = [record.message for record in caplog.records if "can't see whether another operator" in record.message]
    assert len(said) == 1
    assert "deploy/operator/shared/leases.yaml" in said[0]


async def test_settled_it_lists_no_leases(server, run):
    lists = []
    server.trouble = lambda user, method: lists.append(method) if method == "GET" else None
    first = await run("first")
    await until(lambda: first.leading)
    lists.clear()
    await asyncio.sleep(2 * others.HELD)
    assert lists == []
