"""The command `apphealth graph`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from apphealth.model.world import World
    from apphealth.plan.graph import Graph

EPILOG = """
\b
Examples:
  apphealth graph -f deploy/                               who needs whom, and why
  apphealth graph -f deploy/ --impact svc/users-api        what follows if it fails
  apphealth graph -f deploy/ -o mermaid                    for a README
  apphealth graph -f deploy/ -o html > graph.html          to search, and to click through
  apphealth graph -f deploy/ -o dot | dot -Tsvg > g.svg    for a wall
  helm template shop ./chart | apphealth graph -f - -n shop -o json

\b
Exit codes: 0 done; 2 the command line is wrong; 3 something that was read can't be used.
"""


@click.command(epilog=EPILOG, short_help="Show which workload needs which Service, and why.")
@click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    required=True,
    metavar="PATH",
    help="File or directory of manifests (directories with all below), or - for standard input. Repeatable.",
)
@click.option("--rules", multiple=True, metavar="PATH", help="More AppHealths and ClusterAppHealths. Repeatable.")
@click.option("-n", "--namespace", default="default", show_default=True, help="Namespace of objects that name none.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["tree", "mermaid", "dot", "json", "html"]),
    default="tree",
    show_default=True,
    help="The notation.",
)
@click.option("--impact", "service", metavar="svc/NAME", help="Tell what becomes unready if this Service fails.")
@click.option(
    "--cluster-domain", default="cluster.local", show_default=True, help="What full names of Services end with."
)
def graph(
    *,
    paths: tuple[str, ...],
    rules: tuple[str, ...],
    namespace: str,
    output: str,
    service: str | None,
    cluster_domain: str,
) -> None:
    """Show which workload needs which Service, where that is said, and what is required.

    Deployments, StatefulSets and DaemonSets count, whether a rule selects them or not.
    """
    if service is not None and output not in ("tree", "json"):
        raise click.UsageError(f"--impact goes with -o tree or json, not {output}")
    if (*paths, *rules).count("-") > 1:
        raise click.UsageError("standard input can be read once only")
    click.echo(_answer(paths, rules, namespace, output, service, cluster_domain), nl=False)


def _answer(
    paths: tuple[str, ...], rules: tuple[str, ...], namespace: str, output: str, service: str | None, domain: str
) -> str:
    from apphealth.cli.graph import asjson, failing
    from apphealth.cli.graph.reading import read_world
    from apphealth.plan.graph import build_graph
    from apphealth.plan.impact import impact, patience

    world = read_world(paths, rules, namespace, domain)
    found = build_graph(world)
    if service is None:
        return _written(found, world, output)
    follows = impact(failing.find_service(service, namespace, found), found, patience(found, world))
    return asjson.impact_json(follows) if output == "json" else failing.impact_text(follows)


def _written(found: Graph, world: World, output: str) -> str:
    from apphealth.cli.graph import asjson, dot, html, mermaid, tree
    from apphealth.plan.impact import patience
    from apphealth.plan.sharing import shared_dependencies

    match output:
        case "mermaid":
            return mermaid.mermaid(found)
        case "dot":
            return dot.dot(found)
        case "html":
            return html.html(found, patience(found, world))
        case "json":
            return asjson.graph_json(found, shared_dependencies(found, world))
        case _:
            return tree.tree(found, shared_dependencies(found, world))
