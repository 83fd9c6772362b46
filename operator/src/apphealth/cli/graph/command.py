"""The command `apphealth graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from apphealth.cli.options import Cluster, cluster_domain_option, cluster_options, manifest_options, rules_option

if TYPE_CHECKING:
    from apphealth.plan.dependencies.graph import Graph
    from apphealth.store.world import World

EPILOG = """
\b
Examples:
  apphealth graph -f deploy/                               which workload needs which Service
  apphealth graph -f deploy/ --impact svc/users-api        which workloads fail with it
  apphealth graph -f deploy/ -o mermaid                    as Mermaid, for a README
  apphealth graph -f deploy/ -o html > graph.html          as a page, to search and click
  apphealth graph -f deploy/ -o dot | dot -Tsvg > g.svg    as an image
  helm template shop ./chart | apphealth graph -f - -n shop -o json
  apphealth graph -n shop                                  one namespace of a cluster
  apphealth graph -A --impact svc/users-api.shop           all namespaces of a cluster

\b
Exit codes: 0 done; 2 the command line is wrong; 3 a part of the input can't be used;
4 the cluster can't be reached.
"""


@click.command(epilog=EPILOG, short_help="Show which workload needs which Service, and why.")
@manifest_options(positional=True, without="a cluster")
@rules_option
@click.option(
    "-n",
    "--namespace",
    metavar="NAME",
    help="The namespace to read; with -f, that of objects that name none. [default: the only one that others name]",
)
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["tree", "mermaid", "dot", "json", "html"]),
    default="tree",
    show_default=True,
    help="The output format.",
)
@click.option("--impact", "service", metavar="svc/NAME", help="Show the workloads that fail with this Service.")
@cluster_domain_option
def graph(
    *,
    cluster: Cluster,
    paths: tuple[str, ...],
    rules: tuple[str, ...],
    namespace: str | None,
    output: str,
    service: str | None,
    cluster_domain: str,
) -> None:
    """Show which workload needs which Service, by which evidence, and whether it is required.

    The input is manifests (-f) or a cluster: one namespace (-n, else the namespace of the kubeconfig's context), or all
    (-A). Nothing is written. Deployments, StatefulSets and DaemonSets are shown, whether a rule selects them or not.
    """
    if service is not None and output not in ("tree", "json"):
        raise click.UsageError(f"--impact needs -o tree or json, not {output}")
    if (*paths, *rules).count("-") > 1:
        raise click.UsageError("standard input (-) can be read only once")
    if paths and cluster.named:
        raise click.UsageError("-f reads manifests, --kubeconfig, --context and -A a cluster: choose one")

    from apphealth.cli.graph.reading import read_live, read_world
    from apphealth.cli.manifests.remote import shown
    from apphealth.plan.dependencies.graph import around
    from apphealth.store.graph import graph_of

    if paths:
        only = None
        world, namespace = read_world(paths, rules, namespace, cluster_domain)
    else:
        world, only = read_live(cluster, rules, namespace, cluster_domain)
    found = graph_of(world)
    if service is not None:
        answer = _impact(service, only or namespace or "default", found, world, output)
    else:
        scope = " ".join(map(shown, paths)) if paths else f"namespace {only}" if only else "all namespaces"
        answer = _written(around(found, only) if only else found, world, output, scope)
    click.echo(answer, nl=False)


def _impact(service: str, namespace: str, found: Graph, world: World, output: str) -> str:
    from apphealth.cli.graph.asjson import impact_json
    from apphealth.cli.graph.impact import find_service, impact_text
    from apphealth.plan.dependencies.impact import impact
    from apphealth.store.graph import patience_of

    found_impact = impact(find_service(service, namespace, found), found, patience_of(found, world))
    return impact_json(found_impact) if output == "json" else impact_text(found_impact)


def _written(found: Graph, world: World, output: str, scope: str) -> str:
    from apphealth.cli.graph import asjson, dot, html, mermaid, tree
    from apphealth.store.graph import patience_of, shared_in

    match output:
        case "mermaid":
            return mermaid.mermaid(found)
        case "dot":
            return dot.dot(found)
        case "html":
            return html.html(found, patience_of(found, world), html.coverage_of(found, world), scope)
        case "json":
            return asjson.graph_json(found, shared_in(found, world))
        case _:
            return tree.tree(found, shared_in(found, world))
