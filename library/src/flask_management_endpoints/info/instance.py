"""``service.instance.id``: one id for all workers of an instance, without a file.

Version 1 kept it in a predictable file of the temporary folder: any user could write it, two workers raced for it,
and an app with a slash in its name got a 500. Here it is a UUID version 5, as the conventions recommend, over what is
the same in all workers and differs between instances: the pod's UID or the container's id, else the host and the
parent process.
"""

import os
import uuid

from flask_management_endpoints.info import attributes, kubernetes

NAMESPACE = uuid.UUID("4d63009a-8d0f-11ee-aad7-4c796ed8e320")
"""The namespace that OpenTelemetry's conventions give for this purpose."""


def service_instance(app_name: str) -> dict[str, str]:
    """Return ``service.instance.id`` for ``app_name``."""
    return {"service.instance.id": str(uuid.uuid5(NAMESPACE, "\n".join((app_name, *_what_is_ours_alone()))))}


def _what_is_ours_alone() -> tuple[str, ...]:
    known = kubernetes.attributes() | attributes.container() | attributes.host()
    for key in ("k8s.pod.uid", "container.id"):
        if key in known:
            return (known[key], known.get("k8s.container.name", ""))
    return (known.get("k8s.pod.name") or known["host.name"], _boot(), str(_session()))


def _session() -> int:
    """Return what the workers of one server share: the session, or the parent where there are none (Windows)."""
    return os.getsid(0) if hasattr(os, "getsid") else os.getppid()


def _boot() -> str:
    return attributes.read("/proc/sys/kernel/random/boot_id").strip()
