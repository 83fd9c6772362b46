"""Which ConfigMaps are read for a workload."""

from __future__ import annotations

from apphealth.controller.gather import read_config_maps
from apphealth.kube.resources import Resource
from apphealth.model.parse_workload import parse_workload
from apphealth.plan import Options
from apphealth.store.config_maps import config_maps_of
from apphealth.store.store import Name, Store


def test_those_of_its_environment_and_files_are_read_and_what_we_wrote_is_not():
    container = {
        "name": "main",
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "key", "key": "a"}}}],
        "envFrom": [{"configMapRef": {"name": "all"}}],
        "volumeMounts": [{"name": "v", "mountPath": "/etc/app"}, {"name": "w", "mountPath": "/etc/again"}],
    }
    volumes = [{"name": "v", "configMap": {"name": "file"}}, {"name": "w", "configMap": {"name": "web-apphealth"}}]
    spec = {"template": {"spec": {"containers": [container], "volumes": volumes}}}
    obj = {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
    assert config_maps_of(parse_workload(obj)) == {("shop", name) for name in ("key", "all", "file")}


def test_the_operator_knows_the_domain_of_its_cluster():
    assert Store().world.options.cluster_domain == "cluster.local"
    assert Store(Options(cluster_domain="corp.example.")).world.options.cluster_domain == "corp.example"


class NeverAsked:
    """A client that answers nothing."""


async def test_what_is_not_there_is_not_asked_for():
    store, key = Store(), ("shop", "config")
    assert await read_config_maps(NeverAsked(), store, frozenset({key}))
    assert store.world.config_maps[key] == {}
    assert not await read_config_maps(NeverAsked(), store, frozenset({key})), "known now"


async def test_an_answer_that_comes_after_the_news_of_a_change_is_not_kept():
    store, key = Store(), ("shop", "config")

    def changed(version, text):
        return {"metadata": {"namespace": "shop", "name": "config", "resourceVersion": version}, "data": {"url": text}}

    class Slow:
        """Answers with what was there when it was asked, after everybody was told of a change."""

        def __init__(self):
            self.answers = [changed("1", "old"), changed("2", "new")]

        async def get(self, path, kind):
            if len(self.answers) == 2:
                store.put(Resource.CONFIG_MAPS, changed("2", "new"))
            return self.answers.pop(0)

    client = Slow()
    store.put(Resource.CONFIG_MAPS, changed("1", "old"))
    assert await read_config_maps(client, store, frozenset({key}))
    assert key not in store.world.config_maps
    assert await read_config_maps(client, store, frozenset({key}))
    assert store.world.config_maps[key] == {"url": "new"}


def test_the_store_knows_which_config_maps_there_are():
    store = Store()
    one, two = ({"metadata": {"namespace": "shop", "name": name, "resourceVersion": "1"}} for name in ("one", "two"))
    store.put(Resource.CONFIG_MAPS, one)
    store.put(Resource.CONFIG_MAPS, two)
    assert store.config_maps == {Name("shop", "one"), Name("shop", "two")}
    store.drop(Resource.CONFIG_MAPS, two)
    assert store.config_maps == {Name("shop", "one")}
    store.sweep(Resource.CONFIG_MAPS, set())
    assert store.config_maps == set()


async def test_one_that_comes_later_concerns_whoever_missed_it():
    store, key = Store(), ("shop", "config")
    await read_config_maps(NeverAsked(), store, frozenset({key}))
    store.put(Resource.CONFIG_MAPS, {"metadata": {"namespace": "shop", "name": "config", "resourceVersion": "7"}})
    assert key not in store.world.config_maps, "its text has to be read"
