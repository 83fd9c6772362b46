"""A probe in the last client-side apply is its author's, as long as it is what the container carries."""

import json
from typing import Any

import pytest

from apphealth.model.last_applied import ANNOTATION, MANAGER, last_applied
from apphealth.model.ownership import without_claims
from apphealth.model.parse_workload import parse_workload
from apphealth.model.probe import ProbeKind
from apphealth.model.workload import LiveProbe

OURS = {
    "httpGet": {"path": "/live", "port": 8000, "scheme": "HTTP"},
    "timeoutSeconds": 5,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
ALL_OURS = {
    "f:httpGet": {".": {}, "f:path": {}, "f:port": {}, "f:scheme": {}},
    "f:timeoutSeconds": {},
    "f:periodSeconds": {},
    "f:successThreshold": {},
    "f:failureThreshold": {},
}
PATH = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"main"}', "f:livenessProbe")


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value


def entry(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": fields}


def live(annotation: str | None, probe: dict[str, Any] = OURS) -> LiveProbe:
    annotations = {} if annotation is None else {ANNOTATION: annotation}
    workload = parse_workload(
        {
            "kind": "Deployment",
            "metadata": {
                "name": "web",
                "annotations": annotations,
                "managedFields": [entry("apphealth", nested(PATH, ALL_OURS))],
            },
            "spec": {"template": {"spec": {"containers": [{"name": "main", "livenessProbe": probe}]}}},
        }
    )
    return workload.containers[0].probes[ProbeKind.LIVENESS]


def manifest(probe: object, container: str = "main") -> str:
    containers = [{"name": container, "livenessProbe": probe}]
    return json.dumps({"spec": {"template": {"spec": {"containers": containers}}}})


@pytest.mark.parametrize(
    "annotation",
    [
        pytest.param(None, id="no annotation"),
        pytest.param(manifest(None), id="a manifest without the probe"),
        pytest.param(manifest({"httpGet": {"path": "/old", "port": 8000}}), id="a manifest that is out of date"),
        pytest.param(manifest(OURS | {"initialDelaySeconds": 3}), id="a manifest that says more than is there"),
        pytest.param(manifest(OURS, container="other"), id="a manifest of another container"),
        pytest.param('{"Probe"', id="broken JSON"),
        pytest.param('"Probe"', id="no object"),
        pytest.param("[" * 5000 + '"Probe"', id="deep nesting"),
        pytest.param(json.dumps({"spec": {"template": {"spec": {"containers": ["livenessProbe"]}}}}), id="wrong types"),
    ],
)
def test_a_manifest_without_our_probe_leaves_it_ours(annotation: str | None) -> None:
    assert live(annotation).owner.ours


def test_whoever_applies_our_very_values_owns_the_probe() -> None:
    owner = live(manifest(OURS)).owner
    assert not owner.ours
    assert owner.others == (MANAGER,)
    assert owner.our_leaves == ()
    assert owner.claimed


def test_what_their_manifest_leaves_open_is_still_ours_to_take_out() -> None:
    owner = live(manifest({"httpGet": {"path": "/live", "port": 8000}, "timeoutSeconds": None})).owner
    assert not owner.ours
    assert set(owner.our_leaves) >= {("timeoutSeconds",), ("periodSeconds",)}
    assert not {("httpGet", "path"), ("httpGet", "port")} & set(owner.our_leaves)


def test_giving_up_claims_touches_our_own_entry_only() -> None:
    theirs = entry("kubectl", nested(PATH, ALL_OURS))
    ours = entry("apphealth", nested(PATH, ALL_OURS))
    scale = ours | {"subresource": "scale"}
    assert without_claims([theirs, ours, scale], [PATH]) == [theirs, scale]


def test_giving_up_one_claim_keeps_the_others() -> None:
    readiness = (*PATH[:-1], "f:readinessProbe")
    fields = nested(PATH[:-1], {"f:livenessProbe": ALL_OURS, "f:readinessProbe": ALL_OURS})
    kept = without_claims([entry("apphealth", fields)], [PATH])
    assert kept == [entry("apphealth", nested(readiness, ALL_OURS))]


@pytest.mark.parametrize("value", [None, "x", [1], [{"manager": "apphealth", "operation": "Update"}]])
def test_giving_up_claims_takes_any_json(value: object) -> None:
    assert without_claims(value, [PATH]) == []


def test_a_sidecar_in_the_last_apply_is_found_too():
    sidecar = {"name": "main", "restartPolicy": "Always", "livenessProbe": OURS}
    pod = {"initContainers": [sidecar]}
    text = json.dumps({"spec": {"template": {"spec": pod}}})
    found = last_applied({ANNOTATION: text}, pod)
    assert found is not None
    assert found.below(*PATH[:3], "f:initContainers", *PATH[4:])
