"""The documentation is true: its code runs, its tables say what the code says, its links lead somewhere."""

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from flask_management_endpoints.config.options import OPTIONS
from flask_management_endpoints.gunicorn import __all__ as hooks
from flask_management_endpoints.probe import main

DOCS = Path(__file__).parents[2] / "docs" / "library"
PAGES = sorted(DOCS.glob("*.md"))


def sections(page):
    """The page's text by its second-level headings."""
    parts = re.split(r"^## (.+)$", (DOCS / page).read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text, language="python"):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def redis_server(peer):
    """Speaks just enough of redis' protocol.

    Greets whoever says HELLO with an error (old servers do), answers PING and CLIENT.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def converse(connection):
        with connection:
            while data := connection.recv(65536):
                for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)\r\n", data):
                    answer = {b"HELLO": b"-ERR unknown command\r\n", b"PING": b"+PONG\r\n"}.get(command, b"+OK\r\n")
                    connection.sendall(answer)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0?protocol=2"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


RECIPES = [
    ("SQLAlchemy", {"database": "UP"}, 200),
    ("redis", {"cache": "UP"}, 200),
    ("celery", {"workers": "DOWN"}, 200),
    ("Disk, DNS, certificate", {"disk": "UP", "dns": "UP", "certificate": "DOWN"}, 200),
    ("memcached, MongoDB", {"cache": "DOWN", "store": "DOWN"}, 200),
    ("Who may see details", {}, 200),
    ("An external API", {"payments": "UP"}, 200),
    ("Maintenance", {"maintenance": "UP"}, 200),
    ("Slow start", {}, 200),
    ("Login", {}, 200),
]


@pytest.mark.parametrize(("recipe", "components", "status"), RECIPES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:kombu.*", "ignore::DeprecationWarning:celery.*")
def test_a_recipe_works(monkeypatch, tmp_path, peer, redis_server, recipe, components, status):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_server)
    monkeypatch.setenv("BROKER_URL", "memory://")
    monkeypatch.setenv("PAYMENTS_URL", f"http://{peer().host}/")
    monkeypatch.setenv("APPHEALTH_DEPENDENCIES_FILE", str(tmp_path / "none"))
    names = {"__name__": "shop"}
    for code in blocks(sections("cookbook.md")[recipe]):
        exec(compile(code, f"cookbook.md: {recipe}", "exec"), names)
    response = names["app"].test_client().get("/z/health")
    body = response.get_json()
    assert (response.status_code, {name: one["status"] for name, one in body["components"].items()}) == (
        status,
        components,
    )
    assert names["app"].test_client().get("/z/health/readiness").status_code == 200
    if recipe == "Maintenance":
        Path("maintenance").touch()
        assert names["app"].test_client().get("/z/health/readiness").status_code == 503
    if recipe == "Login":
        assert names["app"].test_client().get("/").status_code == 401
    if recipe == "memcached, MongoDB":
        names["mongo"].close()
    if recipe == "SQLAlchemy":
        with names["app"].app_context():
            names["db"].engine.dispose()


def test_every_recipe_with_python_is_run():
    with_code = {name for name, text in sections("cookbook.md").items() if blocks(text)}
    assert with_code == {name for name, _, _ in RECIPES} | {"gunicorn"}


BLOCKS = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in [*PAGES, DOCS.parents[1] / "library" / "README.md"]
    for number, code in enumerate(blocks(page.read_text()))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_every_block_runs_by_itself_in_a_fresh_process(tmp_path, peer, redis_server, code):
    """And where it makes an app, the probes are UP."""
    (tmp_path / "shop.py").write_text(code)
    ask = (
        "import gc, shop, flask\n"
        "apps = [one for one in gc.get_objects() if type(one) is flask.Flask]\n"
        "apps += [shop.create_app()] if hasattr(shop, 'create_app') else []\n"
        "for app in apps:\n"
        "    prefix = app.extensions['management_endpoints'].prefix\n"
        "    assert app.test_client().get(prefix + '/health/liveness').json == {'status': 'UP'}\n"
    )
    environment = {
        **os.environ,
        "REDIS_URL": redis_server,
        "BROKER_URL": "memory://",
        "PAYMENTS_URL": f"http://{peer().host}/",
        "APPHEALTH_DEPENDENCIES_FILE": str(tmp_path / "none"),
        "PYTHONWARNINGS": "ignore",
    }
    run = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, "configuration: " in run.stderr) == (0, False), run.stderr


@pytest.mark.parametrize(
    "page", [DOCS / "index.md", DOCS.parents[1] / "library" / "README.md"], ids=["index", "README"]
)
class TestPageOne:
    def test_it_says_how_to_install_and_what_comes_back(self, page, tmp_path):
        text = page.read_text()
        assert "$ pip install flask-management-endpoints\n" in text
        (tmp_path / "shop.py").write_text(blocks(text)[0])
        console = next(block for block in blocks(text, "console") if "curl" in block)
        path, answer = re.search(r"curl http://127.0.0.1:8000(\S+)\n(.+)\n", console).groups()
        ask = f"import shop; print(shop.app.test_client().get({path!r}).text)"
        run = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == answer

    def test_its_probes_are_a_pods_and_lead_to_endpoints(self, page, app):
        from flask_management_endpoints import ManagementEndpoints

        ManagementEndpoints(app)
        found = yaml.safe_load(blocks(page.read_text(), "yaml")[0])
        assert set(found) == {"livenessProbe", "readinessProbe", "startupProbe"}
        paths = [one["httpGet"]["path"] for one in found.values()]
        assert [app.test_client().get(path).status_code for path in paths] == [200] * 3


def test_the_page_for_operators_fits_on_a_screen_and_names_real_variables():
    text = (DOCS / "operating.md").read_text()
    assert len(text.splitlines()) <= 40
    known = {option.flat_key for option in OPTIONS.values()} | {"Z_ENDPOINTS_PROBE_BIND"}
    assert set(re.findall(r"Z_ENDPOINTS_\w+", text)) <= known


class TestTheIndexPage:
    def test_the_endpoints_it_lists_are_there(self, app):
        from flask_management_endpoints import ManagementEndpoints

        ManagementEndpoints(app).add("component", lambda: True)
        text = (DOCS / "index.md").read_text().replace("<component>", "component")
        paths = re.findall(r"`GET (/z[^`]*)`", text)
        assert len(paths) == 11
        assert {app.test_client().get(path).status_code for path in paths} == {200}


def test_the_migration_pages_code_works():
    names = {"__name__": "shop"}
    code = next(code for code in blocks((DOCS / "migration.md").read_text()) if "healthz" in code)
    exec(compile(code, "migration.md", "exec"), names)
    client = names["app"].test_client()
    assert [client.get(f"/healthz/{name}").status_code for name in ("live", "ready", "other")] == [200, 200, 404]


def test_the_table_of_options_is_the_codes():
    rows = re.findall(
        r"^\| `(\w+)` \| `(.+?)` \| (.+?) \| (.+?) \|$", (DOCS / "configuration.md").read_text(), re.MULTILINE
    )
    assert {row[0]: row[1:] for row in rows} == {
        name: (repr(option.default).replace("'", '"'), option.wanted, option.meaning)
        for name, option in OPTIONS.items()
    }


def test_the_hooks_named_are_the_ones_imported():
    named = re.search(r"The import brings the hooks (.+?)\. If", (DOCS / "servers.md").read_text(), re.DOTALL)[1]
    assert sorted(re.findall(r"`(\w+)`", named)) == sorted(hooks)


def test_the_file_in_the_documentation_is_one_the_library_reads():
    from flask_management_endpoints.dependencies.file import parse

    document = blocks((DOCS / "dependencies-file.md").read_text(), "json")[0]
    found, faulty = parse(document.encode())
    assert faulty == {}
    assert {name: (one.kind, one.required) for name, one in found.items()} == {
        "users-api": ("actuator", False),
        "search": ("status", False),
        "store": ("tcp", True),
    }


@pytest.mark.parametrize("page", ["cli.md", "cookbook.md"])
def test_the_docker_healthcheck_works_as_written(page, peer, capsys):
    command = json.loads(re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", (DOCS / page).read_text(), re.MULTILINE)[1])
    assert command[:3] == ["python", "-m", "flask_management_endpoints"]
    assert main([word.replace("127.0.0.1:8000", peer().host) for word in command[3:]]) == 0


def test_the_api_reference_is_what_the_docstrings_give():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (DOCS / "api.md").read_text() == generate.reference(), "run python docs/library/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)#]+)\)", prose)
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []
