"""Services that depend on each other: every question is asked once, and nobody who is well is called DOWN."""

import http.client
import json
import threading
from itertools import pairwise

import flask
import pytest
from werkzeug.serving import make_server

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.dependencies.hops import MAX_HOPS, Hops


class Mesh:
    """Apps on real ports; ``edges`` says who depends on whom. Counts what each is asked."""

    def __init__(self, edges, well=None, host="127.0.0.1"):
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


CIRCLE = {"a": ["b"], "b": ["c"], "c": ["a"]}
SHAPES = [
    pytest.param({"a": ["b"], "b": ["a"]}, {"a": 1, "b": 1}, id="A and B"),
    pytest.param(CIRCLE, {"a": 1, "b": 1, "c": 1}, id="A to B to C to A"),
    pytest.param({"a": ["a"]}, {"a": 1}, id="itself"),
    pytest.param({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, {"a": 1, "b": 1, "c": 1, "d": 2}, id="a diamond"),
    pytest.param({"a": ["b", "c"], "b": ["c"], "c": ["b"]}, {"a": 1, "b": 2, "c": 2}, id="a circle behind A"),
]


@pytest.mark.parametrize(("edges", "requests"), SHAPES)
def test_each_question_is_asked_once_and_all_are_well(edges, requests):
    with Mesh(edges) as mesh:
        for _ in range(2):
            status, body = mesh.probe("a")
            assert (status, body["status"]) == (200, "UP")
            assert mesh.counts() == requests


@pytest.mark.parametrize(("edges", "requests"), SHAPES[:2])
def test_a_probe_under_another_name_costs_one_more_the_first_time_at_most(edges, requests):
    with Mesh(edges) as mesh:
        status, _ = mesh.probe("a", host="10.1.2.3")
        assert status == 200
        assert sum(mesh.counts().values()) <= sum(requests.values()) + 1
        mesh.probe("a", host="10.1.2.3")
        assert mesh.counts() == requests


def test_whoever_is_really_down_is_still_seen_through_the_circle():
    with Mesh(CIRCLE, well={"c": False}) as mesh:
        status, body = mesh.probe("a")
        assert (status, body["components"]["b"]["status"]) == (503, "DOWN")
        assert body["components"]["b"]["components"]["c"]["status"] == "DOWN"


def test_one_that_was_not_asked_is_unknown_and_does_not_count():
    with Mesh({"a": ["b"], "b": ["a"]}) as mesh:
        _, body = mesh.probe("a")
        assert body["components"]["b"]["components"]["a"] == {"status": "UNKNOWN"}


def test_probes_of_both_at_once_are_all_well():
    with Mesh({"a": ["b"], "b": ["a"]}) as mesh:
        answers = []
        threads = [threading.Thread(target=lambda name=name: answers.append(mesh.probe(name)[0])) for name in "ab" * 10]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [200] * 20
        assert sum(mesh.counts().values()) <= 40


def test_required_ones_in_readiness_do_not_go_round_either():
    with Mesh({"a": ["b"], "b": ["a"]}) as mesh:
        for app in mesh.apps.values():
            names = app.config["Z_ENDPOINTS"]["service_dependencies"]
            app.config["Z_ENDPOINTS"]["groups"] = {"readiness": list(names)}
        assert mesh.probe("a", "/z/health/readiness") == (200, {"status": "UP"})
        assert mesh.counts() == {"a": 1, "b": 1}


def test_a_chain_longer_than_the_limit_ends():
    names = [f"n{number}" for number in range(MAX_HOPS + 4)]
    edges = {name: [after] for name, after in pairwise(names)} | {names[-1]: []}
    with Mesh(edges) as mesh:
        assert mesh.probe("n0")[0] == 200
        assert sum(mesh.counts().values()) == MAX_HOPS + 1


@pytest.mark.parametrize(
    "header", ["", ",,,", "#", "x" * 10_000, "#a," * 500, "http://[", "\t", "127.0.0.1:1/" + "a" * 300], ids=range(8)
)
def test_a_strangers_header_does_no_harm(header):
    with Mesh({"a": ["b"], "b": []}) as mesh:
        assert mesh.probe("a", headers={"X-Health-Hops": header})[0] == 200
        assert mesh.probe("a")[0] == 200


@pytest.mark.parametrize("host", ["", "a,b", "ä", "x" * 300, "a b", "#p", "[::1", "user@host"])
def test_a_strangers_host_does_no_harm(app, peer, host):
    users = peer()
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
    ManagementEndpoints(app, prefix="/ä ö")
    for name in (host, "localhost"):
        response = app.test_client().get("/ä ö/health", environ_overrides={"HTTP_HOST": name})
        assert response.status_code in (200, 400)
    assert users.paths[-1] == "/%C3%A4%20%C3%B6/health"


def test_a_strangers_header_does_not_decide_what_others_see(monkeypatch):
    with Mesh({"a": ["b"], "b": []}, well={"b": False}) as mesh:
        hops = f"#x,127.0.0.1:{mesh.ports['b']}/z"
        assert mesh.probe("a", headers={"X-Health-Hops": hops})[0] == 200
        assert mesh.probe("a")[0] == 503


@pytest.mark.parametrize(
    ("places", "url", "visited"),
    [
        (["users:80/z"], "http://users/z/health", True),
        (["users:80/z"], "http://USERS:80/z/health/readiness", True),
        (["users:80/z"], "https://users/z/health", False),
        (["users:80/z"], "http://users:81/z/health", False),
        (["users:80/z"], "http://users/zebra/health", False),
        (["gateway:80/z"], "http://gateway/users/z/health", False),
        (["users:80"], "http://users/health", True),
        ([], "http://users/health", False),
        (["users:80"], "not a url", False),
    ],
)
def test_what_counts_as_visited(places, url, visited):
    assert Hops((), tuple(places)).visited(url) is visited


def test_the_header_says_what_it_was_made_of():
    hops = Hops().through("p1", ["a:80/z", "b:80/z"]).through("p2", ["b:80/z", "c:80/z"])
    assert Hops.parse(hops.header()) == hops == Hops(("p1", "p2"), ("a:80/z", "b:80/z", "c:80/z"))


def test_hundreds_of_different_strangers_leave_nothing_behind(app, peer):
    users = peer()
    app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
    ManagementEndpoints(app)
    for number in range(300):
        app.test_client().get("/z/health", headers={"X-Health-Hops": f"#p{number},x{number}:80"})
    assert len(app.extensions["management_endpoints"].runner._tracks) == 0
