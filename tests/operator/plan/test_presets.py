"""Where each preset asks, and how containers are told by their signs."""

from __future__ import annotations

import pytest

from apphealth.model.probe import describe_probe
from apphealth.plan.probes import presets


def asks(plan):
    return {p.kind.value: describe_probe(p.probe).split(" delay")[0] for p in plan.containers[0].probes if p.probe}


Z = "http-get http://:http"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            {"preset": "flask-management-endpoints"},
            {
                "liveness": f"{Z}/z/health/liveness",
                "readiness": f"{Z}/z/health/readiness",
                "startup": f"{Z}/z/health/liveness",
            },
            id="flask",
        ),
        pytest.param(
            {"preset": "flask-management-endpoints", "pathPrefix": "/manage/"},
            {
                "liveness": f"{Z}/manage/health/liveness",
                "readiness": f"{Z}/manage/health/readiness",
                "startup": f"{Z}/manage/health/liveness",
            },
            id="flask under another prefix",
        ),
        pytest.param(
            {"preset": "flask-management-endpoints", "pathPrefix": ""},
            {
                "liveness": f"{Z}/health/liveness",
                "readiness": f"{Z}/health/readiness",
                "startup": f"{Z}/health/liveness",
            },
            id="flask without a prefix",
        ),
        pytest.param(
            {"preset": "flask-management-endpoints", "probes": {"liveness": {"path": "/alive"}}},
            {"liveness": f"{Z}/alive", "readiness": f"{Z}/z/health/readiness", "startup": f"{Z}/alive"},
            id="startup goes where users send liveness",
        ),
        pytest.param(
            {
                "preset": "flask-management-endpoints",
                "probes": {"liveness": {"path": "/alive"}, "startup": {"path": "/started"}},
            },
            {"liveness": f"{Z}/alive", "readiness": f"{Z}/z/health/readiness", "startup": f"{Z}/started"},
            id="unless they send it elsewhere",
        ),
        pytest.param(
            {"preset": "flask-management-endpoints", "probes": {"liveness": {"enabled": False}}},
            {"readiness": f"{Z}/z/health/readiness", "startup": f"{Z}/z/health/liveness"},
            id="without liveness startup asks all the same",
        ),
        pytest.param({"preset": "tcp"}, {"readiness": "tcp-socket :http"}, id="tcp has no liveness"),
        pytest.param(
            {"preset": "grpc"},
            {"liveness": "grpc <pod>:8080 ", "readiness": "grpc <pod>:8080 ", "startup": "grpc <pod>:8080 "},
            id="grpc, by number",
        ),
        pytest.param(
            {"preset": "grpc", "probes": {"liveness": {"type": "GRPC", "service": "live"}}},
            {"liveness": "grpc <pod>:8080 live", "readiness": "grpc <pod>:8080 ", "startup": "grpc <pod>:8080 live"},
            id="grpc with a service",
        ),
        pytest.param(
            {"preset": "http", "probes": {"readiness": {"path": "/up"}}},
            {"readiness": f"{Z}/up"},
            id="http: what is said",
        ),
        pytest.param(
            {"preset": "http", "probes": {"liveness": {"path": "/up", "scheme": "HTTPS", "port": 8443, "headers": []}}},
            {"liveness": "http-get https://:8443/up", "startup": "http-get https://:8443/up"},
            id="startup asks as liveness does",
        ),
        pytest.param(
            {"preset": "tcp", "probes": {"liveness": {"type": "TCP"}}},
            {"liveness": "tcp-socket :http", "readiness": "tcp-socket :http"},
            id="no startup by TCP",
        ),
    ],
)
def test_a_preset_asks_at_its_endpoints(build, planned, spec, expected):
    assert asks(planned(build.deployment(), build.service(), build.rule(**spec))) == expected


@pytest.mark.parametrize(
    ("fields", "preset", "evidence"),
    [
        pytest.param(
            {"env": [{"name": "APPHEALTH_PREFIX", "value": "/z"}]},
            "flask-management-endpoints",
            "env APPHEALTH_PREFIX",
            id="flask by its env",
        ),
        pytest.param({"env": [{"name": "MY_APPHEALTH_X", "value": "1"}]}, "", "", id="a name that only contains it"),
        pytest.param({}, "", "", id="no signs"),
    ],
)
@pytest.mark.parametrize("said", [{"preset": "auto"}, {}])
def test_auto_goes_by_evidence(build, planned, fields, preset, evidence, said):
    rule = build.rule(**said)
    if not said:
        del rule["spec"]["preset"]
    found = planned(build.deployment(build.container(**fields)), build.service(), rule)
    assert (found.containers[0].preset, found.containers[0].preset_source) == (preset, evidence)
    assert [f.id for f in found.findings] == ([] if preset else ["application-unknown"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("flask-managment-endpoints", "did you mean 'flask-management-endpoints'?", id="a slip"),
        pytest.param("flaks", "did you mean 'flask-management-endpoints'?", id="a slip in its first word"),
        pytest.param("gprc", "did you mean 'grpc'?", id="letters turned"),
        pytest.param("cobol", "there are: auto, flask-management-endpoints", id="nothing like it"),
    ],
)
def test_an_unknown_preset_names_the_nearest(build, planned, name, words):
    plan = planned(build.deployment(), build.rule(preset=name))
    found = plan.findings[0]
    assert (found.id, found.severity, found.container) == ("preset-unknown", "error", "main")
    assert name in found.message
    assert "AppHealth rule" in found.message
    assert words in found.fix
    assert plan.patches == ()


def test_every_preset_says_where_it_is_documented():
    assert all(preset.source for preset in presets.ALL.values())
    assert all(name == preset.name for name, preset in presets.ALL.items())


@pytest.mark.parametrize(
    ("spec", "finding"),
    [
        pytest.param(
            {"preset": "http", "probes": {"liveness": {"type": "HTTP"}}}, "path-missing", id="HTTP without a path"
        ),
        pytest.param(
            {"preset": "http", "probes": {"liveness": {"type": "Exec"}}}, "command-missing", id="Exec without a command"
        ),
        pytest.param(
            {"preset": "http", "probes": {"liveness": {"type": "Exec", "command": ["x"]}}},
            "exec-forbidden",
            id="Exec not allowed",
        ),
        pytest.param({"preset": "http"}, "application-unknown", id="http, and nothing said"),
    ],
)
def test_what_cannot_be_asked_is_told_with_a_fix(build, planned, spec, finding):
    plan = planned(build.deployment(), build.rule(**spec))
    assert {f.id for f in plan.findings} == {finding}
    assert all(f.fix for f in plan.findings)
    assert plan.patches == ()


def test_a_command_is_planned_where_the_operator_allows_it(build, planned):
    probes = {"liveness": {"type": "Exec", "command": ["check", "--fast"]}}
    plan = planned(build.deployment(), build.rule(preset="http", probes=probes), options={"allow_exec": True})
    assert asks(plan) == {"liveness": "exec [check --fast]", "startup": "exec [check --fast]"}
