"""Logging in as kubeconfigs say, on a real API server: the command line's reads, and the operator while it runs."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from apphealth.kube.client import Client
from apphealth.kube.configuration import in_cluster
from apphealth.kube.credentials import Credentials, find_credentials
from apphealth.kube.errors import UnauthorizedError, UnreachableError

PROGRAM = Path(sys.executable).parent / "apphealth"
READ = "/apis/apps/v1/deployments?limit=1"


def lint(kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    """Have the command line read a namespace."""
    command = [PROGRAM, "lint", "--cluster", "-n", "default", "-q", "--kubeconfig", kubeconfig]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


async def read(kubeconfig: Path) -> None:
    """Have the operator's client read."""
    async with Client(find_credentials(kubeconfig)) as client:
        await client.request("GET", READ)


async def test_a_plugin_gives_a_token(kubeconfig, plugin, tokens):
    path = kubeconfig(plugin.user)
    plugin.give(token=tokens.make("one"))
    assert (lint(path).returncode, plugin.asked) == (0, 1)
    await read(path)


async def test_a_plugin_gives_a_certificate(kubeconfig, plugin, certificate):
    path = kubeconfig(plugin.user)
    plugin.give(**certificate)
    assert lint(path).returncode == 0
    await read(path)


@pytest.mark.parametrize("command", ["lint", "run"])
def test_a_plugin_that_fails_is_one_line_and_an_exit_code(kubeconfig, plugin, command):
    path = kubeconfig(plugin.user)
    plugin.fail("log in first: acme login")
    arguments = {"lint": ["lint", "--cluster"], "run": ["run"]}[command]
    done = subprocess.run(
        [PROGRAM, *arguments, "--kubeconfig", path], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "the credential plugin './plugin' of the user 'apphealth-apphealth' failed" in line
    assert line.endswith("log in first: acme login")


async def test_tls_server_name_is_the_name_that_the_certificate_must_have(kubeconfig, gate):
    server = f"https://{gate('127.0.0.2').address}"
    with pytest.raises(UnreachableError, match=r"not valid for '127.0.0.2'"):
        await read(kubeconfig(server=server))
    refused = lint(kubeconfig(server=server))
    assert (refused.returncode, "127.0.0.2" in refused.stderr, "Traceback" in refused.stderr) == (4, True, False)
    named = kubeconfig(server=server, **{"tls-server-name": "kubernetes.default.svc"})
    await read(named)
    assert lint(named).returncode == 0
    with pytest.raises(UnreachableError, match=r"not valid for 'elsewhere'"):
        await read(kubeconfig(server=server, **{"tls-server-name": "elsewhere"}))


async def test_the_proxy_of_a_kubeconfig_is_used(kubeconfig, gate):
    proxy = gate("127.0.0.1", proxy=True)
    path = kubeconfig(**{"proxy-url": f"http://{proxy.address}"})
    await read(path)
    assert proxy.connected == 1
    assert lint(path).returncode == 0
    assert proxy.connected > 1


async def test_an_id_token_that_has_ended_is_refreshed_and_kept(kubeconfig, identity_provider, tokens):
    identity_provider.id_token = tokens.make("one")
    path = kubeconfig(identity_provider.user(ends_in=-60))
    await read(path)
    assert identity_provider.refreshed == ["refresh-1"]
    kept = yaml.safe_load(path.read_text())["users"][0]["user"]["auth-provider"]["config"]
    assert (kept["id-token"], kept["refresh-token"]) == (identity_provider.id_token, "refresh-2")
    assert lint(path).returncode == 0
    assert identity_provider.refreshed == ["refresh-1"]


def test_an_identity_provider_that_is_away_is_named(kubeconfig, identity_provider):
    user = identity_provider.user(ends_in=-60)
    user["auth-provider"]["config"]["idp-issuer-url"] = "https://127.0.0.1:9"
    done = lint(kubeconfig(user))
    assert done.returncode == 3
    assert "the identity provider 'https://127.0.0.1:9'" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


async def test_in_a_pod_the_token_is_read_again_when_it_has_ended(control_plane, tokens, tmp_path, monkeypatch):
    where = urlsplit(control_plane.server)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(where.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(where.port))
    (tmp_path / "ca.crt").write_bytes((control_plane.folder / "pki" / "ca.crt").read_bytes())
    (tmp_path / "namespace").write_text("apphealth")
    (tmp_path / "token").write_text("ended")
    find = partial(in_cluster, tmp_path)
    async with Client(Credentials(find(), find)) as client:
        with pytest.raises(UnauthorizedError):
            await client.request("GET", READ)
        (tmp_path / "token").write_text(tokens.make("one"))
        await client.request("GET", READ)


def test_the_operator_goes_on_when_its_token_ends(shop, run_operator, kubeconfig, plugin, tokens):
    plugin.give(token=tokens.make("first"))
    operator = run_operator(kubeconfig=kubeconfig(plugin.user))
    shop.rule()
    shop.deployment("early")
    shop.until_applied("early")
    plugin.give(token=tokens.make("second"))
    tokens.end("first")
    # The API server remembers for some seconds that a token was good.
    shop.until(lambda: _asked_for_something(shop) and plugin.asked > 1, "the plugin is asked again")
    shop.deployment("late")
    shop.until_applied("late")
    assert operator.is_ready()
    assert "Traceback" not in operator.tail()
    tokens.end("second")
    plugin.fail("log in first: acme login")
    shop.until(lambda: _asked_for_something(shop) and "acme login" in operator.tail(), "the reason is said")
    assert "Traceback" not in operator.tail()


def _asked_for_something(shop) -> bool:
    """Have the operator write, which it does with the token of the moment."""
    now = shop.generation("early")
    shop.change_rule(probes={"liveness": {"path": "/live", "periodSeconds": 10 + now}, "readiness": {"path": "/ready"}})
    return True
