"""Reading workloads, Services, namespaces and ConfigMaps, as an API server or a file has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apphealth.model.network_policy import parse_network_policy
from apphealth.model.parse_workload import DELIVERY_VOLUME, parse_workload, template_digest
from apphealth.model.service import MAX_CONFIG_MAP, MAX_FILE, parse_config_map, parse_namespace, parse_service

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def workload(**container):
    pod = {"containers": [{"name": "main"} | container]}
    return parse_workload({"spec": {"template": {"spec": pod}}}).containers[0]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param({"containerPort": 80}, [(80, "", "TCP")], id="a number"),
        pytest.param({"containerPort": 80, "name": "web", "protocol": "UDP"}, [(80, "web", "UDP")], id="in full"),
        pytest.param(
            {"containerPort": 80, "name": "Not A Name"}, [(80, "", "TCP")], id="a name that no probe could use"
        ),
        pytest.param({"containerPort": 80, "name": "a" * 16}, [(80, "", "TCP")], id="a name that is too long"),
        pytest.param({"containerPort": 80, "name": "123"}, [(80, "", "TCP")], id="a name without a letter"),
        pytest.param({"containerPort": 80, "name": "a\n"}, [(80, "", "TCP")], id="a name with a line feed"),
        pytest.param({"containerPort": 0}, [], id="0"),
        pytest.param({"containerPort": 65536}, [], id="65536"),
        pytest.param({"containerPort": "80"}, [], id="text"),
        pytest.param({"name": "web"}, [], id="a name alone"),
        pytest.param("80", [], id="no object"),
    ],
)
def test_a_container_port(port, expected):
    assert list(workload(ports=[port]).ports) == expected


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        pytest.param({"name": "A", "value": "b"}, ("A", "b", "", ""), id="a value"),
        pytest.param(
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            ("A", "", "c", "k"),
            id="a ConfigMap",
        ),
        pytest.param(
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "c", "key": "k"}}},
            ("A", "", "", ""),
            id="a Secret is not read",
        ),
        pytest.param({"name": "A", "value": 1}, ("A", "", "", ""), id="no text"),
        pytest.param({"name": "A", "value": "x" * 10_000}, ("A", "x" * 8192, "", ""), id="cut where it is too long"),
    ],
)
def test_a_variable(env, expected):
    assert workload(env=[env]).env == (expected,)


def test_only_sidecars_of_the_init_containers_are_read():
    init = [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}]
    found = parse_workload({"spec": {"template": {"spec": {"initContainers": init}}}})
    assert [(c.name, c.role) for c in found.containers] == [("proxy", "sidecar")]


def test_only_our_annotations_are_kept():
    metadata = {"annotations": {"apphealth.dev/preset": "x", "kubectl.kubernetes.io/last-applied-configuration": "y"}}
    found = parse_workload({"metadata": metadata, "spec": {"template": {"metadata": metadata}}})
    assert found.annotations == found.pod_annotations == {"apphealth.dev/preset": "x"}


def test_what_the_api_server_counts_and_where_pods_run():
    pod = {"hostNetwork": True}
    found = parse_workload({"metadata": {"generation": 3}, "spec": {"template": {"spec": pod}}})
    assert (found.generation, found.host_network) == (3, True)
    assert parse_workload({"spec": {"template": {"spec": {"hostNetwork": "yes"}}}}).host_network is False


def test_a_volume_changes_the_digest_of_a_template_unless_it_is_ours():
    digests = [template_digest({"volumes": [{"name": name}]}, {}) for name in ("data", "other", DELIVERY_VOLUME)]
    assert len(set(digests)) == 3
    assert template_digest({"volumes": []}, {}) == digests[2]


def test_a_policy_without_a_namespace_is_in_the_default_one():
    assert parse_network_policy({"metadata": {"name": "open"}}).namespace == "default"


@pytest.mark.parametrize(
    ("port", "target"),
    [
        pytest.param({"port": 80, "targetPort": "web"}, "web", id="a name"),
        pytest.param({"port": 80, "targetPort": 8080}, 8080, id="a number"),
        pytest.param({"port": 80}, 80, id="none: its own"),
        pytest.param({"port": 80, "targetPort": ""}, 80, id="empty: its own"),
        pytest.param({"port": 80, "targetPort": 0}, 80, id="0: its own"),
        pytest.param({"port": 80, "targetPort": None}, 80, id="null: its own"),
    ],
)
def test_a_service_port_leads_to(port, target):
    assert parse_service({"spec": {"ports": [port]}}).ports[0].target == target


@pytest.mark.parametrize("port", [{}, {"port": 0}, {"port": 70000}, {"port": "80"}, "80", None])
def test_what_is_no_port_is_left_out(port):
    assert parse_service({"spec": {"ports": [port]}}).ports == ()


@pytest.mark.parametrize(
    ("spec", "labels", "selected"),
    [
        pytest.param({"selector": {"a": "b"}}, {"a": "b", "c": "d"}, True, id="all of the selector"),
        pytest.param({"selector": {"a": "b", "c": "d"}}, {"a": "b"}, False, id="not all of it"),
        pytest.param({"selector": {}}, {"a": "b"}, False, id="an empty selector selects nothing"),
        pytest.param({}, {}, False, id="none"),
    ],
)
def test_a_service_selects_pods(spec, labels, selected):
    assert parse_service({"spec": spec}).selects(labels) is selected


def test_an_external_name_counts_only_where_it_is_one():
    assert parse_service({"spec": {"type": "ExternalName", "externalName": "x.com"}}).external_name == "x.com"
    assert parse_service({"spec": {"type": "ClusterIP", "externalName": "x.com"}}).external_name == ""


def test_a_namespace_has_the_label_that_kubernetes_gives_it():
    assert parse_namespace({"metadata": {"name": "shop"}}).labels == {"kubernetes.io/metadata.name": "shop"}


def test_a_config_map_is_read_up_to_its_bound():
    data = {f"k{i}": "x" * 8000 for i in range(100)}
    found = parse_config_map({"data": data, "binaryData": {"b": "eA=="}})
    assert 0 < len(found) < 100
    assert sum(map(len, found.values())) <= MAX_CONFIG_MAP


def test_of_a_config_map_the_short_keys_come_first_and_long_ones_are_cut():
    data = {"dashboard.json": "x" * 500_000, "app.yaml": "a: b"} | {f"{n}.json": "y" * 60_000 for n in range(6)}
    found = parse_config_map({"data": data})
    assert found["app.yaml"] == "a: b"
    assert [len(found[key]) for key in found if key != "app.yaml"] == [60_000] * 4
    assert len(parse_config_map({"data": {"dashboard.json": "x" * 500_000}})["dashboard.json"]) == MAX_FILE


@given(JSON)
def test_any_json_can_be_read(value):
    """Wrong types anywhere are left out, and never an exception."""
    container = {
        "name": value,
        "ports": value,
        "env": [value],
        "livenessProbe": {"httpGet": value, "periodSeconds": value},
    }
    container |= {"command": value, "volumeMounts": value, "envFrom": [value], "readinessProbe": value}
    pod = {"containers": [container, value], "initContainers": value, "volumes": [value]}
    metadata = {"name": value, "labels": value, "annotations": value, "managedFields": [value], "generation": value}
    for obj in (
        {"metadata": value, "spec": value},
        {"metadata": metadata, "spec": {"template": {"metadata": metadata, "spec": pod}}},
        {
            "metadata": metadata,
            "spec": {"selector": value, "ports": [value, {"port": value, "targetPort": value}]},
            "data": value,
        },
    ):
        for read in (parse_workload, parse_service, parse_namespace, parse_config_map):
            read(obj)
