"""Set annotations on objects of a cluster: the only writes of the command line."""

from __future__ import annotations

from collections.abc import Mapping

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.cli.live.connection import connected
from apphealth.cli.options import Cluster
from apphealth.kube.errors import NotFoundError
from apphealth.kube.resources import Resource


def annotate(
    cluster: Cluster, namespace: str | None, resource: Resource, name: str, annotations: Mapping[str, str | None]
) -> str:
    """Set annotations of one object's metadata, or remove them.

    Parameters
    ----------
    cluster
        The cluster.
    namespace
        The object's namespace; None means the namespace of the kubeconfig's context.
    resource, name
        The object.
    annotations
        The new values; None removes an annotation.

    Returns
    -------
    str
        The object's namespace.

    Raises
    ------
    CommandError
        The kubeconfig can't be used, the cluster can't be reached, there is no such object, or it may not be patched.
    """
    with connected(cluster.kubeconfig, cluster.context) as (reader, access):
        scope = namespace or access.namespace
        try:
            reader.merge(resource.path(scope, name), {"metadata": {"annotations": dict(annotations)}})
        except NotFoundError as error:
            raise CommandError(f"{error.message} in the namespace {scope}", ExitCode.INPUT) from error
    return scope
