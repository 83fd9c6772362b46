"""Writing the status of rules, by the status subresource."""

from __future__ import annotations

from apphealth.api.rule import RuleKey, RuleKind
from apphealth.api.status import RuleStatus
from apphealth.kube.client import MERGE, Client
from apphealth.kube.errors import NotFoundError
from apphealth.kube.meta import WRITE
from apphealth.kube.resources import Resource

RULES = {RuleKind.APP_HEALTH: Resource.RULES, RuleKind.CLUSTER_APP_HEALTH: Resource.CLUSTER_RULES}
"""The resource of each kind of rule."""


async def write_status(client: Client, rule: RuleKey, status: RuleStatus) -> None:
    """Write a rule's status; do nothing if the rule is gone.

    A merge patch is enough: the status has a fixed set of fields, and a merge patch replaces lists whole.

    Parameters
    ----------
    client
        Sends the request.
    rule, status
        The rule, and the status it gets.

    Raises
    ------
    KubeError
        Any other failure, see `Client.request`.
    """
    path = RULES[rule.kind].path(rule.namespace, rule.name) + "/status"
    try:
        await client.request("PATCH", path, body={"status": status.to_object()}, content_type=MERGE, params=WRITE)
    except NotFoundError:
        return
