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
        info.update(build.facts(app.root_path))
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
        return found | attributes.from_environment(sensitive=sensitive)

    @staticmethod
    def host_info(hostname: str | None = None) -> dict[str, str]:
        """Return ``host.name``, ``host.hostname`` and ``host.arch``."""
        return attributes.host(hostname)

    @staticmethod
    def os_info() -> dict[str, str]:
        """Return ``os.*``."""
        return attributes.operating_system()

    @staticmethod
    def process_info() -> dict[str, Any]:
        """Return ``process.*`` without the command line."""
        return attributes.process()

    @staticmethod
    def machine_id(machine_id_file: str = "/etc/machine-id") -> dict[str, str]:
        """Return ``host.id`` and ``machine.id``, not part of ``/info`` unless ``show_sensitive_info`` says so."""
        return attributes.machine(machine_id_file)

    @staticmethod
    def container_id(cpuset_file: str | None = None) -> dict[str, str]:
        """Return ``container.id``, if it can be told; from the last part of a cpuset's path if a file is given."""
        if cpuset_file is None:
            return attributes.container()
        name = (attributes.first_line(cpuset_file) or "").rpartition("/")[2]
        return {"container.id": name} if name else {}

    @staticmethod
    def service_instance_id(app_name: str, service_instance_id_file: str | None = None) -> dict[str, str]:
        """Return ``service.instance.id``.

        The same for every worker of this instance, another for every other instance. A file that is given, and has
        an id in its first line, decides.
        """
        kept = attributes.first_line(service_instance_id_file) if service_instance_id_file else None
        return {"service.instance.id": kept} if kept else instance.service_instance(app_name)

    @staticmethod
    def read_first_line(file: str) -> str | None:
        """Return the first line of a file, at most 1,024 characters; None if it is empty or can't be read."""
        return attributes.first_line(file)

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
