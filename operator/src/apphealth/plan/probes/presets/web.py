"""Rails, Laravel, ASP.NET and Node: frameworks with a health page of their own, or a library that many use."""

from __future__ import annotations

from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.clues import Clues
from apphealth.plan.probes.presets.preset import Endpoints, Place, Preset, http, joined, port_of
from apphealth.plan.probes.presets.signs import Signs


def _up(prefix: str) -> Endpoints:
    up = (http(f"{prefix}/up"),)
    return {ProbeKind.LIVENESS: up, ProbeKind.READINESS: up}


def _aspnet(prefix: str) -> Endpoints:
    return {ProbeKind.LIVENESS: (http(f"{prefix}/alive"),), ProbeKind.READINESS: (http(f"{prefix}/health"),)}


def _lightship(prefix: str) -> Endpoints:
    return {ProbeKind.LIVENESS: (http(f"{prefix}/live"),), ProbeKind.READINESS: (http(f"{prefix}/ready"),)}


def _kube_probe(prefix: str) -> Endpoints:
    return {
        ProbeKind.LIVENESS: (http(f"{prefix}/api/health/liveness"),),
        ProbeKind.READINESS: (http(f"{prefix}/api/health/readiness"),),
    }


def _rails_place(clues: Clues) -> Place:
    root = clues.first("RAILS_RELATIVE_URL_ROOT")
    return Place(prefix=joined(root) if root else None)


def _aspnet_place(clues: Clues) -> Place:
    base = clues.first("ASPNETCORE_PATHBASE")
    ports = clues.first("ASPNETCORE_HTTP_PORTS", "DOTNET_HTTP_PORTS")
    return Place(prefix=joined(base) if base else None, default_port=port_of(ports.split(";")[0]))


def _lightship_place(clues: Clues) -> Place:
    return Place(port=port_of(clues.first("LIGHTSHIP_PORT")) or 9000, https=False)


RAILS = Preset(
    name="rails",
    source="https://api.rubyonrails.org/classes/Rails/HealthController.html: /up, since 7.1",
    endpoints=_up,
    default_port=3000,
    place=_rails_place,
    signs=Signs(env=("RAILS_",), programs=("rails", "puma")),
    liveness_failures=6,
)
LARAVEL = Preset(
    name="laravel",
    source="https://laravel.com/docs/deployment#the-health-route: /up, since 11",
    endpoints=_up,
    default_port=8000,
    signs=Signs(env=("APP_KEY",)),
    besides=Signs(
        env=("PHP_", "LARAVEL_", "OCTANE_"),
        programs=("php", "php-fpm", "artisan", "frankenphp", "apache2-foreground"),
        images=("php", "laravel", "frankenphp", "php-fpm", "fpm-nginx"),
    ),
    liveness_failures=6,
)
ASPNET = Preset(
    name="aspnet",
    source="https://learn.microsoft.com/dotnet/aspire/fundamentals/health-checks: /health and /alive",
    endpoints=_aspnet,
    default_port=8080,
    place=_aspnet_place,
    signs=Signs(env=("ASPNETCORE_", "DOTNET_"), images=("aspnet",), programs=("dotnet",)),
)
LIGHTSHIP = Preset(
    name="lightship",
    source="https://github.com/gajus/lightship: /live and /ready on a port of its own, 9000",
    endpoints=_lightship,
    default_port=9000,
    place=_lightship_place,
    signs=Signs(env=("LIGHTSHIP_",)),
)
KUBE_PROBE = Preset(
    name="kube-probe",
    source="https://github.com/nodeshift/kube-probe: /api/health/liveness and /api/health/readiness",
    endpoints=_kube_probe,
    default_port=8080,
    sought=True,
    sought_where=Signs(programs=("node", "npm", "yarn"), images=("node",), env=("NODE_ENV",)),
)
PRESETS = (RAILS, LARAVEL, ASPNET, LIGHTSHIP, KUBE_PROBE)
