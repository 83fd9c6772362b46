"""The command `apphealth graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from apphealth.cli.live.options import Cluster, cluster_options
from apphealth.cli.options import cluster_domain_option, filename_option, rules_option

if TYPE_CHECKING:
    from apphealth.plan.dependencies.graph import Graph
    from apphealth.store.world import World

EPILOG = """
\b
Examples:
  apphealth graph -f deploy/                               who needs whom, and why
  apphealth graph -f deploy/ --impact svc/users-api        what follows if it fails
  apphealth graph -f deploy/ -o mermaid                    for a README
  apphealth graph -f deploy/ -o html > graph.html          to search, and to click through
  apphealth graph -f deploy/ -o dot | dot -Tsvg > g.svg    for a wall
  helm template shop ./chart | apphealth graph -f - -n shop -o json
  apphealth graph -n shop                                  of a cluster: one namespace,
  apphealth graph -A --impact svc/users-api.shop           or all of them

\b
Exit codes: 0 done; 2 the command line is wrong; 3 something that was read can't be used;
4 the cluster can't be reached.
"""


@click.command(epilog=EPILOG, short_help="Show which workload needs which Service, and why.")
@filename_option(without="a cluster")
@rules_option
@click.option("-n", "--namespace", metavar="NAME", help="The one to read; with -f, that of objects that name none.")
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["tree", "mermaid", "dot", "json", "html"]),
    default="tree",
    show_default=True,
    help="The notation.",
)
@click.option("--impact", "service", metavar="svc/NAME", help="Tell what becomes unready if this Service fails.")
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
    """Show which workload needs which Service, where that is said, and what is required.

    In manifests (-f), or in a cluster: a namespace (-n, else that of the kubeconfig's context), or all (-A). Nothing
    is written. Deployments, StatefulSets and DaemonSets count, whether a rule selects them or not.
    """
    if service is not None and output not in ("tree", "json"):
        raise click.UsageError(f"--impact goes with -o tree or json, not {output}")
    if (*paths, *rules).count("-") > 1:
        raise click.UsageError("standard input (-) can be read only once")
    if paths and cluster.named:
        raise click.UsageError("-f reads manifests, --kubeconfig, --context and -A a cluster: choose one")

    from apphealth.cli.graph.reading import read_live, read_world
    from apphealth.plan.dependencies.graph import around
    from apphealth.store.graph import graph_of

    if paths:
        world, only = read_world(paths, rules, namespace or "default", cluster_domain), None
    else:
        world, only = read_live(cluster, rules, namespace, cluster_domain)
    found = graph_of(world)
    if service is not None:
        answer = _impact(service, only or namespace or "default", found, world, output)
    else:
        answer = _written(around(found, only) if only else found, world, output)
    click.echo(answer, nl=False)


def _impact(service: str, namespace: str, found: Graph, world: World, output: str) -> str:
    from apphealth.cli.graph.asjson import impact_json
    from apphealth.cli.graph.impact import find_service, impact_text
    from apphealth.plan.dependencies.impact import impact
    from apphealth.store.graph import patience_of

    found_impact = impact(find_service(service, namespace, found), found, patience_of(found, world))
    return impact_json(found_impact) if output == "json" else impact_text(found_impact)


def _written(found: Graph, world: World, output: str) -> str:
    from apphealth.cli.graph import asjson, dot, html, mermaid, tree
    from apphealth.store.graph import patience_of, shared_in

    match output:
        case "mermaid":
            return mermaid.mermaid(found)
        case "dot":
            return dot.dot(found)
        case "html":
            return html.html(found, patience_of(found, world))
        case "json":
            return asjson.graph_json(found, shared_in(found, world))
        case _:
            return tree.tree(found, shared_in(found, world))
