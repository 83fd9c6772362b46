"""What planning a workload has given for its dependants: the readiness probes, while the facts are the same.

An entry counts only while workload, facts and options equal those that it was worked out from. Nobody has to invalidate
it, so nobody can forget to.
"""

from __future__ import annotations

from typing import NamedTuple

from apphealth.model.workload import Workload, WorkloadKey
from apphealth.plan.facts import Facts, Options, Readiness


class _Entry(NamedTuple):
    workload: Workload
    facts: Facts
    """Without neighbours: the first pass of planning reads none."""
    options: Options
    readiness: Readiness


class ReadinessCache:
    """The readiness probes of workloads that others depend on."""

    def __init__(self) -> None:
        self._entries: dict[WorkloadKey, _Entry] = {}

    def get(self, workload: Workload, facts: Facts, options: Options) -> Readiness | None:
        """Return the readiness probes that equal facts gave before; None if they have to be worked out.

        Parameters
        ----------
        workload
            The workload as it is now.
        facts
            What concerns it now, without neighbours.
        options
            How it is planned.
        """
        entry = self._entries.get(workload.key)
        same = entry is not None and (entry.workload, entry.facts, entry.options) == (workload, facts, options)
        return entry.readiness if entry is not None and same else None

    def put(self, workload: Workload, facts: Facts, options: Options, readiness: Readiness) -> None:
        """Keep the readiness probes that planning a workload from these facts has given."""
        self._entries[workload.key] = _Entry(workload, facts, options, readiness)

    def drop(self, key: WorkloadKey) -> None:
        """Forget a workload."""
        self._entries.pop(key, None)
