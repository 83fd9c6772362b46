"""Checks before the watches start: the API server answers, our resources are installed, the rights suffice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from apphealth.api import GROUP
from apphealth.controller.queue import Backoff
from apphealth.controller.status_writer import Protection
from apphealth.kube.client import Client
from apphealth.kube.discovery import is_served
from apphealth.kube.errors import ForbiddenError, KubeError, NotFoundError, UnauthorizedError
from apphealth.kube.resources import Resource
from apphealth.store.store import NOBODY, Concerned, Store

BACKOFF = Backoff(first=1, longest=30)
POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
POLICY_NAMES = (
    "newest-handler-wins.apphealth.dev",
    "mount-goes-with-its-volume.apphealth.dev",
    "probe-goes-with-its-port.apphealth.dev",
)
"""Our admission policies in deploy/operator/admission."""

log = logging.getLogger(__name__)


async def wait_until_usable(client: Client, resources: Sequence[Resource], namespace: str | None) -> None:
    """Wait until everything can be listed, and log the obstacle whenever it changes.

    Parameters
    ----------
    client
        Sends the requests.
    resources
        The resources to list.
    namespace
        The only namespace to list; None: the whole cluster.
    """
    attempt, logged = 0, ""
    while obstacle := await find_obstacle(client, resources, namespace):
        attempt += 1
        wait = BACKOFF.after(attempt)
        if obstacle != logged:
            log.warning("%s (trying again until it works)", obstacle)
            logged = obstacle
        await asyncio.sleep(wait)


async def find_obstacle(client: Client, resources: Sequence[Resource], namespace: str | None) -> str:
    """Return why a resource can't be listed, with the remedy; empty if everything can be listed.

    Parameters as for `wait_until_usable`.
    """
    for resource in resources:
        try:
            if not resource.value.optional or await is_served(client, resource):
                await client.request("GET", resource.path(namespace), params={"limit": "1"})
        except NotFoundError:
            if resource.value.group == GROUP:
                return f"{resource.title} is not installed: kubectl apply -k deploy/operator/shared"
            return f"the server does not know {resource.title}: is it a Kubernetes API server?"
        except ForbiddenError as error:
            where = f" in the namespace {namespace}" if namespace else " in the cluster (or use --namespace)"
            return f"no right to list {resource.title}{where}: apply the RBAC of deploy/operator; {error.message}"
        except UnauthorizedError as error:
            return f"the API server does not accept the credentials: {error.message}"
        except KubeError as error:
            return error.message
    return ""


async def read_namespace(client: Client, store: Store, name: str) -> Concerned:
    """Read the labels and annotations of the only watched namespace; without the right to, it counts as having none.

    Parameters
    ----------
    client, store
        Reads the namespace; gets it.
    name
        The namespace.

    Returns
    -------
    Concerned
        What a change of it concerns.
    """
    try:
        found = await client.get(f"{Resource.NAMESPACES.path(None)}/{name}", dict[str, Any])
    except KubeError as error:
        level = logging.DEBUG if name in store.world.namespaces else logging.WARNING
        log.log(level, "the labels and annotations of the namespace %s don't count: %s", name, error.message)
        return NOBODY
    return store.put(Resource.NAMESPACES, found, listed=True)


async def look_for_policy(client: Client, protection: Protection) -> None:
    """Find out whether our admission policies are installed. Without them a user's apply may be rejected."""
    before = protection.installed
    protection.installed = True
    for name in POLICY_NAMES:
        try:
            await client.get(f"{POLICIES}/{name}", dict[str, Any])
        except NotFoundError:
            protection.installed = False
            if before is not False:
                log.warning(
                    "no admission policy %s (from Kubernetes 1.36 on, install the Helm chart, or kubectl apply -k "
                    "deploy/operator/admission): a user's apply over what we wrote, such as a probe of another type, "
                    "may be refused",
                    name,
                )
        except KubeError as error:
            protection.installed = None
            log.info("can't see whether the admission policy %s is there: %s", name, error.message)
            return
