"""Other operators, as their Leases tell of them.

Every operator holds a Lease of the same name: for one namespace in that namespace, for the whole cluster in its own.
Two operators on the same workloads would undo each other: they don't read the same rules, and both write as
`apphealth`. So an operator that meets one for the whole cluster stands by, and one for the whole cluster leaves out the
namespaces that have operators of their own, because those must not be able to stop it everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from apphealth.kube.client import Client
from apphealth.kube.errors import ForbiddenError
from apphealth.kube.meta import path_of
from apphealth.model import raw
from apphealth.model.workload import DOMAIN

API = "/apis/coordination.k8s.io/v1"
SCOPE = f"{DOMAIN}scope"
"""Annotation of a Lease: what its holder manages, `CLUSTER` or `NAMESPACE`. Without it, it is no operator's: an
admission policy allows the annotation to operators alone."""
CLUSTER, NAMESPACE = "cluster", "namespace"
HELD = 15.0
"""Seconds after which a Lease that isn't renewed counts no more."""
LOOK = 5.0
"""Seconds between two looks of a leader at the namespaces that have operators of their own. Without any, none."""
REPLACED = 60.0
"""Seconds to stand by after another operator's Lease has ended: a new version of that operator may just be starting."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A Lease that another operator holds, and whether that operator manages the whole cluster."""

    namespace: str
    holder: str
    cluster: bool


class Others:
    """The other operators.

    Parameters
    ----------
    client
        Sends the requests.
    namespace, name
        The Lease of this operator.
    scope
        What this operator manages: `CLUSTER`, or `NAMESPACE`, the Lease's.
    changed
        Called after `elsewhere` has changed.

    Attributes
    ----------
    standing_by
        Why this operator may not lead, with the remedy; empty if it may.
    elsewhere
        The namespaces that have operators of their own, and that an operator of the whole cluster leaves out.
    unseen
        Why the other operators can't be seen; empty if they can.
    """

    def __init__(
        self, client: Client, *, namespace: str, name: str, scope: str, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._client = client
        self._namespace, self._name = namespace, name
        self._changed = changed
        self._seen: dict[str, tuple[tuple[str, str], float]] = {}
        self._read_at = self._rival_at = float("-inf")
        self.scope = scope
        self.standing_by = ""
        self.elsewhere: frozenset[str] = frozenset()
        self.unseen = ""

    async def may_lead(self, now: float) -> bool:
        """Look at the other operators, and return whether this one may lead.

        Parameters
        ----------
        now
            Seconds, rising.

        Raises
        ------
        KubeError
            Any failure but a missing right to list Leases, see `Client.request`.
        """
        claims = await self._read(now)
        rival = next((claim for claim in claims if claim.cluster), None)
        if rival is not None:
            self._rival_at = now
            self._stand_by(
                f"standing by: another operator manages the whole cluster (the Lease {rival.namespace}/{self._name}, "
                f"held by {rival.holder}); stop one of the two: this one starts {REPLACED:g} s after the other ended"
            )
        elif now - self._rival_at >= REPLACED:
            self._stand_by("")
        return not self.standing_by

    async def look_again(self, now: float) -> None:
        """Find out whether the operators of `elsewhere` still run; parameters and errors as for `may_lead`."""
        if self.elsewhere and now - self._read_at >= LOOK:
            await self._read(now)

    def _stand_by(self, why: str) -> None:
        if why and why != self.standing_by:
            log.warning("%s", why)
        self.standing_by = why

    async def _read(self, now: float) -> tuple[Claim, ...]:
        self._read_at = now
        chosen = {"fieldSelector": f"metadata.name={self._name}"}
        try:
            found = await self._client.get(path_of(API, "leases", ""), dict[str, Any], params=chosen)
        except ForbiddenError as error:
            self._say_unseen(error.message)
            return ()
        self.unseen = ""
        claims = tuple(self._held(found, now))
        self._leave_out(frozenset(claim.namespace for claim in claims if not claim.cluster))
        return claims

    def _held(self, found: dict[str, Any], now: float) -> Iterator[Claim]:
        """Yield the Leases that are held. As in an election, one counts until our own clock has seen it unchanged."""
        before, self._seen = self._seen, {}
        for lease in raw.items(found.get("items")):
            metadata, spec = raw.mapping(lease.get("metadata")), raw.mapping(lease.get("spec"))
            namespace, holder = raw.text(metadata.get("namespace")), raw.text(spec.get("holderIdentity"))
            scope = raw.mapping(metadata.get("annotations")).get(SCOPE)
            if namespace == self._namespace or not holder or scope not in (CLUSTER, NAMESPACE):
                continue
            state = (holder, raw.text(spec.get("renewTime")))
            known = before.get(namespace)
            self._seen[namespace] = known if known is not None and known[0] == state else (state, now)
            if now - self._seen[namespace][1] < HELD:
                yield Claim(namespace, holder, cluster=scope == CLUSTER)

    def _leave_out(self, namespaces: frozenset[str]) -> None:
        if self.scope == NAMESPACE or namespaces == self.elsewhere:
            return
        for namespace in sorted(namespaces - self.elsewhere):
            log.warning(
                "the namespace %s has an operator of its own (the Lease %s/%s): nothing is written there",
                *(namespace, namespace, self._name),
            )
        for namespace in sorted(self.elsewhere - namespaces):
            log.info("the namespace %s has no operator of its own any more", namespace)
        self.elsewhere = namespaces
        self._changed()

    def _say_unseen(self, why: str) -> None:
        if not self.unseen:
            log.warning(
                "can't see whether another operator manages the same workloads, so what a ClusterAppHealth may have "
                "written is left alone; give the right to list Leases %s by deploy/operator/shared/leases.yaml: %s",
                *(self._name, why),
            )
        self.unseen = why
