"""The store: what it remembers, and whom a change concerns."""

from dataclasses import replace

import pytest

from apphealth.api.healthplan import State
from apphealth.kube.resources import WORKLOADS, Resource
from apphealth.model.probe import TcpSocket
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.service import ServiceKey
from apphealth.model.workload import WorkloadKey
from apphealth.store.facts import facts_of
from apphealth.store.outcomes import Outcome
from apphealth.store.store import NOBODY, Name, Store, older


def names(concerned):
    """Return whom a change concerns as `namespace/name`, sorted."""
    return sorted(f"{key.namespace}/{key.name}" for key in concerned.workloads)


SHOP, ALL = ["shop/users", "shop/web"], ["market/users", "market/web", "shop/users", "shop/web"]

PUTS = [
    pytest.param(lambda m, s: s.put(Resource.SERVICES, m.service("new")), [], id="a-service-of-nobody"),
    pytest.param(
        lambda m, s: s.put(Resource.SERVICES, m.service("alias", selector={"app": "web"})),
        ["shop/web"],
        id="a-new-service-concerns-those-behind-it",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.SERVICES, m.service("web", port=81)),
        ["shop/web"],
        id="a-changed-service-concerns-those-behind-it",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.SERVICES, m.service("users", port=81)),
        SHOP,
        id="a-changed-service-concerns-those-that-mention-it",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.SERVICES, m.service("web", selector={"app": "users"})),
        SHOP,
        id="a-service-that-turns-elsewhere-concerns-old-and-new",
    ),
    pytest.param(lambda m, s: s.put(Resource.RULES, m.rule("second")), SHOP, id="a-rule-concerns-its-namespace"),
    pytest.param(
        lambda m, s: s.put(Resource.RULES, m.rule("x", selector={"matchLabels": {"app": "web"}})),
        ["shop/web"],
        id="a-rule-concerns-those-it-selects",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.RULES, m.rule("all", selector={"matchLabels": {"app": "web"}})),
        SHOP,
        id="a-changed-rule-concerns-those-it-selected-before",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.RULES, m.rule("x", targetRef={"kind": "Deployment", "name": "users"})),
        ["shop/users"],
        id="a-rule-by-name",
    ),
    pytest.param(lambda m, s: s.put(Resource.CLUSTER_RULES, m.cluster_rule()), ALL, id="a-cluster-rule"),
    pytest.param(
        lambda m, s: s.put(
            Resource.CLUSTER_RULES,
            m.cluster_rule(namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "market"}}),
        ),
        ["market/users", "market/web"],
        id="a-cluster-rule-for-one-namespace",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.NAMESPACES, m.namespace("market", team="a")),
        ["market/users", "market/web"],
        id="a-relabelled-namespace",
    ),
    pytest.param(lambda m, s: s.put(Resource.NAMESPACES, m.namespace("empty", a="b")), [], id="an-empty-namespace"),
    pytest.param(lambda m, s: s.put(Resource.DEPLOYMENTS, m.deployment("new")), ["shop/new"], id="a-new-workload"),
    pytest.param(
        lambda m, s: s.put(Resource.DEPLOYMENTS, m.deployment("web", labels={"app": "other"})),
        ["shop/web"],
        id="a-relabelled-workload",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.HEALTH_PLANS, m.health_plan("web", state="Kept")),
        ["shop/web"],
        id="a-health-plan-concerns-its-workload",
    ),
]

OTHERS = [
    pytest.param(lambda m, s: s.drop(Resource.SERVICES, m.service("users")), SHOP, id="a-deleted-service"),
    pytest.param(lambda m, s: s.drop(Resource.RULES, m.rule("all")), SHOP, id="a-deleted-rule"),
    pytest.param(lambda m, s: s.drop(Resource.DEPLOYMENTS, m.deployment("web")), ["shop/web"], id="a-deleted-workload"),
    pytest.param(
        lambda m, s: s.put(Resource.CONFIG_MAPS, m.config_map("settings")), ["shop/web"], id="a-config-map-that-is-read"
    ),
    pytest.param(lambda m, s: s.put(Resource.CONFIG_MAPS, m.config_map("other")), [], id="a-config-map-of-no-interest"),
    pytest.param(
        lambda m, s: s.drop(Resource.CONFIG_MAPS, m.config_map("settings")), ["shop/web"], id="a-config-map-that-goes"
    ),
    pytest.param(
        lambda m, s: s.put(Resource.CONFIG_MAPS, m.config_map("web-apphealth", ours=True, owner="web")),
        ["shop/web"],
        id="a-config-map-of-ours",
    ),
    pytest.param(
        lambda m, s: s.put(Resource.CONFIG_MAPS, m.config_map("users-apphealth")),
        ["shop/users"],
        id="a-config-map-with-a-name-that-we-need",
    ),
]


@pytest.mark.parametrize(("change", "concerned"), [*PUTS, *OTHERS])
def test_a_change_concerns_exactly(full, make, change, concerned):
    assert names(change(make, full)) == concerned


@pytest.mark.parametrize(("change", "concerned"), PUTS)
def test_the_same_again_concerns_nobody(full, make, change, concerned):
    """What comes again, a version later and no different, as after a status update, is no change."""
    change(make, full)
    assert names(change(make, full)) == []


def test_a_status_or_a_replica_count_concerns_nobody_and_refreshes_the_version(full, make):
    scaled = make.deployment("web", generation=7)
    scaled["spec"]["replicas"] = 5
    scaled["status"] = {"readyReplicas": 5}
    assert full.put(Resource.DEPLOYMENTS, scaled) is NOBODY
    key = WorkloadKey("Deployment", "shop", "web")
    assert full.world.workloads[key].resource_version == scaled["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("waiting", "ready", "concerned"),
    [
        pytest.param(True, 1, ["shop/web"], id="it waits for a ready pod"),
        pytest.param(True, 0, [], id="there is none yet"),
        pytest.param(False, 1, [], id="it waits for nothing"),
    ],
)
def test_a_pod_that_becomes_ready_concerns_a_workload_that_waits_for_one(full, make, waiting, ready, concerned):
    key = WorkloadKey("Deployment", "shop", "web")
    full.outcomes.put(key, Outcome(state=State.AWAITING_PODS, waiting=waiting))
    for again in (False, True):
        workload = make.deployment("web") | {"status": {"readyReplicas": ready}}
        assert names(full.put(Resource.DEPLOYMENTS, workload)) == ([] if again else concerned)


@pytest.mark.parametrize(
    ("status", "wakes"),
    [
        pytest.param({"readyReplicas": 1, "updatedReplicas": 1}, False, id="nothing has changed"),
        pytest.param({"readyReplicas": 2, "updatedReplicas": 1}, True, id="one more is ready"),
        pytest.param({"readyReplicas": 1, "updatedReplicas": 2}, True, id="one more has the new template"),
        pytest.param({"readyReplicas": 1, "updatedReplicas": 1, "replicas": 9}, False, id="something else"),
    ],
)
def test_other_ready_pods_wake_the_questions_of_a_workload_that_waits(full, make, status, wakes):
    key = WorkloadKey("Deployment", "shop", "web")
    before = make.deployment("web") | {"status": {"readyReplicas": 1, "updatedReplicas": 1}}
    full.put(Resource.DEPLOYMENTS, before)
    assert full.put(Resource.DEPLOYMENTS, make.newer(before)).pods == frozenset(), "its plan doesn't wait"
    full.outcomes.put(key, Outcome(state=State.AWAITING_PODS, waiting=True))
    full.put(Resource.DEPLOYMENTS, make.newer(before))
    found = full.put(Resource.DEPLOYMENTS, make.newer(before) | {"status": status})
    assert found.pods == (frozenset({key}) if wakes else frozenset())


def test_proofs_of_health_plans_are_recalled_and_what_is_known_counts(full, make):
    good = {"id": "a", "asked": "TCP :1", "verdict": "Verified", "answer": "open", "slowestMilliseconds": 7}
    strange = {"id": "b", "asked": "TCP :1", "verdict": "Perhaps"}
    full.put(Resource.HEALTH_PLANS, make.health_plan("web", proofs=[good, strange]))
    web = full.world.workloads[WorkloadKey("Deployment", "shop", "web")]
    assert full.world.answers_of(web) == {"a": Proof(verdict=Verdict.VERIFIED, answer="open", slowest=0.007)}
    full.world.answers[web.template_key] = {"a": Proof(verdict=Verdict.REFUTED, answer="asked since")}
    full.put(Resource.HEALTH_PLANS, make.health_plan("web", proofs=[good | {"answer": "another"}, good | {"id": "c"}]))
    known = {id_: proof.answer for id_, proof in full.world.answers_of(web).items()}
    assert known == {"a": "asked since", "c": "open"}
    full.world.answers.clear()
    full.put(Resource.HEALTH_PLANS, make.health_plan("web"))
    assert full.world.answers_of(web) == {}


def test_answers_that_facts_hold_on_to_never_change(full):
    web = full.world.workloads[WorkloadKey("Deployment", "shop", "web")]
    first, second = (
        Question(
            template=web.template_key,
            container="main",
            image="",
            handler=TcpSocket(port),
            timeout=1,
            accept=Accept.SUCCESS,
        )
        for port in (1, 2)
    )
    proof = Proof(verdict=Verdict.VERIFIED)
    full.world.put_answer(first, proof)
    held = facts_of(web, full.world)
    full.world.put_answer(second, proof)
    assert facts_of(web, full.world).answers == {first.id: proof, second.id: proof}
    full.world.drop_answer(web.template_key, first.id)
    assert held.answers == {first.id: proof}
    assert facts_of(web, full.world).answers == {second.id: proof}
    full.world.drop_answer(web.template_key, second.id)
    full.world.drop_answer(web.template_key, second.id)
    assert full.world.answers == {}


def test_a_health_plan_teaches_no_other_workload_and_no_later_one_of_the_same_name(full, make):
    good = {"id": "a", "asked": "TCP :1", "verdict": "Verified", "answer": "open"}
    full.put(Resource.HEALTH_PLANS, make.health_plan("web", proofs=[good]))
    key = WorkloadKey("Deployment", "shop", "web")
    web = full.world.workloads[key]
    assert full.world.answers_of(web)
    assert not full.world.answers_of(replace(web, uid="another"))
    others = [one for one in full.world.workloads.values() if one.key != key]
    assert others
    assert not any(full.world.answers_of(one) for one in others)


def test_a_workload_that_is_being_patched_does_not_concern_itself(full, make):
    key = WorkloadKey("Deployment", "shop", "web")
    full.writing.add(key)
    assert full.put(Resource.DEPLOYMENTS, make.deployment("web", labels={"x": "y"})) is NOBODY
    assert full.world.workloads[key].labels == {"x": "y"}


def test_what_is_older_than_known_is_not_taken_in(full, make):
    newer = make.service("web", port=81)
    full.put(Resource.SERVICES, newer)
    assert full.put(Resource.SERVICES, make.older(make.service("web", port=80))) is NOBODY
    assert full.drop(Resource.SERVICES, make.older(newer)) is NOBODY
    assert full.world.services[ServiceKey("shop", "web")].ports[0].number == 81


def test_a_list_counts_whatever_its_versions(full, make):
    """After a restore from a backup, versions start lower."""
    restored = make.older(make.service("web", port=79))
    full.put(Resource.SERVICES, restored, listed=True)
    assert full.world.services[ServiceKey("shop", "web")].ports[0].number == 79


@pytest.mark.parametrize(
    ("version", "than", "is_older"),
    [("1", "2", True), ("9", "10", True), ("2", "2", False), ("3", "2", False), ("", "2", False), ("x", "y", False)],
)
def test_versions_are_compared_as_numbers(version, than, is_older):
    assert older(version, than) is is_older


def test_a_list_sweeps_away_what_it_does_not_have(full):
    kept = {Name("shop", "web"), Name("market", "web"), Name("market", "users")}
    assert names(full.sweep(Resource.DEPLOYMENTS, kept)) == ["shop/users"]
    assert WorkloadKey("Deployment", "shop", "users") not in full.world.workloads
    assert names(full.sweep(Resource.DEPLOYMENTS, kept)) == []


@pytest.mark.parametrize("kind", WORKLOADS)
def test_workloads_of_one_name_and_several_kinds_are_kept_apart(make, kind):
    store = Store()
    for other in WORKLOADS:
        store.put(WORKLOADS[other], make.workload(other))
    assert {key.kind for key in store.world.workloads} == set(WORKLOADS)
    assert store.drop(WORKLOADS[kind], make.workload(kind)).workloads == {WorkloadKey(kind, "shop", "web")}
    assert {key.kind for key in store.world.workloads} == set(WORKLOADS) - {kind}


@pytest.mark.parametrize("kind", WORKLOADS)
def test_a_list_of_one_kind_of_workload_sweeps_no_other(make, kind):
    store = Store()
    for other in WORKLOADS:
        store.put(WORKLOADS[other], make.workload(other))
    assert store.sweep(WORKLOADS[kind], set()).workloads == {WorkloadKey(kind, "shop", "web")}
    assert {key.kind for key in store.world.workloads} == set(WORKLOADS) - {kind}


@pytest.mark.parametrize("kind", WORKLOADS)
def test_a_scaled_workload_of_any_kind_concerns_nobody(make, kind):
    store = Store()
    store.put(WORKLOADS[kind], found := make.workload(kind))
    assert store.put(WORKLOADS[kind], make.newer(found, replicas=7)) is NOBODY


@pytest.mark.parametrize(
    ("name", "concerned"),
    [
        ("web-apphealth", WorkloadKey("Deployment", "shop", "web")),
        ("web.statefulset-apphealth", WorkloadKey("StatefulSet", "shop", "web")),
        ("web.v2.daemonset-apphealth", WorkloadKey("DaemonSet", "shop", "web.v2")),
    ],
)
def test_a_config_map_without_an_owner_concerns_the_workload_of_its_name(store, make, name, concerned):
    assert store.put(Resource.CONFIG_MAPS, make.config_map(name)).workloads == {concerned}


def test_a_list_of_nothing_sweeps_all_away(full):
    concerned = full.sweep(Resource.RULES, set())
    assert names(concerned) == SHOP
    assert full.world.rules == {}


def test_a_list_of_config_maps_sweeps_those_that_are_known(full, make):
    full.records.keep_text(("shop", "settings"), "1", {"a": "b"})
    full.put(Resource.CONFIG_MAPS, make.config_map("settings"))
    full.put(Resource.CONFIG_MAPS, make.config_map("web-apphealth", ours=True, owner="web"))
    full.records.keep_text(("shop", "settings"), "5", {"a": "b"})
    assert names(full.sweep(Resource.CONFIG_MAPS, set())) == ["shop/web"]
    assert full.records.deliveries == {}


def test_the_text_of_a_config_map_is_forgotten_when_it_changes(full, make):
    changed = make.config_map("settings")
    full.records.keep_text(("shop", "settings"), "1", {"URL": "http://users"})
    full.put(Resource.CONFIG_MAPS, changed)
    assert ("shop", "settings") not in full.world.config_maps


def test_the_text_of_a_config_map_that_was_just_read_is_kept(full, make):
    current = make.config_map("settings")
    full.records.keep_text(("shop", "settings"), current["metadata"]["resourceVersion"], {"URL": "http://users"})
    assert names(full.put(Resource.CONFIG_MAPS, current)) == []
    assert full.world.config_maps["shop", "settings"] == {"URL": "http://users"}


def test_the_text_of_config_maps_is_bounded(full, monkeypatch):
    monkeypatch.setattr("apphealth.store.records.MAX_CONFIG_MAP_TEXT", 10)
    for number in range(4):
        full.records.keep_text(("shop", f"map-{number}"), "1", {"k": "1234"})
    assert list(full.world.config_maps) == [("shop", "map-2"), ("shop", "map-3")]


def test_a_rule_that_cannot_be_read_selects_nothing_and_holds_its_reach(full, make):
    concerned = full.put(Resource.RULES, make.rule("all", preset=7))
    assert names(concerned) == SHOP
    assert full.world.rules == {}
    assert full.invalid_over("shop") is not None
    assert full.invalid_over("market") is None
    assert names(full.put(Resource.RULES, make.rule("all"))) == SHOP
    assert full.invalid_over("shop") is None


def test_a_cluster_rule_that_cannot_be_read_holds_everything(full, make):
    full.put(Resource.CLUSTER_RULES, make.cluster_rule(priority="high"))
    assert full.invalid_over("market") is not None
    assert names(full.drop(Resource.CLUSTER_RULES, make.cluster_rule())) == ALL


WEB = WorkloadKey("Deployment", "shop", "web")
ORIGINAL = {"container": "main", "type": "liveness", "original": {"tcpSocket": {"port": 1}}}
FORGED = ORIGINAL | {"original": {"exec": {"command": ["sh"]}}}


def confirmed(store, plan):
    """Put a HealthPlan in and confirm its owner; returns the originals that count."""
    store.put(Resource.HEALTH_PLANS, plan)
    store.records.confirm(store.world.workloads[WEB])
    return [kept.original for kept in store.world.originals.get(WEB, ())]


def test_originals_come_from_health_plans_and_outlive_them(full, make):
    plan = make.health_plan("web", originals=[ORIGINAL])
    assert confirmed(full, plan) == [{"tcpSocket": {"port": 1}}]
    full.drop(Resource.HEALTH_PLANS, make.newer(plan))
    assert full.world.originals[WEB][0].original == {"tcpSocket": {"port": 1}}
    full.drop(Resource.DEPLOYMENTS, make.deployment("web"))
    assert WEB not in full.world.originals


PROOF = {"id": "0123456789abcdef", "asked": "GET http :8080/live", "verdict": "Verified", "answer": "200"}


def without_label(plan):
    del plan["metadata"]["labels"]


def of_another_name(plan):
    plan["metadata"]["name"] = "mine"


def of_another_owner(plan):
    plan["metadata"]["ownerReferences"][0]["uid"] = "uid-shop-users"


def without_owner(plan):
    plan["metadata"]["ownerReferences"] = []


@pytest.mark.parametrize("forge", [without_label, of_another_name, of_another_owner, without_owner])
def test_a_health_plan_that_is_not_the_operators_is_no_evidence(full, make, forge):
    plan = make.health_plan("web", originals=[FORGED], proofs=[PROOF])
    forge(plan)
    assert confirmed(full, plan) == []
    assert full.world.answers_of(full.world.workloads[WEB]) == {}


def test_a_health_plan_counts_only_when_its_owner_is_known(store, make):
    store.put(Resource.HEALTH_PLANS, make.health_plan("web", originals=[ORIGINAL], proofs=[PROOF]))
    assert store.world.originals == {}
    store.put(Resource.DEPLOYMENTS, make.deployment("web"))
    store.records.confirm(store.world.workloads[WEB])
    assert list(store.world.originals) == [WEB]
    assert list(store.world.answers_of(store.world.workloads[WEB])) == [PROOF["id"]]


def test_a_health_plan_of_another_name_is_left_alone(full, make):
    plan = make.health_plan("web")
    of_another_name(plan)
    assert full.put(Resource.HEALTH_PLANS, plan).workloads == frozenset()
    assert full.records.health_plans == {}


@pytest.mark.parametrize(
    ("only_writer", "edited", "kept"),
    [
        pytest.param(True, [], [{"tcpSocket": {"port": 1}}], id="taken-out-by-an-edit"),
        pytest.param(True, [FORGED], [{"tcpSocket": {"port": 1}}], id="changed-by-an-edit"),
        pytest.param(False, [], [], id="put-back-by-the-leader"),
        pytest.param(False, [FORGED], [FORGED["original"]], id="changed-by-the-leader"),
        pytest.param(
            True,
            [ORIGINAL | {"type": "readiness", "original": {"tcpSocket": {"port": 2}}}],
            [{"tcpSocket": {"port": 1}}, {"tcpSocket": {"port": 2}}],
            id="added-by-the-leader-before",
        ),
    ],
)
def test_known_originals_are_kept_against_edits(full, make, only_writer, edited, kept):
    confirmed(full, make.health_plan("web", originals=[ORIGINAL]))
    full.records.only_writer = only_writer
    assert confirmed(full, make.health_plan("web", originals=edited, message="edited")) == kept


def test_originals_of_an_earlier_workload_of_the_same_name_are_forgotten(full, make):
    confirmed(full, make.health_plan("web", originals=[ORIGINAL]))
    full.put(Resource.DEPLOYMENTS, make.deployment("web", uid="another"))
    assert WEB not in full.world.originals


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"state": "Nonsense"}, id="unknown-state"),
        pytest.param({"containers": 5}, id="wrong-type"),
    ],
)
def test_a_spoilt_health_plan_is_written_anew(full, make, spoilt):
    full.put(Resource.HEALTH_PLANS, make.health_plan("web"))
    plan = make.health_plan("web")
    plan["status"] |= spoilt
    assert names(full.put(Resource.HEALTH_PLANS, plan)) == ["shop/web"]
    assert full.records.health_plans[WorkloadKey("Deployment", "shop", "web")].fingerprint is None


def test_originals_in_a_spoilt_health_plan_are_kept(full, make):
    assert confirmed(full, make.health_plan("web", state="Nonsense", originals=[ORIGINAL, "rubbish"])) == [
        {"tcpSocket": {"port": 1}}
    ]


def test_originals_that_are_known_outlive_the_spoiling_of_their_health_plan(full, make):
    confirmed(full, make.health_plan("web", originals=[ORIGINAL]))
    assert confirmed(full, make.health_plan("web", state="Nonsense", originals=[FORGED])) == [
        {"tcpSocket": {"port": 1}}
    ]


def test_a_config_map_deleted_while_the_watch_was_broken_is_forgotten_though_it_was_read_after_its_list(full, make):
    """Before: its text stayed, and the dependency that it named."""
    full.put(Resource.CONFIG_MAPS, make.config_map("settings"), listed=True)
    full.records.keep_text(("shop", "settings"), "5", {"URL": "http://users"})
    assert names(full.sweep(Resource.CONFIG_MAPS, set())) == ["shop/web"]
    assert ("shop", "settings") not in full.world.config_maps


def test_an_equal_outcome_changes_no_status(full):
    outcome = full.outcomes.get(WEB)
    assert full.outcomes.put(WEB, replace(outcome)) == frozenset()
    assert full.outcomes.put(WEB, replace(outcome, message="other")) == frozenset(outcome.rules)


def test_what_a_health_plan_withholds_is_recalled(store, make):
    """It survives a restart, with the retry that has had its effect and the example of a failing pod."""
    entry = {
        "container": "main",
        "type": "liveness",
        "reason": "RolledBack",
        "evidence": "it fell over",
        "template": "digest",
        "probe": {"httpGet": {"path": "/livez", "port": 8080}},
    }
    unknown = entry | {"type": "readiness", "reason": "SomethingNew"}
    store.put(Resource.DEPLOYMENTS, make.deployment())
    earlier = {name: entry[name] for name in ("container", "type", "template", "probe")}
    plan = make.health_plan(
        withheld=[entry, unknown],
        earlier=[earlier, earlier | {"type": "somethingNew"}],
        removedAt="2026-03-02T12:00:00Z",
        retried="once",
        failing="web-1 fails",
    )
    (key,) = store.put(Resource.HEALTH_PLANS, plan).workloads
    assert store.world.withheld == {}
    store.records.confirm(store.world.workloads[key])
    (found,) = store.world.withheld[key]
    assert (found.container, found.kind, found.evidence) == ("main", "liveness", "it fell over")
    probe = found.probe
    (found,) = store.world.earlier[key]
    assert (found.container, found.kind, found.probe, found.template) == ("main", "liveness", probe, "digest")
    assert (store.world.retried[key], store.world.failing[key]) == ("once", "web-1 fails")
    assert store.world.removed_at == {key: "2026-03-02T12:00:00Z"}
    assert facts_of(store.world.workloads[key], store.world).removed_at == "2026-03-02T12:00:00Z"
    store.forget_workload(key)
    assert store.world.removed_at == {}
    assert (store.world.withheld, store.world.earlier, store.world.retried, store.world.failing) == ({}, {}, {}, {})


def test_another_workloads_health_plan_withholds_nothing(store, make):
    store.put(Resource.DEPLOYMENTS, make.deployment())
    plan = make.health_plan(owner="somebody", retried="once")
    (key,) = store.put(Resource.HEALTH_PLANS, plan).workloads
    store.records.confirm(store.world.workloads[key])
    assert store.world.retried == {}
