"""What holds for any workload and any rules, also for hostile ones."""

from __future__ import annotations

import copy
import random
import re
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apphealth.api.errors import InvalidResource
from apphealth.model.parse_workload import parse_workload
from apphealth.model.probe import ProbeKind
from apphealth.model.proof import Accept, Proof, Verdict
from apphealth.model.service import parse_service
from apphealth.plan.probes import presets
from apphealth.store.facts import plan_of

NAMES = st.sampled_from(["main", "side", "istio-proxy", "c1"])
PORT_NUMBERS = st.sampled_from([80, 8080, 8443, 9000])
PORT_NAMES = st.sampled_from(["http", "web", "https", "grpc", "admin"])
PATHS = st.sampled_from(["/", "/health", "/z/health/liveness", "/up?x=1"])
SECONDS = st.integers(1, 60)
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 99999)
    | st.text(max_size=6)
    | st.sampled_from(["http", "main", "web:80"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)


def some(**fields):
    """An object in which any field may be missing."""
    return st.fixed_dictionaries({}, optional=fields)


NUMBERS = {"periodSeconds": SECONDS, "timeoutSeconds": SECONDS, "failureThreshold": st.integers(1, 30)}
HANDLERS = st.one_of(
    st.builds(lambda port, path: {"httpGet": {"port": port, "path": path}}, PORT_NUMBERS | PORT_NAMES, PATHS),
    st.builds(lambda port: {"tcpSocket": {"port": port}}, PORT_NUMBERS),
    st.builds(lambda port: {"grpc": {"port": port}}, PORT_NUMBERS),
    st.just({"exec": {"command": ["true"]}}),
)
PROBES = st.builds(lambda handler, numbers: handler | numbers, HANDLERS, some(**NUMBERS, initialDelaySeconds=SECONDS))
PORTS = st.lists(
    st.fixed_dictionaries(
        {"containerPort": PORT_NUMBERS}, optional={"name": PORT_NAMES, "protocol": st.sampled_from(["TCP", "UDP"])}
    ),
    max_size=3,
    unique_by=lambda port: port["containerPort"],
)
MORE = ("QUARKUS_MANAGEMENT_ENABLED", "DJANGO_SETTINGS_MODULE", "KC_HTTP_RELATIVE_PATH", "LIGHTSHIP_PORT")
IMAGES = st.sampled_from(["x:1", "postgres:16", "quay.io/keycloak/keycloak", "python:3", "node"])
COMMANDS = st.sampled_from([["gunicorn", "app:app"], ["java", "-jar", "app.jar"], ["sh", "-c", "exec node ."]])
ENV = st.lists(
    st.builds(
        lambda name, value: {"name": name, "value": value},
        st.sampled_from(
            ["APPHEALTH_X", "PORT", "DB_HOST", "API_URL", "X", "MANAGEMENT_SERVER_PORT", "SPRING_X", *MORE]
        ),
        st.sampled_from(["db", "http://api:80", "postgres://u:hunter2@db:5432/x", "9000", "/z", "true"]),
    ),
    max_size=5,
    unique_by=lambda variable: variable["name"],
)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES, "image": IMAGES},
        optional={
            "command": COMMANDS,
            "ports": PORTS,
            "env": ENV,
            "livenessProbe": PROBES,
            "readinessProbe": PROBES,
            "startupProbe": PROBES,
        },
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda container: container["name"],
)
ANNOTATIONS = some(
    **{
        "apphealth.dev/preset": st.sampled_from(["tcp", "grpc", "auto", "nope"]),
        "apphealth.dev/path-prefix": st.sampled_from(["/x", "/", "evil"]),
        "apphealth.dev/port": st.sampled_from(["http", "8080", "99999", ""]),
        "apphealth.dev/depends-on": st.sampled_from(["db", "api:80, db", "nobody"]),
    }
)
PLACE = {"path": PATHS, "port": PORT_NUMBERS | PORT_NAMES}
SAID = (
    some(**PLACE, **NUMBERS)
    | st.just({"enabled": False})
    | st.just({"type": "TCP"})
    | st.just({"type": "GRPC", "service": "s"})
)
STARTUP = SAID | some(maxSeconds=st.integers(60, 600))
SAYS = some(liveness=SAID, readiness=SAID, startup=STARTUP)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "existingProbes": st.sampled_from(["Keep", "Replace"]),
            "mode": st.sampled_from(["Enforce", "Enforce", "Audit"]),
        },
        optional={
            "preset": st.sampled_from(["auto", "auto", "nope", *presets.ALL]),
            "verification": st.just("Required"),
            "probes": SAYS,
            "containers": st.lists(
                st.fixed_dictionaries({"name": NAMES | st.just("*")}, optional={"probes": SAYS}),
                max_size=2,
                unique_by=lambda c: c["name"],
            ),
            "dependencies": some(services=st.just([{"name": "db", "required": True}]), deliver=st.booleans()),
        },
    ),
    max_size=3,
)
SERVICES = st.lists(
    st.fixed_dictionaries(
        {"port": PORT_NUMBERS, "targetPort": PORT_NUMBERS | PORT_NAMES},
        optional={"appProtocol": st.sampled_from(["http", "https"])},
    ),
    max_size=3,
)
PODS = st.none() | st.builds(
    lambda *drawn: _pods(*drawn),  # noqa: PLW0108 - it is defined below
    st.integers(0, 9),
    st.sampled_from(Verdict).flatmap(
        lambda one: st.sampled_from([tuple(Verdict), (one,), (Verdict.VERIFIED, Verdict.REFUTED)])
    ),
)
"""How a workload's running pods answer; None where none is ready."""
DRAWN = st.tuples(CONTAINERS, ANNOTATIONS, RULES, SERVICES, PODS)


def _pods(seed, verdicts):
    """Make pods that answer each question always alike, and anyhow."""

    def answer(question):
        digit = (int(question.id, 16) + seed * 7919) % 1009
        verdict = verdicts[digit % len(verdicts)]
        index = question.accept is Accept.INDEX and verdict is Verdict.VERIFIED
        named = tuple((kind, path) for kind, path in zip(ProbeKind, INDEXED[digit % 3], strict=False)) if index else ()
        return Proof(verdict=verdict, answer="an answer", slowest=digit / 500, endpoints=named)

    return answer


INDEXED = [("/z/a", "/z/b", "/z/c"), ("/z/a", "evil path", ""), ()]
RUNS = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@pytest.fixture
def scenes(build, api_server, operator):
    """Make scenes of what Hypothesis drew."""

    def make(containers, annotations, specs, ports, pods=None):
        workload = build.deployment(*copy.deepcopy(containers), pod_annotations=annotations)
        workload["status"] = {"readyReplicas": 2} if pods else {}
        objects = [build.service(ports=ports), build.service("db"), build.service("api")]
        for index, spec in enumerate(specs):
            rule = build.rule(f"r{index}", created=f"2026-01-0{index + 1}T00:00:00Z", **{"preset": "auto"} | spec)
            try:
                build.parse_rule(rule)
            except InvalidResource:
                continue
            objects.append(rule)
        server = api_server(workload)
        return SimpleNamespace(server=server, objects=objects, life=operator(server, build.world(*objects), pods))

    return make


PORT_NAME = re.compile(r"(?=.{1,15}$)(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def complete(probe):
    """Hold a probe to what the API server asks of it."""
    probe = {name: value for name, value in probe.items() if value is not None}
    handlers = [name for name in ("exec", "grpc", "httpGet", "tcpSocket") if probe.get(name)]
    assert len(handlers) == 1
    assert probe["timeoutSeconds"] >= 1
    assert probe["periodSeconds"] >= 1
    assert probe["failureThreshold"] >= 1
    assert probe.get("initialDelaySeconds", 0) >= 0
    assert probe.get("successThreshold", 1) >= 1
    handler = probe[handlers[0]]
    if "port" in handler:
        port = handler["port"]
        assert PORT_NAME.fullmatch(port) if isinstance(port, str) else 1 <= port <= 65535
        assert handlers[0] != "grpc" or isinstance(port, int)
    assert not handler.get("host")
    assert handler.get("path", "/").startswith("/")
    assert handler.get("scheme", "HTTP") in ("HTTP", "HTTPS")
    assert all(header["name"] and header["value"] is not None for header in handler.get("httpHeaders") or [])


def container_has(scene, container, probe):
    return probe.kind.field in scene.server.container(container.name)


def test_what_is_planned_is_valid_and_settles(scenes):
    @RUNS
    @given(DRAWN)
    def check(drawn):
        scene = scenes(*drawn)
        decided = scene.life.look()
        for container in decided.containers:
            for probe in container.probes:
                if probe.probe is not None and probe.action == "Apply":
                    assert probe.probe.success_threshold == 1 or probe.kind == "readiness"
                    assert probe.verification not in ("Refuted", "AwaitingPods") or container_has(
                        scene, container, probe
                    )
        for patch in decided.patches:
            for container in patch.body["spec"]["template"]["spec"].get("containers", []):
                for field, probe in container.items():
                    if field.endswith("Probe"):
                        complete(probe)
        settled = scene.life.settle()
        assert settled.patches == ()
        assert scene.life.sent <= 1, "one rollout"
        assert "hunter2" not in repr(settled)

    check()


EXEC_STAYS = (
    [
        {
            "name": "main",
            "image": "x:1",
            "command": ["gunicorn", "app:app"],
            "livenessProbe": {"exec": {"command": ["true"]}},
            "readinessProbe": {"httpGet": {"port": 80, "path": "/"}},
            "startupProbe": {"exec": {"command": ["true"]}},
            "ports": [{"containerPort": 80}],
            "env": [{"name": "APPHEALTH_X", "value": "db"}],
        }
    ],
    {"apphealth.dev/preset": "auto", "apphealth.dev/path-prefix": "/x"},
    [{"existingProbes": "Replace", "mode": "Enforce"}],
    [],
    None,
)
"""Only a part of a preset's probes may be written: the owner's command stays, because it couldn't be put back."""


def test_planning_again_says_the_same(scenes):
    @RUNS
    @example(EXEC_STAYS)
    @given(DRAWN)
    def check(drawn):
        scene = scenes(*drawn)
        first = scene.life.look()
        scene.life.remember(first)
        scene.life.send(first)
        again = scene.life.look()
        assert written_part(again) == written_part(first)
        assert scene.life.look().record == again.record

    check()


def written_part(decided):
    """A record without what tells of the workload as it is: the preview, and that an original was replaced."""
    if decided.record is None:
        return None
    originals = tuple(msgspec.structs.replace(one, replaced=False) for one in decided.record.status.originals)
    status = msgspec.structs.replace(decided.record.status, preview=None, proofs=(), originals=originals)
    return msgspec.structs.replace(decided.record, status=status)


def rules_among(objects):
    return [obj for obj in objects if obj["kind"].endswith("AppHealth")]


def test_without_the_rules_all_is_as_it_was(build, scenes):
    @RUNS
    @given(DRAWN, RULES)
    def check(drawn, others):
        scene = scenes(*drawn)
        original = scene.server.obj
        scene.life.settle()
        build.set_rules(scene.life.world, *rules_among(scenes(*drawn[:2], others, []).objects))
        scene.life.asked.clear()
        scene.life.settle()
        build.set_rules(scene.life.world)
        scene.life.settle()
        assert scene.server.obj["spec"] == original["spec"]
        owners = {manager for manager, _ in scene.server.owned}
        assert "apphealth" not in owners

    check()


def test_in_audit_nothing_is_written(scenes):
    @RUNS
    @given(CONTAINERS, ANNOTATIONS, RULES, SERVICES, PODS)
    def check(containers, annotations, specs, ports, pods):
        scene = scenes(containers, annotations, [spec | {"mode": "Audit"} for spec in specs], ports, pods)
        assert scene.life.look().patches == ()

    check()


def test_the_order_of_inputs_does_not_matter(build):
    @RUNS
    @given(CONTAINERS, ANNOTATIONS, RULES, SERVICES, PODS, st.randoms(use_true_random=False))
    def check(containers, annotations, specs, ports, pods, order: random.Random):
        rules = [build.rule(f"r{index}", **{"preset": "auto"} | spec) for index, spec in enumerate(specs)]
        rules = [rule for rule in rules if _valid(build, rule)]
        objects = [
            *rules,
            build.service(ports=ports),
            build.service("db"),
            build.service("api"),
            build.service("more", selector={"app": "web"}),
        ]
        workload = build.deployment(*containers, pod_annotations=annotations)
        workload["status"] = {"readyReplicas": 1} if pods else {}
        expected = _answered(workload, build.world(workload, *objects), pods)
        turned = copy.deepcopy(workload)
        order.shuffle(objects)
        for container in turned["spec"]["template"]["spec"]["containers"]:
            order.shuffle(container.get("env", []))
        assert _answered(turned, build.world(turned, *objects), pods) == expected

    check()


def _answered(workload, world, pods):
    """Return the plan of a workload after all that it wants to know was asked, without what names the questions."""
    parsed = parse_workload(workload)
    while (decided := plan_of(parsed, world)).questions:
        for question in decided.questions:
            world.put_answer(question, pods(question))
    return decided


def _valid(build, rule):
    try:
        build.parse_rule(rule)
    except InvalidResource:
        return False
    return True


def test_no_json_however_wrong_raises(build):
    @RUNS
    @given(ANY, ANY, ANY, RULES)
    def check(first, second, third, specs):
        container = {
            "name": "main",
            "ports": [first, {"containerPort": second, "name": third}],
            "env": [{"name": "DB_HOST", "value": first}, second],
        }
        container |= {
            "command": third,
            "args": [first, second],
            "envFrom": second,
            "livenessProbe": first,
            "volumeMounts": [third],
        }
        container |= {
            "readinessProbe": {
                "httpGet": {"port": first, "path": second, "httpHeaders": [third]},
                "periodSeconds": third,
            }
        }
        workload = build.deployment(
            container,
            {"name": first},
            pod_annotations={"apphealth.dev/port": second, "apphealth.dev/depends-on": third},
        )
        workload["metadata"]["managedFields"] = [
            {"manager": "apphealth", "operation": "Update", "fieldsV1": first},
            second,
        ]
        service = {
            "metadata": {"name": first, "namespace": "shop"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": second, "targetPort": third}, first]},
        }
        world = build.world(
            *[
                rule
                for i, spec in enumerate(specs)
                if _valid(build, rule := build.rule(f"r{i}", **{"preset": "auto"} | spec))
            ]
        )
        world.put_service(parse_service(service))
        parsed = parse_workload(workload)
        world.put_workload(parsed)
        decided = plan_of(parsed, world)
        for patch in decided.patches:
            for found in patch.body["spec"]["template"]["spec"].get("containers", []):
                for field, probe in found.items():
                    if field.endswith("Probe") and probe is not None and patch.manager == "apphealth":
                        complete(probe)

    check()
