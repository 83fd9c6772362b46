"""`make demo` without a terminal: on a cluster of its own, on somebody's, interrupted, and in vain.

And the Helm chart, on the cluster that the demonstration leaves: nothing of ours is in it, and its node has the images.
"""

import os
import signal
from pathlib import Path

import pytest
import yaml

from localcluster import ClusterNotFoundError, Level, attach, start

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/apphealth"
IMAGE = "--set=image.repository=docker.io/library/apphealth,image.tag=latest,image.pullPolicy=Never"
OWN = {"httpGet": {"path": "/users", "port": "http"}}
"""A readiness probe of the application's owner."""
RULE = """
apiVersion: apphealth.dev/v1alpha1
kind: ClusterAppHealth
metadata: {name: standard}
spec:
  mode: Enforce
  selector: {}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
  preset: auto
  existingProbes: Replace
  rollout: {soakSeconds: 0}
"""

# The demonstration runs three times, for the first test that asks what it said.
pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("able_to_run_a_node")]


@pytest.fixture
def unique():
    return f"demo-{os.getpid()}"


@pytest.mark.parametrize(
    "line",
    [
        "$ kubectl apply -k deploy/operator",
        "$ kubectl apply -n shop -f deploy/demo/manifests/shop.yaml",
        "4 errors, 0 warnings, 0 info in 8 objects",
        "$ kubectl apply -f deploy/demo/manifests/clusterapphealth.yaml",
        "$ apphealth plan -n shop -v",
        " workloads would be changed: ",
        "$ apphealth explain deployment/orders -n shop",
        "$ kubectl patch clusterapphealth shop --type=merge",
        "] 4 of 4 done; rolled out",
        "Liveness:   http-get http://:http/z/health/liveness delay=0s timeout=5s period=10s #success=1 #failure=3",
        "Readiness:  http-get http://:http/z/health/readiness delay=0s timeout=3s period=5s #success=1 #failure=3",
        "Startup:    http-get http://:http/z/health/startup delay=0s timeout=2s period=2s #success=1 #failure=150",
        "Readiness:     tcp-socket :tcp delay=0s timeout=3s period=5s #success=1 #failure=3",
        "0 errors, 0 warnings",
        "was restarted by its liveness probe, and serves again.",
        "gets no requests, and was not restarted",
        "✓ Rolled back: ",
        "The pods of users-api served all the time",
        "✓ 10 probes in 4 Deployments",
        "After the delete: every Deployment as before",
        "Take it down with:",
    ],
)
def test_the_story_is_told(demo_runs, line):
    local = demo_runs.local
    assert local.returncode == 0, local.stdout
    assert line in local.stdout


def test_the_apps_know_their_dependencies_in_the_story(demo_runs):
    frontend, orders = demo_runs.local.stdout.partition("6  ")[2].partition("7  ")[0].split("/orders:http/proxy")
    assert '"users-api"' in frontend
    assert '"store"' not in frontend
    assert '"users-api"' in orders
    assert '"store"' in orders


def test_before_and_after_there_are_no_probes_and_no_plans(demo_runs):
    steps = demo_runs.local.stdout.split("$ kubectl get ah,cah,hp -n shop")
    assert "Liveness:   " not in steps[0]
    assert "Liveness:   " not in steps[1].partition("Enforce it, in waves")[0], "nothing changes in mode Audit"
    assert steps[-1].split("\n")[1].strip() == "No resources found"


def test_plain_output_has_no_escape_sequences(demo_runs):
    assert "\x1b" not in demo_runs.local.stdout + demo_runs.interrupted.stdout
    assert demo_runs.local.stderr == demo_runs.interrupted.stderr == ""


def test_on_a_cluster_of_ones_own_it_says_what_it_installs_and_removes_it_after_ctrl_c(demo_runs):
    own = demo_runs.interrupted
    assert own.returncode == 130, own.stdout
    assert "Installed for the whole cluster now, and removed in the end:" in own.stdout
    for thing in ("CustomResourceDefinition apphealths.apphealth.dev", "ClusterRole apphealth", "Namespace apphealth"):
        assert thing in own.stdout
    assert "Preview" in own.stdout, "the operator on this machine has planned the shop"
    assert demo_runs.after == demo_runs.before


def test_an_image_that_the_cluster_cannot_get_is_explained(demo_runs):
    failed = demo_runs.without_image
    assert failed.returncode == 1
    assert "✗ the cluster can't get the image localhost/nowhere/shop:1" in failed.stdout
    assert "--save-image" in failed.stdout
    assert failed.stderr == ""


def test_ctrl_c_takes_the_cluster_down(unique, start_demo):
    with start_demo("--name", unique) as demo:
        for line in demo.stdout:
            if "Kubernetes runs" in line:
                demo.send_signal(signal.SIGINT)
                break
        rest = demo.stdout.read()
    assert demo.returncode == 130
    assert "Interrupted." in rest
    assert "Taking the cluster down" in rest
    with pytest.raises(ClusterNotFoundError):
        attach(unique)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--context", "nowhere"], 1, "kubectl config get-contexts", id="an unknown context"),
        pytest.param(["--context", "x", "--keep"], 2, "--keep is for the local cluster", id="contradicting options"),
        pytest.param(["--save-image", "/nowhere/shop.tar"], 2, "/nowhere/shop.tar", id="no place for the image"),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(run_demo, arguments, code, said):
    result = run_demo(*arguments)
    assert result.returncode == code
    assert said in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_cluster_without_a_node_is_refused(run_demo, unique):
    with start(unique, level=Level.CONTROL_PLANE) as cluster:
        result = run_demo("--name", unique)
        assert result.returncode == 1
        assert (
            f"the cluster {unique} is of level control-plane, and the demonstration needs a real node" in result.stdout
        )
        assert cluster.get("namespaces")["items"]


def test_the_image_is_written_for_other_clusters(run_demo, tmp_path):
    target = tmp_path / "shop.tar"
    result = run_demo("--save-image", str(target))
    assert result.returncode == 0
    assert target.stat().st_size > 10_000_000


def application():
    """Return users-api of the demonstration's shop, with a probe of its own."""
    documents = yaml.safe_load_all((ROOT / "deploy/demo/manifests/shop.yaml").read_text())
    found = next(one for one in documents if (one["kind"], one["metadata"]["name"]) == ("Deployment", "users-api"))
    found["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = OWN
    return found


def test_helm_installs_upgrades_and_uninstalls_the_operator_in_its_pod(
    demo_runs, bare_place, cluster_wide, helm, older_chart, eventually
):
    node = demo_runs.cluster
    shop, ours = bare_place("shop"), bare_place("apphealth")
    access = ("-n", "apphealth", f"--kubeconfig={node.kubeconfig}", "--wait", "--timeout=5m")
    before = cluster_wide(node)
    helm("install", "apphealth", older_chart, *access, "--create-namespace", IMAGE)

    node.kubectl("create", "namespace", "shop")
    shop.kubectl("apply", "-f", "-", text=yaml.safe_dump(application()))
    eventually(lambda: shop.rolled_out("users-api"), "its pods are ready")
    original = shop.get("deployment", "users-api")["spec"]
    node.apply(RULE)
    eventually(lambda: "/z/health/readiness" in shop.described("users-api")["Readiness"], "the probe is replaced")
    shop.settle("users-api")
    written, pods = shop.get("deployment", "users-api"), names(shop)

    helm("upgrade", "apphealth", CHART, *access, IMAGE, "--set=log.format=json")
    log = ("logs", "deployment/apphealth")
    eventually(lambda: "initial sync done" in ours.kubectl(*log), "the new version has looked at all workloads")
    assert shop.get("deployment", "users-api")["metadata"]["generation"] == written["metadata"]["generation"]
    assert names(shop) == pods

    done = helm("uninstall", "apphealth", *access)
    assert "uninstalled" in done.stdout
    assert shop.get("deployment", "users-api")["spec"] == original
    shop.settle("users-api")
    assert all(probes(pod) == {"readinessProbe"} for pod in shop.pods("users-api"))
    assert cluster_wide(node) - before == {"namespace/apphealth", "namespace/shop"}
    left = ours.kubectl("get", "all,sa,roles,rolebindings,cm", "-o=name").split()
    assert [name for name in left if "apphealth" in name] == []
    node.kubectl("delete", "namespace", "apphealth", "shop")


def names(shop):
    return {pod["metadata"]["name"] for pod in shop.pods("users-api")}


def probes(pod):
    return {key for key in pod["spec"]["containers"][0] if key.endswith("Probe")}
