"""Nodes without machines."""

import pytest

from localcluster import Cluster, LocalClusterError

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: crowd}
spec:
  replicas: 40
  selector: {matchLabels: {app: crowd}}
  template:
    metadata: {labels: {app: crowd}}
    spec: {containers: [{name: main, image: none}]}
"""


def test_pods_on_simulated_nodes_become_ready_by_themselves(simulated: Cluster, simulated_namespace: str):
    simulated.apply(_DEPLOYMENT, "-n", simulated_namespace)
    simulated.kubectl("rollout", "status", "deployment/crowd", "-n", simulated_namespace, "--timeout=60s")
    pods = simulated.get("pods", "-n", simulated_namespace)["items"]
    assert len(pods) == 40
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 3


def test_simulated_nodes_are_refused_where_nobody_simulates_them(control_plane: Cluster):
    with pytest.raises(LocalClusterError, match="is of control-plane"):
        control_plane.add_nodes(1)
