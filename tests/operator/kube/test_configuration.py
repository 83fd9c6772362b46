"""Where the credentials come from, and what is said when they can't be used."""

import logging
import time
from contextlib import suppress
from pathlib import Path

import pytest

from apphealth.kube import configuration
from apphealth.kube.configuration import CredentialsError, find_access, in_cluster, load_kubeconfig

GOOD = "give({'token': os.environ['WHO']})"
WHO = [{"name": "WHO", "value": "me"}]


@pytest.mark.parametrize(
    ("user", "header"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"token": "abc"}, "Bearer abc", id="token"),
        pytest.param({"tokenFile": "token"}, "Bearer from-file", id="token-file-beside-the-kubeconfig"),
        pytest.param({"username": "me", "password": "secret"}, "Basic bWU6c2VjcmV0", id="password"),
    ],
)
def test_what_a_user_proves_itself_with(kubeconfig, tmp_path, user, header):
    (tmp_path / "token").write_text("from-file\n")
    found = load_kubeconfig(str(kubeconfig(user=user, context={"namespace": "shop"})))
    assert (found.configuration.host, found.namespace, found.in_pod) == ("http://127.0.0.1:1", "shop", False)
    assert found.authorization() == header
    assert "secret" not in repr(found)


def test_a_credential_plugin_is_run_beside_its_kubeconfig(kubeconfig, plugin):
    assert load_kubeconfig(str(kubeconfig(user=plugin(GOOD, env=WHO)))).authorization() == "Bearer me"


@pytest.mark.parametrize(
    ("code", "fields", "said"),
    [
        pytest.param("", {"command": "/nowhere/plugin"}, "No such file or directory: '/nowhere/plugin'", id="missing"),
        pytest.param(
            "", {"command": "aws", "installHint": "pip install it\n"}, r"'aws' .*\(pip install it\)", id="hint"
        ),
        pytest.param("sys.exit('log in first')", {}, "returned 1. log in first", id="exit-code"),
        pytest.param("print('<html>')", {}, "failed to decode process output", id="no-json"),
        pytest.param("print('{}')", {}, "missing key 'apiVersion'", id="no-credential"),
        pytest.param("give({})", {}, "missing token", id="no-token"),
        pytest.param(GOOD, {"apiVersion": None}, "Expected key apiVersion in .*/user/exec", id="no-version"),
        pytest.param("give({'token': 'x'}, apiVersion='v7')", {}, "v7 does not match", id="version"),
    ],
)
def test_a_plugin_that_fails_is_named_with_its_reason(kubeconfig, plugin, caplog, code, fields, said):
    path = kubeconfig(user=plugin(code, env=WHO, **fields))
    with pytest.raises(CredentialsError, match=said) as caught:
        load_kubeconfig(str(path))
    assert f"the credential plugin {fields.get('command', './plugin')!r} of the user 'u'" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "WHO" not in str(caught.value)
    assert not caplog.records


def test_a_plugin_that_hangs_is_ended_and_named(kubeconfig, plugin, tmp_path, monkeypatch):
    monkeypatch.setattr(configuration, "DEADLINE", 0.5)
    code = "time.sleep(600)"
    with pytest.raises(CredentialsError, match=r"'./plugin' .* gave no answer in 0.5 s; run it in a shell"):
        load_kubeconfig(str(kubeconfig(user=plugin(code))))
    until = time.monotonic() + 60
    while _any_runs_in(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.05)


def _any_runs_in(folder):
    """Tell whether a process has this working directory; one that has ended, and waits to be noticed, has none."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            found.add(link.readlink())
    return folder in found


def test_what_the_official_client_logs_elsewhere_is_left_alone(kubeconfig, plugin, caplog):
    with caplog.at_level(logging.INFO):
        load_kubeconfig(str(kubeconfig(user=plugin(GOOD, env=WHO))))
        logging.getLogger().error("another")
    assert [record.message for record in caplog.records] == ["another"]


def test_of_several_kubeconfigs_the_first_that_says_something_counts(kubeconfig, tmp_path):
    first = tmp_path / "first"
    first.write_text(
        "current-context: other\ncontexts: [{name: other, context: {cluster: c, user: u, namespace: x}}]\n"
    )
    second = kubeconfig(user={"token": "abc"})
    found = load_kubeconfig(f"{first}:{tmp_path / 'missing'}:{second}")
    assert (found.authorization(), found.namespace) == ("Bearer abc", "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("a: [", "isn't valid YAML", id="broken"),
        pytest.param("[1, 2]", "can't be used", id="list"),
        pytest.param("clusters: []", "no current-context; choose one with --context", id="no-context"),
        pytest.param("current-context: x", "there is no context 'x'", id="missing-context"),
        pytest.param(
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]",
            "name c in .*clusters list",
            id="missing-cluster",
        ),
        pytest.param(
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {a: b}}]",
            "the cluster of context 'x' has no server",
            id="no-server",
        ),
    ],
)
def test_what_is_wrong_with_a_kubeconfig_is_said(tmp_path, text, said):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(CredentialsError, match=said) as caught:
        load_kubeconfig(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        pytest.param({}, {"certificate-authority-data": "!!!"}, "certificates of context 'here'", id="ca-no-base64"),
        pytest.param({}, {"certificate-authority": "nowhere.crt"}, "does not exist: .*nowhere.crt", id="ca-missing"),
        pytest.param(
            {"client-certificate": "nowhere.crt"}, {}, "does not exist: .*nowhere.crt", id="certificate-missing"
        ),
        pytest.param({"tokenFile": "nowhere"}, {}, "No such file or directory: .*nowhere", id="token-file-missing"),
        pytest.param({"token": "x", "as": "admin"}, {}, "'u' impersonates another", id="impersonation"),
        pytest.param({}, {"proxy-url": "socks5://10.0.0.1:1080"}, "SOCKS proxies are not supported", id="socks"),
    ],
)
def test_what_is_wrong_with_its_credentials_is_said(kubeconfig, user, cluster, said):
    path = kubeconfig(user=user, cluster={"server": "https://10.0.0.2:1"} | cluster)
    with pytest.raises(CredentialsError, match=said):
        load_kubeconfig(str(path))


@pytest.mark.parametrize(
    ("server", "cluster", "environment", "proxy"),
    [
        pytest.param("https://10.0.0.2:1", {}, {}, None, id="none"),
        pytest.param("https://10.0.0.2:1", {}, {"HTTPS_PROXY": "http://p:1"}, "http://p:1", id="environment"),
        pytest.param("https://127.0.0.1:1", {}, {"HTTPS_PROXY": "http://p:1"}, None, id="this-machine"),
        pytest.param(
            "https://10.0.0.2:1", {}, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, None, id="range"
        ),
        pytest.param("https://127.0.0.1:1", {"proxy-url": "http://q:1"}, {}, "http://q:1", id="kubeconfig"),
        pytest.param("https://10.0.0.2:1", {"proxy-url": "http://q:1"}, {"NO_PROXY": "*"}, "http://q:1", id="both"),
    ],
)
def test_the_proxy_is_the_one_that_kubectl_uses(kubeconfig, tmp_path, monkeypatch, server, cluster, environment, proxy):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = load_kubeconfig(str(kubeconfig(cluster={"server": server} | cluster)))
    assert found.configuration.proxy == proxy


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


def test_a_kubeconfig_that_is_named_comes_before_the_pods_account(kubeconfig, pod, monkeypatch):
    path = kubeconfig(user={"token": "abc"})
    assert find_access(path).authorization() == "Bearer abc"
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert find_access().authorization() == "Bearer abc"


def test_without_any_credentials_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CredentialsError, match="--kubeconfig"):
        find_access()
