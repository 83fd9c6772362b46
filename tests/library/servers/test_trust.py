"""The stranger of a real server: what it sends to one worker changes nothing for those who ask after it."""

import http.client

import pytest

SOURCE = """
    app.config["Z_ENDPOINTS"]["service_dependencies"] = {{"users": {{"url": "{host}", "groups": ["readiness"]}}}}
"""


def ask(port, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/z/health/readiness", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    "hops", [None, "x", "#deadbeef,{host}/z", "0123456789abcdef0123456789abcdef"], ids=["none", "x", "a way", "hops"]
)
def test_a_required_dependency_stays_required_whatever_a_stranger_says(serve, peer, behaviours, hops):
    users = peer(behaviours.says({"status": "DOWN"}, 503))
    server = serve("gunicorn", source=SOURCE.format(host=users.host))
    headers = {"Host": users.host} | ({"X-Health-Hops": hops.format(host=users.host)} if hops else {})
    for _ in range(3):
        ask(server.port, headers)
        assert ask(server.port, {}) == 503
