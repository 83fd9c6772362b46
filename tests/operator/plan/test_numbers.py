"""How often, how long, how many times: defaults version 1, users' numbers, and what is derived beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apphealth.model.probe import Probe, ProbeKind, TcpSocket, describe_probe
from apphealth.plan.probes.numbers import NOTHING, Learned, Numbers, apply_numbers, fit_numbers
from apphealth.plan.rules.settings import ContainerSettings, ProbeSettings, Sourced

FLASK = "http-get http://:http/z/health"


def lines(plan):
    return {p.kind.value: describe_probe(p.probe) for p in plan.containers[0].probes if p.probe}


def numbers(plan, kind):
    probe = next(p.probe for p in plan.containers[0].probes if p.kind == kind)
    return (probe.initial_delay, probe.timeout, probe.period, probe.failure_threshold)


def sources(plan, kind):
    return {v.field: v.source for p in plan.containers[0].probes if p.kind == kind for v in p.provenance}


def test_the_defaults_of_version_1(planned):
    assert lines(planned()) == {
        "liveness": f"{FLASK}/liveness delay=0s timeout=5s period=10s #success=1 #failure=3",
        "readiness": f"{FLASK}/readiness delay=0s timeout=3s period=5s #success=1 #failure=3",
        "startup": f"{FLASK}/liveness delay=0s timeout=2s period=2s #success=1 #failure=150",
    }


def test_the_numbers_of_the_address_finder_stand_as_kubectl_describes_them(build, planned):
    """Seed 001, whose liveness gives up before its readiness: written all the same, and told."""
    common = {"path": "/health", "initialDelaySeconds": 10, "periodSeconds": 10, "timeoutSeconds": 5}
    plan = planned(
        build.deployment(build.container("golang", ports=[{"containerPort": 3000}]), name="address-finder"),
        build.service("address-finder", type="NodePort", ports=[{"port": 80, "targetPort": 3000, "protocol": "TCP"}]),
        build.rule(
            preset="http",
            probes={
                "liveness": common | {"failureThreshold": 2},
                "readiness": common | {"failureThreshold": 5},
                "startup": {"enabled": False},
            },
        ),
    )
    assert lines(plan) == {
        "liveness": "http-get http://:3000/health delay=10s timeout=5s period=10s #success=1 #failure=2",
        "readiness": "http-get http://:3000/health delay=10s timeout=5s period=10s #success=1 #failure=5",
    }
    headers = [p.probe.handler.headers for p in plan.containers[0].probes if p.probe]
    assert headers == [(("X-Probe", "liveness"),), (("X-Probe", "readiness"),)]
    assert [(f.id, f.severity) for f in plan.findings] == [("liveness-aggressive", "warning")]
    assert "20 s" in plan.findings[0].message
    assert "50 s" in plan.findings[0].message


@pytest.mark.parametrize(
    ("probes", "kind", "expected"),
    [
        pytest.param(
            {"startup": {"enabled": False}}, "liveness", (30, 5, 10, 3), id="without a startup probe liveness waits"
        ),
        pytest.param(
            {"startup": {"enabled": False}, "liveness": {"initialDelaySeconds": 0}},
            "liveness",
            (0, 5, 10, 3),
            id="unless the user says 0",
        ),
        pytest.param({"startup": {"maxSeconds": 61}}, "startup", (0, 2, 2, 31), id="maxSeconds in whole periods"),
        pytest.param(
            {"startup": {"maxSeconds": 60, "periodSeconds": 7}},
            "startup",
            (0, 2, 7, 9),
            id="maxSeconds by the user's period",
        ),
        pytest.param({"startup": {"periodSeconds": 1}}, "startup", (0, 1, 1, 300), id="300 s by the user's period"),
        pytest.param({"startup": {"failureThreshold": 7}}, "startup", (0, 2, 2, 7), id="the user's failureThreshold"),
        pytest.param({"startup": {"maxSeconds": 1}}, "startup", (0, 2, 2, 1), id="less than a period"),
        pytest.param(
            {"readiness": {"periodSeconds": 1}}, "readiness", (0, 1, 1, 3), id="timeout follows a shorter period"
        ),
        pytest.param(
            {"readiness": {"timeoutSeconds": 20}}, "readiness", (0, 20, 20, 3), id="period follows a longer timeout"
        ),
        pytest.param({"readiness": {"timeoutSeconds": 4}}, "readiness", (0, 4, 5, 3), id="a timeout within the period"),
        pytest.param(
            {"readiness": {"failureThreshold": 10}},
            "liveness",
            (0, 5, 10, 10),
            id="liveness waits for a patient readiness",
        ),
        pytest.param(
            {"liveness": {"failureThreshold": 1}},
            "liveness",
            (0, 5, 30, 1),
            id="by its period, if the failures are said",
        ),
        pytest.param(
            {"liveness": {"failureThreshold": 1, "periodSeconds": 10}},
            "readiness",
            (0, 3, 5, 1),
            id="else readiness hurries",
        ),
        pytest.param(
            {"liveness": {"failureThreshold": 1, "periodSeconds": 10}},
            "liveness",
            (0, 5, 10, 1),
            id="and liveness stands",
        ),
        pytest.param(
            {"liveness": {"periodSeconds": 3}}, "liveness", (0, 3, 3, 10), id="more failures for a shorter period"
        ),
        pytest.param(
            {"readiness": {"enabled": False}, "liveness": {"periodSeconds": 3}},
            "liveness",
            (0, 3, 3, 3),
            id="alone it needs none",
        ),
    ],
)
def test_derived_numbers_fit_those_that_users_gave(build, planned, probes, kind, expected):
    plan = planned(build.deployment(), build.rule(probes=probes))
    assert numbers(plan, kind) == expected
    assert plan.findings == ()


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        pytest.param(
            {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 30, "failureThreshold": 4}},
            (0, 5, 10, 24),
            id="a readiness of theirs is waited for",
        ),
        pytest.param(
            {"startupProbe": {"tcpSocket": {"port": 8080}}}, (0, 5, 10, 3), id="a startup of theirs holds liveness back"
        ),
    ],
)
@pytest.mark.parametrize("off", ["startup", "readiness"])
def test_ours_fits_what_somebody_else_keeps(build, planned, theirs, expected, off):
    probes = {} if f"{off}Probe" not in theirs else {off: {"enabled": False}}
    for mode in ("Keep", "Replace") if probes else ("Keep",):
        plan = planned(build.deployment(build.container(**theirs)), build.rule(probes=probes, existingProbes=mode))
        assert numbers(plan, "liveness") == expected


def test_every_number_says_where_it_came_from(build, planned):
    plan = planned(
        build.deployment(), build.rule(probes={"liveness": {"timeoutSeconds": 12}, "startup": {"maxSeconds": 9}})
    )
    live = sources(plan, "liveness")
    assert live["timeoutSeconds"] == "AppHealth rule"
    assert live["periodSeconds"] == "timeoutSeconds of AppHealth rule"
    assert live["failureThreshold"] == "defaults v1"
    assert sources(plan, "startup")["failureThreshold"] == "maxSeconds 9 of AppHealth rule"


def test_a_timeout_and_period_of_two_layers_stand_and_are_told(build, planned):
    plan = planned(
        build.deployment(),
        build.cluster_rule(probes={"readiness": {"timeoutSeconds": 9}}),
        build.rule(probes={"readiness": {"periodSeconds": 2}}),
    )
    assert numbers(plan, "readiness") == (0, 9, 2, 3)
    assert [f.id for f in plan.findings] == ["timeout-exceeds-period"]


def test_grace_and_success_are_written_as_given(build, planned):
    probes = {"liveness": {"terminationGracePeriodSeconds": 7}, "readiness": {"successThreshold": 2}}
    plan = planned(build.deployment(), build.rule(probes=probes))
    main = plan.patches[0].body["spec"]["template"]["spec"]["containers"][0]
    assert main["livenessProbe"]["terminationGracePeriodSeconds"] == 7
    assert main["readinessProbe"]["successThreshold"] == 2


STARTS = [
    pytest.param({}, 0, (2, 150), "maxSeconds 300 of defaults v1", id="nothing learned"),
    pytest.param({}, 100, (2, 150), "maxSeconds 300 of defaults v1", id="never below the default"),
    pytest.param({}, 400, (2, 600), "3 x the slowest start of 400 s", id="a slow starter"),
    pytest.param({"periodSeconds": 7}, 400, (7, 172), "3 x the slowest start of 400 s", id="by the users' period"),
    pytest.param({"maxSeconds": 60}, 400, (2, 30), "maxSeconds 60 of AppHealth rule", id="users know better"),
    pytest.param({"failureThreshold": 5}, 400, (2, 5), "AppHealth rule", id="users say how often"),
]


def plan_with_start(build, seconds, **probes):
    from apphealth.store.facts import plan_of

    world = build.world(build.deployment(), build.service(), build.rule(probes=probes))
    workload = next(iter(world.workloads.values()))
    if seconds:
        assert world.learn_start(workload.key, "main", seconds)
    return plan_of(workload, world)


@pytest.mark.parametrize(("startup", "seconds", "expected", "source"), STARTS)
def test_a_startup_probe_allows_three_times_the_slowest_start(build, startup, seconds, expected, source):
    plan = plan_with_start(build, seconds, startup=startup)
    _, _, period, failure = numbers(plan, "startup")
    assert (period, failure) == expected
    assert sources(plan, "startup")["failureThreshold"] == source


@pytest.mark.parametrize(("seconds", "delay"), [(0, 30), (400, 1200)])
def test_without_a_startup_probe_liveness_waits_as_long(build, seconds, delay):
    plan = plan_with_start(build, seconds, startup={"enabled": False})
    assert numbers(plan, "liveness")[0] == delay


def test_a_slow_start_is_in_the_health_plan(build):
    record = plan_with_start(build, 401).record
    assert [(one.container, one.seconds) for one in record.status.starts] == [("main", 410)]


@pytest.mark.parametrize(
    ("seen", "kept"),
    [([10.0], {}), ([31.0], {"main": 40}), ([31.0, 35.0], {"main": 40}), ([31.0, 95.0, 50.0], {"main": 100})],
)
def test_the_slowest_start_is_remembered_where_it_matters(build, seen, kept):
    world = build.world(build.deployment())
    key = next(iter(world.workloads))
    for seconds in seen:
        world.learn_start(key, "main", seconds)
    assert dict(world.starts.get(key, {})) == kept


def by(user="a rule", **fields):
    return ProbeSettings(**{name: Sourced(value, user) for name, value in fields.items()})


DEFAULT = "defaults v1"
LIVENESS = {"delay": (0, DEFAULT), "period": (10, DEFAULT), "timeout": (5, DEFAULT), "success": (1, DEFAULT)}
READINESS = {"delay": (0, DEFAULT), "period": (5, DEFAULT), "timeout": (3, DEFAULT), "success": (1, DEFAULT)}
STARTUP = {"delay": (0, DEFAULT), "period": (2, DEFAULT), "timeout": (2, DEFAULT), "success": (1, DEFAULT)}
THREE = {"failure": (3, DEFAULT)}
ALONE = LIVENESS | {"delay": (30, "no startup probe holds liveness back")}
RAISED = "2 x what readiness waits"
SLOW = Learned(start=150)


@pytest.mark.parametrize(
    ("settings", "learned", "kept", "expected"),
    [
        pytest.param({}, NOTHING, {}, {"liveness": ALONE | THREE, "readiness": READINESS | THREE}, id="defaults"),
        pytest.param(
            {}, NOTHING, {}, {"startup": STARTUP | {"failure": (150, f"maxSeconds 300 of {DEFAULT}")}}, id="a startup"
        ),
        pytest.param(
            {},
            SLOW,
            {},
            {"startup": STARTUP | {"failure": (225, "3 x the slowest start of 150 s")}, "liveness": LIVENESS | THREE},
            id="a slow start",
        ),
        pytest.param(
            {"startup": by(max_seconds=100)},
            SLOW,
            {},
            {"startup": STARTUP | {"failure": (50, "maxSeconds 100 of a rule")}},
            id="users allow less than the slow start took",
        ),
        pytest.param(
            {"startup": by(failure_threshold=7)},
            SLOW,
            {},
            {"startup": STARTUP | {"failure": (7, "a rule")}},
            id="users allow fewer failures than the slow start took",
        ),
        pytest.param(
            {},
            SLOW,
            {"startup": Probe(handler=None)},
            {"liveness": LIVENESS | THREE},
            id="another owner's startup probe holds liveness back",
        ),
        pytest.param(
            {},
            SLOW,
            {},
            {"liveness": LIVENESS | THREE | {"delay": (450, "3 x the slowest start of 150 s")}},
            id="a slow start without a startup probe",
        ),
        pytest.param(
            {"liveness": by(initial_delay_seconds=1)},
            SLOW,
            {},
            {"liveness": LIVENESS | THREE | {"delay": (1, "a rule")}},
            id="users delay liveness",
        ),
        pytest.param(
            {"readiness": by(period_seconds=30)},
            NOTHING,
            {},
            {
                "liveness": ALONE | {"failure": (18, RAISED)},
                "readiness": READINESS | THREE | {"period": (30, "a rule")},
            },
            id="users' readiness takes longer: liveness fails more often",
        ),
        pytest.param(
            {"liveness": by(failure_threshold=2), "readiness": by(failure_threshold=10)},
            NOTHING,
            {},
            {
                "liveness": ALONE | {"failure": (2, "a rule"), "period": (50, RAISED)},
                "readiness": READINESS | {"failure": (10, "a rule")},
            },
            id="with a threshold of users: liveness asks less often",
        ),
        pytest.param(
            {"liveness": by(failure_threshold=2, period_seconds=10)},
            NOTHING,
            {},
            {
                "liveness": ALONE | {"failure": (2, "a rule"), "period": (10, "a rule")},
                "readiness": READINESS | {"failure": (2, "half of what liveness waits")},
            },
            id="with a period of users too: readiness gives up sooner",
        ),
        pytest.param(
            {"liveness": by(failure_threshold=2)},
            NOTHING,
            {"readiness": Probe(handler=None, period=30, failure_threshold=3)},
            {"liveness": ALONE | {"failure": (2, "a rule")}},
            id="users' threshold stays beside another owner's readiness",
        ),
        pytest.param(
            {},
            NOTHING,
            {"readiness": Probe(handler=None, period=30, failure_threshold=3)},
            {"liveness": ALONE | {"failure": (18, RAISED)}},
            id="another owner's readiness takes longer",
        ),
        pytest.param(
            {},
            NOTHING,
            {"readiness": Probe(handler=None, period=5, failure_threshold=3)},
            {"liveness": ALONE | THREE},
            id="another owner's readiness gives up in time",
        ),
        pytest.param(
            {},
            Learned(liveness_failures=Sourced(9, "preset java")),
            {},
            {"liveness": ALONE | {"failure": (9, "preset java")}},
            id="the preset's threshold",
        ),
        pytest.param(
            {"liveness": by(timeout_seconds=20)},
            NOTHING,
            {},
            {"liveness": ALONE | THREE | {"timeout": (20, "a rule"), "period": (20, "timeoutSeconds of a rule")}},
            id="a timeout above the default period",
        ),
        pytest.param(
            {"liveness": by(period_seconds=4)},
            NOTHING,
            {},
            {"liveness": ALONE | THREE | {"period": (4, "a rule"), "timeout": (4, "periodSeconds of a rule")}},
            id="a period below the default timeout",
        ),
        pytest.param(
            {},
            Learned(slowest=((ProbeKind.LIVENESS, 1.5), (ProbeKind.READINESS, 0.1))),
            {},
            {
                "liveness": ALONE | THREE | {"timeout": (8, "5 x the slowest answer of 1.50 s")},
                "readiness": READINESS | THREE,
            },
            id="slow answers",
        ),
    ],
)
def test_each_number_with_its_source(settings, learned, kept, expected):
    kinds = tuple(ProbeKind(kind) for kind in expected)
    found = fit_numbers(
        kinds, {ProbeKind(kind): probe for kind, probe in kept.items()}, ContainerSettings(**settings), 1, learned
    )
    assert found == {
        kind: Numbers(**{name: Sourced(*value) for name, value in numbers.items()})
        for kind, numbers in expected.items()
    }


def test_the_sources_bear_the_names_of_the_probes_fields():
    numbers = Numbers(
        delay=Sourced(1, "a"),
        period=Sourced(20, "b"),
        timeout=Sourced(3, "c"),
        success=Sourced(4, "d"),
        failure=Sourced(5, "e"),
        grace=Sourced(6, "f"),
    )
    assert [(one.field, one.value, one.source) for one in numbers.provenance()] == [
        ("initialDelaySeconds", "1", "a"),
        ("periodSeconds", "20", "b"),
        ("timeoutSeconds", "3", "c"),
        ("successThreshold", "4", "d"),
        ("failureThreshold", "5", "e"),
        ("terminationGracePeriodSeconds", "6", "f"),
    ]
    assert len(replace(numbers, grace=None).provenance()) == 5
    assert apply_numbers(TcpSocket(1), numbers) == Probe(
        handler=TcpSocket(1),
        initial_delay=1,
        period=20,
        timeout=3,
        success_threshold=4,
        failure_threshold=5,
        grace_period=6,
    )
