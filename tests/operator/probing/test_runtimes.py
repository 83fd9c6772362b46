"""What an application is written for, by what it says at an unknown path."""

import pytest

from apphealth.model.survey import Runtime
from apphealth.probing.http import Answer
from apphealth.probing.runtimes import runtime_of


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"server": "Kestrel"}, Runtime.DOTNET, id="ASP.NET"),
        pytest.param({"server": "uvicorn"}, Runtime.PYTHON, id="uvicorn"),
        pytest.param({"server": "SimpleHTTP/0.6 Python/3.11.2"}, Runtime.PYTHON, id="the standard library"),
        pytest.param({"server": "nginx", "powered": "PHP/8.3.1"}, Runtime.PHP, id="PHP behind nginx"),
        pytest.param({"server": "Cowboy"}, Runtime.BEAM, id="Phoenix on Cowboy"),
        pytest.param({"server": "Jetty(12.0.9)"}, Runtime.JVM, id="Jetty"),
        pytest.param({"powered": "Express", "body": b"Cannot GET /x"}, Runtime.NODE, id="Express"),
        pytest.param({"body": b"404 page not found\n"}, Runtime.GO, id="net/http"),
        pytest.param(
            {"body": b'{"message":"Cannot GET /x","error":"Not Found","statusCode":404}'}, Runtime.NODE, id="Nest"
        ),
        pytest.param(
            {"body": b'{"message":"Route GET:/x not found","error":"Not Found","statusCode":404}'},
            Runtime.NODE,
            id="Fastify",
        ),
        pytest.param(
            {"body": b'{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/x"}'},
            Runtime.JVM,
            id="Spring Boot",
        ),
        pytest.param({"body": b'{"detail":"Not Found"}'}, Runtime.PYTHON, id="FastAPI"),
        pytest.param({"body": b'{"errors":{"detail":"Not Found"}}'}, Runtime.BEAM, id="Phoenix on Bandit"),
        pytest.param(
            {"body": b"<h1>The page you were looking for doesn't exist.</h1>"}, Runtime.RUBY, id="Rails in production"
        ),
        pytest.param({"server": "nginx", "body": b"<h1>404 Not Found</h1>"}, None, id="a proxy"),
        pytest.param({"status": 200, "body": b"404 page not found"}, None, id="a page about errors"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_runtimes(fields, expected):
    assert runtime_of(Answer(**{"status": 404} | fields)) is expected
