"""What the operator's ServiceAccount may do, and what it must not; what people may do with our resources."""

import json
import os
from pathlib import Path

import pytest
import yaml

from localcluster import CommandError

OPERATOR = Path(__file__).parents[3] / "deploy/operator"
READ = ("get", "list", "watch")
WRITES = ("create", "update", "patch", "delete", "deletecollection")
WORKLOADS = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")

MAY = [
    *((verb, kind) for kind in WORKLOADS for verb in (*READ, "patch")),
    *((verb, "services") for verb in READ),
    *((verb, "configmaps") for verb in (*READ, "create", "patch", "delete")),
    ("list", "pods"),
    ("list", "replicasets.apps"),
    ("list", "controllerrevisions.apps"),
    *((verb, "events.events.k8s.io") for verb in ("create", "list")),
    ("list", "poddisruptionbudgets.policy"),
    *((verb, "apphealths.apphealth.dev") for verb in READ),
    ("patch", "apphealths.apphealth.dev/status"),
    *((verb, "healthplans.apphealth.dev") for verb in (*READ, "create", "patch", "delete")),
]
MAY_IN_THE_CLUSTER = [
    *MAY,
    *((verb, "namespaces") for verb in READ),
    *((verb, "clusterapphealths.apphealth.dev") for verb in READ),
    ("patch", "clusterapphealths.apphealth.dev/status"),
]
MUST_NOT = [
    *((verb, "secrets") for verb in (*READ, *WRITES)),
    *((verb, kind) for kind in WORKLOADS for verb in ("create", "update", "delete", "deletecollection")),
    *((verb, kind) for kind in ("services", "namespaces", "serviceaccounts") for verb in WRITES),
    *((verb, "apphealths.apphealth.dev") for verb in WRITES),
    *((verb, "clusterapphealths.apphealth.dev") for verb in WRITES),
    *((verb, "healthplans.apphealth.dev") for verb in ("update", "deletecollection")),
    *((verb, "configmaps") for verb in ("update", "deletecollection")),
    *((verb, "events.events.k8s.io") for verb in ("get", "watch", "update", "delete")),
    *((verb, "pods") for verb in ("get", "watch", *WRITES)),
    ("create", "pods/exec"),
    ("create", "serviceaccounts/token"),
    *(("create", f"{kind}.rbac.authorization.k8s.io") for kind in ("roles", "rolebindings", "clusterrolebindings")),
    *((verb, "customresourcedefinitions.apiextensions.k8s.io") for verb in (*READ, *WRITES)),
    *((verb, "mutatingadmissionpolicies.admissionregistration.k8s.io") for verb in (*READ, *WRITES)),
    ("impersonate", "users"),
    ("*", "*"),
]


def install(cluster, folder):
    """Apply a kustomization without its Deployment: nothing is to run here."""
    objects = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(folder)).stdout))
    cluster.apply(yaml.safe_dump_all(o for o in objects if o["kind"] != "Deployment"))
    return objects


def allowed(cluster, asked, *, config=None, user="", namespace="", name=""):
    """Return which (verb, kind) are allowed, asked by one kubectl: the account asks for itself, or we for a user."""
    reviews = []
    for verb, kind in asked:
        resource, _, subresource = kind.partition("/")
        plural, _, group = resource.partition(".")
        what = {"verb": verb, "resource": plural, "group": group, "subresource": subresource}
        what |= {"namespace": namespace, "name": name}
        review = {"apiVersion": "authorization.k8s.io/v1", "spec": {"resourceAttributes": what}}
        who = {"kind": "SubjectAccessReview"} if user else {"kind": "SelfSubjectAccessReview"}
        reviews.append(review | who | {"spec": review["spec"] | ({"user": user} if user else {})})
    identity = ("--kubeconfig", str(config)) if config else ()
    text = "\n---\n".join(map(json.dumps, reviews))
    answers = cluster.kubectl("create", "--validate=false", "-f", "-", "-o", "yaml", *identity, input=text).stdout
    documents = [d for d in yaml.safe_load_all(answers) if d]
    documents = documents[0]["items"] if documents[0]["kind"] == "List" else documents
    assert len(documents) == len(reviews)
    return {pair for pair, document in zip(asked, documents, strict=True) if document["status"]["allowed"]}


@pytest.fixture(scope="module")
def crds(control_plane):
    control_plane.apply(OPERATOR.parents[1] / "crds")
    return control_plane


@pytest.fixture(scope="module")
def account(crds):
    install(crds, OPERATOR)
    return crds.service_account_kubeconfig("apphealth", "apphealth")


def test_the_operator_may_do_what_it_does_in_every_namespace(crds, account):
    assert allowed(crds, MAY_IN_THE_CLUSTER, config=account) == set(MAY_IN_THE_CLUSTER)
    policy = [("get", "mutatingadmissionpolicies.admissionregistration.k8s.io")]
    assert allowed(crds, policy, config=account, name="newest-handler-wins.apphealth.dev") == set(policy)


@pytest.mark.parametrize("where", ["", "default", "kube-system", "apphealth"])
def test_the_operator_may_do_nothing_else(crds, account, where):
    assert allowed(crds, MUST_NOT, config=account, namespace=where) == set()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["get", "secrets"], id="read-secrets"),
        pytest.param(["delete", "deployment", "web"], id="delete-a-deployment"),
        pytest.param(["create", "deployment", "other", "--image=a"], id="create-a-deployment"),
        pytest.param(["scale", "deployment", "web", "--replicas=2"], id="scale-a-deployment"),
        pytest.param(["exec", "web", "--", "sh"], id="exec"),
    ],
)
def test_what_is_not_allowed_is_refused(crds, account, namespace, command):
    crds.kubectl("create", "deployment", "web", "--image=a", "--replicas=0", "-n", namespace)
    with pytest.raises(CommandError, match=r"(?i)forbidden"):
        crds.kubectl("-n", namespace, "--kubeconfig", str(account), *command)


def test_the_lease_of_the_operator_is_the_only_one(crds, account):
    create = ("create", "leases.coordination.k8s.io")
    renew = {("get", "leases.coordination.k8s.io"), ("update", "leases.coordination.k8s.io")}
    asked = [create, *renew]
    assert allowed(crds, asked, config=account, namespace="apphealth", name="apphealth") == {create, *renew}
    assert allowed(crds, asked, config=account, namespace="apphealth", name="other") == {create}
    assert allowed(crds, asked, config=account, namespace="default", name="apphealth") == set()


def test_every_account_sees_the_leases_of_operators_and_no_other(crds, account, namespace):
    crds.kubectl("create", "serviceaccount", "any", "-n", namespace)
    anybody = crds.service_account_kubeconfig(namespace, "any")
    see = [("list", "leases.coordination.k8s.io")]
    for config in (account, anybody):
        assert allowed(crds, see, config=config, name="apphealth") == set(see)
        assert allowed(crds, see, config=config) == allowed(crds, see, config=config, name="other") == set()


def test_the_operator_of_one_namespace_may_work_there_and_nowhere_else(crds, namespace, tmp_path):
    base = os.path.relpath(OPERATOR / "namespaced", tmp_path.resolve())
    overlay = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(overlay | {"namespace": namespace, "resources": [base]})
    )
    objects = install(crds, tmp_path)
    assert {o["kind"] for o in objects} == {"ServiceAccount", "Role", "RoleBinding", "Deployment"}
    config = crds.service_account_kubeconfig(namespace, "apphealth")
    assert allowed(crds, MAY, config=config, namespace=namespace) == set(MAY)
    assert allowed(crds, MUST_NOT, config=config, namespace=namespace) == set()
    assert allowed(crds, MAY, config=config, namespace="default") == set()


def test_editors_of_a_namespace_write_its_rules_and_viewers_read_them(crds, account, namespace):
    crds.kubectl("create", "rolebinding", "dev", "--clusterrole=edit", "--user=dev", "-n", namespace)
    crds.kubectl("create", "rolebinding", "guest", "--clusterrole=view", "--user=guest", "-n", namespace)
    rules = [(verb, "apphealths.apphealth.dev") for verb in (*READ, *WRITES)]
    plans = [(verb, "healthplans.apphealth.dev") for verb in (*READ, *WRITES)]
    everywhere = [(verb, "clusterapphealths.apphealth.dev") for verb in WRITES]
    asked = [*rules, *plans, *everywhere]
    looks = {(verb, kind) for verb, kind in [*rules, *plans] if verb in READ}
    assert allowed(crds, asked, user="dev", namespace=namespace) == {*rules, *looks}
    assert allowed(crds, asked, user="guest", namespace=namespace) == looks


def test_the_pod_meets_the_restricted_security_standard(crds, namespace):
    crds.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    deployment = next(
        o
        for o in yaml.safe_load_all(crds.kubectl("kustomize", str(OPERATOR / "cluster")).stdout)
        if o["kind"] == "Deployment"
    )
    spec = deployment["spec"]["template"]["spec"] | {"serviceAccountName": "default"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator"}, "spec": spec}
    arguments = ("create", "--dry-run=server", "-n", namespace, "-f", "-")
    crds.kubectl(*arguments, input=yaml.safe_dump(pod))
    del spec["securityContext"]
    with pytest.raises(CommandError, match="violates PodSecurity"):
        crds.kubectl(*arguments, input=yaml.safe_dump(pod))


@pytest.mark.parametrize("folder", [".", "shared", "cluster", "namespaced", "admission", "with-admission"])
def test_every_kustomization_is_taken_by_the_api_server(crds, namespace, folder):
    objects = list(yaml.safe_load_all(crds.kubectl("kustomize", str(OPERATOR / folder)).stdout))
    for found in objects:
        if "namespace" in found["metadata"]:  # A dry run makes no namespace for the others to be in.
            found["metadata"]["namespace"] = namespace
    crds.apply(yaml.safe_dump_all(objects), "--dry-run=server", "--validate=strict")


def test_no_right_is_a_wildcard():
    roles = [
        rule
        for file in OPERATOR.rglob("*.yaml")
        for document in yaml.safe_load_all(file.read_text())
        for rule in document.get("rules", [])
    ]
    assert roles
    assert [rule for rule in roles if "*" in str(rule)] == []
