"""Before the watching starts: is the API server there, are our resources installed, may we read what we need."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from apphealth.api import GROUP
from apphealth.controller.queue import Backoff
from apphealth.controller.resources import Resource
from apphealth.controller.statuses import Protection
from apphealth.controller.store import Store
from apphealth.kube.client import Client
from apphealth.kube.errors import ForbiddenError, KubeError, NotFoundError, UnauthorizedError
from apphealth.model import raw

BACKOFF = Backoff(first=1, longest=30)
POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
POLICY_NAMES = ("newest-handler-wins.apphealth.dev", "mount-goes-with-its-volume.apphealth.dev")
"""Our admission policies in deploy/operator/admission."""

log = logging.getLogger(__name__)


async def wait_until_usable(client: Client, resources: Sequence[Resource], namespace: str | None) -> None:
    """Wait until everything can be listed; says what is missing whenever that changes."""
    attempt, said = 0, ""
    while complaint := await find_obstacle(client, resources, namespace):
        attempt += 1
        wait = BACKOFF.after(attempt)
        if complaint != said:
            log.warning("%s (trying again until it works)", complaint)
            said = complaint
        await asyncio.sleep(wait)


async def find_obstacle(client: Client, resources: Sequence[Resource], namespace: str | None) -> str:
    """Return what keeps us from listing everything, and what to do about it; empty if nothing does."""
    for resource in resources:
        try:
            if not resource.value.optional or await _is_served(client, resource):
                await client.request("GET", resource.path(namespace), params={"limit": "1"})
        except NotFoundError:
            if resource.value.group == GROUP:
                return f"{resource.title} is not installed: kubectl apply -f crds/"
            return f"the server does not know {resource.title}: is it a Kubernetes API server?"
        except ForbiddenError as error:
            where = f" in the namespace {namespace}" if namespace else " in the cluster (or use --namespace)"
            return f"no right to list {resource.title}{where}: apply the RBAC of deploy/operator; {error.message}"
        except UnauthorizedError as error:
            return f"the API server does not accept the credentials: {error.message}"
        except KubeError as error:
            return error.message
    return ""


async def served(client: Client, resources: Sequence[Resource]) -> list[Resource]:
    """Return what the API server has of these resources; only optional ones may be missing.

    Raises
    ------
    KubeError
        It could not be asked.
    """
    return [resource for resource in resources if not resource.value.optional or await _is_served(client, resource)]


async def _is_served(client: Client, resource: Resource) -> bool:
    """Ask by discovery, which needs no rights: else a kind that isn't there and one that is forbidden look alike."""
    try:
        api = await client.get(resource.api_path, dict[str, Any])
    except NotFoundError:
        return False
    return any(item.get("name") == resource.value.plural for item in raw.items(api.get("resources")))


async def read_namespace(client: Client, store: Store, name: str) -> None:
    """Read the one namespace that is served, for its labels and annotations; without the right to, it has none."""
    try:
        found = await client.get(f"{Resource.NAMESPACES.path(None)}/{name}", dict[str, Any])
    except KubeError as error:
        log.warning("the labels and annotations of the namespace %s don't count: %s", name, error.message)
    else:
        store.put(Resource.NAMESPACES, found, listed=True)


async def look_for_policy(client: Client, protection: Protection) -> None:
    """Find out whether our admission policies are there, without which a user's apply may be refused."""
    before = protection.installed
    protection.installed = True
    for name in POLICY_NAMES:
        try:
            await client.get(f"{POLICIES}/{name}", dict[str, Any])
        except NotFoundError:
            protection.installed = False
            if before is not False:
                log.warning(
                    "no admission policy %s (needs Kubernetes 1.36 and deploy/operator/admission): a user's apply over "
                    "what we wrote, such as a probe of another type, may be refused",
                    name,
                )
        except KubeError as error:
            protection.installed = None
            log.info("can't see whether the admission policy %s is there: %s", name, error.message)
            return
