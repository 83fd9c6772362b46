"""Access logs of real servers: successful probes vanish, everything else stays."""

import pytest

SOURCE = """
    import os
    app.config["Z_ENDPOINTS"] = {"check_functions": {"readiness": {"file": lambda: not os.path.exists("broken")}}}

    @app.get("/")
    def home():
        return "home"

    @app.get("/zoo")
    def zoo():
        return "zoo"
"""
TRANSLOGGER = """
    import logging
    logging.basicConfig(format="%(message)s", level=logging.INFO)

    class AccessLog:
        def __init__(self, wsgi):
            self.wsgi = wsgi

        def __call__(self, environ, start_response):
            def started(status, headers, *rest):
                logging.getLogger("wsgi").info(
                    '%s - - "%s %s %s" %s -', environ["REMOTE_ADDR"], environ["REQUEST_METHOD"],
                    environ["PATH_INFO"], environ["SERVER_PROTOCOL"], status.split()[0])
                return start_response(status, headers, *rest)
            return self.wsgi(environ, started)

    app.wsgi_app = AccessLog(app.wsgi_app)
"""
SERVERS = [
    pytest.param("gunicorn", ["--access-logfile", "-"], "", id="gunicorn sync"),
    pytest.param("gunicorn", ["--access-logfile", "-", "-k", "gthread"], "", id="gunicorn gthread"),
    pytest.param("gunicorn", ["--access-logfile", "-", "-k", "gevent"], "", id="gunicorn gevent"),
    pytest.param("gunicorn", ["--access-logfile", "-", "--preload"], "", id="gunicorn preload"),
    pytest.param(
        "gunicorn",
        ["--access-logfile", "-", "--access-logformat", '"%(r)s" %(s)s %(D)s'],
        "",
        id="gunicorn, own format",
    ),
    pytest.param("werkzeug", [], "", id="werkzeug"),
    pytest.param("waitress", [], TRANSLOGGER, id="waitress"),
    pytest.param("uwsgi", ["--disable-logging", "--enable-threads"], "", id="uwsgi"),
    pytest.param("uwsgi", ["--disable-logging"], "", id="uwsgi without threads"),
]


def logged(server, wait_until):
    wait_until(lambda: server.get("/zoo")[0] == 200 and "/zoo" in server.text())
    paths = (
        "/z/health/liveness",
        "/z/health/readiness",
        "/z/health",
        "/z/info",
        "/z/nope",
        "/z/health/nope",
        "/zoo",
        "/",
    )
    lines = [line for line in server.text().splitlines() if "HTTP/1" in line or "=> generated" in line]
    return {path for path in paths if any(f" {path} " in line for line in lines)}


@pytest.mark.parametrize(("server", "arguments", "source"), SERVERS)
def test_only_successful_probes_vanish(serve, wait_until, server, arguments, source):
    one = serve(server, *arguments, source=SOURCE + source, no_log=True)
    for path in ("/z/health/liveness", "/z/health/readiness", "/z/health", "/z/info", "/z/nope", "/z/health/nope", "/"):
        one.get(path)
    assert logged(one, wait_until) == {"/z/nope", "/z/health/nope", "/zoo", "/"}
    (one.log.parent / "broken").touch()
    for path in ("/z/health/liveness", "/z/health/readiness", "/z/health/readiness", "/z/health"):
        one.get(path)
    assert logged(one, wait_until) == {"/z/health/readiness", "/z/health", "/z/nope", "/z/health/nope", "/zoo", "/"}
    assert one.text().count("health of file: UP -> DOWN") == 1


@pytest.mark.parametrize(
    ("server", "arguments", "source"), [*SERVERS[:1], *SERVERS[5:7], pytest.param("uwsgi", [], "", id="uwsgi")]
)
def test_without_no_log_all_are_there(serve, wait_until, server, arguments, source):
    one = serve(server, *arguments, source=SOURCE + source)
    one.get("/z/health/liveness")
    assert logged(one, wait_until) == {"/z/health/liveness", "/zoo"}


@pytest.mark.parametrize(
    ("server", "arguments"),
    [
        pytest.param("uwsgi", ["--disable-logging"], id="uwsgi"),
        pytest.param("gunicorn", ["--access-logfile", "-"], id="gunicorn"),
    ],
)
def test_probes_vanish_at_both_of_two_prefixes(serve, wait_until, server, arguments):
    one = serve(
        server, *arguments, source=SOURCE + '    ManagementEndpoints(app, "/admin", no_log=True)\n', no_log=True
    )
    for path in ("/z/health/liveness", "/admin/health/liveness"):
        assert one.get(path)[0] == 200
    assert logged(one, wait_until) == {"/zoo"}
    assert "/admin" not in one.text()
