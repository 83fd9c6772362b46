"""With the policy, a probe of ours goes with the port that it names: in the user's own request, operator or not."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("policy")

MARK = [{"name": "X-Probe", "value": "liveness"}]
NUMBERS = {"timeoutSeconds": 5, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
OURS = {"httpGet": {"path": "/livez", "port": "http", "scheme": "HTTP", "httpHeaders": MARK}} | NUMBERS
OPEN = {"tcpSocket": {"port": "http"}} | NUMBERS
THEIRS = {"httpGet": {"path": "/theirs", "port": "http", "scheme": "HTTP"}} | NUMBERS


def main(port="http", number=8080, **probes):
    return {"name": "main", "ports": [{"name": port, "containerPort": number}]} | probes


@pytest.fixture
def shop(shop):
    """The user has applied a container with the port `http`."""
    shop.apply(shop.manifest(main(), {"name": "second"}))
    return shop


def test_our_probe_goes_with_its_port(shop):
    shop.patch(OURS)
    shop.patch(OURS, field="readinessProbe")
    shop.apply(shop.manifest(main("web"), {"name": "second"}))
    assert (shop.probe(), shop.probe(field="readinessProbe")) == (None, None)
    assert [container["name"] for container in shop.pod()["containers"]] == ["main", "second"]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"], indirect=True)
@pytest.mark.parametrize("mode", ["client-side"], indirect=True)
def test_other_kinds(shop):
    shop.patch(OURS, field="startupProbe")
    shop.apply(shop.manifest(main("web"), {"name": "second"}))
    assert shop.probe(field="startupProbe") is None


@pytest.mark.parametrize("mode", ["client-side"], indirect=True)
def test_a_probe_without_a_header_is_ours_if_the_manifest_has_none(shop):
    shop.patch(OPEN)
    shop.apply(shop.manifest(main("web"), {"name": "second"}))
    assert shop.probe() is None


@pytest.mark.parametrize("mode", ["server-side"], indirect=True)
def test_a_probe_that_could_be_anybodys_stays(shop):
    """Without kubectl's memory of the manifest nothing tells whose it is: the operator will see to it."""
    shop.patch(OPEN)
    shop.apply(shop.manifest(main("web"), {"name": "second"}))
    assert shop.probe() == OPEN


def test_a_port_that_stays_keeps_our_probe(shop):
    shop.patch(OURS)
    shop.apply(shop.manifest(main(number=9090), {"name": "second", "ports": [{"name": "other", "containerPort": 1}]}))
    assert shop.probe() == OURS


def test_a_probe_of_theirs_stays_though_it_is_broken(shop):
    """Their manifest is wrong by itself, and none of our business."""
    shop.patch(OURS, field="readinessProbe")
    shop.apply(shop.manifest(main(livenessProbe=THEIRS), {"name": "second"}))
    shop.apply(shop.manifest(main("web", livenessProbe=THEIRS), {"name": "second"}))
    assert shop.probe() == THEIRS
    assert shop.probe(field="readinessProbe") is None


@pytest.mark.parametrize("mode", ["client-side"], indirect=True)
def test_a_workload_without_anything_of_ours_is_left_alone(shop):
    broken = {"op": "add", "path": "/spec/template/spec/containers/0/livenessProbe", "value": OURS}
    shop.kubectl("patch", shop.address, "--type=json", "-p", json.dumps([broken]))
    shop.apply(shop.manifest(main("web"), {"name": "second"}))
    assert shop.probe() == OURS


@pytest.mark.parametrize("mode", ["client-side"], indirect=True)
def test_a_sidecar(shop):
    sidecar = {"name": "proxy", "restartPolicy": "Always"}
    shop.apply(shop.manifest(main(), inits=(main() | sidecar,)))
    shop.patch(OURS, "proxy", section="initContainers")
    shop.apply(shop.manifest(main(), inits=(main("web") | sidecar,)))
    assert shop.probe("proxy", section="initContainers") is None
