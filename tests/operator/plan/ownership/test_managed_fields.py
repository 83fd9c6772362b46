"""What is left of a probe without some fields, and which of ours another owner's probe can lose."""

from __future__ import annotations

import copy

import pytest

from apphealth.model.ownership import OURS, Ownership
from apphealth.model.probe import Exec, HttpGet, Probe, TcpSocket
from apphealth.model.workload import LiveProbe
from apphealth.plan.ownership.managed_fields import original_of, removable_leaves, without, without_ours

HTTP = Probe(handler=HttpGet(port=8080, path="/live"), period=30)
EXEC = Probe(handler=Exec(command=("true",)), period=30)
TCP = Probe(handler=TcpSocket(port=8080))
PATH, PORT, SCHEME = (("httpGet", name) for name in ("path", "port", "scheme"))
COMMAND = ("exec", "command")
PERIOD = ("periodSeconds",)


def shared(probe, *ours, exact=None):
    owner = Ownership(ours=False, our_leaves=ours, held=ours, others=("kubectl",), claimed=True)
    return LiveProbe(probe, owner, exact)


@pytest.mark.parametrize(
    ("probe", "leaves", "rest"),
    [
        pytest.param(HTTP, (), HTTP, id="nothing"),
        pytest.param(HTTP, (PERIOD,), Probe(handler=HTTP.handler), id="a number: the default is back"),
        pytest.param(HTTP, (PATH,), Probe(handler=HttpGet(port=8080, path="/"), period=30), id="a path"),
        pytest.param(HTTP, (PORT,), None, id="a port: no probe is left"),
        pytest.param(HTTP, (PATH, PORT, SCHEME), None, id="a handler: no probe is left"),
        pytest.param(HTTP, (COMMAND,), HTTP, id="a field that isn't there"),
        pytest.param(HTTP, (("periodSeconds", "x"),), HTTP, id="a field below a number"),
        pytest.param(EXEC, (COMMAND,), None, id="a command: no probe is left"),
        pytest.param(EXEC, (PERIOD,), Probe(handler=EXEC.handler), id="a number of a command's probe"),
        pytest.param(TCP, (("tcpSocket", "port"),), None, id="a TCP port: no probe is left"),
    ],
)
def test_a_probe_without_some_of_its_fields(probe, leaves, rest):
    assert without(probe, leaves) == rest


@pytest.mark.parametrize(
    ("live", "removable", "theirs"),
    [
        pytest.param(shared(HTTP, PERIOD), (PERIOD,), Probe(handler=HTTP.handler), id="a number"),
        pytest.param(shared(HTTP, PORT), (), HTTP, id="a port: their handler needs it"),
        pytest.param(
            shared(HTTP, PATH, PORT),
            (PATH,),
            Probe(handler=HttpGet(port=8080, path="/"), period=30),
            id="a path and a port: the port stays",
        ),
        pytest.param(shared(HTTP, PATH, PORT, SCHEME), (PATH, PORT, SCHEME), HTTP, id="the whole handler is ours"),
        pytest.param(shared(EXEC, COMMAND), (COMMAND,), EXEC, id="the whole command is ours"),
    ],
)
def test_what_of_ours_another_owners_probe_can_lose(live, removable, theirs):
    assert removable_leaves(live) == removable
    assert without_ours(live) == theirs


def test_the_original_has_fields_that_we_do_not_know_and_the_live_probe_stays_as_it_was():
    exact = {"httpGet": {"path": "/live", "port": 8080, "scheme": "HTTP", "new": {"a": 1}}, "periodSeconds": 30}
    before = copy.deepcopy(exact)
    assert original_of(shared(HTTP, PATH, exact=exact)) == {
        "httpGet": {"port": 8080, "scheme": "HTTP", "new": {"a": 1}},
        "periodSeconds": 30,
    }
    assert exact == before


def test_an_original_that_would_be_no_probe_without_our_fields_stays_whole():
    exact = {"httpGet": {"path": "/live", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 30}
    assert original_of(shared(HTTP, PATH, PORT, SCHEME, exact=exact)) == exact
    assert original_of(LiveProbe(HTTP, OURS, exact)) == exact
