"""The Helm chart: the same objects as by kustomize; installed, upgraded and uninstalled by helm itself."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from localcluster import start

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/apphealth"
OPERATOR = ROOT / "deploy/operator"
APPHEALTH = Path(sys.executable).with_name("apphealth")
NEWEST, OLDEST = "1.36.0", "1.30.0"
POLICIES = len(list((OPERATOR / "admission").glob("*-*.yaml")))
SHARED = "".join(path.read_text() for path in (OPERATOR / "shared").glob("*.yaml"))
GUARDS = SHARED.count("\nkind: ValidatingAdmissionPolicy\n")
MUTATING = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"


def rendered(helm, *arguments, version=NEWEST, apis=(MUTATING,)):
    served = [f"--api-versions={api}" for api in apis]
    command = ("template", "apphealth", CHART, "-n", "apphealth", f"--kube-version={version}", *served, *arguments)
    return [item for item in yaml.safe_load_all(helm(*command).stdout) if item]


def kustomized(control_plane, folder):
    return [item for item in yaml.safe_load_all(control_plane.kubectl("kustomize", str(folder)).stdout) if item]


def overlay(tmp_path, *parts, namespaced=False):
    """Write an overlay of components over the operator's kustomization; returns its folder."""
    base = os.path.relpath(OPERATOR, tmp_path.resolve())  # kustomize takes no absolute path
    folders = ["namespaced", "shared"] if namespaced else ["with-admission"]
    content = {"resources": [f"{base}/{folder}" for folder in folders], "components": [f"{base}/{it}" for it in parts]}
    content |= {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def comparable(objects):
    """Return objects by kind and name, without what differs by nature: the image's tag, and the labels of Helm."""
    found = {}
    for item in objects:
        if item["kind"] == "Namespace":  # helm's --create-namespace makes it
            continue
        metadata = item["metadata"]
        metadata.pop("labels", None)
        if item["kind"] not in {"Role", "RoleBinding"}:
            metadata.pop("namespace", None)
        if item["kind"] == "Deployment":
            for container in item["spec"]["template"]["spec"]["containers"]:
                container["image"] = container["image"].partition(":")[0]
        found[item["kind"], metadata["name"]] = unfolded(item)
    return found


def unfolded(value):
    """Return a value without the line breaks in its texts: kustomize writes those of expressions in another way."""
    match value:
        case str():
            return " ".join(value.split())
        case list():
            return [unfolded(item) for item in value]
        case dict():
            return {key: unfolded(item) for key, item in value.items()}
    return value


MODES = [
    pytest.param([], [], False, id="cluster"),
    pytest.param(["--set=replicas=2"], ["ha"], False, id="two replicas"),
    pytest.param(["--set=networkPolicy.enabled=true"], ["network"], False, id="network policy"),
    pytest.param(["--set=policyReports=true"], ["policy-reports"], False, id="policy reports"),
    pytest.param(
        ["--set=policyReports=true,namespaced=true,admission.mutating=false", "-n=shop"],
        ["policy-reports"],
        True,
        id="policy reports in one namespace",
    ),
    pytest.param(
        ["--set=metrics.serviceMonitor.enabled=true,metrics.alerts.enabled=true"],
        ["../monitoring"],
        False,
        id="monitoring",
    ),
    pytest.param(["--set=namespaced=true,admission.mutating=false", "-n=shop"], [], True, id="one namespace"),
]


@pytest.mark.parametrize(("values", "components", "namespaced"), MODES)
def test_helm_and_kustomize_make_the_same_objects(helm, control_plane, tmp_path, values, components, namespaced):
    folder = overlay(tmp_path, *components, namespaced=namespaced)
    by_kustomize = comparable(kustomized(control_plane, folder))
    by_helm = comparable(rendered(helm, "--no-hooks", *values))
    for item in (*by_helm.values(), *by_kustomize.values()):
        for subject in item.get("subjects", ()):
            subject.pop("namespace", None)
    assert by_helm.keys() == by_kustomize.keys()
    for key, item in by_helm.items():
        assert item == by_kustomize[key], key


@pytest.mark.parametrize(
    ("version", "apis", "values", "policies"),
    [
        pytest.param(OLDEST, (), (), 0, id="1.30"),
        pytest.param(NEWEST, (MUTATING,), (), POLICIES, id="1.36"),
        pytest.param(OLDEST, (), ("--set=admission.mutating=true",), POLICIES, id="always"),
        pytest.param(NEWEST, (MUTATING,), ("--set=admission.mutating=false",), 0, id="never"),
    ],
)
def test_policies_are_installed_where_the_cluster_has_them(helm, version, apis, values, policies):
    kinds = [item["kind"] for item in rendered(helm, *values, version=version, apis=apis)]
    assert kinds.count("MutatingAdmissionPolicy") == policies
    assert kinds.count("ValidatingAdmissionPolicy") == GUARDS


def test_the_default_kustomization_has_nothing_that_kubernetes_1_30_lacks(control_plane):
    for folder in (OPERATOR, OPERATOR / "shared"):
        assert not [item for item in kustomized(control_plane, folder) if item["kind"].startswith("Mutating")]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param("replicas=many", "replicas", id="a number"),
        pytest.param("log.level=loud", "log", id="a choice"),
        pytest.param("replica=2", "replica", id="a name"),
        pytest.param("uninstall.timeout=long", "uninstall", id="a duration"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(helm, values, complaint):
    command = ("template", "x", CHART, f"--kube-version={NEWEST}", f"--set={values}")
    done = helm(*command, check=False)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_the_definitions_are_kept_if_values_say_so(helm):
    kept = [item for item in rendered(helm, "--set=crds.keep=true") if item["kind"] == "CustomResourceDefinition"]
    assert [item["metadata"]["annotations"] for item in kept] == [{"helm.sh/resource-policy": "keep"}] * 3


def test_the_chart_and_the_operator_have_one_version():
    import tomllib

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "operator/pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]


@pytest.fixture(scope="module")
def own_cluster():
    """Provide an API server on which nothing of ours is installed."""
    cluster = start(f"install-{os.getpid()}")
    try:
        yield cluster
    finally:
        cluster.down()


def everything(cluster):
    """Return every object of ours, and every definition."""
    labelled = cluster.kubectl(
        "get",
        "crd,clusterroles,clusterrolebindings,validatingadmissionpolicies,mutatingadmissionpolicies"
        ",validatingadmissionpolicybindings,mutatingadmissionpolicybindings",
        "-o=name",
    ).stdout.split()
    inside = cluster.kubectl("get", "all,roles,rolebindings,sa,cm,leases", "-n", "apphealth", "-o=name").stdout.split()
    return {name for name in labelled if "apphealth" in name} | {name for name in inside if "apphealth" in name}


def columns(cluster):
    found = json.loads(cluster.kubectl("get", "crd", "healthplans.apphealth.dev", "-o", "json").stdout)
    return {column["name"] for column in found["spec"]["versions"][0]["additionalPrinterColumns"]}


def workload(cluster):
    return json.loads(cluster.kubectl("get", "deploy", "web", "-n", "shop", "-o", "json").stdout)


@contextmanager
def operator(cluster, log):
    """Run the operator with the rights that the chart gave it; the cluster has no node for its pod."""
    kubeconfig = cluster.service_account_kubeconfig("apphealth", "apphealth")
    with log.open("wb") as output:
        command = [str(APPHEALTH), "run", f"--kubeconfig={kubeconfig}"]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def until(holds, what, log):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, f"{what}\n{log.read_text()}"
        time.sleep(0.2)


WEB = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: main, image: web, ports: [{containerPort: 8080}]}]
"""
RULE = """
apiVersion: apphealth.dev/v1alpha1
kind: ClusterAppHealth
metadata: {name: standard}
spec: {mode: Enforce, selector: {}, verification: Skip, probes: {liveness: {path: /live}}}
"""


def test_helm_installs_upgrades_and_uninstalls_without_a_trace(helm, older_chart, own_cluster, tmp_path):
    cluster, log = own_cluster, tmp_path / "log"
    access = ("-n", "apphealth", f"--kubeconfig={cluster.kubeconfig}")
    before = everything(cluster)
    helm("install", "apphealth", older_chart, *access, "--create-namespace")
    assert "State" not in columns(cluster)
    cluster.apply(WEB)
    cluster.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
    until(lambda: cluster.kubectl("get", "cah", check=False).returncode == 0, "the rules are served", log)
    cluster.apply(RULE)
    with operator(cluster, log):
        until(lambda: "livenessProbe" in str(workload(cluster)["spec"]), "the probe is written", log)
    written = workload(cluster)
    helm("upgrade", "apphealth", CHART, *access)
    assert "State" in columns(cluster), "helm upgrades the definitions too"
    with operator(cluster, log):
        until(lambda: "all workloads have been reconciled" in log.read_text(), "it has looked at all workloads", log)
        assert workload(cluster)["metadata"]["generation"] == written["metadata"]["generation"], "no probe has changed"
        command = [APPHEALTH, "uninstall", f"--kubeconfig={cluster.kubeconfig}"]
        unasked = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert (unasked.returncode, "say --yes" in unasked.stderr) == (2, True)
        assert "livenessProbe" in str(workload(cluster)["spec"])
        done = subprocess.run([*command, "--yes"], check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr + log.read_text()
        assert "deleted ClusterAppHealth/standard" in done.stdout
        assert "livenessProbe" not in str(workload(cluster)["spec"])
    helm("uninstall", "apphealth", *access, "--no-hooks")  # no node runs the hook here; tests/node/bare
    cluster.kubectl("delete", "lease", "-n", "apphealth", "--all")
    assert everything(cluster) == before


def test_without_an_operator_uninstall_says_what_is_left(control_plane, installed, namespace):
    plan = {"spec": {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}
    plan |= {"apiVersion": "apphealth.dev/v1alpha1", "kind": "HealthPlan"}
    plan |= {"metadata": {"name": "deployment-web", "namespace": namespace}}
    control_plane.apply(yaml.safe_dump(plan | {"status": {"state": "Applied", "message": "adds liveness of main"}}))
    command = [
        APPHEALTH,
        "uninstall",
        f"--kubeconfig={control_plane.kubeconfig}",
        f"--namespace={namespace}",
        "--timeout=1s",
    ]
    done = subprocess.run([*command, "--yes"], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4
    assert f"1 workloads are left: Deployment/{namespace}/web (Applied: adds liveness of main)" in done.stderr
    assert "Does the operator run" in done.stderr
    missing = subprocess.run([*command, "--yes", "--namespace=shpo"], check=False, capture_output=True, text=True)
    assert (missing.returncode, "there is no namespace 'shpo'" in missing.stderr) == (4, True)
