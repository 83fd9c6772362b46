"""The store finds by label what plain comparison finds, whatever comes and goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apphealth.model.service import Service
from apphealth.model.workload import Workload
from apphealth.store.world import World

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)
NAMES, SPACES = st.sampled_from("12345"), st.sampled_from(["n", "m"])
WORKLOADS = st.builds(
    lambda n, s, labels: Workload(kind="Deployment", api_version="apps/v1", namespace=s, name=n, pod_labels=labels),
    NAMES,
    SPACES,
    LABELS,
)
SERVICES = st.builds(lambda n, s, labels: Service(namespace=s, name=n, selector=labels), NAMES, SPACES, LABELS)


@given(st.lists(st.tuples(st.booleans(), WORKLOADS | SERVICES), max_size=30))
def test_services_and_workloads_find_each_other(changes):
    world = World()
    for put, value in changes:
        if isinstance(value, Workload):
            world.put_workload(value) if put else world.drop_workload(value.key)
        else:
            world.put_service(value) if put else world.drop_service(value.key)
    for workload in world.workloads.values():
        expected = [
            s for s in world.services.values() if s.namespace == workload.namespace and s.selects(workload.pod_labels)
        ]
        assert world.services_of(workload) == sorted(expected, key=lambda s: s.key)
    for service in world.services.values():
        behind = [
            w for w in world.workloads.values() if w.namespace == service.namespace and service.selects(w.pod_labels)
        ]
        assert world.workloads_behind(service) == sorted(behind, key=lambda w: w.key)


def test_a_dropped_world_holds_nothing():
    world = World()
    workload = Workload(kind="Deployment", api_version="apps/v1", namespace="n", name="w", pod_labels={"a": "x"})
    service = Service(namespace="n", name="s", selector={"a": "x"})
    world.put_workload(workload)
    world.put_service(service)
    world.drop_workload(workload.key)
    world.drop_service(service.key)
    world.drop_service(service.key)
    assert world.services_of(workload) == world.workloads_behind(service) == []
    assert not world._workload_labels
    assert not world._service_selectors
