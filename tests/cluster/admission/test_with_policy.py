"""With the policy and our probes in place, not one command of a user fails, and each gets what its manifest says.

The rows are those of the table in docs on writing to workloads; every one is tried with client-side apply, server-side
apply, and server-side apply with --force-conflicts.
"""

import json

import pytest

pytestmark = pytest.mark.usefixtures("policy")

OURS = {
    "httpGet": {"path": "/z/health/liveness", "port": 8080, "scheme": "HTTP"},
    "initialDelaySeconds": 30,
    "timeoutSeconds": 5,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
THEIRS = {
    "tcpSocket": {"port": 8080},
    "grpc": {"port": 9000, "service": "shop"},
    "exec": {"command": ["/bin/check"]},
    "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
}
OTHERS = [name for name in THEIRS if name != "httpGet"]


@pytest.fixture
def ours(shop):
    """The user has applied a manifest without probes, and the operator has added a liveness probe."""
    shop.apply(shop.manifest())
    shop.patch(OURS)
    assert shop.probe() == OURS
    return shop


def handlers(probe):
    return {name for name in ("httpGet", "tcpSocket", "grpc", "exec") if name in probe}


def test_applying_again_keeps_our_probe(ours):
    ours.apply(ours.manifest())
    assert ours.probe() == OURS


def test_a_change_elsewhere_keeps_our_probe(ours):
    ours.apply(ours.manifest({"name": "main", "image": "web:2", "ports": [{"containerPort": 8080}]}))
    assert ours.probe() == OURS


def test_a_renamed_container_leaves_our_probe_behind(ours):
    ours.apply(ours.manifest({"name": "app"}))
    assert [container["name"] for container in ours.pod()["containers"]] == ["app"]
    assert ours.probe("app") is None


def test_a_container_can_be_removed(shop):
    shop.apply(shop.manifest({"name": "main"}, {"name": "second"}))
    shop.patch(OURS, "second")
    shop.apply(shop.manifest({"name": "main"}))
    assert [container["name"] for container in shop.pod()["containers"]] == ["main"]


@pytest.mark.parametrize("handler", OTHERS)
def test_a_handler_of_another_type_wins(ours, handler):
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {handler: THEIRS[handler]}}))
    assert handlers(ours.probe()) == {handler}
    assert ours.probe()[handler] == THEIRS[handler]
    assert ours.probe()["timeoutSeconds"] == 5, "the numbers stay ours until the operator yields"


@pytest.mark.parametrize("handler", OTHERS)
def test_their_handler_wins_over_any_type_of_ours(shop, handler):
    shop.apply(shop.manifest())
    shop.patch({handler: THEIRS[handler], "timeoutSeconds": 5})
    shop.apply(shop.manifest({"name": "main", "livenessProbe": {"httpGet": THEIRS["httpGet"]}}))
    assert handlers(shop.probe()) == {"httpGet"}


@pytest.mark.parametrize("handler", OTHERS)
def test_a_handler_that_shares_our_port_gives_way_too(ours, handler):
    """Their path goes with their manifest, the port stays because it is ours as well: what is left asks at '/'."""
    mode = "server-side-force" if ours.mode == "server-side" else ours.mode
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {"httpGet": THEIRS["httpGet"]}}), mode)
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {handler: THEIRS[handler]}}), mode)
    assert handlers(ours.probe()) == {handler}


@pytest.mark.parametrize("field", ["readinessProbe", "startupProbe"])
def test_every_kind_of_probe_is_looked_after(shop, field):
    shop.apply(shop.manifest())
    shop.patch(OURS, field=field)
    shop.apply(shop.manifest({"name": "main", field: {"tcpSocket": {"port": 1}}}))
    assert handlers(shop.probe(field=field)) == {"tcpSocket"}


def test_sidecars_and_several_probes_at_once_are_looked_after(shop):
    sidecar = {"name": "proxy", "restartPolicy": "Always"}
    shop.apply(shop.manifest({"name": "first"}, {"name": "main"}, inits=({"name": "init"}, sidecar)))
    shop.patch(OURS)
    shop.patch(OURS, "first", field="readinessProbe")
    shop.patch(OURS, "proxy", field="startupProbe", section="initContainers")
    tcp = {"tcpSocket": {"port": 1}}
    shop.apply(
        shop.manifest(
            {"name": "new"},
            {"name": "main", "livenessProbe": tcp},
            {"name": "first", "readinessProbe": tcp},
            inits=(sidecar | {"startupProbe": tcp}, {"name": "init"}),
        )
    )
    assert handlers(shop.probe()) == {"tcpSocket"}
    assert handlers(shop.probe("first", "readinessProbe")) == {"tcpSocket"}
    assert handlers(shop.probe("proxy", "startupProbe", "initContainers")) == {"tcpSocket"}


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"], indirect=True)
def test_every_kind_of_workload_is_looked_after(ours):
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {"tcpSocket": {"port": 1}}}))
    assert handlers(ours.probe()) == {"tcpSocket"}


def test_their_handler_stays_when_they_apply_again(ours):
    mine = ours.manifest({"name": "main", "livenessProbe": {"tcpSocket": {"port": 1}}})
    ours.apply(mine)
    ours.apply(mine)
    assert handlers(ours.probe()) == {"tcpSocket"}


@pytest.mark.parametrize("mode", ["client-side", "server-side-force"], indirect=True)
def test_a_whole_probe_of_another_type_is_theirs_down_to_its_numbers(ours):
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 7}}))
    assert (ours.probe()["tcpSocket"], ours.probe()["periodSeconds"]) == ({"port": 1}, 7)
    assert "periodSeconds" not in ours.owned("apphealth")


@pytest.mark.parametrize("mode", ["client-side", "server-side-force"], indirect=True)
def test_a_handler_of_the_same_type_is_theirs(ours):
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {"httpGet": THEIRS["httpGet"]}}))
    assert ours.probe()["httpGet"] == THEIRS["httpGet"]
    assert ours.probe()["timeoutSeconds"] == 5
    assert "httpGet.path" not in ours.owned("apphealth")
    assert "timeoutSeconds" in ours.owned("apphealth")


@pytest.mark.parametrize("mode", ["server-side"], indirect=True)
def test_without_force_the_very_field_we_own_is_a_conflict_that_names_us(ours):
    """The one standard exception: it is what server-side apply is for. Force, as Flux and Argo CD use it, takes it."""
    refused = ours.apply(ours.manifest({"name": "main", "livenessProbe": {"httpGet": THEIRS["httpGet"]}}), check=False)
    assert refused.returncode == 1
    assert 'conflict with "apphealth"' in refused.stderr
    assert ours.probe() == OURS


@pytest.mark.parametrize("mode", ["server-side", "server-side-force"], indirect=True)
def test_our_very_values_in_their_manifest_are_owned_by_both(ours):
    ours.apply(ours.manifest({"name": "main", "livenessProbe": OURS}))
    assert ours.probe() == OURS
    assert "httpGet.path" in ours.owned("apphealth") & ours.owned("kubectl")


@pytest.mark.parametrize("mode", ["client-side"], indirect=True)
def test_our_very_values_in_a_client_side_manifest_are_seen_in_its_annotation_alone(ours):
    """Client-side apply doesn't send what is there already, so managedFields tells nothing of it."""
    ours.apply(ours.manifest({"name": "main", "livenessProbe": OURS}))
    assert "httpGet.path" in ours.owned("apphealth") - ours.owned("kubectl-client-side-apply")
    applied = ours.object()["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(applied)["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] == OURS


@pytest.mark.parametrize(
    "theirs",
    [
        *(pytest.param({handler: THEIRS[handler]}, id=handler) for handler in OTHERS),
        pytest.param({"httpGet": {"path": "/mine", "port": 1}}, id="httpGet"),
    ],
)
@pytest.mark.parametrize("mode", ["client-side", "server-side-force"], indirect=True)
def test_their_probe_can_be_taken_out_again_before_the_operator_has_yielded(ours, theirs):
    """By server-side apply our numbers stay behind: a probe without a handler, which would be refused."""
    ours.apply(ours.manifest({"name": "main", "livenessProbe": theirs}))
    ours.apply(ours.manifest())
    assert ours.probe() is None


@pytest.mark.parametrize("mode", ["server-side-force"], indirect=True)
def test_their_path_at_our_port_leaves_the_root_path_when_it_is_taken_out_again(ours):
    """The API server fills in '/': what is left is a probe that nobody wrote, for the operator to put right."""
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {"httpGet": THEIRS["httpGet"]}}))
    ours.apply(ours.manifest())
    assert ours.probe()["httpGet"] == {"path": "/", "port": 8080, "scheme": "HTTP"}
    assert ours.owned("apphealth") & {"httpGet.path", "httpGet.port"} == {"httpGet.port"}
    assert ours.owned("kubectl") == set()


@pytest.mark.parametrize("handler", THEIRS)
@pytest.mark.parametrize("mode", ["client-side", "server-side-force"], indirect=True)
def test_their_handler_can_change_its_type_before_the_operator_has_yielded(ours, handler):
    """By server-side apply our scheme stays behind: a handler without a port, beside theirs."""
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {"httpGet": {"path": "/mine", "port": 1}}}))
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {handler: THEIRS[handler]}}))
    assert handlers(ours.probe()) == {handler}
    ours.apply(ours.manifest())
    assert ours.probe() is None


def test_a_probe_without_a_handler_is_refused_as_ever_where_we_never_were(shop):
    shop.apply(shop.manifest({"name": "main", "livenessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 5}}))
    refused = shop.apply(shop.manifest({"name": "main", "livenessProbe": {"periodSeconds": 5}}), check=False)
    assert refused.returncode == 1
    assert "must specify a handler type" in refused.stderr


@pytest.mark.parametrize("mode", ["server-side"], indirect=True)
def test_what_the_policy_took_out_stays_in_our_entry_until_that_is_taken_out(ours):
    """managedFields is worked out before admission: it names leaves of ours that aren't there any more.

    Without force, the owner's way back to our type of handler is then a conflict with nothing: so whoever yields takes
    its entry out of managedFields, which changes no generation and starts no rollout.
    """
    ours.apply(ours.manifest({"name": "main", "livenessProbe": {"tcpSocket": {"port": 1}}}))
    assert "httpGet.path" in ours.owned("apphealth")
    ours.patch({"initialDelaySeconds": None, "timeoutSeconds": None, "periodSeconds": None, "tcpSocket": {"port": 1}})
    assert "httpGet.path" in ours.owned("apphealth")
    back = ours.manifest({"name": "main", "livenessProbe": {"httpGet": {"path": "/mine", "port": 1}}})
    assert 'with "apphealth"' in ours.apply(back, check=False).stderr
    before = ours.object()["metadata"]
    for tries_left in range(4, -1, -1):  # a controller that writes a status may move our entry meanwhile
        entries = ours.object()["metadata"]["managedFields"]
        path = f"/metadata/managedFields/{[entry['manager'] for entry in entries].index('apphealth')}"
        body = [{"op": "test", "path": f"{path}/manager", "value": "apphealth"}, {"op": "remove", "path": path}]
        arguments = (ours.address, "--type=json", "--field-manager=apphealth", "-p", json.dumps(body))
        if ours.kubectl("patch", *arguments, check=not tries_left).returncode == 0:
            break
    after = ours.object()["metadata"]
    assert after["generation"] == before["generation"]
    assert ours.owned("apphealth") == set()
    ours.apply(back)


def test_replace_takes_our_probe_and_our_entry_away(ours):
    assert ours.replace(ours.manifest()).returncode == 0
    assert ours.probe() is None
    assert ours.owned("apphealth") == set()


def test_replace_with_a_handler_of_another_type_works(ours):
    mine = ours.manifest({"name": "main", "livenessProbe": {"exec": {"command": ["a"]}}})
    assert ours.replace(mine).returncode == 0
    assert handlers(ours.probe()) == {"exec"}


@pytest.mark.parametrize("type_", ["merge", "strategic"])
def test_patch_with_a_handler_of_another_type_works(ours, type_):
    containers = [{"name": "main", "image": "web:1", "livenessProbe": {"tcpSocket": {"port": 1}}}]
    body = json.dumps({"spec": {"template": {"spec": {"containers": containers}}}})
    ours.kubectl("patch", ours.address, f"--type={type_}", "-p", body)
    assert handlers(ours.probe()) == {"tcpSocket"}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["scale", "--replicas=1"], id="scale"),
        pytest.param(["set", "image", "main=web:2"], id="set-image"),
        pytest.param(["set", "env", "A=b"], id="set-env"),
        pytest.param(["rollout", "restart"], id="rollout-restart"),
        pytest.param(["annotate", "a=b"], id="annotate"),
        pytest.param(["label", "a=b"], id="label"),
    ],
)
@pytest.mark.parametrize("mode", ["client-side"], indirect=True)
def test_everyday_commands_work_and_keep_our_probe(ours, command):
    verbs = 2 if command[0] in ("set", "rollout") else 1
    ours.kubectl(*command[:verbs], ours.address, *command[verbs:])
    assert ours.probe() == OURS


TWO = {"tcpSocket": {"port": 1}, "exec": {"command": ["a"]}}


@pytest.mark.parametrize(
    ("before", "applied"),
    [
        pytest.param(None, TWO, id="onto-nothing"),
        pytest.param(OURS, TWO, id="onto-a-third-type"),
        pytest.param(OURS, {"httpGet": {"path": "/mine", "port": 1}, "tcpSocket": {"port": 1}}, id="one-of-our-type"),
        pytest.param(OURS, TWO | {"grpc": {"port": 1}}, id="three-of-their-own"),
    ],
)
@pytest.mark.parametrize("mode", ["client-side", "server-side-force"], indirect=True)
def test_a_manifest_with_two_handlers_of_its_own_is_refused_as_ever(shop, before, applied):
    shop.apply(shop.manifest())
    if before:
        shop.patch(before)
    refused = shop.apply(shop.manifest({"name": "main", "livenessProbe": applied}), check=False)
    assert refused.returncode == 1
    assert "may not specify more than 1 handler type" in refused.stderr
    assert shop.probe() == before


def test_a_new_workload_with_two_handlers_is_refused_as_ever(shop):
    refused = shop.apply(shop.manifest({"name": "main", "livenessProbe": TWO}), check=False)
    assert refused.returncode == 1
    assert "may not specify more than 1 handler type" in refused.stderr


def test_a_new_container_with_two_handlers_is_refused_as_ever(ours):
    refused = ours.apply(ours.manifest({"name": "main"}, {"name": "new", "livenessProbe": TWO}), check=False)
    assert refused.returncode == 1
    assert "may not specify more than 1 handler type" in refused.stderr


@pytest.mark.parametrize("mode", ["server-side"], indirect=True)
def test_a_workload_of_the_largest_kind_costs_no_more_than_the_policy_may(shop):
    """CEL has a budget for each request; where it ran out, the policy would be passed over and the apply refused."""
    names = [f"container-{number}" for number in range(100)]
    shop.apply(shop.manifest(*({"name": name} for name in names)))
    shop.patch_pod({"containers": [{"name": name, "livenessProbe": OURS, "readinessProbe": OURS} for name in names]})
    tcp = {"tcpSocket": {"port": 1}}
    shop.apply(shop.manifest(*({"name": name, "livenessProbe": tcp, "readinessProbe": tcp} for name in names)))
    assert {frozenset(handlers(container["livenessProbe"])) for container in shop.pod()["containers"]} == {
        frozenset({"tcpSocket"})
    }
