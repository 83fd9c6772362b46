"""A real node: containers, probes, Services, names, and nothing of it on the host."""

import filecmp
import os
import shutil
import signal
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from localcluster import Cluster, ClusterNotFoundError, Level, LocalClusterError, attach, images, start
from localcluster.launch import bring_down
from localcluster.node import PAUSE_IMAGE

# The only image every node has holds busybox: a web server is all that is needed here.
_WEB = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: {PAUSE_IMAGE}
        command:
        - /busybox
        - sh
        - -c
        - /busybox mkdir /www && /busybox hostname >/www/name && /busybox touch /www/live
          && exec /busybox httpd -f -p 8080 -h /www
        ports: [{{name: http, containerPort: 8080}}]
        readinessProbe: {{httpGet: {{path: /name, port: http}}, periodSeconds: 1}}
        livenessProbe:
          httpGet: {{path: /live, port: http}}
          periodSeconds: 1
          timeoutSeconds: 10
          failureThreshold: 1
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{type: NodePort, selector: {{app: web}}, ports: [{{port: 80, targetPort: http}}]}}
"""


@pytest.fixture
def web(node: Cluster, node_namespace: str) -> str:
    """A namespace with two web servers that are ready, and their Service."""
    node.apply(_WEB, "-n", node_namespace)
    node.kubectl("rollout", "status", "deployment/web", "-n", node_namespace, "--timeout=90s")
    return node_namespace


def fetch(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return answer.read().decode().strip()


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def host_command(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_failed_liveness_probe_restarts_that_container_alone(node: Cluster, web: str):
    victim, other = [pod["metadata"]["name"] for pod in node.get("pods", "-n", web)["items"]]
    node.kubectl("exec", "-n", web, victim, "--", "/busybox", "rm", "/www/live")

    def restarts() -> dict[str, int]:
        pods = node.get("pods", "-n", web)["items"]
        return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}

    wait_until(lambda: restarts() == {victim: 1, other: 0})

    def events() -> str:
        return node.kubectl("get", "events", "-n", web, "-o", "jsonpath={.items[*].message}").stdout

    wait_until(lambda: "Liveness probe failed: HTTP probe failed with statuscode: 404" in events())


def test_pods_services_and_node_ports_answer_the_host(node: Cluster, web: str):
    pods = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in node.get("pods", "-n", web)["items"]}
    for name, address in pods.items():
        assert fetch(f"http://{address}:8080/name") == name
    service = node.get("service", "web", "-n", web)["spec"]
    wait_until(lambda: len({fetch(f"http://{service['clusterIP']}/name") for _ in range(10)}) == 2)
    assert fetch(f"http://{node.node_address}:{service['ports'][0]['nodePort']}/name") in pods


def test_pods_resolve_and_reach_services_by_name(node: Cluster, web: str):
    pod = node.get("pods", "-n", web)["items"][0]["metadata"]["name"]
    address = node.get("service", "web", "-n", web)["spec"]["clusterIP"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return node.kubectl("exec", "-n", web, pod, "--", "/busybox", *words, check=False)

    assert f"Address: {address}" in run("nslookup", f"web.{web}.svc.cluster.local").stdout
    assert "NXDOMAIN" in run("nslookup", "web.elsewhere.svc.cluster.local").stdout
    # Until both have answered: a pod must also reach itself through its Service.
    request = f"/busybox printf 'GET /name HTTP/1.0\\r\\n\\r\\n' | /busybox nc -w 3 {address} 80"
    pods, answers = {pod["metadata"]["name"] for pod in node.get("pods", "-n", web)["items"]}, set()

    def all_have_answered() -> bool:
        answers.update(run("sh", "-c", request).stdout.split()[-1:])
        return answers >= pods

    wait_until(all_have_answered)


def test_names_and_addresses_outside_of_the_cluster_are_refused_at_once(node: Cluster, web: str):
    pod = node.get("pods", "-n", web)["items"][0]["metadata"]["name"]
    name = node.kubectl("exec", "-n", web, pod, "--", "/busybox", "nslookup", "example.com", check=False)
    assert "NXDOMAIN" in name.stdout
    began = time.monotonic()
    # 192.0.2.0/24 is kept for documentation (RFC 5737).
    node.kubectl("exec", "-n", web, pod, "--", "/busybox", "nc", "-w", "20", "192.0.2.77", "80", check=False)
    assert time.monotonic() - began < 18, "nc waits for 20 seconds"


def test_image_from_a_dockerfile_runs_with_what_pip_installed(node: Cluster, node_namespace: str, tmp_path: Path):
    lock = Path(__file__).parents[2] / "requirements.lock"
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        "FROM python:3.11-slim\nARG SOURCE_DATE_EPOCH\nRUN pip install --no-cache-dir itsdangerous\n"
    )
    wheels = images.wheels(requirements=["itsdangerous"], lock=lock)
    archive = images.build(context, context / "Dockerfile", "localhost/localcluster/try:1", wheels=wheels)
    first = shutil.move(archive, tmp_path)
    assert images.build(context, context / "Dockerfile", "localhost/localcluster/try:1", wheels=wheels) == archive
    assert filecmp.cmp(archive, first, shallow=False), "the same inputs gave another archive"
    assert node.load(archive) == ["localhost/localcluster/try:1"]
    program = "import itsdangerous as i; print(i.Signer('k').unsign(i.Signer('k').sign('signed')).decode())"
    command = ("--image=localhost/localcluster/try:1", "--restart=Never", "--command", "--", "python", "-c", program)
    node.kubectl("run", "try", "-n", node_namespace, *command)
    node.kubectl("wait", "-n", node_namespace, "pod/try", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s")
    assert node.kubectl("logs", "try", "-n", node_namespace).stdout == "signed\n"


def test_archive_that_holds_no_image_is_refused(node: Cluster):
    with pytest.raises(LocalClusterError, match=r"test_node\.py can't be imported as a container image: ctr: .*tar"):
        node.load(Path(__file__))


def test_host_sees_neither_mounts_nor_tables_nor_processes_in_run(node: Cluster, web: str):
    assert "kube-proxy" not in host_command("nft", "list", "tables")
    assert str(node.folder) not in Path("/proc/mounts").read_text()
    assert not Path("/run/containerd").exists()
    assert not Path("/var/log/pods").exists()


def test_second_node_runs_beside_the_first_and_a_crash_leaves_nothing_of_it(node: Cluster):
    name = f"own-{uuid.uuid4().hex[:8]}"
    try:
        with start(name, level=Level.NODE) as second:
            assert second.node_address != node.node_address
            wait_until(lambda: second.kubectl("get", "serviceaccount", "default", check=False).returncode == 0)
            second.apply(_WEB)
            second.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
            container = second.get("pods")["items"][0]["status"]["containerStatuses"][0]["containerID"].rpartition("/")[
                2
            ]
            groups = list(Path("/sys/fs/cgroup").glob(f"**/{container}"))
            assert groups

            os.kill(int((second.folder / "keeper.pid").read_text()), signal.SIGKILL)
            wait_until(lambda: f"/{name}/" not in host_command("ps", "-eo", "args"))
            with pytest.raises(ClusterNotFoundError):
                attach(name)
            bring_down(name)
            wait_until(lambda: second.node_address not in host_command("ip", "route"))
            assert not second.folder.exists()
            assert not any(group.exists() for group in groups)
    finally:
        bring_down(name)
    assert node.kubectl("get", "nodes", "--no-headers").stdout.split()[1] == "Ready"
