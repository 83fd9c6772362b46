"""Without the policy the documented failure is there: what the other tests see is the policy's doing."""

import pytest

pytestmark = pytest.mark.usefixtures("no_policy")

OURS = {"httpGet": {"path": "/z/health/liveness", "port": 8080}, "timeoutSeconds": 5}


@pytest.mark.parametrize("handler", [{"tcpSocket": {"port": 1}}, {"grpc": {"port": 1}}, {"exec": {"command": ["a"]}}])
def test_a_handler_of_another_type_is_refused(shop, handler):
    shop.apply(shop.manifest())
    shop.patch(OURS)
    refused = shop.apply(shop.manifest({"name": "main", "livenessProbe": handler}), check=False)
    assert refused.returncode == 1
    assert "may not specify more than 1 handler type" in refused.stderr
