"""Probes: what the API server would fill in, and how kubectl describes them."""

from __future__ import annotations

import pytest

from apphealth.model.probe import describe_probe, parse_probe, serialise_probe

NUMBERS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


@pytest.mark.parametrize(
    ("given", "complete"),
    [
        pytest.param({"httpGet": {"port": 80}}, {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}}, id="http"),
        pytest.param(
            {"httpGet": {"port": "web", "path": "/a", "scheme": "HTTPS", "host": "h"}},
            {"httpGet": {"path": "/a", "port": "web", "scheme": "HTTPS", "host": "h"}},
            id="http in full",
        ),
        pytest.param({"tcpSocket": {"port": 80}}, {"tcpSocket": {"port": 80}}, id="tcp"),
        pytest.param({"grpc": {"port": 80}}, {"grpc": {"port": 80, "service": ""}}, id="grpc"),
        pytest.param({"exec": {"command": ["a"]}}, {"exec": {"command": ["a"]}}, id="exec"),
    ],
)
def test_the_defaults_are_the_api_servers(given, complete):
    assert serialise_probe(parse_probe(given)) == complete | NUMBERS


@pytest.mark.parametrize(
    "complete",
    [
        {
            "httpGet": {"path": "/", "port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "A", "value": "b"}]},
            **NUMBERS,
            "initialDelaySeconds": 3,
        },
        {"tcpSocket": {"port": "x", "host": "h"}, **NUMBERS, "terminationGracePeriodSeconds": 0},
        {"grpc": {"port": 80, "service": "s"}, **NUMBERS},
        {
            "exec": {"command": ["a", "b"]},
            "timeoutSeconds": 2,
            "periodSeconds": 3,
            "successThreshold": 4,
            "failureThreshold": 5,
        },
    ],
)
def test_a_complete_probe_is_read_and_written_as_it_is(complete):
    assert serialise_probe(parse_probe(complete)) == complete


@pytest.mark.parametrize(
    ("given", "line"),
    [
        pytest.param({"httpGet": {"port": 3000, "path": "/health"}}, "http-get http://:3000/health", id="http"),
        pytest.param(
            {"httpGet": {"port": "web", "scheme": "HTTPS", "host": "h"}}, "http-get https://h:web/", id="https"
        ),
        pytest.param({"tcpSocket": {"port": 80}}, "tcp-socket :80", id="tcp"),
        pytest.param({"grpc": {"port": 80, "service": "s"}}, "grpc <pod>:80 s", id="grpc"),
        pytest.param({"exec": {"command": ["cat", "/tmp/x"]}}, "exec [cat /tmp/x]", id="exec"),
        pytest.param({}, "unknown", id="nothing"),
    ],
)
def test_a_probe_is_described_as_kubectl_does(given, line):
    given = given | {"initialDelaySeconds": 10, "timeoutSeconds": 5, "failureThreshold": 2}
    assert describe_probe(parse_probe(given)) == f"{line} delay=10s timeout=5s period=10s #success=1 #failure=2"


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_what_is_no_object_is_no_probe(value):
    assert parse_probe(value) is None


def test_equal_probes_are_one_object():
    assert parse_probe({"tcpSocket": {"port": 80}}) is parse_probe({"tcpSocket": {"port": 80}, "periodSeconds": 10})


def test_it_gives_up_after_its_failures_in_a_row():
    assert parse_probe({"periodSeconds": 7, "failureThreshold": 4}).gives_up_after == 28
