"""Parallel checks through SQLAlchemy on a real SQLite and a real PostgreSQL.

They work, and give their connections back.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, text
from sqlalchemy.pool import QueuePool

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.contrib.sqlalchemy import database


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """A PostgreSQL on loopback, from Debian's packages; as root it runs as the user ``postgres``, as it insists."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "postgresql"],
            check=True,
            capture_output=True,
        )
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    home = Path(
        subprocess.run(["mktemp", "-d", "/tmp/pg.XXXXXX"], capture_output=True, text=True, check=True).stdout.strip()
    )
    as_user = {}
    if os.getuid() == 0:
        shutil.chown(home, "postgres", "postgres")
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    def run(*command):
        subprocess.run(command, check=True, capture_output=True, cwd=home, env={"PATH": os.environ["PATH"]}, **as_user)

    run(binaries / "initdb", "-D", home / "data", "-A", "trust", "-U", "shop", "--no-sync", "-E", "UTF8")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home} -c fsync=off -c max_connections=30"
    run(binaries / "pg_ctl", "-D", home / "data", "-w", "-t", "60", "-l", home / "log", "-o", options, "start")
    yield f"postgresql+psycopg://shop@127.0.0.1:{port}/postgres"
    run(binaries / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return f"sqlite:///{tmp_path / 'shop.db'}" if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def db(app, url):
    app.config.update(
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS={"poolclass": QueuePool, "pool_size": 4, "max_overflow": 0, "pool_timeout": 5},
    )
    db = SQLAlchemy(app)
    yield db
    with app.app_context():
        db.engine.dispose()


def checked_out(app, db):
    with app.app_context():
        return db.engine.pool.checkedout()


def test_parallel_checks_with_the_session_work_and_give_connections_back(app, db):
    management = ManagementEndpoints(app)
    for number in range(6):
        management.check(f"query {number}", timeout=10)(lambda: db.session.execute(text("SELECT 1")).scalar() == 1)
    for _ in range(10):
        response = app.test_client().get("/z/health")
        assert (response.status_code, len(response.get_json()["components"])) == (200, 6)
        assert checked_out(app, db) == 0


def test_the_functions_of_version_1_share_the_requests_session(app, db):
    sessions = []

    def check():
        sessions.append(id(db.session()))
        return db.session.execute(text("SELECT 1")).scalar() == 1

    app.config["Z_ENDPOINTS"] = {"check_functions": {"health": {"a": check, "b": check}}}
    ManagementEndpoints(app)
    assert app.test_client().get("/z/health").status_code == 200
    assert sessions[0] == sessions[1]
    assert checked_out(app, db) == 0


def test_a_failing_query_leaves_nothing_behind(app, db):
    management = ManagementEndpoints(app)
    management.check("broken", timeout=10)(lambda: db.session.execute(text("SELECT * FROM nowhere")).scalar())
    for _ in range(6):
        assert app.test_client().get("/z/health").status_code == 503
    assert checked_out(app, db) == 0


def test_the_ready_check_works_with_flask_sqlalchemy_and_with_an_engine(app, db, url):
    engine = create_engine(url)
    management = ManagementEndpoints(app)
    app.config["Z_ENDPOINTS"] = {"show_details": "always"}
    management.check("session", timeout=10)(database(lambda: db.engine))
    management.check("engine", timeout=10)(database(engine, "SELECT 2"))
    components = app.test_client().get("/z/health").get_json()["components"]
    assert {name: one["status"] for name, one in components.items()} == {"session": "UP", "engine": "UP"}
    assert components["engine"]["database"] in ("sqlite", "postgresql")
    assert engine.pool.checkedout() == 0
    engine.dispose()


def test_a_database_that_is_gone_is_down(app, unused_port):
    engine = create_engine(f"postgresql+psycopg://shop@127.0.0.1:{unused_port}/postgres")
    ManagementEndpoints(app).check("db", groups=["readiness"], timeout=5)(database(engine))
    assert app.test_client().get("/z/health/readiness").status_code == 503
