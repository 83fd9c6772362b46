"""Clusters come and go, however their starters end, and leave nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcluster import (
    Cluster,
    ClusterNotFoundError,
    ClusterRunningError,
    LocalClusterError,
    StartError,
    attach,
    start,
)
from localcluster.cli import main
from localcluster.launch import bring_down
from localcluster.paths import state_dir

_STARTER = """
import sys, time
from localcluster import start
with start(sys.argv[1], controllers=False) as cluster:
    print("ready", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def name() -> Iterator[str]:
    """A name for a cluster of the test's own, which is taken down whatever happens."""
    unique = f"own-{uuid.uuid4().hex[:8]}"
    yield unique
    bring_down(unique)


def folder_of(name: str) -> Path:
    return state_dir() / "clusters" / name


def processes_of(name: str) -> list[str]:
    """Return the command lines of all processes of a cluster, whoever their parents are."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        line = b" ".join(words).decode(errors="replace")
        if f"/{name}/" in line or ("localcluster." in line and name in line.split()):
            found.append(line)
    return found


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def is_listening(url: str) -> bool:
    host, port = url.removeprefix("https://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def starter(name: str, *command: str) -> subprocess.Popen[str]:
    words = command or (sys.executable, "-c", _STARTER, name)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_down_leaves_no_process_no_port_and_no_folder(name: str):
    with start(name, controllers=False) as cluster:
        assert len(processes_of(name)) == 4  # keeper, supervisor, etcd, kube-apiserver
        assert is_listening(cluster.server)
    assert processes_of(name) == []
    assert not is_listening(cluster.server)
    assert not folder_of(name).exists()
    cluster.down()  # harmless the second time


def test_interrupt_while_the_cluster_starts_leaves_nothing(name: str):
    command = (str(Path(sys.executable).parent / "localcluster"), "up", "--name", name)
    with starter(name, *command) as process:
        wait_until(lambda: any("kube-apiserver" in line for line in processes_of(name)))
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(90) == 1
        assert process.stderr.read().strip().endswith("Aborted!")
        assert process.stdout.read() == ""
    assert processes_of(name) == []
    assert not folder_of(name).exists()


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, id="interrupted"), pytest.param(signal.SIGKILL, id="killed")]
)
def test_cluster_ends_with_the_process_that_started_it(name: str, number: signal.Signals):
    with starter(name) as process:
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, number)
        process.wait(90)
        wait_until(lambda: not folder_of(name).exists())
        wait_until(lambda: processes_of(name) == [])
        process.stderr.read()


def test_crash_of_the_keeper_ends_the_programs_and_the_next_start_cleans_up(name: str):
    with start(name, controllers=False) as crashed:
        marker = crashed.folder / "marker"
        marker.touch()
        os.kill(int((crashed.folder / "keeper.pid").read_text()), signal.SIGKILL)
        wait_until(lambda: processes_of(name) == [])
        assert marker.exists(), "nobody was left to clean up"
        with pytest.raises(ClusterNotFoundError, match=name):
            attach(name)
        with start(name, controllers=False) as fresh:
            assert not marker.exists()
            assert fresh.kubectl("get", "namespaces", "-o", "name").stdout.startswith("namespace/default")


def test_clusters_run_side_by_side_and_know_nothing_of_each_other(name: str, control_plane: Cluster):
    with start(name, controllers=False) as other:
        assert other.server != control_plane.server
        other.kubectl("create", "namespace", "only-here")
        missing = control_plane.kubectl("get", "namespace", "only-here", check=False)
        assert 'namespaces "only-here" not found' in missing.stderr
        with pytest.raises(ClusterRunningError, match=f"{name} runs already"):
            start(name)
    assert is_listening(control_plane.server)


def test_faults_of_the_api_server_keep_address_and_data(name: str):
    with start(name, controllers=False) as cluster:
        cluster.kubectl("create", "namespace", "kept")

        cluster.restart("kube-apiserver")
        assert cluster.kubectl("get", "namespace", "kept", "-o", "name").stdout == "namespace/kept\n"

        cluster.stop("kube-apiserver")
        assert not is_listening(cluster.server)
        assert {status.name: status.state for status in cluster.status()}["kube-apiserver"] == "stopped"
        cluster.resume("kube-apiserver")

        cluster.pause("kube-apiserver")
        assert is_listening(cluster.server)
        frozen = cluster.kubectl("get", "namespaces", "--request-timeout=1s", check=False)
        assert frozen.returncode == 1
        cluster.resume("kube-apiserver")
        assert cluster.kubectl("get", "namespace", "kept", "-o", "name").stdout == "namespace/kept\n"

        with pytest.raises(LocalClusterError, match="no component 'kubelet' here; there are: etcd, kube-apiserver"):
            cluster.stop("kubelet")


def test_component_that_crashes_is_started_again(control_plane: Cluster):
    def scheduler():
        return next(status for status in control_plane.status() if status.name == "kube-scheduler")

    before = scheduler()
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: scheduler().state == "running" and scheduler().restarts == before.restarts + 1)
    assert scheduler().pid != before.pid


def test_start_that_fails_says_what_the_component_said_and_leaves_nothing(name: str):
    with pytest.raises(StartError, match=r"(?s)kube-apiserver crashed.*unknown flag: --nonsense"):
        start(name, controllers=False, extra_arguments={"kube-apiserver": ["--nonsense"]})
    assert processes_of(name) == []
    assert not folder_of(name).exists()


@pytest.mark.parametrize("wrong", ["", "UPPER", "-dash", "dash-", "a/b", "..", "a" * 41])
def test_names_that_cannot_be_are_refused_with_the_rule(wrong: str):
    with pytest.raises(LocalClusterError, match="use 1 to 40 lower-case letters, digits and hyphens"):
        start(wrong)


def test_command_line_starts_shows_and_ends_a_cluster(name: str):
    command = str(Path(sys.executable).parent / "localcluster")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([command, *arguments], capture_output=True, text=True, check=False, timeout=120)

    up = run("up", "--name", name)
    assert up.returncode == 0, up.stderr
    assert f"The cluster {name} is ready: https://127.0.0.1:" in up.stdout

    path = run("kubeconfig", "--name", name).stdout.strip()
    assert f"export KUBECONFIG={path}" in up.stdout
    assert run("kubeconfig", "--content", "--name", name).stdout == Path(path).read_text()

    again = run("up", "--name", name)
    assert (again.returncode, again.stdout.startswith(f"The cluster {name} runs already")) == (0, True)
    other_level = run("up", "--name", name, "--level", "simulated")
    assert other_level.returncode == 1
    assert "runs at level control-plane: take it down first" in other_level.stderr

    rows = run("status").stdout
    assert name in rows
    assert "kube-scheduler" in rows
    assert "kube-apiserver" in run("logs", "--name", name).stdout
    assert "ServiceAccount" in run("logs", "kube-apiserver", "-n", "1000", "--name", name).stdout
    assert "no component nonsense" in run("logs", "nonsense", "--name", name).stderr
    assert "--nodes goes with --level simulated only" in run("up", "--nodes", "2").stderr
    assert "has no real node to load images into" in run("load", __file__, "--name", name).stderr

    assert run("down", "--name", name).stdout == f"The cluster {name} is down.\n"
    assert run("down", "--name", name).stdout == f"There is no cluster {name}.\n"
    gone = run("kubeconfig", "--name", name)
    assert gone.returncode == 1
    assert f"start it with: localcluster up --name {name}" in gone.stderr


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_explains_itself(command: str):
    from click.testing import CliRunner

    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0
    assert main.commands[command].get_short_help_str(limit=200) in " ".join(shown.output.split())
