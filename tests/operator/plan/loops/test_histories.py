"""Any history of an owner, rules and an operator that may die: it ends as if we had never been there.

Beside the workload runs its shadow: the same owner, and no operator. Once no rule is left, the two are the same.
"""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATHS = st.sampled_from(["/theirs", "/z/health/liveness", "/other"])
PORTS = st.sampled_from([8080, "http"])
NUMBERS = st.fixed_dictionaries(
    {}, optional={"periodSeconds": st.sampled_from([10, 20]), "timeoutSeconds": st.sampled_from([1, 5])}
)
HTTP = st.builds(lambda path, port: {"httpGet": {"path": path, "port": port}}, PATHS, PORTS)
TCP = st.builds(lambda port: {"tcpSocket": {"port": port}}, PORTS)
THEIRS = st.none() | st.builds(lambda handler, numbers: handler | numbers, HTTP | TCP, NUMBERS)
SPECS = st.none() | st.fixed_dictionaries(
    {"existingProbes": st.sampled_from(["Keep", "Replace"])},
    optional={
        "probes": st.sampled_from(
            [{"liveness": {"path": "/ours"}}, {"liveness": {"port": "nope"}}, {"liveness": {"enabled": False}}]
        )
    },
)


def steps(theirs, modes):
    specs = SPECS.filter(lambda spec: spec is None or spec["existingProbes"] in modes)
    return st.lists(
        st.one_of(
            st.tuples(st.just("owner"), theirs),
            st.tuples(st.just("rule"), specs),
            st.tuples(st.just("settle"), st.none()),
            st.tuples(st.just("dies"), st.sampled_from(["before the patch", "after the patch"])),
        ),
        max_size=10,
    )


RUNS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("how", "modes"), [("client-side", ["Keep", "Replace"]), ("replace", ["Keep", "Replace"]), ("apply", ["Keep"])]
)
def test_any_history_ends_as_if_we_had_not_been_there(build, api_server, operator, how, modes):
    """By server-side apply, an owner whose probe was replaced can't take it out of their manifest: nobody is told."""
    # `kubectl replace` leaves no sign of who wrote a value that is the same as ours: theirs are others there.
    theirs = THEIRS.filter(lambda probe: how != "replace" or not ({"/z/health/liveness", 5} & _values(probe)))

    @RUNS
    @given(theirs, steps(theirs, modes))
    def check(first, history):
        server, shadow = (api_server(_manifest(build, None)) for _ in range(2))
        for one in (server, shadow):
            _write(one, how, _manifest(build, first))
        life = operator(server, build.world())
        for step, value in history:
            match step:
                case "owner":
                    for one in (server, shadow):
                        _write(one, how, _manifest(build, value))
                case "rule":
                    build.set_rules(life.world, *([build.rule(**value)] if value else []))
                case "settle":
                    life.settle()
                case "dies":
                    _dies(life, value)
        life.settle()
        build.set_rules(life.world)
        life.settle()
        assert _probes(server) == _probes(shadow)
        assert life.world.originals == {}

    check()


def _values(probe):
    return {probe.get("httpGet", {}).get("path"), probe.get("timeoutSeconds")} if probe else set()


def _manifest(build, liveness):
    return build.deployment(build.container(**({"livenessProbe": copy.deepcopy(liveness)} if liveness else {})))


def _write(server, how, manifest):
    match how:
        case "replace":
            server.replace(manifest, "kubectl")
        case "client-side":
            server.client_side_apply(manifest)
        case "apply":
            server.apply(manifest, "argocd", force=True)


def _dies(life, when):
    decided = life.look()
    if decided.record is not None:
        life.remember(decided)
    if when == "after the patch":
        life.send(decided)


def _probes(server):
    return {field: value for field, value in server.container().items() if field.endswith("Probe")}


def test_an_owner_who_writes_the_handler_that_replaced_theirs_gets_back_the_whole_of_their_own(
    build, api_server, operator
):
    theirs = {"httpGet": {"path": "/z/health/liveness", "port": "http"}}
    server, shadow = (api_server(_manifest(build, None)) for _ in range(2))
    life = operator(server, build.world(build.rule(existingProbes="Replace")))
    life.settle()
    for one in (server, shadow):
        _write(one, "client-side", _manifest(build, theirs))
    assert life.settle().state == "Applied"
    build.set_rules(life.world)
    life.settle()
    assert _probes(server) == _probes(shadow)
