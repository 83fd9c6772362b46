"""/info: today's OpenTelemetry names, Kubernetes from the downward API or the pod's name, nothing secret."""

import os
import re
import subprocess
import sys
import uuid

import flask
import pytest

from flask_management_endpoints import Info, ManagementEndpoints
from flask_management_endpoints.info import attributes as module
from flask_management_endpoints.info import kubernetes

# The registry of https://opentelemetry.io/docs/specs/semconv/resource/ (1.37), as far as this library uses it.
CONVENTIONS = {
    "service.name", "service.version", "service.instance.id", "service.namespace", "deployment.environment.name",
    "host.name", "host.arch", "host.id", "os.type", "os.description", "os.name", "os.version",
    "process.pid", "process.creation.time", "process.executable.name", "process.executable.path",
    "process.command_args",
    "process.runtime.name", "process.runtime.version", "process.runtime.description", "container.id",
    "k8s.pod.name", "k8s.pod.uid", "k8s.namespace.name", "k8s.node.name", "k8s.container.name", "k8s.deployment.name",
    "k8s.replicaset.name", "k8s.cluster.name",
}  # fmt: skip


OLD_KEYS = {"host.hostname", "machine.id", "process.command_line"}
"""1.1.0's, from before the conventions; they stay beside the new ones."""


def info(app, **endpoints):
    app.config["Z_ENDPOINTS"] = endpoints
    if "management_endpoints" not in app.extensions:
        ManagementEndpoints(app)
    return app.test_client().get("/z/info").get_json()


def attributes(app, **endpoints):
    return info(app, **endpoints)["trace.attributes"]


def test_every_attribute_is_in_the_conventions(app, monkeypatch):
    for name in kubernetes._VARIABLES.values():
        monkeypatch.setenv(name, "x")
    found = attributes(app, enable_service_instance_id=True, show_sensitive_info=True)
    assert set(found) <= CONVENTIONS | OLD_KEYS
    assert {"host.name", "os.type", "process.pid", "process.creation.time", "service.name", "k8s.pod.uid"} <= set(found)


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")])
def test_architectures_have_the_names_of_the_conventions(app, monkeypatch, machine, arch):
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert attributes(app)["host.arch"] == arch


def test_the_command_line_and_the_machines_id_are_hidden_unless_asked_for(app, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["serve", "--password", "hunter2"])
    assert "hunter2" not in str(info(app))
    assert "host.id" not in attributes(app)
    assert attributes(app, show_sensitive_info=True)["process.command_args"] == ["serve", "--password", "hunter2"]


@pytest.mark.parametrize(
    ("pod", "deployment"),
    [
        ("shop-5d4f8c7b9-x2x4z", "shop"),
        ("shop-frontend-7d9f8b6c5d-x2x4z", "shop-frontend"),
        ("users-api-6b4d9-bcdfg", "users-api"),
        ("shop-0", None),
        ("laptop", None),
        ("my-laptop-local", None),
        ("shop-5d4f8c7b9-aeiou", None),
    ],
)
def test_a_deployments_pod_is_known_by_its_name(monkeypatch, pod, deployment):
    monkeypatch.setenv("HOSTNAME", pod)
    found = kubernetes.attributes()
    assert found.get("k8s.deployment.name") == deployment
    assert found.get("k8s.pod.name") == (pod if deployment else None)
    if deployment:
        assert found["k8s.replicaset.name"] == pod.rpartition("-")[0]


def test_the_downward_apis_variables_win(monkeypatch):
    for name, value in {
        "K8S_POD_NAME": "shop-0", "K8S_POD_UID": "u-1", "POD_NAMESPACE": "web", "NODE_NAME": "n1",
        "K8S_CONTAINER_NAME": "main",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOSTNAME", "other-5d4f8c7b9-x2x4z")
    assert kubernetes.attributes() == {
        "k8s.pod.name": "shop-0", "k8s.pod.uid": "u-1", "k8s.namespace.name": "web", "k8s.node.name": "n1",
        "k8s.container.name": "main",
    }  # fmt: skip


POD_NAMES = [
    pytest.param("web-0", {"k8s.pod.name": "web-0", "k8s.statefulset.name": "web"}, id="StatefulSet"),
    pytest.param("my-db-12", {"k8s.pod.name": "my-db-12", "k8s.statefulset.name": "my-db"}, id="its name has a dash"),
    pytest.param("node-agent-x7k2p", {"k8s.pod.name": "node-agent-x7k2p"}, id="DaemonSet or Job"),
    pytest.param("index-0-x7k2p", {"k8s.pod.name": "index-0-x7k2p"}, id="indexed Job"),
    pytest.param("debug", {"k8s.pod.name": "debug"}, id="a pod of nobody"),
]


@pytest.mark.parametrize(("hostname", "expected"), POD_NAMES)
def test_inside_kubernetes_the_host_name_is_the_pods(app, monkeypatch, hostname, expected):
    monkeypatch.setenv("HOSTNAME", hostname)
    assert not [key for key in attributes(app) if key.startswith("k8s.")]
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    found = {key: value for key, value in attributes(app).items() if key.startswith("k8s.")}
    assert found == expected


SHORT = {"POD_NAME": "p", "POD_UID": "u", "NAMESPACE": "n", "NODE_NAME": "built-in", "CONTAINER_NAME": "c"}


@pytest.mark.parametrize(
    ("sign", "inside"),
    [
        pytest.param({}, False, id="nothing else"),
        pytest.param({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, True, id="the kubelet's variable"),
        pytest.param({"K8S_CLUSTER_NAME": "prod"}, True, id="the conventions' names"),
        pytest.param({"HOSTNAME": "shop-5d4f8c7b9-x2x4z"}, True, id="a Deployment's pod"),
    ],
)
def test_short_variables_count_inside_kubernetes_only(app, monkeypatch, sign, inside):
    for name, value in (SHORT | {"HOSTNAME": "laptop"} | sign).items():
        monkeypatch.setenv(name, value)
    found = attributes(app)
    assert [found.get(f"k8s.{key}") for key in ("pod.uid", "namespace.name", "node.name", "container.name")] == (
        ["u", "n", "built-in", "c"] if inside else [None] * 4
    )


def test_the_old_keys_stay_beside_the_new(app, monkeypatch):
    monkeypatch.setenv("HOSTNAME", "shop-b55497fc6-x9f56")
    found = attributes(app, show_sensitive_info=True)
    assert found["host.hostname"] == found["host.name"] == "shop-b55497fc6-x9f56"
    assert found["k8s.container.name"] == found["k8s.deployment.name"] == "shop"
    assert found["process.command_line"] == " ".join(sys.argv)
    assert found.get("machine.id") == found.get("host.id")


def test_otels_own_variables_win_over_everything(app, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "frontend")
    assert attributes(app)["service.name"] == "frontend"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=web,team=a%20b,broken,=x")
    assert (attributes(app)["service.name"], attributes(app)["team"]) == ("web", "a b")


CONTAINER = "0123456789abcdef" * 4
CGROUPS = [
    pytest.param({"/proc/self/cgroup": f"12:cpuset:/kubepods/pod1/{CONTAINER}\n"}, id="cgroup v1"),
    pytest.param({"/proc/self/cgroup": f"0::/system.slice/docker-{CONTAINER}.scope\n"}, id="systemd"),
    pytest.param(
        {
            "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": f"1 1 0:1 /var/lib/docker/containers/{CONTAINER}/hosts /etc/hosts rw\n",
        },
        id="cgroup v2",
    ),
]


@pytest.mark.parametrize("files", CGROUPS)
def test_the_containers_id_is_found(monkeypatch, files):
    monkeypatch.setattr(module, "read", lambda path: files.get(path, ""))
    assert module.container() == {"container.id": CONTAINER}


def test_outside_a_container_there_is_none(monkeypatch):
    monkeypatch.setattr(module, "read", lambda path: "0::/user.slice\n")
    assert module.container() == {}


def test_all_workers_of_an_instance_agree_on_its_id_and_other_instances_differ(monkeypatch):
    code = "from flask_management_endpoints import Info; print(Info.service_instance_id('shop')['service.instance.id'])"

    def in_a_process(pod):
        env = {**os.environ, "K8S_POD_UID": pod}
        return subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        ).stdout.strip()

    ids = [in_a_process(pod) for pod in ("pod-1", "pod-1", "pod-2")]
    assert ids[0] == ids[1] != ids[2]
    assert uuid.UUID(ids[0]).version == 5


def test_process_start_and_uptime(app):
    process = info(app)["process"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", process["startTime"])
    assert 0 < process["uptimeSeconds"] < 86400


def test_git_and_build_come_from_the_variables_of_build_systems(app, monkeypatch):
    for name in (
        "GIT_COMMIT",
        "GIT_SHA",
        "GITHUB_SHA",
        "CI_COMMIT_SHA",
        "GIT_BRANCH",
        "BUILD_TIME",
        "BUILD_NUMBER",
        "BUILD_DATE",
    ):
        monkeypatch.delenv(name, raising=False)
    before = info(app)
    monkeypatch.setenv("GIT_COMMIT", "abc123")
    monkeypatch.setenv("BUILD_NUMBER", "7")
    after = info(app)
    assert ("git" in before, after["git"], after["build"]) == (False, {"commit": "abc123"}, {"number": "7"})


def test_contributors_of_the_apps_own(app, caplog):
    document = info(app, info={"team": "web", "queue": lambda: {"length": 3}, "broken": lambda: 1 / 0})
    assert (document["team"], document["queue"]) == ("web", {"length": 3})
    assert "broken" not in document
    assert "the contributor 'broken' raised" in caplog.text


def test_a_contribution_that_is_not_json_does_no_harm(app):
    assert "team" in info(app, info={"team": object(), "at": lambda: {1: {2, 3}}})


def test_info_without_an_app():
    assert Info("shop")["trace.attributes"]["service.name"] == "shop"
    assert Info.app_attributes("shop", "1.0") == {"name": "shop", "version": "1.0"}
    assert Info.k8s("shop-5d4f8c7b9-x2x4z", "web")["k8s.namespace.name"] == "web"
    assert flask.json.dumps(Info("shop"))


class TestBuildFiles:
    @pytest.fixture
    def app(self, app, tmp_path, monkeypatch):
        for name in list(os.environ):
            if name.startswith(("GIT_", "GITHUB_", "CI_", "BUILD_")):
                monkeypatch.delenv(name)
        app.root_path = str(tmp_path)
        return app

    def write(self, tmp_path):
        (tmp_path / "git.properties").write_text(
            "# made by git-commit-id\ngit.branch=main\ngit.commit.id = 3872655\n"
            "git.commit.time=2026-11-21T10\\:00\\:00Z\n"
            "git.commit.user.email=ada@example.com\n"
        )
        (tmp_path / "build-info.properties").write_text(
            "build.version: 1.2.3\nbuild.time=2026-11-21\nother=x\nnonsense"
        )

    def test_they_are_shown(self, app, tmp_path):
        self.write(tmp_path)
        found = info(app)
        assert found["git"] == {"branch": "main", "commit": "3872655", "time": "2026-11-21T10:00:00Z"}
        assert found["build"] == {"version": "1.2.3", "time": "2026-11-21"}

    def test_the_environment_wins(self, app, tmp_path, monkeypatch):
        self.write(tmp_path)
        monkeypatch.setenv("GIT_COMMIT", "abc")
        assert info(app)["git"] == {"branch": "main", "commit": "abc", "time": "2026-11-21T10:00:00Z"}

    def test_without_them_there_is_nothing(self, app):
        assert info(app).keys().isdisjoint({"git", "build"})
