"""A live cluster as a `World`: read once, as the operator would see it, and nothing written.

How a command takes it (`-n` stays the command's own, for files have namespaces too)::

    from apphealth.cli.options import Cluster, cluster_options

    @click.command()
    @cluster_options
    @click.option("-n", "--namespace")
    def graph(*, cluster: Cluster, namespace: str | None) -> None:
        from apphealth.cli.live.world import read_cluster  # here, so that --help stays quick

        live = read_cluster(cluster, namespace, policies=True)
        live.tell_gaps()
        show(graph_of(live.world))

`cluster` holds --kubeconfig, --context and -A. Without -A, `namespace` is read (None: the one that the kubeconfig's
context names), with what its workloads mention elsewhere; `live.namespace` is the one that was read, None for all.
What the user may not read is a gap: told in one line each by `tell_gaps`, and gone on without. A cluster that can't be
reached, a namespace that isn't there and workloads that may not be read end the command (`CommandError`).
"""
