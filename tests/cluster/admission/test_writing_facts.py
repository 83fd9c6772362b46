"""Why the operator writes as it does: each fact about the API server that its way of writing rests on.

Without the policy, so that they are the API server's own.
"""

import json

import pytest

pytestmark = pytest.mark.usefixtures("no_policy")

HTTP = {
    "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
    "timeoutSeconds": 5,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
TCP = {"tcpSocket": {"port": 8080}}
ROUNDS = 10
one_mode = pytest.mark.parametrize("mode", ["server-side"], indirect=True)


@pytest.fixture
def bare(shop):
    """The user's workload, without probes."""
    shop.apply(shop.manifest({"name": "main", "env": [{"name": "A", "value": "1"}]}))
    return shop


def ours_by_server_side_apply(shop):
    pod = {"containers": [{"name": "main", "livenessProbe": HTTP}]}
    spec = {"template": {"spec": pod}}
    body = {"apiVersion": "apps/v1", "kind": shop.kind, "metadata": {"name": shop.name}, "spec": spec}
    manager = "--field-manager=apphealth"
    shop.kubectl("apply", "--server-side", manager, "--validate=false", "-f", "-", text=json.dumps(body))


@pytest.mark.parametrize("mode", ["server-side", "server-side-force"], indirect=True)
@pytest.mark.parametrize("containers", [[{"name": "app"}], [{"name": "other"}]], ids=["rename", "remove"])
def test_had_we_applied_server_side_their_rename_would_fail(shop, containers):
    """Our manager would own the list's key too, so an item with nothing but our probe would stay behind."""
    shop.apply(shop.manifest({"name": "main"}, {"name": "other"}))
    ours_by_server_side_apply(shop)
    refused = shop.apply(shop.manifest(*containers), check=False)
    assert refused.returncode == 1
    assert "image: Required value" in refused.stderr


def assert_refused(answer, status, message):
    assert answer[0] == status
    assert message in answer[1]


@one_mode
def test_a_strategic_merge_patch_owns_the_probe_and_not_the_container(bare):
    bare.patch(HTTP)
    assert bare.owned("apphealth") >= {"httpGet.path", "httpGet.port", "timeoutSeconds", "periodSeconds"}
    entry = next(e for e in bare.object()["metadata"]["managedFields"] if e["manager"] == "apphealth")
    containers = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert list(containers['k:{"name":"main"}']) == ["f:livenessProbe"]


@one_mode
def test_patch_replace_of_a_probe_that_is_not_there_does_silently_nothing(bare):
    bare.patch_pod({"containers": [{"name": "main", "livenessProbe": {"$patch": "replace"} | HTTP}]})
    assert bare.probe() is None


@one_mode
def test_another_handler_without_clearing_the_old_one_is_refused(bare):
    bare.patch(HTTP)
    refused = bare.patch_pod({"containers": [{"name": "main", "livenessProbe": TCP}]}, check=False)
    assert_refused(refused, 422, "may not specify more than 1 handler type")


@one_mode
@pytest.mark.parametrize("before", [None, HTTP], ids=["absent", "present"])
def test_another_handler_with_the_others_cleared_is_right(bare, before):
    if before:
        bare.patch(before)
    bare.patch(TCP)
    assert bare.probe()["tcpSocket"] == {"port": 8080}
    assert "httpGet" not in bare.probe()


@one_mode
def test_a_patch_of_a_container_that_has_gone_is_refused(bare):
    assert_refused(bare.patch(HTTP, "renamed-away", check=False), 422, "image: Required value")


@one_mode
def test_a_stale_resource_version_is_a_conflict(bare):
    stale = bare.object()["metadata"]["resourceVersion"]
    bare.kubectl("annotate", bare.address, "a=b")
    pod = {"containers": [{"name": "main", "livenessProbe": HTTP}]}
    assert_refused(bare.patch_pod(pod, check=False, resourceVersion=stale), 409, "the object has been modified")
    assert bare.probe() is None


@one_mode
def test_the_same_patch_again_changes_nothing(bare):
    bare.patch(HTTP)
    for _ in range(ROUNDS):  # the controllers may write a status between the two readings, but not every time
        before = bare.object()["metadata"]
        bare.patch(HTTP)
        after = bare.object()["metadata"]
        assert after["generation"] == before["generation"]
        if after["resourceVersion"] == before["resourceVersion"]:
            return
    pytest.fail(f"{ROUNDS} equal patches were {ROUNDS} writes")


@one_mode
def test_a_removed_probe_leaves_no_trace_of_us(bare):
    before = bare.object()["spec"]
    bare.patch(HTTP)
    bare.patch(None)
    assert bare.object()["spec"] == before
    assert bare.owned("apphealth") == set()


@one_mode
def test_taking_a_probe_over_erases_its_owner_and_restoring_makes_it_the_restorers(shop):
    shop.apply(shop.manifest({"name": "main", "livenessProbe": TCP}))
    shop.patch(HTTP)
    assert shop.owned("kubectl") == set()
    restored = dict.fromkeys(("httpGet", "grpc", "exec")) | TCP
    body = {"spec": {"template": {"spec": {"containers": [{"name": "main", "livenessProbe": restored}]}}}}
    manager = "--field-manager=apphealth-restored"
    shop.kubectl("patch", shop.address, "--type=strategic", manager, "-p", json.dumps(body))
    assert "tcpSocket.port" in shop.owned("apphealth-restored")
    assert not {leaf for leaf in shop.owned("apphealth") if leaf.startswith("tcpSocket")}


DELIVERY = {
    "volumes": [{"name": "apphealth", "configMap": {"name": "web-apphealth", "optional": True}}],
    "containers": [{"name": "main", "volumeMounts": [{"name": "apphealth", "mountPath": "/etc/apphealth"}]}],
}


def mounts(shop):
    return [m["name"] for container in shop.pod()["containers"] for m in container.get("volumeMounts", [])]


def test_a_mount_of_ours_survives_their_next_apply(bare):
    bare.patch_pod(DELIVERY)
    bare.apply(bare.manifest({"name": "main", "image": "web:2"}))
    assert mounts(bare) == ["apphealth"]
    assert bare.pod()["volumes"][0]["configMap"]["optional"] is True


def test_a_mount_of_ours_goes_with_a_renamed_container_and_the_volume_stays(bare):
    bare.patch_pod(DELIVERY)
    bare.apply(bare.manifest({"name": "app"}))
    assert mounts(bare) == []
    assert [volume["name"] for volume in bare.pod()["volumes"]] == ["apphealth"]


@one_mode
def test_a_delivery_is_taken_out_by_name(bare):
    before = bare.object()["spec"]
    bare.patch_pod(DELIVERY)
    gone = {"$patch": "delete"}
    mount = gone | {"mountPath": "/etc/apphealth"}
    bare.patch_pod(
        {"volumes": [gone | {"name": "apphealth"}], "containers": [{"name": "main", "volumeMounts": [mount]}]}
    )
    assert bare.object()["spec"] == before


@pytest.mark.parametrize("mode", ["client-side"], indirect=True)
def test_an_env_entry_of_ours_would_be_lost_with_their_last_one(bare):
    """Hence a volume and no env: client-side apply deletes the whole list."""
    bare.patch_pod({"containers": [{"name": "main", "env": [{"name": "OURS", "value": "1"}]}]})
    bare.apply(bare.manifest({"name": "main"}))
    assert "env" not in bare.pod()["containers"][0]
