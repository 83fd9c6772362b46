"""Reading a live cluster: from the small API server of conftest.py."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from apphealth.cli.errors import CommandError
from apphealth.cli.live.world import read_cluster
from apphealth.cli.options import Cluster, cluster_options
from apphealth.model.workload import WorkloadKey


def obj(kind: str, name: str, namespace: str = "shop", **parts: Any) -> dict[str, Any]:
    where = {} if kind in ("Namespace", "ClusterAppHealth") else {"namespace": namespace}
    metadata = {"name": name, "uid": f"{kind}-{name}", "resourceVersion": "1"} | where
    return {"kind": kind, "metadata": metadata} | parts


def workload(kind: str, name: str, namespace: str = "shop", **container: Any) -> dict[str, Any]:
    main = {"name": "main", "image": "x", "ports": [{"containerPort": 8080}]} | container
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [main]}}
    return obj(kind, name, namespace, spec={"template": template})


def env(name: str, value: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value}]}


def service(name: str, namespace: str = "shop") -> dict[str, Any]:
    return obj("Service", name, namespace, spec={"selector": {"app": name}, "ports": [{"port": 80}]})


RULE = obj("AppHealth", "all", spec={"selector": {}})
SHOP = [obj("Namespace", "shop"), workload("Deployment", "web"), service("web"), RULE]


def names(live: Any) -> list[str]:
    return sorted(str(key) for key in live.world.workloads)


def test_a_namespace_is_read_with_all_kinds(serve):
    others = [workload(kind, "web") for kind in ("StatefulSet", "DaemonSet", "Rollout")]
    _, cluster = serve(*SHOP, *others, workload("Deployment", "stranger", "market"))
    live = read_cluster(cluster, None)
    assert names(live) == ["DaemonSet/shop/web", "Deployment/shop/web", "Rollout/shop/web", "StatefulSet/shop/web"]
    assert (live.namespace, live.gaps, dict(live.invalid)) == ("shop", (), {})
    assert [str(key) for key in live.world.rules] == ["AppHealth/shop/all"]
    assert len(live.world.services) == 1


def test_all_namespaces_are_read_page_by_page(serve):
    many = [workload("Deployment", f"web-{number}", f"ns-{number % 3}") for number in range(1203)]
    server, cluster = serve(*many, obj("ClusterAppHealth", "standard", spec={"selector": {}}))
    live = read_cluster(Cluster(kubeconfig=cluster.kubeconfig, everywhere=True), None)
    assert len(live.world.workloads) == 1203
    assert live.namespace is None
    assert sum("deployments?" in url for url in server.asked) == 3
    assert [str(key) for key in live.world.rules] == ["ClusterAppHealth/standard"]


def test_what_workloads_mention_in_other_namespaces_is_read_too(serve):
    web = workload("Deployment", "web", **env("USERS_URL", "http://users.market/x"))
    server, cluster = serve(
        obj("Namespace", "shop"),
        web,
        service("users", "market"),
        workload("Deployment", "users", "market"),
        workload("Deployment", "else", "attic"),
        obj("Namespace", "market"),
    )
    live = read_cluster(cluster, "shop")
    assert names(live) == ["Deployment/market/users", "Deployment/shop/web"]
    assert not any("attic" in url for url in server.asked)


def test_mentions_in_a_namespace_that_is_not_there_are_not_followed(serve):
    server, cluster = serve(
        obj("Namespace", "shop"), workload("Deployment", "web", **env("A_URL", "http://users.market"))
    )
    assert read_cluster(cluster, "shop").gaps == ()
    assert [url for url in server.asked if "market" in url] == ["/api/v1/namespaces/market"]


def test_a_namespace_that_may_not_be_read_is_told_in_one_line(serve, capsys):
    web = workload("Deployment", "web", **env("A_URL", "http://users.market"))
    server, cluster = serve(obj("Namespace", "shop"), web)
    plurals = ("namespaces", "deployments", "statefulsets", "daemonsets", "services", "apphealths", "healthplans")
    server.forbidden |= {f"market/{plural}" for plural in (*plurals, "rollouts", "networkpolicies")}
    read_cluster(cluster, "shop", policies=True).print_gaps()
    assert capsys.readouterr().err == (
        "apphealth: no right to read the namespace market, which workloads mention:"
        " whether they need Services there is not seen\n"
    )


@pytest.mark.parametrize("count", [pytest.param(3, id="one by one"), pytest.param(40, id="as a list")])
def test_the_config_maps_that_workloads_refer_to_are_read(serve, count):
    def from_map(name: str) -> dict[str, Any]:
        return {"envFrom": [{"configMapRef": {"name": name}}]}

    web = [workload("Deployment", f"web-{n}", **from_map(f"settings-{n}")) for n in range(count)]
    maps = [obj("ConfigMap", f"settings-{n}", data={"DB": "x"}) for n in range(count - 1)]
    server, cluster = serve(obj("Namespace", "shop"), *web, *maps, obj("ConfigMap", "unrelated", data={"A": "b"}))
    live = read_cluster(cluster, None)
    assert live.world.config_maps == {("shop", f"settings-{n}"): {"DB": "x"} for n in range(count - 1)}
    assert (sum("/configmaps?" in url for url in server.asked) == 1) is (count > 16)


def test_config_maps_of_workloads_that_nobody_asks_about_are_not_read(serve):
    web = workload("Deployment", "web", envFrom=[{"configMapRef": {"name": "settings"}}])
    server, cluster = serve(obj("Namespace", "shop"), web, obj("ConfigMap", "settings", data={"A": "b"}))
    assert read_cluster(cluster, None, wanted=lambda _: False).world.config_maps == {}
    assert not any("configmaps" in url for url in server.asked)


def test_originals_and_network_policies_are_read(serve):
    original = {"container": "main", "type": "liveness", "original": {"tcpSocket": {"port": 1}}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    plan = obj(
        "HealthPlan",
        "deployment-web",
        spec={"workload": reference},
        status={"state": "Applied", "originals": [original]},
    )
    plan["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "apphealth"}
    plan["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web", "uid": "Deployment-web"}]
    policy = obj("NetworkPolicy", "out", spec={"podSelector": {}, "egress": [{"to": [{"podSelector": {}}]}]})
    _, cluster = serve(*SHOP, plan, policy)
    live = read_cluster(cluster, None, policies=True)
    assert live.world.originals[WorkloadKey("Deployment", "shop", "web")][0].original == {"tcpSocket": {"port": 1}}
    assert [policy.name for policy in live.world.policies["shop"]] == ["out"]
    assert read_cluster(cluster, None).world.policies == {}


def test_a_rule_that_cannot_be_used_is_told(serve, capsys):
    _, cluster = serve(*SHOP[:3], obj("AppHealth", "bad", spec={"selector": {}, "preset": 7}))
    read_cluster(cluster, None).print_gaps()
    assert "AppHealth/shop/bad can't be used and doesn't count" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("forbidden", "told"),
    [
        ("services", "no right to list services in the namespace shop: ports and dependencies"),
        ("statefulsets", "no right to list statefulsets.apps in the namespace shop: StatefulSets are not seen"),
        ("clusterapphealths", "no right to list clusterapphealths.apphealth.dev in the cluster: ClusterAppHealths"),
        ("healthplans", "no right to list healthplans.apphealth.dev in the namespace shop: proofs of pods"),
        ("shop/namespaces", "no right to get namespaces in the namespace shop: labels and annotations"),
        ("configmaps", "no right to read configmaps in the namespace shop: dependencies that ConfigMaps name"),
        ("networkpolicies", "no right to list networkpolicies.networking.k8s.io in the namespace shop: dependencies"),
    ],
)
def test_a_missing_right_is_told_and_the_rest_is_read(serve, capsys, forbidden, told):
    web = workload("Deployment", "web", envFrom=[{"configMapRef": {"name": "settings"}}])
    server, cluster = serve(obj("Namespace", "shop"), web)
    server.forbidden.add(forbidden)
    live = read_cluster(cluster, None, policies=True)
    live.print_gaps()
    assert names(live) == ["Deployment/shop/web"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"apphealth: {told}")


def test_a_cluster_without_our_resources_is_read_all_the_same(serve, capsys):
    server, cluster = serve(*SHOP)
    server.missing |= {"AppHealth", "ClusterAppHealth", "HealthPlan", "Rollout"}
    read_cluster(cluster, None).print_gaps()
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].split(" in ")[0] for line in told] == [
        " there is no apphealths.apphealth.dev",
        " there is no clusterapphealths.apphealth.dev",
        " there is no healthplans.apphealth.dev",
    ]


@pytest.mark.parametrize(
    ("namespace", "everywhere", "forbidden", "told"),
    [
        ("nowhere", False, "", "there is no namespace 'nowhere' in this cluster"),
        ("shop", False, "deployments", "no right to read the namespace shop: User"),
        (None, True, "deployments", "no right to read the whole cluster, try -n NAMESPACE: User"),
    ],
)
def test_what_makes_reading_pointless_ends_the_command(serve, namespace, everywhere, forbidden, told):
    server, cluster = serve(*SHOP)
    server.forbidden.add(forbidden)
    with pytest.raises(CommandError, match=told) as error:
        read_cluster(Cluster(kubeconfig=cluster.kubeconfig, everywhere=everywhere), namespace)
    assert error.value.code == 4


def test_a_cluster_that_is_not_there_is_told(serve):
    _, cluster = serve(*SHOP)
    config = json.loads(cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    cluster.kubeconfig.write_text(json.dumps(config))
    with pytest.raises(CommandError, match=r"cannot reach http://127\.0\.0\.1:1"):
        read_cluster(cluster, None)


def test_a_kubeconfig_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "config").write_text("nothing: here")
    with pytest.raises(CommandError, match="no current-context") as error:
        read_cluster(Cluster(kubeconfig=tmp_path / "config"), None)
    assert error.value.code == 3


def test_all_namespaces_and_one_do_not_go_together():
    with pytest.raises(click.UsageError, match="choose one"):
        read_cluster(Cluster(everywhere=True), "shop")


@pytest.mark.parametrize(
    ("arguments", "named"), [((), False), (("-A",), True), (("--context", "x"), True), (("--kubeconfig", "k"), True)]
)
def test_the_options_say_whether_a_cluster_is_meant(tmp_path, monkeypatch, arguments, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k").touch()
    got: list[Cluster] = []

    @click.command()
    @cluster_options
    @click.option("-n", "--namespace")
    def command(*, cluster: Cluster, namespace: str | None) -> None:
        got.append(cluster)
        assert namespace is None

    command.main([*arguments], standalone_mode=False)
    assert got[0].named is named
