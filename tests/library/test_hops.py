"""Services that depend on each other: a probe costs one request a dependency, and nobody who is well is called DOWN."""

import http.client
import json
import secrets
import threading
from itertools import pairwise

import flask
import pytest
from werkzeug.serving import make_server

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.dependencies.hops import HEADER, MAX_LEVELS, parse


class Mesh:
    """Apps on real ports; ``edges`` says who depends on whom. Counts what each is asked."""

    def __init__(self, edges, well=None, host="127.0.0.1", **options):
        self.asked, self.apps, self.ports, self.servers = [], {}, {}, []
        for name in edges:
            app = self.apps[name] = flask.Flask(name)
            app.before_request(lambda name=name: self.asked.append(name))
            server = make_server("127.0.0.1", 0, app, threaded=True)
            server.daemon_threads = True
            self.servers.append(server)
            self.ports[name] = server.port
        for name, targets in edges.items():
            self.apps[name].config["BACKEND_TIMEOUT"] = 3
            self.apps[name].config["Z_ENDPOINTS"] = {
                "service_dependencies": {target: f"{host}:{self.ports[target]}" for target in targets},
                "check_functions": {"health": {"own": lambda name=name: (well or {}).get(name, True)}},
                **options,
            }
            ManagementEndpoints(self.apps[name])
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def probe(self, name, path="/z/health", host="127.0.0.1", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=10)
        connection.request("GET", path, headers={"Host": f"{host}:{self.ports[name]}", **(headers or {})})
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return response.status, body

    def counts(self):
        asked, self.asked[:] = sorted(self.asked), []
        return {name: asked.count(name) for name in set(asked)}


PAIR = {"a": ["b"], "b": ["a"]}
CIRCLE = {"a": ["b"], "b": ["c"], "c": ["a"]}
EIGHT = {name: [other for other in "abcdefgh" if other != name] for name in "abcdefgh"}
SHAPES = [
    pytest.param(PAIR, {"a": 1, "b": 1}, id="A and B"),
    pytest.param(CIRCLE, {"a": 1, "b": 1}, id="A to B to C to A"),
    pytest.param({"a": ["a"]}, {"a": 2}, id="itself"),
    pytest.param({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, {"a": 1, "b": 1, "c": 1}, id="a diamond"),
    pytest.param({"a": ["b", "c"], "b": ["c"], "c": ["b"]}, {"a": 1, "b": 1, "c": 1}, id="a circle behind A"),
    pytest.param(EIGHT, dict.fromkeys("abcdefgh", 1), id="eight that all depend on each other"),
]


def in_readiness(mesh):
    for app in mesh.apps.values():
        names = app.config["Z_ENDPOINTS"]["service_dependencies"]
        app.config["Z_ENDPOINTS"]["groups"] = {"readiness": list(names)}


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3"])
@pytest.mark.parametrize("path", ["/z/health", "/z/health/readiness"])
@pytest.mark.parametrize(("edges", "requests"), SHAPES)
def test_a_probe_costs_one_request_a_dependency_from_the_first_on(edges, requests, path, host):
    with Mesh(edges) as mesh:
        in_readiness(mesh)
        for _ in range(2):
            status, body = mesh.probe("a", path, host=host)
            assert (status, body["status"]) == (200, "UP")
            assert mesh.counts() == requests


def test_ten_questions_of_another_service_ask_nobody_further():
    with Mesh({"a": ["b"], "b": []}) as mesh:
        for _ in range(10):
            assert mesh.probe("a", headers={HEADER: secrets.token_hex(16)})[0] == 200
        assert mesh.counts() == {"a": 10}


def test_one_that_was_not_asked_is_unknown_and_does_not_count():
    with Mesh(PAIR) as mesh:
        _, body = mesh.probe("a")
        assert body["components"]["b"]["components"]["a"] == {"status": "UNKNOWN"}


def test_probes_of_both_at_once_are_all_well():
    with Mesh(PAIR) as mesh:
        answers = []
        threads = [threading.Thread(target=lambda name=name: answers.append(mesh.probe(name)[0])) for name in "ab" * 10]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 20
        assert sum(mesh.counts().values()) <= 40


def test_a_connection_is_tried_for_another_service_too_since_it_asks_nobody_in_turn(app, unused_port):
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {"store": {"url": f"tcp://127.0.0.1:{unused_port}"}}}
    ManagementEndpoints(app)
    assert app.test_client().get("/z/health", headers={HEADER: secrets.token_hex(16)}).status_code == 503


class TestMoreLevels:
    @pytest.mark.parametrize(("levels", "seen"), [(1, 200), (2, 503), (MAX_LEVELS, 503)])
    def test_whoever_is_down_behind_a_dependency_is_seen_if_the_levels_reach_there(self, levels, seen):
        with Mesh(CIRCLE, well={"c": False}, dependency_levels=levels) as mesh:
            assert mesh.probe("a")[0] == seen

    def test_a_question_that_comes_back_goes_no_further(self):
        with Mesh(CIRCLE, dependency_levels=MAX_LEVELS) as mesh:
            assert mesh.probe("a")[0] == 200
            assert mesh.counts() == {"a": 2, "b": 1, "c": 1}

    def test_a_chain_longer_than_the_levels_ends(self):
        names = [f"n{number}" for number in range(MAX_LEVELS + 4)]
        edges = {name: [after] for name, after in pairwise(names)} | {names[-1]: []}
        with Mesh(edges, dependency_levels=MAX_LEVELS) as mesh:
            assert mesh.probe("n0")[0] == 200
            assert sum(mesh.counts().values()) == MAX_LEVELS + 1

    @pytest.mark.parametrize("levels", [0, 9, 1.5, "many", None])
    def test_levels_that_make_no_sense_are_told(self, app, caplog, levels):
        app.config["Z_ENDPOINTS"] = {"dependency_levels": levels}
        ManagementEndpoints(app)
        assert f"['dependency_levels']: {levels!r} isn't a whole number from 1 to 8" in caplog.text


ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("header", "hops"),
    [
        (None, ()),
        ("", ()),
        (ID, (ID,)),
        (f"{ID},{ID}", (ID, ID)),
        (",".join([ID] * MAX_LEVELS), (ID,) * MAX_LEVELS),
        (",".join([ID] * (MAX_LEVELS + 1)), ()),
        (f"{ID},", ()),
        (f"{ID}\n", ()),
        (ID.upper(), ()),
        (ID[1:], ()),
        (f"#{ID}", ()),
        ("#p1,users:80/z", ()),
    ],
)
def test_only_what_this_library_writes_counts_as_hops(header, hops):
    assert parse(header) == hops
