"""The package as it is delivered: imports, types, wheel, documentation."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import flask_management_endpoints

ROOT = Path(__file__).parents[2]
APP = """
from flask import Flask
from flask_management_endpoints import Info, ManagementEndpoints, Result, Status, z_blueprint
from flask_management_endpoints.contrib.sqlalchemy import database
from sqlalchemy import create_engine

app = Flask(__name__)
management = ManagementEndpoints(prefix="/z", no_log=True, startup_gate=True, app_hooks=False)
management.init_app(app)


@management.check
def plain() -> bool:
    return True


@management.check("named", groups=["readiness"], required=False, timeout=1.0, refresh_seconds=5, failure_threshold=3)
async def named() -> tuple[bool, dict[str, int]]:
    return True, {"lag": 3}


@management.check("result")
def result() -> Result:
    return Result(Status.DEGRADED, "slow")


management.check("db", groups="readiness")(database(create_engine("sqlite://")))
management.mark_started()
management.refuse_traffic("replacing the model")
management.accept_traffic()
management.broken("gone")
management.repaired()
reveal_type(plain())
name: str = Info("shop")["app"]["name"]
app.register_blueprint(z_blueprint, url_prefix="/other")
"""
WRONG = [
    ("ManagementEndpoints(prefix=1)", "arg-type"),
    ("ManagementEndpoints().check(1)", "call-overload|arg-type|type-var"),
    ('ManagementEndpoints().check("a", timeout="1")', "call-overload"),
    ("ManagementEndpoints().refuse_traffic()", "call-arg"),
    ("Result(True)", "arg-type"),
    ("ManagementEndpoints().no_such()", "attr-defined"),
]


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """What strict mypy says about both apps, in one run."""
    folder = tmp_path_factory.mktemp("users")
    (folder / "right.py").write_text(APP)
    head = "from flask_management_endpoints import ManagementEndpoints, Result\n"
    (folder / "wrong.py").write_text(head + "\n".join(code for code, _ in WRONG))
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'users'}"
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", cache, "right.py", "wrong.py"]
    env = {**os.environ, "MYPYPATH": str(ROOT / "library" / "src")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env, check=False).stdout.splitlines()


def test_a_users_app_passes_strict_mypy(mypy):
    said = [line for line in mypy if line.startswith("right.py")]
    assert [line.split(": ", 1)[1] for line in said] == ['note: Revealed type is "bool"']
    assert [line for line in mypy if ": error:" in line and not line.startswith("wrong.py")] == []
    assert (Path(flask_management_endpoints.__file__).parent / "py.typed").exists()


def test_a_users_mistakes_are_found(mypy):
    found = {int(line.split(":")[1]): line for line in mypy if line.startswith("wrong.py") and ": error:" in line}
    for number, (code, kinds) in enumerate(WRONG, 2):
        assert any(f"[{kind}]" in found.get(number, "") for kind in kinds.split("|")), (code, mypy)


def test_the_wheel_holds_the_package_and_its_types_and_no_tests(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(command, cwd=ROOT / "library", check=True, capture_output=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {name.split("/")[0] for name in names} == {
        "flask_management_endpoints",
        "flask_management_endpoints-2.0.0.dist-info",
    }
    assert "flask_management_endpoints/py.typed" in names
    wheel = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    metadata = wheel.read("flask_management_endpoints-2.0.0.dist-info/METADATA").decode()
    for field in ("Author: ", "Project-URL: ", "License-Expression: ", "Keywords: ", "Description-Content-Type: "):
        assert f"\n{field}" in metadata
    extras = set(re.findall(r"^Provides-Extra: (\w+)$", metadata, re.MULTILINE))
    assert extras == {"metrics", "sqlalchemy", "redis", "celery", "memcached", "mongodb"}
    assert not [name for name in names if "test" in name]


@pytest.mark.parametrize("name", flask_management_endpoints.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(flask_management_endpoints, name)
    assert name in dir(flask_management_endpoints)
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'ManagmentEndpoints'"):
        flask_management_endpoints.ManagmentEndpoints  # noqa: B018 - the access is the test


@pytest.mark.parametrize("module", ["requests", "prometheus_client", "sqlalchemy", "gunicorn", "gevent", "asyncio"])
def test_importing_the_extension_does_not_import(module):
    code = (
        "import sys, flask; before = set(sys.modules); from flask_management_endpoints import ManagementEndpoints; "
        f"print({module!r} in set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_flask_and_requests_alone_are_enough(tmp_path):
    """In an interpreter that finds nothing else, the endpoints answer."""
    hidden = ["prometheus_client", "sqlalchemy", "redis", "celery", "gunicorn", "gevent", "waitress"]
    code = (
        f"import sys\nfor name in {hidden!r}: sys.modules[name] = None\n"
        "PATHS = ('', '/health', '/info', '/version', '/metrics')\n"
        "from flask import Flask\nfrom flask_management_endpoints import ManagementEndpoints\n"
        "app = Flask('a')\napp.config['Z_ENDPOINTS'] = {'metrics': True}\nManagementEndpoints(app, no_log=True)\n"
        "print([app.test_client().get('/z' + path).status_code for path in PATHS])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[200, 200, 200, 200, 503]"
    assert "pip install 'flask-management-endpoints[metrics]'" in run.stderr
