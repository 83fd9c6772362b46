"""The document that ``/info`` answers with."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask_management_endpoints.info import attributes, build, instance, kubernetes
from flask_management_endpoints.raw import Raw

if TYPE_CHECKING:
    from flask import Flask

    from flask_management_endpoints.config.settings import Settings

logger = logging.getLogger("flask_management_endpoints")


class Info(dict[str, Any]):
    """``{"app": {"name", "version"?}, "trace.attributes": {…}}``, read from the environment at the moment it is made.

    Parameters
    ----------
    app_name
        The service's name.
    enable_service_instance_id
        Whether to add ``service.instance.id``, the same for all workers of this instance.
    """

    def __init__(
        self, app_name: str, enable_service_instance_id: bool | None = False, *, sensitive: bool = False
    ) -> None:
        super().__init__()
        self["app"] = self.app_attributes(app_name)
        self["trace.attributes"] = self.trace_attributes(
            app_name, enable_service_instance_id=enable_service_instance_id, sensitive=sensitive
        )

    @classmethod
    def of(cls, app: "Flask", settings: "Settings") -> "Info":
        """Return the document for ``app``: build, git and process facts, and what the app's own contributors add."""
        options = settings.options
        info = cls(app.name, options["enable_service_instance_id"], sensitive=options["show_sensitive_info"])
        info.update(build.facts())
        info["process"] = attributes.lifetime()
        for name, value in settings.info.items():
            contribution = _contribution(name, value)
            if contribution is not None:
                info[name] = contribution
        return info

    @staticmethod
    def app_attributes(name: str | None = None, version: str | None = None) -> dict[str, str]:
        """Return name and version of the app; the version is the environment's ``VERSION`` unless given."""
        known = {"name": name, "version": version or os.environ.get("VERSION")}
        return {key: value for key, value in known.items() if value}

    @staticmethod
    def trace_attributes(
        app_name: str,
        version: str | None = None,
        enable_service_instance_id: bool | None = False,
        *,
        sensitive: bool = False,
    ) -> dict[str, Any]:
        """Return the OpenTelemetry resource attributes. ``sensitive``: the command line and the machine's id too."""
        found: dict[str, Any] = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or app_name}
        version = version or os.environ.get("VERSION")
        if version:
            found["service.version"] = version
        found |= attributes.host() | attributes.operating_system() | attributes.process()
        found |= attributes.container() | kubernetes.attributes()
        if sensitive:
            found |= attributes.command_line() | attributes.machine()
        if enable_service_instance_id:
            found |= instance.service_instance(app_name)
        return found | attributes.from_environment()

    @staticmethod
    def host_info() -> dict[str, str]:
        """Return ``host.name`` and ``host.arch``."""
        return attributes.host()

    @staticmethod
    def os_info() -> dict[str, str]:
        """Return ``os.*``."""
        return attributes.operating_system()

    @staticmethod
    def process_info() -> dict[str, Any]:
        """Return ``process.*`` without the command line."""
        return attributes.process()

    @staticmethod
    def machine_id() -> dict[str, str]:
        """Return ``host.id``, which is not part of ``/info`` unless ``show_sensitive_info`` says so."""
        return attributes.machine()

    @staticmethod
    def container_id() -> dict[str, str]:
        """Return ``container.id``, if this process runs in a container that can be told."""
        return attributes.container()

    @staticmethod
    def service_instance_id(app_name: str) -> dict[str, str]:
        """Return ``service.instance.id``.

        The same for every worker of this instance, another for every other instance.
        """
        return instance.service_instance(app_name)

    @staticmethod
    def k8s(hostname: str | None = None, namespace: str | None = None) -> dict[str, str]:
        """Return the ``k8s.*`` attributes: from the downward API's variables, else from the pod's name."""
        return kubernetes.attributes(hostname, namespace)


def _contribution(name: str, value: Raw) -> Mapping[str, Any] | Raw | None:
    if not callable(value):
        return value
    contributor: Callable[[], Any] = value
    try:
        return contributor()
    except Exception:
        logger.exception("info: the contributor %r raised; the rest is shown without it", name)
        return None
