"""The demonstration on a cluster on which AppHealth is installed and doesn't run."""


def test_an_installation_without_an_operator_is_left_alone(run_demo, node, operator):
    context = node.kubectl("config", "current-context").stdout.strip()
    result = run_demo("--context", context, KUBECONFIG=str(node.kubeconfig))
    assert result.returncode == 1
    assert "no operator runs" in result.stdout
    assert node.kubectl("get", "crd", "apphealths.apphealth.dev").returncode == 0
