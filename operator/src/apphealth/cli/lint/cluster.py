"""The input of `lint --cluster`: the objects of a cluster as the API server returns them."""

from __future__ import annotations

from typing import Any

from apphealth.cli.lint.findings import LintInput, LintObject, bare
from apphealth.cli.live.world import read_cluster
from apphealth.cli.options import Cluster
from apphealth.model import raw
from apphealth.model.service import ServiceKey
from apphealth.model.workload import Workload, WorkloadKey


def from_cluster(cluster: Cluster, namespace: str | None) -> LintInput:
    """Read a cluster, or one namespace of it.

    Parameters
    ----------
    cluster
        The cluster, and whether to read all its namespaces.
    namespace
        The namespace to check; None means the namespace of the kubeconfig's context. Objects that its workloads
        mention in other namespaces are read, and not checked.

    Raises
    ------
    CommandError
        The cluster or the namespace can't be read.
    """
    objects: list[dict[str, Any]] = []
    live = read_cluster(cluster, namespace, wanted=_none, seen=objects.append, pods=True)
    live.print_gaps()
    lint_input = LintInput(live.world, namespace=live.namespace)
    for value in objects:
        _add(lint_input, value, live.namespace)
    return lint_input


def _none(_: Workload) -> bool:
    """Select no workload: no rule of lint needs ConfigMaps."""
    return False


def _add(lint_input: LintInput, value: dict[str, Any], namespace: str | None) -> None:
    metadata = raw.mapping(value.get("metadata"))
    kind, name, where = (raw.text(found) for found in (value["kind"], metadata.get("name"), metadata.get("namespace")))
    if kind == "Namespace":
        lint_input.namespaces[name] = raw.mapping(metadata.get("annotations"))
    elif namespace is not None and where != namespace:
        return
    elif kind == "Service" and (service := lint_input.world.services.get(ServiceKey(where, name))) is not None:
        lint_input.services.append((service, LintObject(value=value)))
    elif kind == "Pod":
        lint_input.bare.append((bare(value), LintObject(value=value)))
    elif (workload := lint_input.world.workloads.get(WorkloadKey(kind, where, name))) is not None:
        lint_input.workloads.append((workload, LintObject(value=value)))
