"""PodDisruptionBudgets: how many pods of a workload may be down now. They are listed when a rollout asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from apphealth.api.spec import LabelSelector
from apphealth.kube.client import Client
from apphealth.kube.meta import Meta, path_of
from apphealth.plan.rules.selection import matches


class _Spec(msgspec.Struct, frozen=True):
    selector: dict[str, Any] | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0


class _Budget(msgspec.Struct, frozen=True):
    metadata: Meta = Meta()
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Budgets(msgspec.Struct, frozen=True):
    items: tuple[_Budget, ...] = ()


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget: the pods that it is about, and how many of them may be down now."""

    name: str
    selector: LabelSelector | None
    """None: one that can't be read, and matches no pod."""
    allowed: int
    healthy: int
    needed: int

    def covers(self, labels: dict[str, str]) -> bool:
        """Return whether it is about pods with these labels."""
        return self.selector is not None and matches(self.selector, labels)


async def list_disruption_budgets(client: Client, namespace: str) -> tuple[DisruptionBudget, ...]:
    """List the PodDisruptionBudgets of a namespace.

    Parameters
    ----------
    client
        Sends the request.
    namespace
        The namespace.

    Raises
    ------
    KubeError
        They can't be listed.
    """
    path = path_of("/apis/policy/v1", "poddisruptionbudgets", namespace)
    return _parsed(await client.get(path, _Budgets))


def parse_disruption_budgets(listed: dict[str, Any]) -> tuple[DisruptionBudget, ...]:
    """Read a list of PodDisruptionBudgets as the API server gives it; none if it can't be read."""
    try:
        return _parsed(msgspec.convert(listed, _Budgets))
    except msgspec.ValidationError:
        return ()


def _parsed(listed: _Budgets) -> tuple[DisruptionBudget, ...]:
    return tuple(
        DisruptionBudget(
            name=item.metadata.name,
            selector=_selector(item.spec.selector),
            allowed=item.status.disruptions_allowed,
            healthy=item.status.current_healthy,
            needed=item.status.desired_healthy,
        )
        for item in listed.items
    )


def _selector(raw: dict[str, Any] | None) -> LabelSelector | None:
    try:
        return msgspec.convert(raw, LabelSelector) if raw is not None else None
    except msgspec.ValidationError:
        return None
