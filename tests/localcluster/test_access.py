"""Who may do what: the admin everything, a ServiceAccount what RBAC gives it."""

from localcluster import Cluster

_READER = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
- {kind: ServiceAccount, name: reader}
"""


def test_service_account_may_do_what_its_role_says_and_nothing_else(control_plane: Cluster, namespace: str):
    control_plane.apply(_READER, "-n", namespace)
    own = f"--kubeconfig={control_plane.service_account_kubeconfig(namespace, 'reader')}"

    allowed = control_plane.kubectl(own, "get", "configmaps", "-o", "name")
    assert allowed.stdout.split() == ["configmap/kube-root-ca.crt"]

    for forbidden in (["get", "secrets"], ["get", "configmaps", "-n", "default"], ["create", "configmap", "mine"]):
        refused = control_plane.kubectl(own, *forbidden, check=False)
        assert refused.returncode == 1
        assert f'User "system:serviceaccount:{namespace}:reader" cannot' in refused.stderr


def test_nobody_gets_in_without_a_token(control_plane: Cluster):
    anonymous = control_plane.kubectl("get", "namespaces", "--token=wrong", check=False)
    assert anonymous.returncode == 1
    assert "logged in" in anonymous.stderr


def test_newest_admission_features_are_served(control_plane: Cluster):
    served = control_plane.kubectl("api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name").stdout
    assert "mutatingadmissionpolicies.admissionregistration.k8s.io" in served.split()


def test_files_with_tokens_and_keys_are_for_their_owner_only(control_plane: Cluster):
    secret = [
        control_plane.kubeconfig,
        *control_plane.folder.glob("pki/*.key"),
        *control_plane.folder.glob("pki/*.csv"),
    ]
    assert len(secret) >= 4
    assert {path.stat().st_mode & 0o077 for path in secret} == {0}
    assert control_plane.folder.stat().st_mode & 0o077 == 0
