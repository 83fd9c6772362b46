"""Whether PodDisruptionBudgets allow that pods of a workload restart now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from apphealth.kube.disruptions import DisruptionBudget
from apphealth.model.workload import Workload

FRESH = 2.0
"""Seconds that a list of PodDisruptionBudgets is used for: a wave asks about many workloads of one namespace."""


@dataclass(slots=True)
class _Listed:
    at: float
    budgets: tuple[DisruptionBudget, ...]


class Disruptions:
    """Asks the PodDisruptionBudgets before pods restart. Kubernetes itself asks them for evictions only.

    Parameters
    ----------
    list_budgets
        Lists those of a namespace.
    clock
        Seconds, rising.
    """

    def __init__(
        self,
        list_budgets: Callable[[str], Awaitable[tuple[DisruptionBudget, ...]]],
        clock: Callable[[], float],
    ) -> None:
        self._list_budgets = list_budgets
        self._clock = clock
        self._listed: dict[str, _Listed] = {}

    async def __call__(self, workload: Workload) -> str:
        """Return why pods of a workload can't restart now; empty if they can.

        What is allowed counts as used until the budgets are listed again.

        Parameters
        ----------
        workload
            The workload; its progress tells how many pods are down at once while it changes.

        Raises
        ------
        KubeError
            The budgets can't be listed.
        """
        budgets = await self._budgets(workload.namespace)
        concerned = [one for one in budgets if one.covers(dict(workload.pod_labels))]
        down = workload.progress.takes_down
        if (tight := next((one for one in concerned if one.allowed < down), None)) is not None:
            never = tight.needed + down > workload.progress.desired
            hint = "it never allows that; raise its maxUnavailable, or give the workload more replicas"
            return f"the PodDisruptionBudget {tight.name} allows no pod to be down now" + (
                f" ({hint})" if never else ""
            )
        used = tuple(replace(one, allowed=one.allowed - down) if one in concerned else one for one in budgets)
        self._listed[workload.namespace].budgets = used
        return ""

    async def _budgets(self, namespace: str) -> tuple[DisruptionBudget, ...]:
        now = self._clock()
        self._listed = {name: listed for name, listed in self._listed.items() if now - listed.at < FRESH}
        if namespace not in self._listed:
            budgets = await self._list_budgets(namespace)
            self._listed[namespace] = _Listed(self._clock(), budgets)
        return self._listed[namespace].budgets
