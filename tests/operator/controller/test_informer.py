"""Lists and events on their way to the store: nobody is concerned before everything is known."""

import pytest

from apphealth.api.spec import WorkloadKind
from apphealth.controller.informer import Informer
from apphealth.controller.watch_session import watched
from apphealth.kube.resources import WORKLOADS, Resource
from apphealth.model.workload import WorkloadKey

WEB = WorkloadKey("Deployment", "shop", "web")


@pytest.fixture
def concerned():
    return []


@pytest.fixture
def informer(store, concerned):
    return Informer(store, watched(None), lambda who: concerned.extend(who.workloads))


def list_all(informer, *, but=(), **items):
    for resource in watched(None):
        if resource not in but:
            informer.page(resource, items.get(resource.name, []), True, True)


async def test_the_store_is_full_when_every_kind_has_been_listed(informer):
    list_all(informer, but=[Resource.RULES])
    assert not informer.full.is_set()
    informer.page(Resource.RULES, [], True, True)
    assert informer.full.is_set()


async def test_a_kind_is_listed_when_its_last_page_is_there(informer, make):
    list_all(informer, but=[Resource.SERVICES])
    informer.page(Resource.SERVICES, [make.service("a")], True, False)
    assert not informer.full.is_set()
    informer.page(Resource.SERVICES, [make.service("b")], False, True)
    assert informer.full.is_set()


async def test_nobody_is_concerned_before_the_store_is_full(informer, make, concerned):
    list_all(informer, but=[Resource.RULES], DEPLOYMENTS=[make.deployment()])
    informer.event(Resource.DEPLOYMENTS, "MODIFIED", make.deployment(labels={"x": "y"}))
    assert concerned == []
    informer.page(Resource.RULES, [], True, True)
    informer.event(Resource.DEPLOYMENTS, "MODIFIED", make.deployment(labels={"x": "z"}))
    assert concerned == [WEB]


async def test_a_second_list_drops_what_it_does_not_have(informer, store, make, concerned):
    list_all(informer, DEPLOYMENTS=[make.deployment("web"), make.deployment("users")])
    informer.page(Resource.DEPLOYMENTS, [make.deployment("users")], True, True)
    assert list(store.world.workloads) == [WorkloadKey("Deployment", "shop", "users")]
    assert concerned == [WEB]


async def test_a_list_that_was_broken_off_drops_nothing(informer, store, make):
    list_all(informer, DEPLOYMENTS=[make.deployment("web"), make.deployment("users")])
    informer.page(Resource.DEPLOYMENTS, [make.deployment("users")], True, False)
    informer.page(Resource.DEPLOYMENTS, [make.deployment("web"), make.deployment("users")], True, True)
    assert len(store.world.workloads) == 2


async def test_a_deletion_is_passed_on(informer, store, make, concerned):
    list_all(informer, DEPLOYMENTS=[make.deployment()])
    informer.event(Resource.DEPLOYMENTS, "DELETED", make.deployment())
    assert store.world.workloads == {}
    assert concerned == [WEB]


@pytest.mark.parametrize(
    ("namespace", "missing"),
    [
        pytest.param(None, set(), id="cluster"),
        pytest.param("shop", {Resource.NAMESPACES, Resource.CLUSTER_RULES}, id="one-namespace"),
    ],
)
def test_for_one_namespace_nothing_is_watched_that_needs_rights_on_the_cluster(namespace, missing):
    assert set(Resource) - set(watched(namespace)) == missing


@pytest.mark.parametrize(
    ("resource", "namespace", "path"),
    [
        (Resource.DEPLOYMENTS, None, "/apis/apps/v1/deployments"),
        (Resource.DEPLOYMENTS, "shop", "/apis/apps/v1/namespaces/shop/deployments"),
        (Resource.STATEFUL_SETS, None, "/apis/apps/v1/statefulsets"),
        (Resource.DAEMON_SETS, "shop", "/apis/apps/v1/namespaces/shop/daemonsets"),
        (Resource.ROLLOUTS, None, "/apis/argoproj.io/v1alpha1/rollouts"),
        (Resource.SERVICES, "shop", "/api/v1/namespaces/shop/services"),
        (Resource.CLUSTER_RULES, None, "/apis/apphealth.dev/v1alpha1/clusterapphealths"),
    ],
)
def test_paths(resource, namespace, path):
    assert resource.path(namespace) == path


def test_every_kind_of_workload_that_a_rule_may_name_is_watched():
    assert WORKLOADS.keys() == set(WorkloadKind)


async def test_while_lists_are_under_way_nothing_is_passed_on(informer, make, concerned):
    """A workload and its rule get other labels while the watches are broken: in between nothing selects it."""
    web, rule = make.deployment(labels={"app": "web"}), make.rule(selector={"matchLabels": {"app": "web"}})
    list_all(informer, DEPLOYMENTS=[web], RULES=[rule])
    relabelled = make.deployment(labels={"app": "new"})
    informer.page(Resource.RULES, [], True, False)
    informer.page(Resource.DEPLOYMENTS, [relabelled], True, True)
    assert concerned == []
    informer.page(Resource.RULES, [make.newer(rule, selector={"matchLabels": {"app": "new"}})], True, True)
    assert set(concerned) == {WEB}


async def test_after_all_watches_were_lost_everything_is_listed_before_anything_is_passed_on(informer, make, concerned):
    list_all(informer, DEPLOYMENTS=[make.deployment()])
    informer.restart(watched(None))
    list_all(informer, but=[Resource.RULES], DEPLOYMENTS=[make.deployment(labels={"x": "y"})])
    assert concerned == []
    informer.page(Resource.RULES, [], True, True)
    assert concerned == [WEB]
