"""A cluster as a `World`: read once, as the operator sees it. Nothing is written.

How a command uses it (`-n` is the command's own option, because manifests have namespaces too)::

    from apphealth.cli.options import Cluster, cluster_options

    @click.command()
    @cluster_options
    @click.option("-n", "--namespace")
    def graph(*, cluster: Cluster, namespace: str | None) -> None:
        from apphealth.cli.live.world import read_cluster  # imported here, so that --help stays fast

        live = read_cluster(cluster, namespace, policies=True)
        live.print_gaps()
        show(graph_of(live.world))

`cluster` has the values of --kubeconfig, --context and -A. Without -A, one namespace is read (None: the namespace of
the kubeconfig's context), with the namespaces that its workloads mention; `live.namespace` is the namespace that was
read, or None for all. Resources that the user has no right to read are gaps: `print_gaps` prints each in one line, and
the command goes on without them. The command ends (`CommandError`) if the cluster can't be reached, the namespace
doesn't exist or its workloads may not be read.
"""
