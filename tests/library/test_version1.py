"""1.1.0's names still do what they did, and its own tests pass."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import flask
import pytest

from flask_management_endpoints import Info, ManagementEndpoints, blueprint
from flask_management_endpoints.log import PrefixFilter

OWN_TESTS = {"test_blueprint.py": 7, "test_cluster_info.py": 2}


@pytest.mark.parametrize("name", OWN_TESTS)
def test_its_own_tests_pass_unchanged_but_for_their_import_lines(python_with_1_1_0, tmp_path, name):
    code = "import flask_management_endpoints as f; print(f.__path__[0])"
    home = subprocess.run([python_with_1_1_0, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    source, changed = re.subn(
        r"^from (\.\w*) import",
        lambda line: f"from flask_management_endpoints{line[1].rstrip('.')} import",
        (Path(home) / name).read_text(),
        flags=re.MULTILINE,
    )
    assert changed == 1
    (tmp_path / name).write_text(source)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{OWN_TESTS[name]} passed" in run.stdout, run.stdout


@pytest.fixture
def switches():
    """Undo what a test does to version 1's lists."""
    lists = (blueprint.cascading_checks, blueprint.checks_with_pluggable_functions)
    before = [list(one) for one in lists]
    yield
    for one, values in zip(lists, before, strict=True):
        one[:] = values


class TestTheSwitches:
    @pytest.mark.parametrize(("check", "asked"), [("readiness", ["/z/health/readiness"]), ("deep", ["/z/health"])])
    def test_a_cascading_check_asks_the_dependencies(self, app, peer, switches, check, asked):
        users = peer()
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
        ManagementEndpoints(app)
        blueprint.cascading_checks.append(check)
        assert app.test_client().get(f"/z/health/{check}").status_code == 200
        assert users.paths == asked

    @pytest.mark.parametrize("check", ["liveness", "ping"])
    def test_liveness_never_does(self, app, peer, switches, check):
        users = peer()
        app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": users.host}}
        ManagementEndpoints(app)
        blueprint.cascading_checks.append(check)
        assert app.test_client().get(f"/z/health/{check}").status_code == 200
        assert users.paths == []

    @pytest.mark.parametrize(
        ("switch", "path", "status"),
        [
            ("readiness", "/z/health/readiness", 200),
            ("health", "/z/health", 503),
            ("version_function", "/z/version", 404),
        ],
    )
    def test_functions_that_are_switched_off_do_not_run(self, app, switches, switch, path, status):
        app.config["Z_ENDPOINTS"] = {"check_functions": {"readiness": {"db": lambda: False}}}
        ManagementEndpoints(app)
        blueprint.checks_with_pluggable_functions.remove(switch)
        assert app.test_client().get(path).status_code == status


def test_a_check_may_raise_its_health_error(app):
    def check():
        raise blueprint.HealthError("no disk")

    app.config["Z_ENDPOINTS"] = {"check_functions": {"readiness": {"disk": check}}}
    ManagementEndpoints(app)
    assert app.test_client().get("/z/health/readiness").status_code == 503


@pytest.mark.parametrize(
    ("path", "status", "logged"), [("/z/health", "200", False), ("/z/health", "503", True), ("/zoo", "200", True)]
)
def test_its_log_filter_filters(path, status, logged):
    record = logging.LogRecord("gunicorn.access", logging.INFO, "", 0, "%(r)s", ({"U": path, "s": status},), None)
    assert bool(PrefixFilter("/z").filter(record)) is logged


class TestInfosArguments:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "file"
        path.write_text("/docker/abc\nsecond line\n")
        return str(path)

    def test_host_info_takes_a_name(self):
        assert Info.host_info("web-1")["host.hostname"] == "web-1"

    def test_machine_id_and_container_id_take_files(self, file):
        assert Info.machine_id(file)["machine.id"] == "/docker/abc"
        assert Info.container_id(file) == {"container.id": "abc"}
        assert Info.container_id(f"{file}-gone") == Info.machine_id(f"{file}-gone") == {}

    def test_an_instance_id_may_be_kept_in_a_file(self, file):
        assert Info.service_instance_id("shop", file) == {"service.instance.id": "/docker/abc"}
        assert Info.service_instance_id("shop", f"{file}-gone") == Info.service_instance_id("shop")

    def test_a_first_line_is_read(self, file):
        assert Info.read_first_line(file) == "/docker/abc"
        assert Info.read_first_line(f"{file}-gone") is None


def test_the_old_modules_have_the_old_names():
    assert blueprint.z_blueprint.name == "management_endpoints"
    assert isinstance(blueprint.z_blueprint, flask.Blueprint)
    assert blueprint.cascading_checks == []
    assert blueprint.checks_with_pluggable_functions == ["health", "readiness", "version_function"]
