"""The paths that many applications serve, for containers that show no sign of their family: each with its source.

Their order here is that in which pods are asked, the most frequent first. Which of those that answer is used is decided
by what they say: one that is for readiness alone before one that may check more (`broad`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from apphealth.model.probe import ProbeKind
from apphealth.model.survey import Catalogue, SurveyPath
from apphealth.plan.probes.presets.preset import Endpoints, Preset, http

_K8S = "https://kubernetes.io/docs/reference/using-api/health-checks/"
_SPRING = "https://docs.spring.io/spring-boot/reference/actuator/endpoints.html#actuator.endpoints.kubernetes-probes"
_ACTUATOR = "https://docs.spring.io/spring-boot/reference/actuator/endpoints.html#actuator.endpoints.health"
_MICROPROFILE = "https://github.com/microprofile/microprofile-health: /health/live, /health/ready"
_QUARKUS = "https://quarkus.io/guides/smallrye-health"
_MICRONAUT = "https://docs.micronaut.io/latest/guide/#healthEndpoint"
_PROMETHEUS = "https://prometheus.io/docs/prometheus/latest/management_api/"
_HEALTHCHECK_GO = "https://github.com/heptiolabs/healthcheck: /live and /ready"
_FLASK_HEALTHZ = "https://github.com/fedora-infra/flask-healthz"
_DRAFT = "https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check: /health"
_ASPIRE = "https://learn.microsoft.com/dotnet/aspire/fundamentals/health-checks: /alive"
_RAILS = "https://api.rubyonrails.org/classes/Rails/HealthController.html"
_BOUTIQUE = "https://github.com/GoogleCloudPlatform/microservices-demo: /_healthz of its frontend"
_GRAFANA = "https://grafana.com/docs/grafana/latest/developers/http_api/other/#health-api"
_DROPWIZARD = "https://www.dropwizard.io/en/stable/manual/core.html: /healthcheck and /ping of its admin port"
_STRAPI = "https://docs.strapi.io/cms/api/rest: /_health"
_WILD = "docs/benchmarks-derivation.md: 18 of 190 readiness probes that the authors of 30 public repositories wrote"

_LIVE = frozenset({ProbeKind.LIVENESS})
_READY = frozenset({ProbeKind.READINESS})


@dataclass(frozen=True, slots=True)
class CommonPath:
    """A path that many applications serve.

    Attributes
    ----------
    path
        The path, without any prefix.
    kinds
        The probe that it is for, by its name or source. A path for liveness says that the process is alive, no more.
    source
        Who serves it, or documents it.
    broad
        It may check what the application depends on: readiness asks it only where nothing narrower answers.
    """

    path: str
    kinds: frozenset[ProbeKind]
    source: str
    broad: bool = False


def _ready(path: str, source: str) -> CommonPath:
    return CommonPath(path, _READY, source)


def _broad(path: str, source: str) -> CommonPath:
    return CommonPath(path, _READY, source, broad=True)


def _live(path: str, source: str) -> CommonPath:
    return CommonPath(path, _LIVE, source)


COMMON_PATHS = (
    _ready("/readyz", _K8S),
    _live("/livez", _K8S),
    _broad("/healthz", _K8S),
    _broad("/health", _DRAFT),
    _ready("/ready", _HEALTHCHECK_GO),
    _live("/live", _HEALTHCHECK_GO),
    _ready("/actuator/health/readiness", _SPRING),
    _live("/actuator/health/liveness", _SPRING),
    _ready("/health/ready", _MICROPROFILE),
    _live("/health/live", _MICROPROFILE),
    _ready("/healthz/ready", _FLASK_HEALTHZ),
    _live("/healthz/live", _FLASK_HEALTHZ),
    _ready("/readiness", _WILD),
    _live("/liveness", _WILD),
    _broad("/actuator/health", _ACTUATOR),
    _broad("/api/health", _GRAFANA),
    _ready("/-/ready", _PROMETHEUS),
    _live("/-/healthy", _PROMETHEUS),
    _ready("/q/health/ready", _QUARKUS),
    _live("/q/health/live", _QUARKUS),
    _broad("/_healthz", _BOUTIQUE),
    _ready("/health/readiness", _MICRONAUT),
    _live("/health/liveness", _MICRONAUT),
    _broad("/up", _RAILS),
    _broad("/ping", _DROPWIZARD),
    _live("/alive", _ASPIRE),
    _broad("/healthcheck", _DROPWIZARD),
    _broad("/_health", _STRAPI),
)
"""The most frequent first: a container with many ports is not asked for all of them."""
BY_PATH = {one.path: one for one in COMMON_PATHS}
INDEX = "/z"
"""The usual place of the library's index."""
LIBRARY_PATHS = frozenset({"", *(f"/health/{kind}" for kind in (*_READY, *_LIVE))})
"""What is below it: the index itself, and the endpoints that every version has."""


def _nothing(_prefix: str) -> Endpoints:
    return {}


COMMON = Preset(
    name="common",
    source="the paths that many applications serve: see presets/common.py",
    endpoints=_nothing,
)
"""Not to be named by users: which of its endpoints there are is found out by a survey alone."""


def catalogue(prefix: str) -> Catalogue:
    """Return the paths to ask for, below a prefix that users gave or none."""
    index = SurveyPath(prefix or INDEX, frozenset({ProbeKind.LIVENESS, ProbeKind.READINESS}), index=True)
    library = [SurveyPath(f"{prefix or INDEX}/health/{kind}", frozenset({kind})) for kind in (*_READY, *_LIVE)]
    paths = [SurveyPath(prefix + one.path, one.kinds, narrow=not one.broad) for one in COMMON_PATHS]
    return Catalogue((*paths[:_BEFORE_LIBRARY], index, *library, *paths[_BEFORE_LIBRARY:]))


_BEFORE_LIBRARY = 4
"""How many paths are asked for before those of the library."""
WITHOUT_PREFIX = catalogue("")


def endpoints_among(paths: Collection[str], prefix: str, *, alive: bool) -> Endpoints:
    """Return the endpoints for each probe among paths that answered, the best first.

    Parameters
    ----------
    paths
        With the prefix, and perhaps a slash at the end.
    prefix
        Users' own, or empty.
    alive
        Whether the answers came from the process itself, so that they are a sign of its life.
    """
    known = [(path, BY_PATH.get(path.removeprefix(prefix).rstrip("/"))) for path in paths]
    ready = [path for path, one in known if one is not None and one.kinds == _READY and not one.broad]
    broad = [path for path, one in known if one is not None and one.broad]
    live = [path for path, one in known if one is not None and one.kinds == _LIVE]
    found: dict[ProbeKind, tuple[str, ...]] = {ProbeKind.READINESS: (*ready, *broad, *live)}
    if alive:
        found[ProbeKind.LIVENESS] = tuple(live)
    return {kind: tuple(http(path) for path in ways) for kind, ways in found.items() if ways}


def is_broad(path: str, prefix: str) -> bool:
    """Return whether a path may check what the application depends on."""
    one = BY_PATH.get(path.removeprefix(prefix).rstrip("/"))
    return one is not None and one.broad
