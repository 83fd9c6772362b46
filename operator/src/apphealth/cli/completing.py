"""What a shell completes: contexts of the kubeconfig, namespaces and workloads of the cluster, rules of lint.

A completion that fails or takes long is worse than none: every error, and a cluster that doesn't answer within
`PATIENCE`, completes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

PATIENCE = 2.0
"""Seconds that the cluster gets to answer."""
SHORT = {"deployments": "deploy", "statefulsets": "sts", "daemonsets": "ds"}


def contexts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the contexts of the kubeconfig."""
    import yaml

    given = ctx.params.get("kubeconfig") or os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config"
    found: list[str] = []
    for path in str(given).split(os.pathsep):
        try:
            content = yaml.safe_load(Path(path).read_text())
            found += [str(context["name"]) for context in content["contexts"]]
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            continue
    return _beginning(incomplete, found)


def namespaces(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the namespaces of the cluster."""
    return _beginning(incomplete, _names(ctx, "/api/v1/namespaces"))


def workloads(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the workloads of a namespace: `deploy/web`."""
    kind, slash, _name = incomplete.partition("/")
    if not slash:
        return _beginning(incomplete, [f"{short}/" for short in SHORT.values()])
    plural = next((plural for plural, short in SHORT.items() if short == kind), None)
    if plural is None:
        return []
    found = _names(ctx, f"/apis/apps/v1/namespaces/{{namespace}}/{plural}")
    return _beginning(incomplete, [f"{kind}/{name}" for name in found])


def lint_rules(_ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the rules of lint."""
    from apphealth.lint.registry import ALL

    return _beginning(incomplete, ALL)


def _beginning(incomplete: str, found: Iterable[str]) -> list[str]:
    return sorted(name for name in found if name.startswith(incomplete))


def _names(ctx: click.Context, path: str) -> Iterator[str]:
    """Yield the names of the objects at a path; `{namespace}` is the one that the command line names."""
    from apphealth.kube.configuration import CredentialsError, find_access
    from apphealth.kube.errors import KubeError
    from apphealth.kube.reader import Reader

    try:
        access = find_access(ctx.params.get("kubeconfig"), ctx.params.get("context"))
        namespace = ctx.params.get("namespace") or access.namespace
        with Reader(access, timeout=PATIENCE) as reader:
            yield from (item["metadata"]["name"] for item in reader.items(path.format(namespace=namespace)))
    except (CredentialsError, KubeError):
        return
