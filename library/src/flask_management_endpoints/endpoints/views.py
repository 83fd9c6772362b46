"""One function an endpoint."""

import logging
import os
from typing import TYPE_CHECKING

from flask import Response, current_app, request
from werkzeug.exceptions import MethodNotAllowed, NotFound

from flask_management_endpoints.checks.outcome import Status
from flask_management_endpoints.config.options import VISIBILITIES
from flask_management_endpoints.dependencies.hops import HEADER, parse
from flask_management_endpoints.dependencies.questions import FIRST, Question
from flask_management_endpoints.endpoints import respond
from flask_management_endpoints.metrics import MISSING, HealthMetrics
from flask_management_endpoints.raw import Raw
from flask_management_endpoints.report import document, entry
from flask_management_endpoints.version1 import checks_with_pluggable_functions

if TYPE_CHECKING:
    from flask import Flask

    from flask_management_endpoints.config.settings import Settings
    from flask_management_endpoints.health import Health

logger = logging.getLogger("flask_management_endpoints")
EXTENSION = "management_endpoints"
NAME_LIMIT = 128
ENDINGS = (
    "/health/<check_name>", "/health", "/info", "/version", "/metrics", "/livez", "/readyz", "/openapi.json",
)  # fmt: skip
METHODS = ("GET", "HEAD", "OPTIONS")
_HOPS = "HTTP_" + HEADER.upper().replace("-", "_")


def health_of(app: "Flask") -> "Health":
    """Return the app's health."""
    health: Health = app.extensions[EXTENSION]
    return health


def current_health() -> "Health":
    """Return the health of the app that serves this request."""
    return health_of(current_app)


def _settings_unless_hidden(endpoint: str) -> "Settings":
    """Return the settings of this request; answer 404 where ``hidden_endpoints`` names ``endpoint``."""
    settings = current_health().settings()
    if endpoint in settings.options["hidden_endpoints"]:
        raise NotFound
    return settings


def index() -> Response:
    """Say which endpoints there are."""
    health, options = current_health(), _settings_unless_hidden("index").options
    base = f"{request.root_path}{mounted_at()}"
    paths = {"self": "", "health": "/health", "info": "/info", "version": "/version"}
    if options["metrics"]:
        paths["metrics"] = "/metrics"
    paths = {name: path for name, path in paths.items() if name not in options["hidden_endpoints"]}
    probes = ("liveness", "readiness", "startup", "ping", *health.group_names())
    paths |= {f"health-{name}": f"/health/{name}" for name in probes}
    return respond.document({"_links": {name: {"href": f"{base}{path}" or "/"} for name, path in paths.items()}})


def version() -> Raw:
    """Say which version runs.

    Whatever ``version_function`` returns, else the environment variable ``VERSION``, else ``unknown``.
    """
    settings = _settings_unless_hidden("version")
    if "version_function" not in checks_with_pluggable_functions:
        raise NotFound
    function = settings.version_function
    answer = current_app.make_response(
        current_app.ensure_sync(function)()
        if function
        else Response(os.environ.get("VERSION") or "unknown", mimetype="text/plain")
    )
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def info() -> Response:
    """Describe the app and where it runs."""
    from flask_management_endpoints.info import Info  # a seventh of the library's import, and no probe needs it

    return respond.document(Info.of(current_app, _settings_unless_hidden("info")))


def health() -> Response:
    """Run everything and show each component."""
    settings = _settings_unless_hidden("health")
    report = current_health().whole(question(), settings)
    durations = settings.options["show_durations"]
    body = document(report.components, report.status, _visibility(settings), settings.status_order, durations=durations)
    return respond.document(body, settings.http_mapping[report.status])


def nested_health_check(check_name: str) -> Response:
    """Answer a probe or a group, or show one component."""
    if len(check_name) > NAME_LIMIT:
        raise NotFound
    service = current_health()
    if check_name in ("liveness", "ping") and service.plainly_alive:
        return respond.verdict(up=True)
    report = service.probe(check_name, question())
    if report is None:
        return _component(check_name)
    return respond.verdict(up=report.ok)


def _component(name: str) -> Response:
    settings = _settings_unless_hidden("health")
    found = current_health().component(name, question(), settings)
    if found is None:
        raise NotFound
    body = entry(found, _visibility(settings), durations=settings.options["show_durations"])
    return respond.document(body, settings.http_mapping[found.result.status])


def _visibility(settings: "Settings") -> str:
    """Return what this request may see. A function in ``show_details`` says one of the words, or whether it may."""
    show = settings.options["show_details"]
    if not callable(show):
        return str(show)
    try:
        visibility = current_app.ensure_sync(show)()
    except Exception:
        logger.exception("show_details raised, so nothing is shown")
        return "never"
    return visibility if visibility in VISIBILITIES else "always" if visibility is True else "never"


def livez() -> Response:
    """Answer liveness, by the name that Kubernetes' own components have for it."""
    return nested_health_check("liveness")


def readyz() -> Response:
    """Answer readiness, by the name that Kubernetes' own components have for it."""
    return nested_health_check("readiness")


def openapi() -> Response:
    """Describe the endpoints."""
    from flask_management_endpoints.endpoints.openapi import description

    hidden = _settings_unless_hidden("openapi").options["hidden_endpoints"]
    probes = ("liveness", "ping", "readiness", "startup", *current_health().group_names())
    documents = [name for name in ("health", "info", "version") if name not in hidden]
    base = f"{request.root_path}{mounted_at()}"
    return respond.document(description(current_app.name, base, probes, list(Status), documents))


def metrics() -> Response:
    """Say what Prometheus wants to know, if the app wants it to."""
    if not _settings_unless_hidden("metrics").options["metrics"]:
        raise NotFound
    try:
        body, content_type = HealthMetrics.exposition()
    except ImportError:
        return respond.document({"status": 503, "error": MISSING}, 503)
    except (OSError, ValueError) as error:  # PROMETHEUS_MULTIPROC_DIR isn't a folder, or holds something else
        return respond.document({"status": 503, "error": f"PROMETHEUS_MULTIPROC_DIR: {error}"}, 503)
    return Response(body, 200, [("Content-Type", content_type), ("Cache-Control", "no-store")])


def options(**_: str) -> Response:
    """Answer OPTIONS."""
    return Response(status=200, headers=[("Allow", ", ".join(METHODS))])


def method_not_allowed(**_: str) -> Response:
    """Reject write methods with 405."""
    raise MethodNotAllowed(valid_methods=list(METHODS))


def mounted_at() -> str:
    """Return the prefix under which this request came in: the app may have mounted the endpoints twice."""
    rule = request.url_rule.rule if request.url_rule else ""
    for ending in ENDINGS:
        if rule.endswith(ending):
            return rule.removesuffix(ending)
    return rule.rstrip("/")


def question() -> Question:
    """Return who asks, for a check that may ask others in turn."""
    header = request.environ.get(_HOPS)
    return Question(parse(header)) if header else FIRST
