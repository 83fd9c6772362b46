"""Programs that pass requests on to others.

What they answer may come from behind them, so it says nothing of their own life: a proxy was restarted again and again
because the application behind it was down. From them liveness is taken only where a preset names their own endpoint.
"""

from __future__ import annotations

from apphealth.plan.probes.presets.clues import image_name

PROXIES = frozenset({
    *("apisix", "caddy", "contour", "emissary", "envoy", "envoy-distroless", "haproxy", "httpd", "istio-proxyv2"),
    *("kong", "kong-gateway", "krakend", "nginx", "nginx-ingress", "nginx-unprivileged", "oauth2-proxy", "openresty"),
    *("pomerium", "proxyv2", "squid", "tengine", "traefik", "tyk-gateway", "varnish"),
})  # fmt: skip
"""The last parts of their images' names."""


def is_proxy(image: str) -> bool:
    """Return whether an image is that of a proxy."""
    return image_name(image).rpartition("/")[2] in PROXIES
