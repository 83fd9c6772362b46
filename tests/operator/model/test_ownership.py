"""Who owns a probe, leaf by leaf, as measured on a real API server."""

from __future__ import annotations

import json

import pytest

from apphealth.model.parse_workload import parse_workload

PROBE = {"httpGet": {"path": "/a", "port": 80}, "periodSeconds": 10}
ALL = {"f:httpGet": {"f:path": {}, "f:port": {}}, "f:periodSeconds": {}}
PATH, PORT, PERIOD = ("httpGet", "path"), ("httpGet", "port"), ("periodSeconds",)
HTTP_ONLY, NUMBERS = {"f:httpGet": ALL["f:httpGet"]}, {"f:periodSeconds": {}}
PATH_ONLY, REST = {"f:httpGet": {"f:path": {}}}, {"f:httpGet": {"f:port": {}}, "f:periodSeconds": {}}


def entry(manager, fields, operation="Update", **more):
    containers = {"f:containers": {'k:{"name":"main"}': {"f:livenessProbe": fields}}}
    return {
        "manager": manager,
        "operation": operation,
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": containers}}},
    } | more


def parsed(*entries, probe=PROBE, name="main"):
    pod = {"containers": [{"name": name, "livenessProbe": probe}]}
    return parse_workload({"metadata": {"managedFields": list(entries)}, "spec": {"template": {"spec": pod}}})


def owner(*entries, **fields):
    return parsed(*entries, **fields).containers[0].probes["liveness"].owner


@pytest.mark.parametrize(
    ("entries", "ours", "our_leaves", "others"),
    [
        pytest.param([entry("apphealth", ALL)], True, (), (), id="all of it ours"),
        pytest.param([entry("apphealth", {".": {}, **ALL})], True, (), (), id="with the field itself"),
        pytest.param([entry("kubectl", ALL)], False, (), ("kubectl",), id="all of it theirs"),
        pytest.param(
            [entry("apphealth", ALL), entry("kubectl", ALL, "Apply")], False, (), ("kubectl",), id="co-owned is theirs"
        ),
        pytest.param(
            [entry("apphealth", NUMBERS), entry("kubectl", HTTP_ONLY)],
            False,
            (PERIOD,),
            ("kubectl",),
            id="their handler, our numbers",
        ),
        pytest.param(
            [entry("apphealth", HTTP_ONLY), entry("edit", NUMBERS)],
            False,
            (PATH, PORT),
            ("edit",),
            id="our handler, their numbers",
        ),
        pytest.param(
            [entry("apphealth", REST), entry("kubectl", PATH_ONLY)],
            False,
            (PERIOD,),
            ("kubectl",),
            id="client-side apply: the port stays",
        ),
        pytest.param(
            [entry("apphealth", REST), entry("argocd", PATH_ONLY, "Apply")],
            False,
            (PORT, PERIOD),
            ("argocd",),
            id="server-side apply: it is ours",
        ),
        pytest.param([entry("apphealth", HTTP_ONLY)], False, (PATH, PORT), (), id="numbers that are nobody's"),
        pytest.param([entry("apphealth-restored", ALL)], False, (), ("apphealth-restored",), id="put back by us"),
        pytest.param(
            [entry("apphealth", NUMBERS), entry("apphealth-restored", HTTP_ONLY)],
            False,
            (),
            ("apphealth-restored",),
            id="partly put back",
        ),
        pytest.param(
            [entry("apphealth", ALL, "Apply")], False, (), ("apphealth",), id="somebody applies under our name"
        ),
        pytest.param(
            [entry("apphealth", ALL, subresource="status")], False, (), (), id="a subresource owns nothing of it"
        ),
        pytest.param([], False, (), (), id="nobody's"),
        pytest.param(
            [entry("apphealth", ALL), entry("a", NUMBERS), entry("b", NUMBERS)],
            False,
            (PATH, PORT),
            ("a", "b"),
            id="two others",
        ),
    ],
)
def test_who_owns_a_probe(entries, ours, our_leaves, others):
    found = owner(*entries)
    assert (found.ours, found.our_leaves, found.others) == (ours, our_leaves, others)


def test_what_is_ours_alone_is_remembered_also_where_it_stays():
    assert owner(entry("apphealth", REST), entry("kubectl", PATH_ONLY)).held == (PORT, PERIOD)


@pytest.mark.parametrize(
    "entries", [[entry("apphealth", ALL)], [entry("apphealth", NUMBERS), entry("kubectl", HTTP_ONLY)]]
)
def test_a_workload_with_a_leaf_of_ours_is_touched(entries):
    assert parsed(*entries).has_ours


@pytest.mark.parametrize("entries", [[], [entry("kubectl", ALL)], [entry("apphealth-restored", ALL)]])
def test_a_workload_without_is_not(entries):
    assert not parsed(*entries).has_ours


def test_another_containers_fields_are_not_this_ones():
    assert not owner(entry("apphealth", ALL), name="renamed").ours


@pytest.mark.parametrize("fields", [None, [], "x", {"f:spec": None}, {"f:spec": {"f:template": []}}, {"f:spec": "x"}])
def test_hostile_managed_fields_own_nothing(fields):
    assert not owner({"manager": "apphealth", "operation": "Update", "fieldsV1": fields}).ours


def test_a_key_is_spelled_as_the_api_server_does():
    name = 'quo"te'
    key = f"k:{json.dumps({'name': name}, separators=(',', ':'))}"
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {key: {"f:livenessProbe": ALL}}}}}}
    assert owner({"manager": "apphealth", "operation": "Update", "fieldsV1": fields}, name=name).ours
