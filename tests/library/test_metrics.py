"""Metrics are an extra: whatever is wrong with them, probes answer as if they weren't there."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

APP = """
import json, threading
from flask import Flask
from flask_management_endpoints import ManagementEndpoints

app = Flask("shop")
app.config["Z_ENDPOINTS"] = {"metrics": True}
management = ManagementEndpoints(app)
management.check("it", groups=["readiness"])(lambda: True)
"""


def run(code, **environment):
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(APP) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout), process.stderr


ASK = """
client = app.test_client()
print(json.dumps([client.get(path).status_code for path in ("/z/health/readiness", "/z/health", "/z/metrics")]))
"""


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_a_wrong_multiprocess_folder_is_told_and_breaks_no_probe(tmp_path, kind):
    folder = tmp_path / "metrics"
    if kind == "a file":
        folder.write_text("")
    statuses, log = run(ASK, PROMETHEUS_MULTIPROC_DIR=str(folder))
    assert statuses == [200, 200, 503]
    assert log.count("configuration: metrics: nothing is counted") == 1


def test_a_name_that_somebody_else_has_taken_breaks_no_probe():
    statuses, log = run("import prometheus_client\nprometheus_client.Gauge('health_component_up', 'not ours')\n" + ASK)
    assert statuses == [200, 200, 200]
    assert "Duplicated timeseries" in log


def test_first_probes_at_once_make_the_metrics_once():
    code = """
    import sys
    sys.setswitchinterval(1e-6)
    from prometheus_client import Gauge
    statuses, barrier = [], threading.Barrier(8)

    def probe():
        client = app.test_client()
        barrier.wait()
        statuses.append(client.get("/z/health/readiness").status_code)

    threads = [threading.Thread(target=probe) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert "health_component_up{app=\\"shop\\",component=\\"it\\"} 1.0" in app.test_client().get("/z/metrics").text
    print(json.dumps(statuses))
    """
    for _ in range(3):
        statuses, log = run(code)
        assert statuses == [200] * 8
        assert "Duplicated" not in log
