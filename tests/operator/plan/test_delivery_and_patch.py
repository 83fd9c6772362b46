"""What is sent: exact edits, complete probes, one patch for all of ours."""

from __future__ import annotations

import json

import pytest

from apphealth.model.probe import Exec, Grpc, HttpGet, Probe, TcpSocket, serialise_probe
from apphealth.plan.ownership.patch import complete

VOLUME = {"name": "apphealth", "configMap": {"name": "web-apphealth", "optional": True}}
MOUNT = {"name": "apphealth", "mountPath": "/etc/apphealth", "readOnly": True}
GONE = {"$patch": "delete", "mountPath": "/etc/apphealth"}
VOLUME_GONE = {"$patch": "delete", "name": "apphealth"}


def pod(plan):
    return plan.patches[-1].body["spec"]["template"]["spec"] if plan.patches else {}


def delivered(build, *, ours=True, mount=True, by="apphealth", **fields):
    """A Deployment that carries our volume and mount."""
    owned = {"f:volumes": {'k:{"name":"apphealth"}': {}}}
    mounts = {"f:volumeMounts": {'k:{"mountPath":"/etc/apphealth"}': {}}}
    containers = {"f:containers": {'k:{"name":"main"}': mounts}}
    entry = {
        "manager": by,
        "operation": "Update",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": owned | containers}}},
    }
    main = build.container(volumeMounts=[MOUNT] if mount else [])
    return build.deployment(main, volumes=[VOLUME], managed_fields=[entry] if ours else [], **fields)


def test_the_first_patch_is_the_only_one_and_holds_all(build, planned):
    plan = planned(build.deployment())
    (patch,) = plan.patches
    assert patch.manager == "apphealth"
    assert patch.body == {
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "livenessProbe": probe("liveness", "liveness", 5, 10, 3),
                            "readinessProbe": probe("readiness", "readiness", 3, 5, 3),
                            "startupProbe": probe("liveness", "startup", 2, 2, 150),
                            "volumeMounts": [MOUNT],
                        }
                    ],
                    "volumes": [VOLUME],
                }
            }
        }
    }


def probe(path, header, timeout, period, failure):
    http = {
        "path": f"/z/health/{path}",
        "port": "http",
        "scheme": "HTTP",
        "httpHeaders": [{"name": "X-Probe", "value": header}],
    }
    numbers = {"timeoutSeconds": timeout, "periodSeconds": period, "successThreshold": 1, "failureThreshold": failure}
    return {"httpGet": http, "exec": None, "grpc": None, "tcpSocket": None, **numbers}


HTTP = Probe(handler=HttpGet(port=80, path="/a", headers=(("A", "b"),)), initial_delay=9, grace_period=5)
NULLS = dict.fromkeys(("exec", "grpc", "httpGet", "tcpSocket"))
NUMBERS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


@pytest.mark.parametrize(
    ("wanted", "live", "expected"),
    [
        pytest.param(
            Probe(handler=TcpSocket(port=80)), None, NULLS | NUMBERS | {"tcpSocket": {"port": 80}}, id="over nothing"
        ),
        pytest.param(
            Probe(handler=TcpSocket(port=80)),
            HTTP,
            NULLS
            | NUMBERS
            | {"tcpSocket": {"port": 80}, "initialDelaySeconds": None, "terminationGracePeriodSeconds": None},
            id="over another handler",
        ),
        pytest.param(
            Probe(handler=HttpGet(port=81)),
            HTTP,
            NULLS
            | NUMBERS
            | {
                "httpGet": {"path": "/", "port": 81, "scheme": "HTTP", "httpHeaders": None},
                "initialDelaySeconds": None,
                "terminationGracePeriodSeconds": None,
            },
            id="over the same handler: its headers go",
        ),
        pytest.param(
            Probe(handler=Grpc(port=80)), None, NULLS | NUMBERS | {"grpc": {"port": 80, "service": ""}}, id="grpc"
        ),
        pytest.param(
            Probe(handler=Exec(command=("a", "b"))),
            None,
            NULLS | NUMBERS | {"exec": {"command": ["a", "b"]}},
            id="exec",
        ),
        pytest.param(
            Probe(handler=TcpSocket(port=80)),
            Probe(handler=TcpSocket(port=80, host="x")),
            NULLS | NUMBERS | {"tcpSocket": {"port": 80, "host": None}},
            id="a host goes",
        ),
    ],
)
def test_a_whole_probe_is_written_over_whatever_is_there(wanted, live, expected):
    assert complete(serialise_probe(wanted), serialise_probe(live) if live else {}) == expected


def test_a_sidecar_is_patched_where_it_stands(build, planned):
    sidecar = build.container("side", restartPolicy="Always")
    plan = planned(build.deployment(init=[sidecar, build.container("setup")]), build.service())
    rule = build.rule(containers=[{"name": "side", "preset": "tcp"}])
    plan = planned(build.deployment(init=[sidecar, build.container("setup")]), build.service(), rule)
    assert [c["name"] for c in pod(plan)["initContainers"]] == ["side"]
    assert [c["name"] for c in pod(plan)["containers"]] == ["main"]


def test_what_is_delivered_already_is_not_sent_again(build, planned):
    assert "volumes" not in pod(planned(delivered(build)))
    assert "volumeMounts" not in pod(planned(delivered(build)))["containers"][0]


@pytest.mark.parametrize(
    ("spec", "containers", "volumes"),
    [
        pytest.param({"dependencies": {"deliver": False}}, [GONE], [VOLUME_GONE], id="switched off"),
        pytest.param({"preset": "tcp"}, [GONE], [VOLUME_GONE], id="it no longer runs the library"),
        pytest.param({"containers": [{"name": "main", "enabled": False}]}, [GONE], [VOLUME_GONE], id="left alone"),
    ],
)
def test_what_is_no_longer_delivered_is_taken_out(build, planned, spec, containers, volumes):
    plan = planned(delivered(build), build.rule(**spec))
    assert pod(plan)["containers"][0]["volumeMounts"] == containers
    assert pod(plan)["volumes"] == volumes
    assert plan.delivery is None


def test_a_volume_and_mount_of_somebody_else_stay(build, planned):
    plan = planned(delivered(build, by="kubectl"), build.rule(preset="tcp"))
    assert "volumes" not in pod(plan)
    assert "volumeMounts" not in pod(plan)["containers"][0]


def test_a_volume_stays_while_somebody_elses_mount_needs_it(build, planned):
    workload = delivered(build)
    theirs = {"f:containers": {'k:{"name":"main"}': {"f:volumeMounts": {'k:{"mountPath":"/etc/apphealth"}': {}}}}}
    entry = {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {"f:spec": theirs}}}}
    workload["metadata"]["managedFields"].append(entry)
    assert "volumes" not in pod(planned(workload, build.rule(preset="tcp")))


@pytest.mark.parametrize(
    ("workload", "told"),
    [
        pytest.param({"ours": False, "mount": False}, ["volume-taken"], id="a volume of that name"),
        pytest.param({"ours": False, "mount": True}, [], id="mounted by themselves, where the library looks"),
    ],
)
def test_a_volume_of_that_name_that_is_not_ours_is_told(build, planned, workload, told):
    plan = planned(delivered(build, **workload))
    assert [f.id for f in plan.findings] == told
    assert "volumes" not in pod(plan)
    assert all("web-apphealth" in f.fix for f in plan.findings)


def test_the_file_is_what_the_library_reads(build, planned):
    spec = {"dependencies": {"services": [{"name": "db", "namespace": "data", "required": True}, {"name": "users"}]}}
    plan = planned(build.deployment(), build.service("db", "data"), build.service("users"), build.rule(**spec))
    assert json.loads(plan.delivery) == {
        "version": 1,
        "workload": {"kind": "Deployment", "namespace": "shop", "name": "web"},
        "service_dependencies": {
            "db.data": {"url": "tcp://db.data.svc:80", "required": True},
            "users": {"url": "tcp://users.shop.svc:80", "required": False},
        },
    }


@pytest.mark.parametrize(
    ("spec", "delivers"),
    [
        pytest.param({}, True, id="by default"),
        pytest.param({"mode": "Audit"}, False, id="not in Audit"),
        pytest.param({"preset": "http"}, False, id="not where the library does not run"),
        pytest.param({"dependencies": {"deliver": False}}, False, id="not where it is switched off"),
    ],
)
def test_the_file_is_made_for_those_who_read_it(build, planned, spec, delivers):
    assert (planned(build.deployment(), build.rule(**spec)).delivery is not None) is delivers


def test_a_stateful_set_has_a_config_map_of_its_own(build, planned):
    plan = planned(build.deployment(kind="StatefulSet"))
    assert pod(plan)["volumes"][0]["configMap"]["name"] == "web.statefulset-apphealth"
