"""After any history a plan is the same as one in a world built from scratch, which shares nothing with the first."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apphealth.api.healthplan import OriginalRecord
from apphealth.model.proof import Proof, Verdict
from apphealth.plan import Options, plan
from apphealth.store.facts import facts_of, plan_of
from apphealth.store.world import Recalled, World

NAMES = st.sampled_from(["web", "api", "db"])
SPACES = st.sampled_from(["shop", "market"])
URLS = st.sampled_from(["http://api", "http://api:81", "http://db.market", "http://web", "http://10.96.0.9", "x"])
PROBES = st.sampled_from(
    [
        None,
        {"httpGet": {"path": "/theirs", "port": "http"}},
        {"httpGet": {"path": "/admin?token=x", "port": 9000}},
        {"tcpSocket": {"port": 8080}},
    ]
)
PORTS = st.sampled_from(
    [
        [{"containerPort": 8080, "name": "http"}],
        [{"containerPort": 8081, "name": "http"}, {"containerPort": 9000, "name": "admin"}],
    ]
)
SERVED = st.sampled_from(
    [
        [{"port": 80, "targetPort": "http"}],
        [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": "http"}],
        [{"port": 80, "targetPort": "admin"}],
    ]
)
RULES = st.fixed_dictionaries(
    {"mode": st.sampled_from(["Enforce", "Enforce", "Audit"])},
    optional={
        "preset": st.sampled_from(["auto", "http", "flask-management-endpoints"]),
        "verification": st.just("Required"),
        "existingProbes": st.just("Replace"),
        "probes": st.sampled_from([{"readiness": {"path": path}} for path in ("/a", "/b")]),
        "dependencies": st.sampled_from(
            [
                {"services": [{"name": "api", "required": True}, {"name": "db", "namespace": "market"}]},
                {"services": [{"name": "web", "required": True}]},
                {"discover": False},
                {"deliver": False, "ignore": [{"name": "api"}]},
            ]
        ),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("workload"), NAMES, SPACES, URLS, PROBES, PORTS, st.integers(0, 1)),
        st.tuples(st.just("no workload"), NAMES, SPACES),
        st.tuples(st.just("service"), NAMES, SPACES, SERVED, st.sampled_from(["10.96.0.9", "10.96.0.8", "None"])),
        st.tuples(st.just("no service"), NAMES, SPACES),
        st.tuples(st.just("rule"), st.sampled_from(["r", "s"]), SPACES | st.just(""), RULES),
        st.tuples(st.just("no rule"), st.sampled_from(["r", "s"]), SPACES | st.just("")),
        st.tuples(st.just("namespace"), SPACES, st.sampled_from(["ignore", "share-health-paths", ""])),
        st.tuples(st.just("original"), NAMES, SPACES, st.booleans()),
        st.tuples(st.just("answers"), NAMES, SPACES, st.sampled_from(Verdict)),
        st.tuples(st.just("no answers"), NAMES, SPACES),
        st.tuples(st.just("recalled"), NAMES, SPACES, st.sampled_from(["uid", "another"])),
        st.tuples(st.just("options"), st.booleans()),
        st.tuples(st.just("plan"), NAMES, SPACES),
    ),
    max_size=14,
)
FIRST = [
    *(("service", name, "shop", [{"port": 80, "targetPort": "http"}], "None") for name in ("web", "api")),
    ("workload", "web", "shop", "http://api", None, [{"containerPort": 8080, "name": "http"}], 1),
    ("workload", "api", "shop", "x", None, [{"containerPort": 8080, "name": "http"}], 1),
    ("rule", "r", "", {"mode": "Enforce", "probes": {"readiness": {"path": "/a"}}}),
    ("plan", "web", "shop"),
]
"""What every history begins with: a workload that depends on another, and has been planned."""
RUNS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Cluster:
    """Raw objects, answers and originals; and a world that was told of each change."""

    def __init__(self, build):
        self.build = build
        self.options = Options()
        self.world = World(self.options)
        self.objects, self.originals, self.answers, self.recalled = {}, {}, {}, {}

    def step(self, kind, *values):
        getattr(self, "_" + kind.replace(" ", "_"))(*values)

    def _workload(self, name, namespace, url, probe, ports, ready):
        fields = {"env": [{"name": "API_URL", "value": url}], "ports": ports}
        fields |= {"readinessProbe": probe} if probe else {}
        made = self.build.deployment(self.build.container(**fields), name=name, namespace=namespace)
        made["metadata"]["uid"] = "uid"
        made["status"] = {"readyReplicas": ready}
        self.objects["Deployment", namespace, name] = made
        self.world.put_workload(self.build.parse(copy.deepcopy(made)))

    def _no_workload(self, name, namespace):
        if made := self.objects.pop(("Deployment", namespace, name), None):
            self.world.drop_workload(self.build.parse(made).key)

    def _service(self, name, namespace, ports, address):
        self._put("Service", self.build.service(name, namespace, ports=ports, clusterIP=address))

    def _no_service(self, name, namespace):
        if self.objects.pop(("Service", namespace, name), None):
            self.world.drop_service((namespace, name))

    def _rule(self, name, namespace, spec):
        make = self.build.rule if namespace else self.build.cluster_rule
        made = make(name, **({"namespace": namespace} if namespace else {}), **copy.deepcopy(spec))
        self._put("Rule", made)

    def _no_rule(self, name, namespace):
        if made := self.objects.pop(("Rule", namespace, name), None):
            self.world.drop_rule(self.build.parse_rule(made).key)

    def _namespace(self, name, annotation):
        annotations = {f"apphealth.dev/{annotation}": "true"} if annotation else {}
        self._put("Namespace", {"kind": "Namespace", "metadata": {"name": name, "annotations": annotations}})

    def _put(self, kind, made):
        self.objects[kind, made["metadata"].get("namespace", ""), made["metadata"]["name"]] = made
        self.build.put(self.world, copy.deepcopy(made))

    def _workloads(self, name, namespace):
        key = next((key for key in self.world.workloads if (key.name, key.namespace) == (name, namespace)), None)
        return [self.world.workloads[key]] if key is not None else []

    def _original(self, name, namespace, there):
        for workload in self._workloads(name, namespace):
            record = OriginalRecord(container="main", type="readiness", original={"tcpSocket": {"port": 1}})
            self.world.originals[workload.key] = self.originals[workload.key] = (record,) if there else ()

    def _answers(self, name, namespace, verdict):
        for workload in self._workloads(name, namespace):
            for question in plan_of(workload, self.world).questions:
                proof = Proof(verdict=verdict, answer="an answer", slowest=0.3)
                self.answers.setdefault(question.template, {})[question] = proof
                self.world.put_answer(question, proof)

    def _no_answers(self, name, namespace):
        for workload in self._workloads(name, namespace):
            for question in self.answers.pop(workload.template_key, {}):
                self.world.drop_answer(question.template, question.id)

    def _recalled(self, name, namespace, uid):
        for workload in self._workloads(name, namespace):
            questions = plan_of(workload, self.world).questions
            found = {one.id: Proof(verdict=Verdict.VERIFIED, answer="before") for one in questions}
            self.recalled[workload.key] = Recalled(uid, found)
            self.world.recall(workload.key, self.recalled[workload.key])

    def _options(self, allow_exec):
        self.options = self.world.options = Options(allow_exec=allow_exec)

    def _plan(self, name, namespace):
        for workload in self._workloads(name, namespace):
            plan_of(workload, self.world)

    def from_scratch(self):
        """A world of the same, that shares no value with the first and has planned nothing."""
        made = World(replace(self.options))
        for (kind, *_), obj in sorted(self.objects.items(), reverse=True):
            again = copy.deepcopy(obj)
            made.put_workload(self.build.parse(again)) if kind == "Deployment" else self.build.put(made, again)
        for key, records in copy.deepcopy(self.originals).items():
            made.originals[key] = records
        for answers in copy.deepcopy(self.answers).values():
            for question, proof in answers.items():
                made.put_answer(question, proof)
        for key, recalled in copy.deepcopy(self.recalled).items():
            made.recall(key, recalled)
        return made


def frozen(facts):
    """Whether nothing in facts can be changed by who holds on to the world."""
    mappings = (facts.answers, facts.neighbours.services, facts.neighbours.requirements)
    return all(isinstance(one, Mapping | MappingProxyType) for one in mappings)


def test_after_any_history_a_plan_is_that_of_a_world_built_from_scratch(build):
    @RUNS
    @given(STEPS)
    def check(history):
        cluster = Cluster(build)
        for step in (*FIRST, *history):
            cluster.step(*step)
        for key in cluster.world.workloads:
            fresh = cluster.from_scratch()
            here, there = cluster.world.workloads[key], fresh.workloads[key]
            one, other = facts_of(here, cluster.world), facts_of(there, fresh)
            assert one == other
            assert plan(here, one, cluster.world.options) == plan(there, other, fresh.options)
            assert plan_of(here, cluster.world) == plan_of(there, fresh)

    check()


def test_facts_that_were_gathered_stay_as_they_are(build):
    """A plan that is still being made doesn't see what the world learns meanwhile."""

    @RUNS
    @given(STEPS)
    def check(history):
        cluster = Cluster(build)
        for step in FIRST:
            cluster.step(*step)
        (web,) = cluster._workloads("web", "shop")
        facts = facts_of(web, cluster.world)
        before = plan(web, facts, Options())
        for step in history:
            cluster.step(*step)
        assert plan(web, facts, Options()) == before

    check()


CHANGES = [
    pytest.param([("rule", "r", "", {"mode": "Enforce", "probes": {"readiness": {"path": "/b"}}})], "/b", id="a rule"),
    pytest.param([("no rule", "r", ""), ("rule", "t", "shop", {"mode": "Enforce", "targetRef":
                 {"kind": "Deployment", "name": "web"}})], None, id="no rule for it any more"),
    pytest.param([("workload", "api", "shop", "x", {"httpGet": {"path": "/theirs", "port": "http"}},
                   [{"containerPort": 8080, "name": "http"}], 1)], "/theirs", id="its own probe"),
    pytest.param([("workload", "api", "shop", "x", None, [{"containerPort": 8081, "name": "web"}], 1)], None,
                 id="the name of its port"),
    pytest.param([("service", "api", "shop", [{"port": 80, "targetPort": 9999}], "None")], None, id="its Service"),
    pytest.param([("no service", "api", "shop")], "gone", id="no Service"),
    pytest.param([("rule", "r", "", {"mode": "Enforce", "verification": "Required",
                   "probes": {"readiness": {"path": "/a"}}}),
                  ("plan", "web", "shop"), ("answers", "api", "shop", Verdict.VERIFIED)], "/a", id="an answer"),
    pytest.param([("rule", "r", "", {"mode": "Enforce", "verification": "Required",
                   "probes": {"readiness": {"path": "/a"}}}),
                  ("plan", "web", "shop"), ("answers", "api", "shop", Verdict.REFUTED)], None, id="a bad answer"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), CHANGES)
def test_a_neighbours_new_readiness_is_in_the_next_plan(build, changes, expected):
    cluster = Cluster(build)
    for step in FIRST:
        cluster.step(*step)
    assert urls(cluster) == ["http://api.shop.svc:8080/a"]
    for step in changes:
        cluster.step(*step)
    found = urls(cluster)
    if expected == "gone":
        assert found == []
    else:
        assert [url.partition("8080")[2] for url in found if url.startswith("http")] == ([expected] if expected else [])


def urls(cluster):
    (web,) = cluster._workloads("web", "shop")
    return [one.url for one in plan_of(web, cluster.world).dependencies]
