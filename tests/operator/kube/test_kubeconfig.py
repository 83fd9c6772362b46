"""Where the credentials come from, and what is said when they can't be used."""

import json
import stat
import sys

import pytest

from apphealth.kube.credentials import REREAD, CredentialsError, file_token
from apphealth.kube.kubeconfig import find_credentials, in_cluster, load_kubeconfig


def kubeconfig(folder, name="config", *, user=None, cluster=None, current="here", context=None):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"} | (cluster or {})}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"} | (context or {})}],
    }
    path = folder / name
    path.write_text(json.dumps(config))
    return path


def test_a_token(tmp_path):
    found = load_kubeconfig([kubeconfig(tmp_path, user={"token": "abc"}, context={"namespace": "shop"})])
    assert (found.server, found.namespace, found.token()) == ("http://127.0.0.1:1", "shop", "abc")
    assert not found.in_pod


def test_a_token_file_is_found_beside_the_kubeconfig(tmp_path):
    (tmp_path / "token").write_text("abc\n")
    assert load_kubeconfig([kubeconfig(tmp_path, user={"tokenFile": "token"})]).token() == "abc"


def test_a_token_file_is_read_again_now_and_then_and_when_its_token_was_refused(tmp_path):
    path = tmp_path / "token"
    path.write_text("one")
    now = [0.0]
    token = file_token(path, clock=lambda: now[0])
    assert token() == "one"
    path.write_text("two")
    assert token() == "one"
    assert token(fresh=True) == "two"
    path.write_text("three")
    now[0] = REREAD + 1
    assert token() == "three"


def test_user_and_password(tmp_path):
    user = {"username": "me", "password": "secret"}
    found = load_kubeconfig([kubeconfig(tmp_path, user=user)])
    assert found.basic == ("me", "secret")
    assert "secret" not in repr(found)


def test_a_credential_plugin_is_run_and_run_again_when_its_token_is_refused(tmp_path):
    script = tmp_path / "plugin.py"
    counter = tmp_path / "count"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, os, pathlib\n"
        f"count = pathlib.Path({str(counter)!r})\n"
        "number = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(number))\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "print(json.dumps({'kind': info['kind'], 'status': {'token': os.environ['WHO'] + str(number)}}))\n"
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    plugin = {"command": str(script), "env": [{"name": "WHO", "value": "me"}]}
    token = load_kubeconfig([kubeconfig(tmp_path, user={"exec": plugin})]).token
    assert [token(), token(), token(fresh=True)] == ["me1", "me1", "me2"]


def test_of_several_kubeconfigs_the_first_that_says_something_counts(tmp_path):
    first = tmp_path / "first"
    first.write_text("current-context: other\ncontexts: [{name: other, context: {cluster: c, user: u}}]\n")
    second = kubeconfig(tmp_path, user={"token": "abc"})
    assert load_kubeconfig([first, tmp_path / "missing", second]).token() == "abc"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("a: [", "is no YAML", id="broken"),
        pytest.param("clusters: []", "no current-context", id="no-context"),
        pytest.param("current-context: x", "no context 'x'; there is: none", id="missing-context"),
        pytest.param(
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "no cluster 'c'", id="missing-cluster"
        ),
        pytest.param(
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {a: b}}]",
            "has no server",
            id="no-server",
        ),
    ],
)
def test_what_is_wrong_with_a_kubeconfig_is_said(tmp_path, text, said):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(CredentialsError, match=said) as caught:
        load_kubeconfig([path])
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        pytest.param({}, {"certificate-authority-data": "!!!"}, "certificates", id="ca-no-base64"),
        pytest.param({}, {"certificate-authority": "nowhere.crt"}, "certificates", id="ca-missing"),
        pytest.param({"client-certificate": "nowhere.crt"}, {}, "certificates", id="client-certificate-missing"),
        pytest.param({"exec": {"command": "/nowhere/plugin"}}, {}, "plugin '/nowhere/plugin' failed", id="plugin"),
    ],
)
def test_what_is_wrong_with_its_credentials_is_said(tmp_path, user, cluster, said):
    path = kubeconfig(tmp_path, user=user, cluster={"server": "https://127.0.0.1:1"} | cluster)
    with pytest.raises(CredentialsError, match=said):
        load_kubeconfig([path])


@pytest.fixture
def pod(tmp_path, monkeypatch):
    """Provide the folder and the environment of a pod."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return folder


def test_in_a_pod_without_a_token_the_reason_is_said(pod):
    with pytest.raises(CredentialsError, match="automountServiceAccountToken"):
        in_cluster(pod)


def test_a_kubeconfig_that_is_named_comes_before_the_pods_account(pod, tmp_path, monkeypatch):
    path = kubeconfig(tmp_path, user={"token": "abc"})
    assert find_credentials(path).token() == "abc"
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert find_credentials().token() == "abc"


def test_without_any_credentials_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CredentialsError, match="--kubeconfig"):
        find_credentials()
