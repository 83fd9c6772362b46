"""Where the standard library is patched or lacks something: eventlet (Flask-SocketIO), gevent, Windows' sockets."""

import subprocess
import sys
import textwrap

import pytest

PATCHES = {
    "eventlet": "import eventlet; eventlet.monkey_patch()",
    "eventlet, ours first": "import flask_management_endpoints.health, eventlet; eventlet.monkey_patch()",
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "no poll, as on Windows": "import select; del select.poll, select.epoll; import selectors",
}
PROBES = """
import sys
from flask import Flask
from flask_management_endpoints import ManagementEndpoints

app = Flask("shop")
app.config["Z_ENDPOINTS"] = {"service_dependencies": {"users": {"url": sys.argv[1], "groups": ["readiness"]}}}
management = ManagementEndpoints(app)


@management.check(groups=["readiness"])
def quick():
    return True


client = app.test_client()
print([client.get("/z/health/readiness").status_code for _ in range(6)])
"""


@pytest.mark.parametrize("patch", PATCHES)
def test_a_kept_connection_is_used_again(peer, patch):
    users = peer()
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{PATCHES[patch]}\n{textwrap.dedent(PROBES)}", users.host],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout.strip() == str([200] * 6), run.stderr
    assert users.connections == 1
