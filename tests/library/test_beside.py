"""The page on other extensions: its recipes do what they say, with the real extensions."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "library" / "beside.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n(.+?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))
PROBES = "client = shop.app.test_client()\nprint([client.get('/z/health/readiness').status_code for _ in range(6)])\n"
SPANS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
import shop
shop.app.add_url_rule("/", "home", lambda: "home")
client = shop.app.test_client()
[client.get(path) for path in ("/z/health/readiness", "/z/livez", "/")]
print([span.attributes["http.target"] for span in spans.get_finished_spans()])
"""
SAMPLE = """
print([shop.sample({"wsgi_environ": {"PATH_INFO": path}}) for path in ("/z/health/readiness", "/")])
"""
EVENTS = """
import sentry_sdk
events = []
sentry_sdk.init(dsn="http://key@127.0.0.1:1/1", before_send=lambda event, hint: events.append(event))
shop.management.add("db", lambda: (False, "no disk"))
shop.app.test_client().get("/z/health")
print([event["message"] for event in events])
"""


def run(tmp_path, code, ask):
    (tmp_path / "shop.py").write_text(code)
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ask],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.mark.parametrize(
    ("section", "block", "ask", "expected"),
    [
        pytest.param("Flask-Limiter", 0, f"import shop\n{PROBES}", "[200, 200, 200, 200, 200, 200]", id="limiter"),
        pytest.param("Flask-Talisman", 0, f"import shop\n{PROBES}", "[200, 200, 200, 200, 200, 200]", id="talisman"),
        pytest.param("OpenTelemetry", 0, SPANS, "['/']", id="OpenTelemetry"),
        pytest.param("Sentry", 0, f"import shop\n{SAMPLE}", "[0.0, 0.1]", id="Sentry's sampler"),
        pytest.param("Sentry", 1, f"import shop\n{EVENTS}", "['db is DOWN: no disk']", id="Sentry's events"),
    ],
)
def test_a_recipe_does_what_it_says(tmp_path, section, block, ask, expected):
    code = re.findall(r"^```python\n(.*?)^```$", SECTIONS[section], re.MULTILINE | re.DOTALL)[block]
    assert run(tmp_path, code, ask) == expected


LIMITED = """
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_management_endpoints import ManagementEndpoints

app = Flask(__name__)
limiter = Limiter(get_remote_address, app=app, default_limits=["3 per hour"], storage_uri="memory://")
management = ManagementEndpoints(app, app_hooks=False)
"""


def test_past_the_hooks_no_limit_counts_either(tmp_path):
    assert run(tmp_path, LIMITED, f"import shop\n{PROBES}") == "[200, 200, 200, 200, 200, 200]"


def test_the_users_test_passes(tmp_path):
    code = re.search(r"^```python\n(.*?)^```$", SECTIONS["Your tests"], re.MULTILINE | re.DOTALL)[1]
    (tmp_path / "test_shop.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "no:randomly"]
    process = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=False)
    assert "1 passed" in process.stdout, process.stdout
