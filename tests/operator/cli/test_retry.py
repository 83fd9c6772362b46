"""`apphealth retry`: its change to a cluster, and its errors."""

from __future__ import annotations

from typing import Any

import pytest

from apphealth.cli.errors import ExitCode

WEB = {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}


@pytest.mark.parametrize("words", [["deploy/web"], ["deploy", "web"], ["deployments.apps/web", "-n", "shop"]])
def test_the_annotation_gets_a_new_value(serve: Any, run: Any, words: list[str]) -> None:
    server, cluster = serve(WEB)
    done = run("retry", *words, "--kubeconfig", cluster.kubeconfig)
    assert (done.code, done.text) == (ExitCode.OK, "Deployment/web in shop: its withheld probes are tried again\n")
    (patch,) = server.patches
    (annotation,) = patch["metadata"].pop("annotations").items()
    assert annotation[0] == "apphealth.dev/retry"
    assert annotation[1].startswith("20")
    assert patch == {"metadata": {}}
    assert server.asked == ["/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=apphealth-cli"]


@pytest.mark.parametrize(
    ("words", "forbidden", "code", "message"),
    [
        pytest.param(
            ["deploy/wbe"], "", ExitCode.INPUT, 'deployments "wbe" not found in the namespace shop', id="no such"
        ),
        pytest.param(["deploy/web"], "deployments", ExitCode.ENVIRONMENT, 'User "dev" cannot', id="no right"),
        pytest.param(["web"], "", ExitCode.USAGE, "'web' is not of the form KIND/NAME", id="no kind"),
        pytest.param([], "", ExitCode.USAGE, "Missing argument 'KIND/NAME'", id="no workload"),
    ],
)
def test_an_error_is_one_line(
    serve: Any, run: Any, words: list[str], forbidden: str, code: ExitCode, message: str
) -> None:
    server, cluster = serve(WEB)
    server.forbidden = {forbidden}
    done = run("retry", *words, "--kubeconfig", cluster.kubeconfig)
    assert done.code == code
    assert message in done.err
    assert done.err.count("\n") == 1
