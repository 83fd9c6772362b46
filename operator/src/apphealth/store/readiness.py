"""The planned readiness probes of workloads, kept for the plans of their dependants.

An entry counts only while workload, facts and options equal those that it was planned from. So no code has to
invalidate it, and none can forget to.
"""

from __future__ import annotations

from typing import NamedTuple

from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.facts import Facts, Options, Readiness


class _Entry(NamedTuple):
    workload: Workload
    facts: Facts
    """The facts without neighbours, which the first pass of planning doesn't read."""
    options: Options
    readiness: Readiness


class ReadinessCache:
    """The readiness probes of workloads that other workloads depend on."""

    def __init__(self) -> None:
        self._entries: dict[WorkloadKey, _Entry] = {}

    def get(self, workload: Workload, facts: Facts, options: Options) -> Readiness | None:
        """Return the readiness probes that were planned from equal facts, or None if they must be planned.

        Parameters
        ----------
        workload
            The workload as it is now.
        facts
            The facts about it now, without neighbours.
        options
            How to plan it.
        """
        entry = self._entries.get(workload.key)
        same = entry is not None and (entry.workload, entry.facts, entry.options) == (workload, facts, options)
        return entry.readiness if entry is not None and same else None

    def put(self, workload: Workload, facts: Facts, options: Options, readiness: Readiness) -> None:
        """Keep the readiness probes that a workload has by its plan from these facts.

        Parameters
        ----------
        workload
            The workload as it was planned.
        facts
            The facts that it was planned from, without neighbours.
        options
            How it was planned.
        readiness
            The handlers of its readiness probes.
        """
        self._entries[workload.key] = _Entry(workload, facts, options, readiness)

    def drop(self, key: WorkloadKey) -> None:
        """Forget a workload."""
        self._entries.pop(key, None)
