"""A workload's whole life with us: whatever happens, it ends as its rules and its owner say."""

from __future__ import annotations

import copy

import msgspec
import pytest

THEIRS = {"httpGet": {"path": "/theirs", "port": 8080}, "periodSeconds": 20}
CHANGED = {"httpGet": {"path": "/changed", "port": 8080}, "periodSeconds": 20}
FULL = {"timeoutSeconds": 7, "periodSeconds": 20, "successThreshold": 1, "failureThreshold": 4}


def filled(probe, **more):
    """A probe as the API server shows it."""
    handler = {"httpGet": {"scheme": "HTTP", **probe["httpGet"]}} if "httpGet" in probe else {}
    return {
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
        **probe,
        **handler,
        **more,
    }


@pytest.fixture
def begin(build, api_server, operator):
    """Start a life: a Deployment, perhaps with a liveness probe, and one rule."""

    def start(liveness=None, *, by="kubectl", how="apply", **spec):
        bare = build.deployment()
        manifest = copy.deepcopy(bare)
        if liveness:
            manifest["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] = liveness
        server = api_server(bare)
        match how:
            case "apply":
                server.apply(manifest, by)
            case "client-side":
                server.client_side_apply(manifest)
            case "replace":
                server.replace(manifest, by)
        life = operator(server, build.world(build.rule(**spec)))
        life.manifest = manifest
        life.original = server.obj
        return life

    return start


def with_liveness(life, probe):
    manifest = copy.deepcopy(life.manifest)
    main = manifest["spec"]["template"]["spec"]["containers"][0]
    main.pop("livenessProbe", None)
    if probe:
        main["livenessProbe"] = probe
    return manifest


def change_rule(life, build, **spec):
    build.set_rules(life.world, *([build.rule(**spec)] if spec else []))


def test_three_probes_are_written_in_one_patch_and_then_nothing(begin):
    life = begin()
    decided = life.settle()
    assert life.sent == 1
    assert decided.state == "Applied"
    assert {"livenessProbe", "readinessProbe", "startupProbe"} <= life.server.container().keys()
    life.settle()
    assert life.sent == 1


def test_the_record_is_the_same_before_and_after_the_patch(begin):
    life = begin()
    before = life.look()
    life.send(before)
    assert life.look().record == before.record


def test_the_record_of_a_takeover_is_the_same_before_and_after_the_patch(begin):
    life = begin(THEIRS, existingProbes="Replace")
    before = life.look()
    life.remember(before)
    life.send(before)
    (original,) = before.record.status.originals
    seen = msgspec.structs.replace(original, replaced=True)
    status = msgspec.structs.replace(before.record.status, originals=(seen,))
    assert life.look().record.status == status, "and it is known that the original was replaced"


@pytest.mark.parametrize("how", ["apply", "client-side", "replace"])
@pytest.mark.parametrize("mode", ["Keep", "Replace"])
@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param(None, id="none"),
        pytest.param(THEIRS, id="http"),
        pytest.param({"tcpSocket": {"port": 8080}, **FULL}, id="tcp in full"),
        pytest.param({"exec": {"command": ["true"]}, "initialDelaySeconds": 9}, id="exec"),
        pytest.param(
            {"httpGet": {"path": "/z/health/liveness", "port": 8080, "httpHeaders": [{"name": "A", "value": "b"}]}},
            id="headers",
        ),
        pytest.param({"grpc": {"port": 8080}, "terminationGracePeriodSeconds": 5}, id="grpc"),
    ],
)
def test_a_rule_that_goes_leaves_the_workload_as_it_was(begin, build, theirs, mode, how):
    life = begin(theirs, how=how, existingProbes=mode)
    life.settle()
    change_rule(life, build)
    life.settle()
    assert life.server.obj["spec"] == life.original["spec"]
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        assert "apphealth" not in life.server.managers(field)
    assert life.world.originals == {}


def test_a_readiness_replaced_in_every_leaf_is_put_back(build, api_server, operator):
    theirs = {
        "tcpSocket": {"port": 8080},
        "timeoutSeconds": 9,
        "periodSeconds": 77,
        "successThreshold": 2,
        "failureThreshold": 9,
    }
    server = api_server(build.deployment(build.container(readinessProbe=theirs)))
    life = operator(server, build.world(build.rule(existingProbes="Replace")))
    life.settle()
    assert server.managers("readinessProbe") == {"apphealth"}, "or this test shows nothing"
    build.set_rules(life.world)
    life.settle()
    assert server.container()["readinessProbe"] == theirs


def test_keep_leaves_theirs_alone(begin):
    life = begin(THEIRS)
    decided = life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)
    assert [p.action for p in decided.containers[0].probes] == ["Keep", "Apply", "Apply"]


def test_from_replace_to_keep_puts_the_original_back_and_forgets_it_only_then(begin, build):
    life = begin(THEIRS, existingProbes="Replace")
    life.settle()
    change_rule(life, build, existingProbes="Keep")
    restoring = life.look()
    assert [o.original for o in restoring.record.status.originals] == [filled(THEIRS)]
    decided = life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)
    assert decided.record.status.originals == ()
    assert decided.state == "Applied"


def test_what_was_put_back_is_not_removed_when_the_rule_goes(begin, build):
    life = begin(THEIRS, existingProbes="Replace")
    life.settle()
    change_rule(life, build, existingProbes="Keep")
    life.settle()
    change_rule(life, build)
    life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)


def test_a_rule_that_changes_after_a_takeover_still_knows_the_original(begin, build):
    life = begin(THEIRS, existingProbes="Replace")
    life.settle()
    change_rule(life, build, existingProbes="Replace", probes={"liveness": {"path": "/second", "timeoutSeconds": 1}})
    life.settle()
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] == "/second"
    change_rule(life, build)
    life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)


@pytest.mark.parametrize("how", ["apply", "client-side", "replace"])
def test_an_owner_who_takes_a_probe_back_keeps_it(begin, how):
    life = begin(THEIRS, how=how, existingProbes="Replace")
    life.settle()
    take_back(life, how, with_liveness(life, THEIRS))
    decided = life.settle()
    assert decided.state == "Contested"
    assert life.server.container()["livenessProbe"] == filled(THEIRS)
    sent = life.sent
    life.settle()
    assert life.sent == sent


@pytest.mark.parametrize("how", ["apply", "client-side", "replace"])
def test_a_contested_probe_is_replaced_once_its_owner_writes_another(begin, how):
    life = begin(THEIRS, how=how, existingProbes="Replace")
    life.settle()
    take_back(life, how, with_liveness(life, THEIRS))
    life.settle()
    take_back(life, how, with_liveness(life, CHANGED))
    decided = life.settle()
    assert decided.state == "Applied"
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] == "/z/health/liveness"
    assert [o.original["httpGet"]["path"] for o in decided.record.status.originals] == ["/changed"]


def take_back(life, how, manifest):
    match how:
        case "apply":
            life.server.apply(manifest, "kubectl", force=True)
        case "client-side":
            life.server.client_side_apply(manifest)
        case "replace":
            life.server.replace(manifest, "kubectl")


@pytest.mark.parametrize(
    "meanwhile", [pytest.param(False, id="at once"), pytest.param(True, id="image changed meanwhile")]
)
def test_an_operator_that_died_between_healthplan_and_patch_goes_on(begin, meanwhile):
    life = begin(THEIRS, existingProbes="Replace")
    life.remember(life.look())
    if meanwhile:
        manifest = with_liveness(life, THEIRS)
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/main:2"
        life.server.apply(manifest, "kubectl", force=True)
    decided = life.settle()
    assert decided.state == "Applied"
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] == "/z/health/liveness"
    assert [o.original for o in decided.record.status.originals] == [filled(THEIRS)]


def test_an_operator_that_died_after_the_patch_knows_what_it_did(begin, build):
    life = begin(THEIRS, existingProbes="Replace")
    decided = life.look()
    life.remember(decided)
    life.send(decided)
    change_rule(life, build)
    life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)


def test_an_operator_that_died_while_restoring_goes_on(begin, build):
    life = begin(THEIRS, existingProbes="Replace")
    life.settle()
    change_rule(life, build, existingProbes="Keep")
    restoring = life.look()
    life.remember(restoring)
    life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)


def test_a_probe_added_over_ours_by_server_side_apply_is_exactly_what_they_say(begin):
    life = begin()
    life.settle()
    life.server.apply(with_liveness(life, THEIRS), "argocd", force=True)
    decided = life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)
    assert decided.containers[0].probes[0].action == "Keep"
    sent = life.sent
    life.settle()
    assert life.sent == sent


def test_a_probe_added_over_ours_by_client_side_apply_is_exactly_what_they_say(begin):
    life = begin(how="client-side")
    life.settle()
    life.server.client_side_apply(
        with_liveness(life, {"httpGet": {"path": "/theirs", "port": "http"}, "periodSeconds": 20})
    )
    life.settle()
    assert life.server.container()["livenessProbe"] == filled(
        {"httpGet": {"path": "/theirs", "port": "http"}, "periodSeconds": 20}
    )


def test_a_probe_taken_out_of_a_client_side_manifest_is_ours_again(begin):
    life = begin(how="client-side")
    life.settle()
    life.server.client_side_apply(with_liveness(life, THEIRS))
    life.settle()
    life.server.client_side_apply(with_liveness(life, None))
    life.settle()
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] == "/z/health/liveness"


def test_a_probe_with_our_very_endpoint_that_goes_again_is_ours_again(begin):
    life = begin()
    life.settle()
    ours = life.server.container()["livenessProbe"]
    life.server.apply(with_liveness(life, {"httpGet": ours["httpGet"]}), "argocd")
    life.settle()
    life.server.apply(with_liveness(life, None), "argocd")
    life.settle()
    assert life.server.container()["livenessProbe"] == ours


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_left_of_a_probe_that_was_added_and_taken_out_while_we_were_down_is_cleared(begin, build, wanted):
    life = begin()
    life.settle()
    ours = life.server.container()["livenessProbe"]
    life.server.apply(with_liveness(life, {"httpGet": {"path": "/theirs", "port": "http"}}), "argocd", force=True)
    life.server.apply(with_liveness(life, None), "argocd")
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] == "/", "or this test shows nothing"
    if not wanted:
        change_rule(life, build)
    life.settle()
    assert life.server.container().get("livenessProbe") == (ours if wanted else None)


def test_values_of_ours_that_somebody_adopts_are_not_taken_away_again(begin, build):
    life = begin(THEIRS, existingProbes="Replace")
    life.settle()
    adopted = copy.deepcopy(life.server.container()["livenessProbe"])
    life.server.apply(with_liveness(life, adopted), "argocd", force=True)
    life.settle()
    change_rule(life, build)
    life.settle()
    assert life.server.container()["livenessProbe"] == adopted


def test_a_tweak_of_our_probe_is_kept_and_goes_with_the_rule(begin, build):
    life = begin()
    life.settle()
    life.server.patch(
        {"spec": {"template": {"spec": {"containers": [{"name": "main", "livenessProbe": {"timeoutSeconds": 2}}]}}}},
        "kubectl-edit",
    )
    life.settle()
    assert life.server.container()["livenessProbe"]["timeoutSeconds"] == 2
    change_rule(life, build)
    life.settle()
    assert life.server.obj["spec"] == life.original["spec"]


def test_a_tweak_of_our_probe_that_was_replaced_leaves_nothing_behind(begin, build):
    life = begin(existingProbes="Replace")
    life.settle()
    life.server.patch(
        {"spec": {"template": {"spec": {"containers": [{"name": "main", "livenessProbe": {"timeoutSeconds": 2}}]}}}},
        "kubectl-edit",
    )
    life.settle()
    assert life.server.container()["livenessProbe"]["timeoutSeconds"] == 5
    change_rule(life, build)
    life.settle()
    assert life.server.obj["spec"] == life.original["spec"]


def test_a_container_may_be_renamed_under_us(begin):
    life = begin()
    life.settle()
    renamed = copy.deepcopy(life.manifest)
    renamed["spec"]["template"]["spec"]["containers"][0]["name"] = "renamed"
    life.server.apply(renamed, "kubectl", force=True)
    life.server.replace(renamed, "kubectl")
    life.settle()
    assert "livenessProbe" in life.server.container("renamed")


def test_kubectl_replace_without_probes_gets_them_anew(begin):
    life = begin()
    life.settle()
    life.server.replace(life.manifest, "kubectl")
    assert "livenessProbe" not in life.server.container()
    life.settle()
    assert "livenessProbe" in life.server.container()


@pytest.mark.parametrize("existing", ["Keep", "Replace"])
def test_a_rule_that_turns_to_audit_leaves_nothing_behind(begin, build, existing):
    life = begin(THEIRS, existingProbes="Replace")
    before = life.server.container()
    life.settle()
    assert life.server.container() != before
    change_rule(life, build, mode="Audit", existingProbes=existing)
    decided = life.settle()
    assert decided.state == "Preview"
    assert life.server.container() == before
    assert not any(life.world.originals.values())


def test_an_audit_rule_in_reach_keeps_no_probe_of_an_enforced_one(begin, build):
    audited = build.cluster_rule(mode="Audit", probes={"liveness": {"path": "/only-previewed"}})
    life = begin(THEIRS)
    before = life.server.container()
    build.set_rules(life.world, audited, build.rule(existingProbes="Replace"))
    life.settle()
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] == "/z/health/liveness"
    build.set_rules(life.world, audited)
    life.settle()
    assert life.server.container() == before


@pytest.mark.parametrize(
    "mistake",
    [
        {"preset": "flask-managment-endpoints"},
        {"probes": {"liveness": {"port": "nope"}, "readiness": {"port": "nope"}}},
    ],
)
@pytest.mark.parametrize("theirs", [None, THEIRS])
def test_a_mistake_in_a_rule_takes_no_probe_away(begin, build, mistake, theirs):
    life = begin(theirs, existingProbes="Replace")
    life.settle()
    before = life.server.obj
    change_rule(life, build, existingProbes="Replace", **mistake)
    decided = life.settle()
    assert life.server.obj == before
    assert any(finding.severity == "error" for finding in decided.findings)
    change_rule(life, build)
    life.settle()
    assert life.server.obj["spec"] == life.original["spec"]


def nobody(server):
    """Strip managedFields, as for an object from before Kubernetes 1.18."""
    server.owned.clear()


def merged(manager):
    """Merge all entries under one manager, as the API server does beyond ten of them."""

    def merge(server):
        leaves = set().union(*server.owned.values())
        server.owned = {(manager, "Update"): leaves}

    return merge


LOST = [
    pytest.param(nobody, id="managedFields are empty"),
    pytest.param(merged("ancient-changes"), id="more than ten managers"),
    pytest.param(merged("before-first-apply"), id="from before the first server-side apply"),
]


@pytest.mark.parametrize("lose", LOST)
def test_ours_stays_ours_where_the_api_server_forgets_it(begin, build, lose):
    life = begin()
    life.settle()
    lose(life.server)
    settled = life.settle()
    assert (settled.state, life.sent) == ("Applied", 1)
    change_rule(life, build, probes={"liveness": {"periodSeconds": 30}})
    life.settle()
    assert life.server.container()["livenessProbe"]["periodSeconds"] == 30
    lose(life.server)
    change_rule(life, build)
    life.settle()
    assert not {"livenessProbe", "readinessProbe", "startupProbe"} & life.server.container().keys()


@pytest.mark.parametrize("lose", LOST)
def test_an_original_is_put_back_where_the_api_server_forgets_who_wrote_ours(begin, build, lose):
    life = begin(THEIRS, existingProbes="Replace")
    life.settle()
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] != "/theirs"
    lose(life.server)
    assert life.settle().originals, "an original is never dropped while ours is live"
    change_rule(life, build)
    life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)
    assert "readinessProbe" not in life.server.container()


@pytest.mark.parametrize("lose", LOST)
def test_what_was_never_ours_is_not_taken_for_ours(begin, lose):
    life = begin(THEIRS)
    life.settle()
    lose(life.server)
    life.settle()
    assert life.server.container()["livenessProbe"] == filled(THEIRS)


def test_a_probe_of_ours_that_somebody_changes_is_theirs_also_where_nobody_is_named(begin):
    life = begin()
    life.settle()
    life.server.apply(with_liveness(life, THEIRS), "kubectl", force=True)
    nobody(life.server)
    life.settle()
    assert life.server.container()["livenessProbe"]["httpGet"]["path"] == "/theirs"
