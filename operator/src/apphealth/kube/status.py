"""Writing the status of rules, by the status subresource."""

from __future__ import annotations

from apphealth.api import GROUP, VERSION
from apphealth.api.rule import RuleKey, RuleKind
from apphealth.api.status import RuleStatus
from apphealth.kube.client import MERGE, Client
from apphealth.kube.errors import NotFoundError
from apphealth.kube.meta import WRITE, path_of

API = f"/apis/{GROUP}/{VERSION}"
PLURALS = {RuleKind.APP_HEALTH: "apphealths", RuleKind.CLUSTER_APP_HEALTH: "clusterapphealths"}


async def write_status(client: Client, rule: RuleKey, status: RuleStatus) -> None:
    """Write a rule's status; a rule that has gone needs none. For errors see `Client.request`.

    A merge patch is enough: the status has a fixed set of fields, and its lists are replaced whole.
    """
    path = path_of(API, PLURALS[rule.kind], rule.namespace, rule.name) + "/status"
    try:
        await client.request("PATCH", path, body={"status": status.to_object()}, content_type=MERGE, params=WRITE)
    except NotFoundError:
        return
