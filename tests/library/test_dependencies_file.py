"""The operator's file: what it says, how it changes, and that the last good one stays."""

import json
import logging
import os
import re
import stat
import threading

import pytest

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.dependencies import file as module


def content(**entries):
    workload = {"kind": "Deployment", "namespace": "shop", "name": "frontend"}
    return json.dumps({"version": 1, "workload": workload, "service_dependencies": entries})


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
    return tmp_path / "dependencies.json"


@pytest.fixture
def client(app, path, monkeypatch):
    monkeypatch.setenv("APPHEALTH_DEPENDENCIES_FILE", str(path))
    app.config["BACKEND_TIMEOUT"] = 0.5
    ManagementEndpoints(app)
    return app.test_client()


def names(client):
    return set(client.get("/z/health").get_json()["components"])


def store(port=1):
    return {"url": f"tcp://127.0.0.1:{port}"}


def test_without_a_file_all_is_well(client, caplog):
    assert client.get("/z/health").get_json() == {"components": {}, "status": "UP"}
    assert caplog.text == ""


def test_the_url_is_asked_as_it_stands(client, path, peer):
    users = peer()
    path.write_text(content(users={"url": f"http://{users.host}/z/health/readiness"}))
    assert client.get("/z/health").get_json() == {"components": {"users": {"status": "UP"}}, "status": "UP"}
    assert users.paths == ["/z/health/readiness"]


@pytest.mark.parametrize(
    ("required", "health", "readiness"),
    [
        ({}, (200, "DEGRADED"), 200),
        ({"required": False}, (200, "DEGRADED"), 200),
        ({"required": True}, (503, "DOWN"), 503),
    ],
)
def test_required_decides_what_its_down_means(client, path, unused_port, required, health, readiness):
    path.write_text(content(store={**store(unused_port), **required}))
    response = client.get("/z/health")
    assert (response.status_code, response.get_json()["status"]) == health
    assert client.get("/z/health/readiness").status_code == readiness
    assert client.get("/z/health/liveness").status_code == 200


def test_a_required_one_that_is_up_lets_readiness_be_up(client, path, peer):
    users = peer()
    path.write_text(content(users={"url": f"http://{users.host}/ready", "required": True}))
    assert client.get("/z/health/readiness").status_code == 200
    assert users.paths == ["/ready"]


def test_check_status_reads_the_status_only(client, path, peer, behaviours):
    web = peer(behaviours.says(b"<html>", 404))
    path.write_text(content(web={"url": f"http://{web.host}/", "check": "status"}))
    assert client.get("/z/health").get_json()["status"] == "DEGRADED"
    for good in (behaviours.says(b"<html>", 200), behaviours.redirects("https://login.invalid/")):
        web.behaviour = good
        assert client.get("/z/health").get_json()["status"] == "UP"


def test_its_own_timeout_counts(client, path, peer, behaviours):
    slow = peer(behaviours.says({"status": "UP"}, delay=0.7))
    path.write_text(content(slow={"url": f"http://{slow.host}/"}))
    assert client.get("/z/health").get_json()["status"] == "DEGRADED"
    path.write_text(content(slow={"url": f"http://{slow.host}/", "timeout": 3.0}))
    assert client.get("/z/health").get_json()["status"] == "UP"


def test_unknown_keys_are_ignored(client, path, peer):
    users = peer()
    document = json.loads(content(users={"url": f"http://{users.host}/", "colour": "blue"}))
    path.write_text(json.dumps({**document, "generator": "apphealth 9"}))
    assert client.get("/z/health").get_json()["status"] == "UP"


class TestChange:
    def test_written_into(self, client, path):
        path.write_text(content(a=store()))
        assert names(client) == {"a"}
        path.write_text(content(a=store(), b=store()))
        assert names(client) == {"a", "b"}

    def test_renamed_over(self, client, path, tmp_path):
        path.write_text(content(a=store()))
        assert names(client) == {"a"}
        (tmp_path / "new").write_text(content(b=store()))
        (tmp_path / "new").replace(path)
        assert names(client) == {"b"}

    def test_switched_by_symlink_as_the_kubelet_does(self, app, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
        volume = tmp_path / "volume"
        for number, name in enumerate(("one", "two")):
            (volume / f"..2026_{number}").mkdir(parents=True)
            (volume / f"..2026_{number}" / "dependencies.json").write_text(content(**{name: store()}))
        (volume / "..data").symlink_to("..2026_0")
        (volume / "dependencies.json").symlink_to("..data/dependencies.json")
        monkeypatch.setenv("APPHEALTH_DEPENDENCIES_FILE", str(volume / "dependencies.json"))
        ManagementEndpoints(app)
        assert names(app.test_client()) == {"one"}
        (volume / "..data_tmp").symlink_to("..2026_1")
        (volume / "..data_tmp").rename(volume / "..data")
        assert names(app.test_client()) == {"two"}

    def test_it_appears_later(self, client, path):
        assert names(client) == set()
        path.write_text(content(a=store()))
        assert names(client) == {"a"}

    def test_it_is_emptied(self, client, path):
        path.write_text(content(a=store()))
        assert names(client) == {"a"}
        path.write_text(content())
        assert names(client) == set()

    def test_it_is_looked_at_no_more_than_twice_a_second(self, client, path, monkeypatch):
        path.write_text(content(a=store()))
        assert names(client) == {"a"}
        monkeypatch.setattr(module, "LOOK_EVERY", 3600.0)
        path.write_text(content(b=store()))
        assert names(client) == {"a"}


def unreadable(path):
    path.unlink()
    path.mkdir()


SPOILED = [
    pytest.param(lambda path: path.unlink(), "it is gone", id="deleted"),
    pytest.param(lambda path: path.write_text("{"), "it isn't JSON", id="malformed"),
    pytest.param(lambda path: path.write_bytes(b"\xff\xfe\x00"), "it isn't JSON", id="not text"),
    pytest.param(lambda path: path.write_text("[" * 100_000), "it isn't JSON", id="nested too deeply"),
    pytest.param(lambda path: path.write_text("[]"), "it holds no JSON object", id="a list"),
    pytest.param(lambda path: path.write_text(""), "it isn't JSON", id="empty"),
    pytest.param(lambda path: path.write_text(" " * 1024 * 1024 + "{}"), "are the most that is read", id="huge"),
    pytest.param(lambda path: path.write_text('{"version": 2}'), "version 2 isn't known; 1 is", id="a later version"),
    pytest.param(
        lambda path: path.write_text('{"service_dependencies": {}}'), "version None isn't known", id="no version"
    ),
    pytest.param(
        lambda path: path.write_text('{"version": 1, "service_dependencies": []}'),
        "is no object",
        id="a list of dependencies",
    ),
    pytest.param(
        lambda path: path.write_text(content(**{str(n): store() for n in range(300)})),
        "names 300 dependencies; 256",
        id="too many",
    ),
    pytest.param(lambda path: path.write_text(content(b="x")), "b: 'x' is no object", id="an entry that is no object"),
    pytest.param(lambda path: path.write_text(content(b={})), "b: url: '' : the scheme", id="no url"),
    pytest.param(
        lambda path: path.write_text(content(b={"url": "ftp://x"})), "use http, https or tcp", id="another scheme"
    ),
    pytest.param(lambda path: path.write_text(content(b={"url": "tcp://x"})), "names no port", id="tcp without a port"),
    pytest.param(
        lambda path: path.write_text(content(b={**store(), "required": "yes"})),
        "b: required is 'yes'",
        id="required as text",
    ),
    pytest.param(lambda path: path.write_text(content(b={**store(), "timeout": 0})), "b: timeout is 0", id="no time"),
    pytest.param(
        lambda path: path.write_text(content(b={**store(), "check": "grpc"})),
        "b: check is 'grpc'",
        id="an unknown check",
    ),
    pytest.param(unreadable, "it can't be read", id="unreadable"),
]


@pytest.mark.parametrize(("spoil", "message"), SPOILED)
def test_a_spoiled_one_leaves_the_last_good_one_with_one_warning(client, path, caplog, spoil, message):
    path.write_text(content(a=store()))
    assert names(client) == {"a"}
    spoil(path)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert [names(client) for _ in range(3)] == [{"a"}] * 3
    warnings = [record for record in caplog.records if record.name.endswith("dependencies")]
    assert len(warnings) == 1
    assert message.replace("'' : ", "'': ") in warnings[0].getMessage()
    assert "1 dependencies of its last good version stay" in warnings[0].getMessage()


@pytest.mark.parametrize(("spoil", "message"), SPOILED[1:])
def test_a_file_that_was_never_good_gives_none_with_a_warning(client, path, caplog, spoil, message):
    path.write_text("")
    spoil(path)
    assert names(client) == set()
    assert message.replace("'' : ", "'': ") in caplog.text


FAULTS = [
    pytest.param({"b": {"url": "redis://cache:6379"}}, "b: .*use http, https or tcp", id="a scheme of tomorrow"),
    pytest.param({"b": {"url": "http://b/", "check": "grpc"}}, "b: check is 'grpc'", id="a check of tomorrow"),
    pytest.param({"n" * 300_000: {"url": "http://b/"}}, "has 300000 characters", id="an endless name"),
    pytest.param({"": {"url": "http://b/"}}, "has 0 characters", id="no name"),
]


@pytest.mark.parametrize(("entry", "message"), FAULTS)
def test_one_bad_entry_is_left_out_and_told(client, path, caplog, entry, message):
    path.write_text(content(a=store(), **entry))
    assert [names(client) for _ in range(3)] == [{"a"}] * 3
    warnings = [record.getMessage() for record in caplog.records if record.name.endswith("dependencies")]
    assert len(warnings) == 1
    assert re.search(message, warnings[0])
    assert len(warnings[0]) < 500


def test_an_entry_that_becomes_bad_keeps_its_last_good_version(client, path):
    path.write_text(content(a=store(), b=store()))
    assert names(client) == {"a", "b"}
    path.write_text(content(a=store(), b={"url": "redis://b"}, c=store()))
    assert names(client) == {"a", "b", "c"}


def test_a_pipe_holds_no_request(client, path):
    os.mkfifo(path)
    assert client.get("/z/health").status_code == 200  # or it would read for ever


def test_good_again_is_said_and_used(client, path, caplog):
    path.write_text(content(a=store()))
    names(client)
    path.write_text("{")
    names(client)
    path.write_text(content(b=store()))
    with caplog.at_level(logging.INFO):
        assert names(client) == {"b"}
    assert "is good again: 1 dependencies" in caplog.text


def test_a_file_without_read_permission_keeps_the_last_good_one_for_an_ordinary_user(path, tmp_path):
    path.write_text(content(a=store()))
    path.chmod(0)
    tmp_path.chmod(tmp_path.stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
    reader = module.DependenciesFile(str(path))
    reader._signature, reader._entries = "an older version", {"a": None}
    pid = os.fork()
    if pid == 0:
        os.setuid(65534) if os.getuid() == 0 else None
        kept = set(reader.dependencies()) == {"a"}
        os._exit(0 if kept and reader._problem is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class TestTheAppsOwnWord:
    def test_an_entry_with_a_url_replaces_the_files(self, app, client, path, peer):
        ours, theirs = peer(), peer()
        path.write_text(content(users={"url": f"http://{theirs.host}/x", "required": True}))
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": ours.host}}
        assert client.get("/z/health").status_code == 200
        assert (ours.paths, theirs.paths) == (["/z/health"], [])
        assert client.get("/z/health/readiness").status_code == 200

    def test_an_entry_without_a_url_changes_only_its_fields(self, app, client, path, unused_port):
        path.write_text(content(store=store(unused_port), other=store(unused_port)))
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"store": {"required": True, "groups": ["readiness"]}}}
        assert client.get("/z/health").get_json()["status"] == "DOWN"
        assert client.get("/z/health/readiness").status_code == 503

    def test_an_entry_without_a_url_for_what_the_file_does_not_name_is_nothing(self, app, client, path):
        path.write_text(content())
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"store": {"required": True}}}
        assert names(client) == set()


class TestTheFirstLook:
    """The first probes of a process already know what the operator wrote."""

    def test_it_happens_when_the_app_is_initialised(self, app, path, monkeypatch, unused_port):
        monkeypatch.setenv("APPHEALTH_DEPENDENCIES_FILE", str(path))
        path.write_text(content(users={**store(unused_port), "required": True}))
        ManagementEndpoints(app)
        path.unlink()
        assert app.test_client().get("/z/health/readiness").status_code == 503

    def test_whoever_comes_first_waits_for_it(self, path):
        padding = {f"d{number}": {**store(), "comment": "x" * 3000} for number in range(module.MAX_DEPENDENCIES)}
        path.write_text(content(**padding))
        for _ in range(10):
            file, barrier, seen = module.DependenciesFile(str(path)), threading.Barrier(8), []

            def look(file=file, barrier=barrier, seen=seen):
                barrier.wait()
                seen.append(len(file.dependencies()))

            threads = [threading.Thread(target=look) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert seen == [module.MAX_DEPENDENCIES] * 8
