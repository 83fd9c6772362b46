"""HTTP servers, kubeconfigs and credential plugins."""

import contextlib
import json
import stat
import sys

import pytest
from aiohttp import web

API_VERSION = "client.authentication.k8s.io/v1"


@pytest.fixture
def server():
    """Provide a way to serve everything by one handler: `async with server(handler) as address`."""

    @contextlib.asynccontextmanager
    async def serve(handler):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()

    return serve


@pytest.fixture
def kubeconfig(tmp_path):
    """Provide a way to write a kubeconfig with one context, `here`."""

    def write(*, user=None, cluster=None, context=None):
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"} | (cluster or {})}],
            "users": [{"name": "u", "user": user or {}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"} | (context or {})}],
        }
        path = tmp_path / "config"
        path.write_text(json.dumps(config))
        return path

    return write


@pytest.fixture
def plugin(tmp_path):
    """Provide a way to write a credential plugin beside the kubeconfig; returns the user that has it.

    The code finds what it was asked in `info`, and answers by `give(status)`.
    """

    def write(code, **fields):
        path = tmp_path / "plugin"
        path.write_text(
            f"#!{sys.executable}\n"
            "import json, os, sys, time\n"
            "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
            "give = lambda status, **more: print(json.dumps(info | more | {'status': status}))\n"
            f"{code}\n"
        )
        path.chmod(stat.S_IRWXU)
        return {"exec": {"apiVersion": API_VERSION, "command": "./plugin"} | fields}

    return write
