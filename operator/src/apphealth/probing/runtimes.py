"""What an application is written for, by its answer at a path that nobody serves. Pure.

The more is known, the fewer paths need asking: nobody but Java serves `/q/health/ready`. A wrong guess, or none, costs
a path that isn't found, and never a wrong probe.
"""

from __future__ import annotations

from apphealth.model.survey import Runtime
from apphealth.probing.http import Answer

READ = 2048
"""Bytes of a body that are looked at."""
_HEADERS = (
    (Runtime.DOTNET, ("kestrel", "asp.net", "microsoft-httpapi")),
    (Runtime.NODE, ("express", "next.js", "strapi")),
    (Runtime.PHP, ("php/", "frankenphp", "swoole")),
    (Runtime.BEAM, ("cowboy", "mochiweb")),
    (Runtime.RUBY, ("webrick", "puma", "unicorn/", "thin ")),
    (Runtime.JVM, ("jetty", "apache-coyote", "undertow", "wildfly", "servlet", "grizzly", "netty", "payara")),
    (
        Runtime.PYTHON,
        ("python", "uvicorn", "hypercorn", "gunicorn", "werkzeug", "waitress", "daphne", "tornado", "wsgiserver",
         "aiohttp", "cheroot", "cherrypy", "granian"),
    ),
)  # fmt: skip
"""Words of the headers Server and X-Powered-By, which servers send unless they are told not to."""
_BODIES = (
    (Runtime.BEAM, (b'{"errors":{"detail":"not found"}}',)),  # Phoenix' ErrorJSON
    (Runtime.GO, (b"404 page not found",)),  # net/http's NotFound; gin's and chi's too
    (Runtime.JVM, (b"whitelabel error page", b"apache tomcat", b"resteasy", b"<h1>resource not found</h1>")),
    (Runtime.NODE, (b"cannot get /", b'"message":"route get:', b'"statuscode":404')),  # Express and Nest, Fastify, hapi
    (Runtime.PYTHON, (b'{"detail":"not found', b"the requested url was not found on the server. if you entered",
                      b"the requested resource was not found on this server.</p>")),  # Starlette, Werkzeug, Django
    (Runtime.RUBY, (b"the page you were looking for doesn't exist",)),  # Rails' public/404.html
)  # fmt: skip
"""What frameworks say at an unknown path, in lower case and as they come."""
_SPRING = (b'"timestamp"', b'"status"', b'"error"', b'"path"')
"""The keys of Spring Boot's errors."""


def runtime_of(answer: Answer) -> Runtime | None:
    """Return what the application that gave an answer is written for, or None if the answer doesn't show it.

    Parameters
    ----------
    answer
        At a path that no application serves.
    """
    headers = f"{answer.server} {answer.powered}".lower()
    body = answer.body[:READ].lower()
    if 200 <= answer.status < 300:
        body = b""
    named = (runtime for runtime, words in _HEADERS if any(word in headers for word in words))
    shown = (runtime for runtime, texts in _BODIES if any(text in body for text in texts))
    spring = Runtime.JVM if all(key in body for key in _SPRING) else None
    return next(named, None) or spring or next(shown, None)
