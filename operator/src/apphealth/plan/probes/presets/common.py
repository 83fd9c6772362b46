"""The paths that many applications serve, for containers that show no sign of their family: each with its source.

Their order here is that in which pods are asked, the most frequent first. Where an application shows what it is written
for, only the paths that such applications serve are asked for, and some more of theirs. Which of those that answer is
used is decided by what they say: one that is for readiness alone before one that may check more (`broad`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from apphealth.model.probe import ProbeKind
from apphealth.model.survey import Catalogue, Runtime, SurveyPath
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
_DOCKERFLOW = "https://github.com/mozilla-services/Dockerflow: /__lbheartbeat__ checks nothing, /__heartbeat__ does"
_DROPWIZARD_HEALTH = "https://www.dropwizard.io/en/stable/manual/health.html: /health-check"
_HEALTH_CHECK_GEM = "https://github.com/Purple-Devs/health_check: /health_check, of Rails"
_GITEA = "https://github.com/go-gitea/gitea: /api/healthz"
_VERSIONED = "APIs that keep their version in each path"
_NPM = "https://github.com/npm/registry: /-/ping of npm registries"
_DJANGO = "https://codingjoe.dev/django-health-check/: /ht/"
_JUPYTERHUB = "https://jupyterhub.readthedocs.io: /hub/health"
_STREAMLIT = "https://docs.streamlit.io/deploy/tutorials/kubernetes: /_stcore/health"
_ESHOP = "https://github.com/dotnet-architecture/eShopOnContainers: /hc and /liveness"
_JHIPSTER = "https://www.jhipster.tech/monitoring/: the actuator below /management"
_HELIDON = "https://helidon.io/docs/latest/se/observability: /observe/health"
_ORY = "https://github.com/ory/x/tree/master/healthx: /health/alive and /health/ready"
_GITLAB = "https://docs.gitlab.com/administration/monitoring/health_check/: /-/readiness and /-/liveness"
_OKCOMPUTER = "https://github.com/emmahsax/okcomputer: /okcomputer, of Rails"
_WILD = "docs/benchmarks-derivation.md: 18 of 190 readiness probes that the authors of 30 public repositories wrote"

_LIVE = frozenset({ProbeKind.LIVENESS})
_READY = frozenset({ProbeKind.READINESS})
_ACTUATORS = (Runtime.JVM, Runtime.DOTNET)
_SCRIPTS = (Runtime.PYTHON, Runtime.NODE)
DESCRIPTIONS = {
    "/openapi.json": (Runtime.PYTHON, Runtime.NODE),
    "/api/v1/openapi.json": (Runtime.PYTHON,),
    "/api-json": (Runtime.NODE,),
    "/v3/api-docs": (Runtime.JVM,),
}
"""Where frameworks describe an application by OpenAPI, unless they are told not to: FastAPI, Nest, springdoc."""


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
    runtimes
        Those whose applications serve it; empty: any.
    rare
        It is asked for only where the runtime shows.
    """

    path: str
    kinds: frozenset[ProbeKind]
    source: str
    broad: bool = False
    runtimes: frozenset[Runtime] = frozenset()
    rare: bool = False


def _ready(path: str, source: str, *runtimes: Runtime) -> CommonPath:
    return CommonPath(path, _READY, source, runtimes=frozenset(runtimes))


def _broad(path: str, source: str, *runtimes: Runtime) -> CommonPath:
    return CommonPath(path, _READY, source, broad=True, runtimes=frozenset(runtimes))


def _live(path: str, source: str, *runtimes: Runtime) -> CommonPath:
    return CommonPath(path, _LIVE, source, runtimes=frozenset(runtimes))


def _rare(*paths: CommonPath) -> Sequence[CommonPath]:
    return [replace(path, rare=True) for path in paths]


COMMON_PATHS = (
    _ready("/readyz", _K8S),
    _live("/livez", _K8S),
    _broad("/healthz", _K8S),
    _broad("/health", _DRAFT),
    _ready("/ready", _HEALTHCHECK_GO),
    _live("/live", _HEALTHCHECK_GO),
    _ready("/actuator/health/readiness", _SPRING, *_ACTUATORS),
    _live("/actuator/health/liveness", _SPRING, *_ACTUATORS),
    _ready("/health/ready", _MICROPROFILE),
    _live("/health/live", _MICROPROFILE),
    _ready("/healthz/ready", _FLASK_HEALTHZ, *_SCRIPTS, Runtime.DOTNET),
    _live("/healthz/live", _FLASK_HEALTHZ, *_SCRIPTS, Runtime.DOTNET),
    _ready("/readiness", _WILD),
    _live("/liveness", _WILD),
    _broad("/actuator/health", _ACTUATOR, *_ACTUATORS),
    _broad("/api/health", _GRAFANA),
    _ready("/-/ready", _PROMETHEUS, Runtime.GO),
    _live("/-/healthy", _PROMETHEUS, Runtime.GO),
    _ready("/q/health/ready", _QUARKUS, Runtime.JVM),
    _live("/q/health/live", _QUARKUS, Runtime.JVM),
    _broad("/_healthz", _BOUTIQUE, Runtime.GO),
    _ready("/health/readiness", _MICRONAUT, Runtime.JVM, Runtime.NODE),
    _live("/health/liveness", _MICRONAUT, Runtime.JVM, Runtime.NODE),
    _broad("/up", _RAILS, Runtime.RUBY, Runtime.PHP),
    _broad("/ping", _DROPWIZARD),
    _live("/alive", _ASPIRE, Runtime.DOTNET, Runtime.GO, Runtime.JVM),
    _broad("/healthcheck", _DROPWIZARD),
    _broad("/_health", _STRAPI, Runtime.NODE),
    *_rare(
        _live("/__lbheartbeat__", _DOCKERFLOW, *_SCRIPTS, Runtime.GO),
        _broad("/__heartbeat__", _DOCKERFLOW, *_SCRIPTS, Runtime.GO),
        _broad("/health-check", _DROPWIZARD_HEALTH),
        _broad("/health_check", _HEALTH_CHECK_GEM, *_SCRIPTS, Runtime.RUBY, Runtime.BEAM, Runtime.PHP),
        _broad("/api/healthz", _GITEA),
        _broad("/api/v1/health", _VERSIONED),
        _broad("/v1/health", _VERSIONED),
        _broad("/-/ping", _NPM, Runtime.NODE),
        _broad("/ht", _DJANGO, Runtime.PYTHON),
        _broad("/hub/health", _JUPYTERHUB, Runtime.PYTHON),
        _broad("/_stcore/health", _STREAMLIT, Runtime.PYTHON),
        _broad("/hc", _ESHOP, Runtime.DOTNET),
        _ready("/management/health/readiness", _JHIPSTER, Runtime.JVM),
        _live("/management/health/liveness", _JHIPSTER, Runtime.JVM),
        _ready("/observe/health/ready", _HELIDON, Runtime.JVM),
        _live("/observe/health/live", _HELIDON, Runtime.JVM),
        _live("/health/alive", _ORY, Runtime.GO),
        _ready("/-/readiness", _GITLAB, Runtime.RUBY),
        _live("/-/liveness", _GITLAB, Runtime.RUBY),
        _broad("/okcomputer", _OKCOMPUTER, Runtime.RUBY),
    ),
)
"""The most frequent first: a container with many ports is not asked for all of them."""
BY_PATH = {one.path: one for one in COMMON_PATHS}
BELOW = ("/health", "/healthz", "/ready", "/actuator/health", "/__lbheartbeat__", "/__heartbeat__", "/q/health/ready")
"""Those that are asked for below the base that an application redirects `/` to."""
_TELLING = re.compile("health|heartbeat|readiness|liveness|readyz|livez")
"""What the end of a path must have to be told below any other path: `/streams/live` is a stream."""
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


def catalogue(prefix: str, named: Iterable[SurveyPath] = ()) -> Catalogue:
    """Return the paths to ask for.

    Parameters
    ----------
    prefix
        Users' own, below which all of them are, or empty.
    named
        Those that the container's own settings name.
    """
    both, flask = frozenset((*_READY, *_LIVE)), frozenset({Runtime.PYTHON})
    index = SurveyPath(prefix or INDEX, both, index=True, runtimes=flask)
    library = [
        SurveyPath(f"{prefix or INDEX}/health/{kind}", frozenset({kind}), runtimes=flask) for kind in (*_READY, *_LIVE)
    ]
    paths = [_asked(one, prefix) for one in COMMON_PATHS]
    names = [
        SurveyPath(prefix + path, both, names=True, runtimes=frozenset(runtimes), rare=True)
        for path, runtimes in DESCRIPTIONS.items()
    ]
    home = SurveyPath(f"{prefix}/", both, names=True, rare=True)
    usual = [one for one in paths if not one.rare]
    rare = [one for one in paths if one.rare]
    return Catalogue(
        (*named, *usual[:_BEFORE_LIBRARY], index, *library, *usual[_BEFORE_LIBRARY:], *names, home, *rare),
        tuple(_asked(BY_PATH[path]) for path in BELOW),
    )


def _asked(one: CommonPath, prefix: str = "") -> SurveyPath:
    return SurveyPath(prefix + one.path, one.kinds, narrow=not one.broad, runtimes=one.runtimes, rare=one.rare)


_BEFORE_LIBRARY = 4
"""How many paths are asked for before those of the library."""
WITHOUT_PREFIX = catalogue("")


def endpoints_among(
    paths: Collection[str], prefix: str, *, alive: bool, named: Collection[SurveyPath] = ()
) -> Endpoints:
    """Return the endpoints for each probe among paths that answered, the best first.

    Parameters
    ----------
    paths
        With the prefix, and perhaps a slash at the end.
    prefix
        Users' own, or empty.
    alive
        Whether the answers came from the process itself, so that they are a sign of its life.
    named
        Those that the container's own settings name, for readiness.
    """
    known = [(path, _common(path, prefix)) for path in paths]
    other = [path for path, one in known if one is None and path.rstrip("/") in {a.path.rstrip("/") for a in named}]
    ready = [path for path, one in known if one is not None and one.kinds == _READY and not one.broad]
    broad = [path for path, one in known if one is not None and one.broad]
    live = [path for path, one in known if one is not None and one.kinds == _LIVE]
    found: dict[ProbeKind, tuple[str, ...]] = {ProbeKind.READINESS: (*ready, *broad, *other, *live)}
    if alive:
        found[ProbeKind.LIVENESS] = tuple(live)
    return {kind: tuple(http(path) for path in ways) for kind, ways in found.items() if ways}


def is_broad(path: str, prefix: str) -> bool:
    """Return whether a path may check what the application depends on, as far as its name tells."""
    one = _common(path, prefix)
    return one is None or one.broad


def told_by_name(path: str) -> CommonPath | None:
    """Return the common path that a path ends with: `/health` for `/api/v1/health`; None if its name doesn't tell."""
    rest = path.rstrip("/")
    while rest:
        if (one := BY_PATH.get(rest)) is not None and (rest == path or _TELLING.search(rest)):
            return one
        rest = "".join(rest[1:].partition("/")[1:])
    return None


def _common(path: str, prefix: str) -> CommonPath | None:
    bare = path.removeprefix(prefix).rstrip("/")
    return BY_PATH.get(bare) or told_by_name(bare)
