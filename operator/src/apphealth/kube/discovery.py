"""Which of our resources an API server serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apphealth.kube.client import Client
from apphealth.kube.errors import NotFoundError
from apphealth.kube.resources import Resource


async def served(client: Client, resources: Sequence[Resource]) -> list[Resource]:
    """Return the resources that the API server has; only optional ones may be missing.

    Parameters
    ----------
    client
        Sends the requests.
    resources
        The resources to look for.

    Raises
    ------
    KubeError
        The API server could not be asked.
    """
    return [resource for resource in resources if not resource.value.optional or await is_served(client, resource)]


async def is_served(client: Client, resource: Resource) -> bool:
    """Return whether the API server has a resource, by discovery.

    Discovery needs no rights. A list would answer 403 for a missing resource and for a forbidden one alike.

    Parameters
    ----------
    client
        Sends the request.
    resource
        The kind to look for.

    Raises
    ------
    KubeError
        The API server could not be asked.
    """
    try:
        api = await client.get(resource.api_path, dict[str, Any])
    except NotFoundError:
        return False
    return resource.is_in(api)
