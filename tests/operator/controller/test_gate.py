"""The gate: a store as the API server would fill it, plans, and a clock that the test turns."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from apphealth.api.healthplan import State
from apphealth.api.rule import RuleKey, RuleKind
from apphealth.controller.gate import Gate, repository
from apphealth.kube.resources import Resource
from apphealth.model.workload import WorkloadKey
from apphealth.store.facts import plan_of
from apphealth.store.outcomes import Outcome
from apphealth.store.store import Store
from apphealth.store.world import RolledOut

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALL = {"canaries": 0, "soakSeconds": 0}
SKIP = {"verification": "Skip", "probes": {"liveness": {"path": "/live", "port": 8080}}}


def key(name, namespace="shop"):
    return WorkloadKey("Deployment", namespace, name)


class Cluster:
    """Deployments with pods, a rule that wants a probe of them, and the gate."""

    def __init__(self, make, rollout, *, names="abcdef", images="img:1", replicas=1):
        self.make, self.images, self.replicas = make, images, replicas
        self.now, self.versions = NOON, itertools.count(10)
        self.queued, self.busy, self.tight = [], set(), {}
        self.store = Store()
        self.rule(rollout)
        for name in names:
            self.deployment(name)
        self.gate = self.make_gate()

    def make_gate(self):
        return Gate(
            self.store,
            enqueue=self.queued.extend,
            dirty=lambda _: None,
            busy=self.busy.__contains__,
            disruptions=self.disruptions,
            now=lambda: self.now,
        )

    async def disruptions(self, workload):
        return self.tight.get(workload.name, "")

    def rule(self, rollout, generation=1, **spec):
        rule = self.make.rule(**SKIP | spec, rollout=rollout)
        rule["metadata"] |= {"generation": generation, "resourceVersion": str(next(self.versions))}
        self.store.put(Resource.RULES, rule)

    def drop_rule(self):
        rule = self.make.rule()
        rule["metadata"]["resourceVersion"] = str(next(self.versions))
        self.store.drop(Resource.RULES, rule)

    def deployment(
        self,
        name,
        *,
        changing=False,
        ready=None,
        image=None,
        written=None,
        ours=False,
        probes=("livenessProbe",),
        spec=None,
        **status,
    ):
        image = image or self.images
        container = {"name": "main", "image": image, "ports": [{"containerPort": 8080}]}
        metadata = {"generation": 2, "resourceVersion": str(next(self.versions))}
        if ours or written is not None:
            container |= dict.fromkeys(probes, PROBE)
            metadata["managedFields"] = [managed(written or NOON - timedelta(days=9), probes)]
        found = self.make.deployment(name, containers=[container])
        found["metadata"] |= metadata
        found["spec"] |= {"replicas": self.replicas, **(spec or {})}
        count = self.replicas if ready is None else ready
        found["status"] = {
            "observedGeneration": 1 if changing else 2,
            "replicas": self.replicas,
            "updatedReplicas": self.replicas,
            "readyReplicas": count,
            "availableReplicas": count,
        } | status
        concerned = self.store.put(Resource.DEPLOYMENTS, found)
        if hasattr(self, "gate"):
            self.gate.moved(concerned.moved)
        return self.store.world.workloads[key(name)]

    def ask(self, *names):
        """Reconcile workloads; returns those that may be written."""
        return [name for name in names if not self.why(name)]

    def why(self, name):
        workload = self.store.world.workloads[key(name)]
        decided = plan_of(workload, self.store.world)
        assert decided.patches
        why = self.gate.ask(workload, decided)
        rules = decided.rules or (RuleKey(RuleKind.APP_HEALTH, "shop", "all"),)
        self.store.outcomes.put(key(name), Outcome(state=State.WAITING, rules=rules, family="x"))
        return why

    def write(self, name, **status):
        """Patch a workload: its pods are being replaced."""
        self.gate.sent(self.deployment(name, changing=True, written=self.now, **status))
        self.outcome(name, State.APPLIED)

    def outcome(self, name, state):
        rule = RuleKey(RuleKind.APP_HEALTH, "shop", "all")
        known = plan_of(self.store.world.workloads[key(name)], self.store.world)
        self.store.outcomes.put(key(name), Outcome(state=state, rules=(rule,), family=family(known, self)))

    async def wave(self, **passed):
        """Let time pass, and work one wave out; returns who was queued."""
        self.now += timedelta(**passed)
        self.queued.clear()
        await self.gate._wave()
        return sorted(found.name for found in self.queued)


PROBE = {
    "httpGet": {
        "path": "/live",
        "port": 8080,
        "scheme": "HTTP",
        "httpHeaders": [{"name": "X-Probe", "value": "liveness"}],
    },
    "initialDelaySeconds": 30,
    "periodSeconds": 10,
    "timeoutSeconds": 5,
    "failureThreshold": 3,
    "successThreshold": 1,
}


def managed(time, probes=("livenessProbe",)):
    leaves = {f"f:{name}": {} for name in PROBE if name != "httpGet"}
    probe = leaves | {"f:httpGet": {f"f:{name}": {} for name in PROBE["httpGet"]}}
    main = {f"f:{name}": probe for name in probes}
    path = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': main}}}}}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"manager": "apphealth", "operation": "Update", "time": stamp, "fieldsType": "FieldsV1", "fieldsV1": path}


def family(decided, cluster):
    from apphealth.controller.gate import family_of

    return family_of(cluster.store.world.workloads[decided.workload], decided)


@pytest.fixture
def cluster(make):
    return lambda rollout, **more: Cluster(make, rollout, **more)


async def test_all_at_once_waits_for_no_wave(cluster):
    found = cluster({"maxConcurrent": "100%"} | ALL)
    assert found.ask(*"abcdef") == list("abcdef")


async def test_as_many_as_the_budget_and_the_next_when_they_are_well(cluster):
    found = cluster({"maxConcurrent": 2} | ALL)
    assert found.ask(*"abcdef") == []
    assert await found.wave() == []  # not every workload was reconciled yet: who comes first isn't known
    found.gate.know()
    assert await found.wave() == ["a", "b"]
    assert found.ask("a", "b") == ["a", "b"]
    for name in "ab":
        found.write(name)
    assert await found.wave(minutes=1) == []
    found.deployment("a", written=found.now)
    assert await found.wave() == ["c"]


async def test_a_place_is_kept_from_the_turn_to_the_write(cluster):
    found = cluster({"maxConcurrent": 1} | ALL)
    found.ask(*"ab")
    found.gate.know()
    assert await found.wave() == ["a"]
    assert await found.wave(minutes=30) == []


async def test_what_need_not_be_written_any_more_gives_its_place_back(cluster):
    found = cluster({"maxConcurrent": 1} | ALL)
    found.ask(*"ab")
    found.gate.know()
    assert await found.wave() == ["a"]
    found.gate.drop(key("a"))
    assert await found.wave() == ["b"]


async def test_a_changed_workload_soaks(cluster):
    found = cluster({"maxConcurrent": 1, "canaries": 0, "soakSeconds": 60})
    found.ask(*"ab")
    found.gate.know()
    await found.wave()
    found.write("a")
    found.deployment("a", written=found.now)
    assert await found.wave(seconds=59) == []
    found.deployment("a", written=found.now, ready=0)  # a new pod has failed
    found.deployment("a", written=found.now)
    assert await found.wave(seconds=59) == []
    assert await found.wave(seconds=1) == ["b"]


async def test_the_canary_goes_alone_and_a_busy_workload_proves_nothing(cluster):
    found = cluster({"canaries": 1, "soakSeconds": 0})
    found.ask(*"abc")
    found.gate.know()
    assert await found.wave() == ["a"]
    found.write("a")
    found.busy.add(key("a"))
    found.deployment("a", written=found.now)
    assert await found.wave() == ["b"]  # the next canary
    found.busy.clear()
    found.gate.drop(key("b"))
    found.ask("b")
    assert await found.wave() == ["b", "c"]


async def test_another_image_has_a_canary_of_its_own(cluster):
    found = cluster({"canaries": 1, "soakSeconds": 0}, names="ab")
    found.deployment("c", image="other:1")
    found.ask(*"abc")
    found.gate.know()
    assert await found.wave() == ["a", "c"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", "nginx"),
        ("nginx:1.27", "nginx"),
        ("registry:5000/team/app:1@sha256:ab", "registry:5000/team/app"),
        ("registry:5000/team/app", "registry:5000/team/app"),
    ],
)
def test_the_repository_of_an_image(image, expected):
    assert repository(image) == expected


@pytest.mark.parametrize(
    ("state", "why"),
    [
        pytest.param({"spec": {"paused": True}}, "waits: the Deployment is paused", id="paused"),
        pytest.param({"changing": True}, "waits: a rollout of its owner is under way", id="own-rollout"),
        pytest.param({"ready": 1, "replicas": 3, "updatedReplicas": 1}, "waits: a rollout of its owner", id="half-way"),
        pytest.param({"ready": 1}, "waits: not all of its pods are available", id="unhealthy"),
        pytest.param({"replicas": 3}, "waits: a rollout of its owner", id="scaled-down-by-an-autoscaler"),
        pytest.param({"spec": {"replicas": 4}}, "waits: a rollout of its owner", id="scaled-up-by-an-autoscaler"),
    ],
)
async def test_what_is_in_the_way_is_waited_for_and_takes_no_place(cluster, state, why):
    found = cluster({"maxConcurrent": 1} | ALL, names="ab", replicas=2)
    found.deployment("a", **state)
    assert found.why("a").startswith(why)
    found.ask("b")
    found.gate.know()
    assert await found.wave() == ["b"]
    found.gate.drop(key("b"))
    found.deployment("a")
    assert await found.wave() == ["a"]


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({"ready": 0}, id="no-ready-pod"),
        pytest.param({"spec": {"replicas": 0}, "ready": 0, "replicas": 0, "updatedReplicas": 0}, id="no-replicas"),
    ],
)
async def test_where_nothing_can_get_worse_no_place_is_needed(cluster, state):
    found = cluster({"maxConcurrent": 1, "paused": True, "windows": [{"schedule": "0 2 * * *", "duration": "1h"}]})
    found.deployment("a", **state)
    assert found.ask("a") == ["a"]
    found.write("a", ready=0)
    assert not found.gate.in_flight(key("a"))


async def test_a_waiting_workload_that_loses_its_last_pod_goes_at_once(cluster):
    found = cluster({"paused": True})
    found.ask("a")
    found.deployment("a", ready=0)
    assert found.queued == [key("a")]
    assert found.ask("a") == ["a"]


async def test_a_rollout_that_stands_still_gives_its_place_away_and_counts_as_a_failure(cluster):
    found = cluster({"maxConcurrent": 1, "maxFailures": 1} | ALL)
    found.ask(*"abc")
    found.gate.know()
    await found.wave()
    found.write("a")
    assert await found.wave(minutes=14) == []
    assert await found.wave(minutes=1) == ["b"]
    found.write("b")
    stalled = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    found.deployment("b", written=found.now, ready=0, conditions=stalled)
    await found.wave()
    assert found.gate.halted(RuleKey(RuleKind.APP_HEALTH, "shop", "all"))
    assert found.why("c") == "waits: AppHealth/shop/all is halted, because more than 1 of its workloads failed"


async def test_what_stood_still_counts_no_more_when_it_is_well_or_the_rule_is_edited(cluster):
    found = cluster({"maxConcurrent": 2, "maxFailures": 0} | ALL)
    found.ask(*"abc")
    found.gate.know()
    await found.wave()
    for name in "ab":
        found.write(name)
    assert await found.wave(minutes=15) == ["c"]  # it says that the rule is halted
    rule = RuleKey(RuleKind.APP_HEALTH, "shop", "all")
    found.deployment("a", written=found.now)
    assert found.gate.halted(rule)
    found.deployment("b", written=found.now)
    assert not found.gate.halted(rule)
    found.ask("d")
    await found.wave()
    found.write("d")
    await found.wave(minutes=15)
    assert found.gate.halted(rule)
    found.rule({"maxConcurrent": 2, "maxFailures": 0} | ALL, generation=2, probes={"liveness": {"path": "/other"}})
    assert not found.gate.halted(rule)


async def test_failures_halt_the_rule_until_it_bears_more(cluster):
    found = cluster({"maxFailures": 0} | ALL)
    found.ask(*"ab")
    found.outcome("c", State.ROLLED_BACK)
    found.gate.know()
    await found.wave()
    assert found.why("a").startswith("waits: AppHealth/shop/all is halted")
    found.rule({"maxFailures": 1} | ALL, generation=2)
    found.gate.look()
    assert await found.wave() == ["a", "b"]


async def test_a_window_opens_by_itself(cluster):
    night = [{"schedule": "0 13 * * *", "duration": "1h"}]
    found = cluster({"windows": night} | ALL, names="a")
    assert found.why("a") == "waits for a window of AppHealth/shop/all: 0 13 * * * for 1h (UTC)"
    found.gate.know()
    assert await found.wave(minutes=59) == []
    assert await found.wave(minutes=1) == ["a"]


async def test_a_paused_rule_is_resumed(cluster):
    found = cluster({"paused": True} | ALL, names="a")
    assert found.why("a") == "waits: AppHealth/shop/all is paused (spec.rollout.paused)"
    found.gate.know()
    found.rule(ALL, generation=2)
    found.gate.look()
    assert await found.wave() == ["a"]


async def test_the_brake_stops_everything_and_lets_it_go_on(cluster):
    found = cluster({"maxConcurrent": "100%"} | ALL)
    found.gate.know()
    found.store.brake = "stopped by the ConfigMap apphealth/apphealth-brake"
    assert found.why("a") == found.why("b") == found.store.brake
    found.deployment("c", ready=0)
    assert found.why("c") == found.store.brake
    assert await found.wave() == []
    found.store.brake = None
    found.gate.look()
    assert await found.wave() == ["a", "b", "c"]


async def test_a_disruption_budget_is_asked_when_the_turn_comes_and_again_later(cluster):
    found = cluster({"maxConcurrent": 1} | ALL, names="ab", replicas=4)
    found.tight["a"] = "the PodDisruptionBudget a allows no pod to be down now"
    found.ask(*"ab")
    found.gate.know()
    assert await found.wave() == ["a", "b"]  # b may go; a says what it waits for
    assert found.why("a") == "waits: the PodDisruptionBudget a allows no pod to be down now"
    found.gate.drop(key("b"))
    assert await found.wave(seconds=15) == []  # asked again
    found.tight.clear()
    assert await found.wave(seconds=29) == []  # and after twice the time
    assert await found.wave(seconds=1) == ["a"]


async def test_a_new_leader_finds_what_is_in_flight(cluster):
    found = cluster({"maxConcurrent": 2, "canaries": 0, "soakSeconds": 60})
    rollout = plan_of(found.store.world.workloads[key("a")], found.store.world).rollout
    done = [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]
    ago = {"conditions": [done[0] | {"lastUpdateTime": "2026-03-02T11:59:30Z"}]}
    long_ago = {"conditions": [done[0] | {"lastUpdateTime": "2026-03-02T11:58:59Z"}]}
    found.deployment("a", changing=True, written=NOON - timedelta(minutes=2))
    found.deployment("b", written=NOON - timedelta(minutes=2), **ago)
    found.deployment("c", written=NOON - timedelta(minutes=2), **long_ago)
    found.deployment("d", changing=True, written=NOON - timedelta(days=2))  # its owner's
    for name in "abcd":
        found.store.world.keep_rollout(key(name), RolledOut(f"uid-shop-{name}", rollout))
    found.gate = found.make_gate()
    found.gate.take_over()
    assert [name for name in "abcdef" if found.gate.in_flight(key(name))] == ["a", "b"]
    found.ask("e", "f")
    found.gate.know()
    assert await found.wave(seconds=29) == []
    assert await found.wave(seconds=1) == ["e"]


async def test_putting_back_goes_by_what_the_health_plan_remembers(cluster):
    found = cluster({"maxConcurrent": 1, "soakSeconds": 600, "paused": True}, names="")
    for name in "abc":
        found.deployment(name, ours=True)
    rollout = plan_of(found.store.world.workloads[key("a")], found.store.world).rollout
    for name in "abc":
        found.store.world.keep_rollout(key(name), RolledOut(f"uid-shop-{name}", rollout))
    found.drop_rule()
    found.gate = found.make_gate()
    found.gate.take_over()
    assert found.ask(*"abc") == []
    found.gate.know()
    assert await found.wave() == ["a"]
    workload = found.deployment("a", changing=True)
    found.gate.sent(workload)
    assert await found.wave(minutes=1) == []
    found.deployment("a")
    assert await found.wave() == ["a", "b"]  # a is forgotten now, b is next: nothing has to soak


async def test_putting_back_waits_for_a_window_unless_something_is_broken(cluster):
    found = cluster({"windows": [{"schedule": "0 2 * * *", "duration": "1h"}]} | ALL, names="", replicas=2)
    for name, ready in (("a", 2), ("b", 1)):
        found.deployment(name, ours=True, ready=ready)
        rollout = plan_of(found.store.world.workloads[key(name)], found.store.world).rollout
        found.store.world.keep_rollout(key(name), RolledOut(f"uid-shop-{name}", rollout))
    found.drop_rule()
    assert found.ask("a", "b") == []
    found.gate.know()
    assert await found.wave() == ["b"]


async def test_a_workload_that_soaks_asks_for_a_place_anew(cluster):
    found = cluster({"maxConcurrent": 1, "canaries": 0, "soakSeconds": 600})
    found.ask(*"ab")
    found.gate.know()
    await found.wave()
    found.write("a")
    found.deployment("a", written=found.now)
    assert await found.wave(seconds=10) == []
    found.rule(
        {"maxConcurrent": 1, "canaries": 0, "soakSeconds": 600}, generation=2, probes={"liveness": {"path": "/2"}}
    )
    assert found.ask("a") == []
    assert not found.gate.in_flight(key("a"))
    assert await found.wave() == ["a"]


async def test_a_workload_whose_pods_are_being_replaced_is_changed_again_in_its_place(cluster):
    found = cluster({"maxConcurrent": 1} | ALL)
    found.ask(*"ab")
    found.gate.know()
    await found.wave()
    found.write("a")
    found.drop_rule()
    assert found.ask("a") == ["a"]
    found.gate.sent(found.deployment("a", changing=True))
    found.deployment("a")
    assert await found.wave() == ["a", "b"]  # a was put back, and is forgotten


async def test_a_new_leader_goes_on_putting_back(cluster):
    found = cluster({"maxConcurrent": 1}, names="")
    for name in "ab":
        found.deployment(name, ours=name == "b", changing=name == "a")
        rollout = plan_of(found.store.world.workloads[key("b" if name == "b" else "a")], found.store.world).rollout
        found.store.world.keep_rollout(key(name), RolledOut(f"uid-shop-{name}", rollout))
    found.drop_rule()
    found.gate = found.make_gate()
    found.gate.take_over()
    assert found.gate.in_flight(key("a"))
    found.ask("b")
    found.gate.know()
    assert await found.wave() == []


@pytest.mark.parametrize(
    ("state", "selected", "flies"),
    [
        pytest.param(State.APPLIED, False, True, id="put-back"),
        pytest.param(State.WAITING, False, True, id="waited-to-be-put-back"),
        pytest.param(State.WAITING, True, False, id="waits-to-be-written"),
        pytest.param(State.ROLLED_BACK, True, True, id="rolled-back"),
        pytest.param(State.KEPT, True, False, id="kept"),
        pytest.param(State.KEPT, False, False, id="kept-until-the-rule-went"),
        pytest.param(State.SKIPPED, True, False, id="skipped"),
        pytest.param(State.AWAITING_PODS, True, False, id="awaits-pods"),
    ],
)
def test_a_new_leader_takes_no_broken_workload_for_one_in_flight_that_it_never_wrote(cluster, state, selected, flies):
    found = cluster({"maxConcurrent": 1}, names="")
    workload = found.deployment("a", ready=0, updatedReplicas=1)
    rollout = plan_of(workload, found.store.world).rollout
    found.store.world.keep_rollout(key("a"), RolledOut("uid-shop-a", rollout, state))
    if not selected:
        found.drop_rule()
    found.gate = found.make_gate()
    found.gate.take_over()
    assert found.gate.in_flight(key("a")) is flies


async def test_a_leader_that_stops_forgets_everything(cluster):
    found = cluster({"maxConcurrent": 1} | ALL)
    found.ask(*"ab")
    found.gate.know()
    await found.wave()
    found.write("a")
    found.gate.stop()
    assert not found.gate.in_flight(key("a"))
    assert await found.wave(minutes=30) == []


TWO = {"stages": ["readiness+startup", "liveness"], "soakSeconds": 60}
HTTP = {"path": "/live", "port": 8080, "headers": [{"name": "X-Probe", "value": "liveness"}]}
NUMBERS = {"initialDelaySeconds": 30, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}
SAME = {"probes": {"liveness": HTTP | NUMBERS, "readiness": HTTP | NUMBERS, "startup": {"enabled": False}}}


class InPasses(Cluster):
    """A cluster whose rule writes readiness first, and liveness later."""

    def rule(self, rollout, generation=1, **spec):
        super().rule(TWO | rollout, generation, **SAME | spec)

    def first(self, name, **more):
        """Write the first pass: new pods come up."""
        self.gate.sent(self.deployment(name, changing=True, written=self.now, probes=["readinessProbe"], **more))
        self.well(name)

    def well(self, name, **more):
        self.deployment(name, written=self.now, probes=["readinessProbe"], **more)

    def restart(self):
        """Another replica takes over."""
        for name in self.store.world.workloads:
            workload = self.store.world.workloads[name]
            rollout = plan_of(workload, self.store.world).rollout
            self.store.world.keep_rollout(name, RolledOut(workload.uid, rollout, State.WAITING))
        self.gate = self.make_gate()
        self.gate.take_over()


@pytest.fixture
def in_passes(make):
    return lambda rollout=None, **more: InPasses(make, {"canaries": 0} | (rollout or {}), **more)


async def test_the_later_pass_waits_until_the_first_has_soaked(in_passes):
    found = in_passes(names="a")
    found.ask("a")
    found.gate.know()
    assert await found.wave() == ["a"]
    found.first("a")
    assert found.why("a") == "waits for its next pass: readiness must go well for 60 s first"
    assert await found.wave(seconds=59) == []
    assert await found.wave(seconds=1) == ["a"]
    assert found.why("a") == ""
    found.write("a")
    assert found.gate.in_flight(key("a"))


async def test_the_later_pass_waits_in_an_unlimited_rollout_too(in_passes):
    found = in_passes({"maxConcurrent": "100%"}, names="a")
    assert found.ask("a") == ["a"]
    found.first("a")
    found.gate.know()
    assert found.why("a").startswith("waits for its next pass")
    assert await found.wave(seconds=60) == ["a"]


async def test_pods_that_are_not_well_after_the_first_pass_never_get_the_second(in_passes):
    found = in_passes(names="a", replicas=2)
    found.ask("a")
    found.gate.know()
    await found.wave()
    found.gate.sent(found.deployment("a", changing=True, written=found.now, probes=["readinessProbe"]))
    for ready in (1, 0):
        found.well("a", ready=ready)
        assert found.why("a").startswith("waits")
        assert await found.wave(minutes=1) == []
    await found.wave(minutes=20)  # it stands still
    assert found.why("a") == "waits: not all pods are available that have the probes of its earlier pass (readiness)"
    assert await found.wave(days=2) == []
    found.well("a")
    assert await found.wave() == ["a"]


@pytest.mark.parametrize(("seconds", "expected"), [(30, []), (60, ["a"])])
async def test_a_new_leader_goes_on_between_two_passes(in_passes, seconds, expected):
    found = in_passes(names="a")
    found.ask("a")
    found.gate.know()
    await found.wave()
    complete = [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]
    complete[0]["lastUpdateTime"] = "2026-03-02T12:00:00Z"
    found.first("a")
    found.well("a", conditions=complete)
    found.restart()
    assert found.why("a").startswith("waits for its next pass")
    found.gate.know()
    assert await found.wave(seconds=seconds) == expected


async def test_a_new_leader_keeps_a_broken_first_pass_from_the_second(in_passes):
    found = in_passes(names="a", replicas=2)
    found.well("a", ready=0)
    found.restart()
    assert found.why("a").startswith("waits")
    found.gate.know()
    assert await found.wave(days=2) in ([], ["a"])  # it may say what else it waits for
    assert found.why("a").startswith("waits")


async def test_first_passes_go_before_second_ones_and_each_has_a_canary(in_passes):
    found = in_passes({"canaries": 1, "soakSeconds": 0}, names="abc")
    found.ask(*"abc")
    found.gate.know()
    assert await found.wave() == ["a"]
    found.first("a")
    found.ask("a")
    assert await found.wave() == ["a", "b", "c"]  # the first pass is proven; "a" is the canary of the second
    for name in "bc":
        found.first(name)
        found.ask(name)
    assert await found.wave() == []
    found.write("a")
    found.deployment("a", written=found.now, probes=["livenessProbe", "readinessProbe"])
    assert await found.wave() == ["b", "c"]


async def test_a_second_pass_whose_pods_are_scaled_to_none_needs_no_place(in_passes):
    found = in_passes({"paused": True}, names="a")
    found.deployment(
        "a", written=found.now, probes=["readinessProbe"], ready=0, spec={"replicas": 0}, replicas=0, updatedReplicas=0
    )
    assert found.ask("a") == ["a"]


async def test_a_paused_rule_holds_a_second_pass(in_passes):
    found = in_passes({"paused": True}, names="a")
    found.well("a")
    assert found.why("a") == "waits: AppHealth/shop/all is paused (spec.rollout.paused)"
