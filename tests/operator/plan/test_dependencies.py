"""Which Services a workload needs: by its rules, its annotation, its environment."""

from __future__ import annotations

import json

import pytest

from apphealth.plan.dependencies.evidence.declared import by_rules


def plan_with(
    build, planned, *env, services=("users", "db"), spec=None, extra=(), pod_annotations=None, maps=None, **fields
):
    main = build.container(
        env=[{"name": n, "value": v} if isinstance(v, str) else {"name": n, **v} for n, v in env], **fields
    )
    there = [build.service(name) if isinstance(name, str) else name for name in services]
    workload = build.deployment(main, pod_annotations=pod_annotations or {})
    return planned(workload, build.service(), *there, build.rule(**(spec or {})), *extra, **(maps or {}))


def found(plan):
    return {d.service.name: (d.url, d.confidence) for d in plan.dependencies}


@pytest.mark.parametrize(
    ("name", "value", "confidence"),
    [
        pytest.param("X", "http://users", 0.9, id="URL"),
        pytest.param("X", "http://users:80/api", 0.9, id="URL with port"),
        pytest.param("X", "postgres://u:p@users/x", 0.9, id="DSN"),
        pytest.param("X", "jdbc:postgresql://users/x", 0.9, id="jdbc"),
        pytest.param("X", "users:80", 0.9, id="host and port"),
        pytest.param("X", "users.shop", 0.9, id="with its namespace"),
        pytest.param("X", "users.shop.svc", 0.9, id="svc"),
        pytest.param("X", "users.shop.svc.cluster.local", 0.9, id="in full"),
        pytest.param("X", "a:1,users:80", 0.9, id="in a list"),
        *(
            pytest.param(f"X_{word}", "users", 0.7, id=f"bare in {word}")
            for word in ("HOST", "ADDR", "SERVICE", "URL", "ENDPOINT", "SERVER", "SERVERS")
        ),
        pytest.param("x.users-host", "users", 0.7, id="bare in another spelling"),
        pytest.param("USERS", "users", None, id="bare elsewhere"),
        pytest.param("HOSTNAME_PREFIX", "users", None, id="bare, host not last"),
        pytest.param("X", "users:7", None, id="an image's tag"),
        pytest.param("X", "users:latest", None, id="an image's name"),
        pytest.param("X", "users/path", None, id="a path"),
        pytest.param("X", "someone@users", None, id="an e-mail address"),
        pytest.param("X", "users.shop.example.com", None, id="a host outside"),
        pytest.param("X", "http://users.other", None, id="another namespace"),
        pytest.param("X", "http://nobody", None, id="no such Service"),
        pytest.param("X", "http://web", None, id="its own Service"),
        pytest.param("X_HOST", "web", None, id="its own Service, bare"),
    ],
)
def test_a_variable_names_a_service(build, planned, name, value, confidence):
    expected = {} if confidence is None else {"users": ("tcp://users.shop.svc:80", confidence)}
    assert found(plan_with(build, planned, (name, value))) == expected


@pytest.mark.parametrize(
    ("fields", "env", "expected"),
    [
        pytest.param(
            {},
            [("X_HOST", {"valueFrom": {"configMapKeyRef": {"name": "conf", "key": "users"}}})],
            ["users"],
            id="a key",
        ),
        pytest.param({"envFrom": [{"configMapRef": {"name": "conf"}}]}, [], ["db", "users"], id="all keys"),
        pytest.param(
            {"envFrom": [{"configMapRef": {"name": "conf"}}]},
            [("DB_URL", "none")],
            ["users"],
            id="env counts before envFrom",
        ),
        pytest.param(
            {}, [("DB_URL", "http://db"), ("DB_URL", "http://users")], ["users"], id="the last of one name counts"
        ),
        pytest.param(
            {},
            [("X_HOST", {"valueFrom": {"configMapKeyRef": {"name": "nope", "key": "users"}}})],
            [],
            id="a ConfigMap that is not there",
        ),
        pytest.param(
            {},
            [("X_HOST", {"valueFrom": {"secretKeyRef": {"name": "conf", "key": "users"}}})],
            [],
            id="Secrets are not read",
        ),
    ],
)
def test_config_maps_are_read_as_the_container_sees_them(build, planned, fields, env, expected):
    maps = {"conf": {"users": "http://users", "DB_URL": "http://db"}}
    assert sorted(found(plan_with(build, planned, *env, maps=maps, **fields))) == expected


def test_evidence_says_where_and_masks_credentials(build, planned):
    plan = plan_with(build, planned, ("DB_DSN", "postgres://u:hunter2@db:80/x"), ("CACHE_HOST", "db"))
    assert plan.dependencies[0].evidence == ("env DB_DSN of main: postgres://***@db:80", "env CACHE_HOST of main: db")
    assert "hunter2" not in repr(plan)


def test_the_order_of_variables_does_not_matter(build, planned):
    two = [build.service("users", ports=[{"port": 80}, {"port": 81}])]
    env = [("A", "http://users:81"), ("B", "http://users:80"), ("C_HOST", "users")]
    first = plan_with(build, planned, *env, services=two)
    assert plan_with(build, planned, *reversed(env), services=two) == first


@pytest.mark.parametrize(
    ("spec", "annotation", "expected"),
    [
        pytest.param({"services": [{"name": "users"}]}, None, {"users": (80, False)}, id="a rule"),
        pytest.param({"services": [{"name": "users", "required": True}]}, None, {"users": (80, True)}, id="required"),
        pytest.param(
            {"services": [{"name": "many", "port": "admin"}]}, None, {"many": (9000, False)}, id="a port by name"
        ),
        pytest.param(
            {"services": [{"name": "many", "port": 9000}]}, None, {"many": (9000, False)}, id="a port by number"
        ),
        pytest.param(
            {"services": [{"name": "far", "namespace": "data"}]}, None, {"far": (80, False)}, id="another namespace"
        ),
        pytest.param({}, "users, many:9000", {"users": (80, False), "many": (9000, False)}, id="the annotation"),
        pytest.param({}, "far.data", {"far": (80, False)}, id="the annotation, another namespace"),
        pytest.param(
            {"services": [{"name": "many", "port": 80, "required": True}]},
            "many:9000",
            {"many": (9000, True)},
            id="the annotation's port counts",
        ),
        pytest.param({"services": [{"name": "users"}], "ignore": [{"name": "us*"}]}, None, {}, id="ignored after all"),
        pytest.param(
            {"services": [{"name": "users"}], "ignore": [{"name": "us*", "namespace": "data"}]},
            None,
            {"users": (80, False)},
            id="ignored elsewhere",
        ),
    ],
)
def test_users_name_services(build, planned, spec, annotation, expected):
    many = build.service("many", ports=[{"port": 80, "name": "http"}, {"port": 9000, "name": "admin"}])
    plan = plan_with(
        build,
        planned,
        services=["users", many, build.service("far", "data")],
        spec={"dependencies": spec},
        pod_annotations={"apphealth.dev/depends-on": annotation} if annotation else {},
    )
    assert {d.service.name: (d.port, d.required) for d in plan.dependencies} == expected
    assert all(d.confidence == 1.0 for d in plan.dependencies)


@pytest.mark.parametrize("discover", [True, False])
def test_discovery_can_be_switched_off(build, planned, discover):
    plan = plan_with(build, planned, ("X", "http://users"), spec={"dependencies": {"discover": discover}})
    assert found(plan).keys() == ({"users"} if discover else set())


@pytest.mark.parametrize(
    ("weaker", "stronger", "expected"),
    [
        pytest.param({"port": 80, "required": True}, {}, (80, True), id="the stronger one says nothing of them"),
        pytest.param({"port": 80, "required": True}, {"port": 9000, "required": False}, (9000, False), id="it says so"),
        pytest.param({}, {"required": True}, (None, True), id="only it says something"),
        pytest.param({}, {}, (None, False), id="neither"),
    ],
)
def test_of_two_rules_that_name_a_service_the_stronger_wins_field_by_field(build, weaker, stronger, expected):
    rules = [
        build.parse_rule(build.rule(name, dependencies={"services": [{"name": "many"} | fields]}))
        for name, fields in (("weaker", weaker), ("stronger", stronger))
    ]
    (found,) = by_rules(rules, build.parse(build.deployment()))
    assert (found.port, found.required, found.evidence) == (*expected, "AppHealth stronger")


def test_a_service_that_users_name_and_that_is_not_there_is_told(build, planned):
    spec = {"dependencies": {"services": [{"name": "nobody"}]}}
    plan = plan_with(build, planned, spec=spec, pod_annotations={"apphealth.dev/depends-on": "noone"})
    assert [(f.id, f.severity) for f in plan.findings] == [("dependency-missing", "warning")] * 2
    assert {str(m) for m in plan.mentions} == {"shop/nobody", "shop/noone"}


def test_the_cluster_dns_is_nobodys_dependency(build, planned):
    dns = build.service("kube-dns", "kube-system", ports=[{"port": 53}])
    assert found(plan_with(build, planned, ("DNS", "kube-dns.kube-system.svc:53"), services=[dns])) == {}


@pytest.mark.parametrize(
    ("service", "value", "url"),
    [
        pytest.param(
            {"type": "ExternalName", "externalName": "db.example.com", "selector": {}, "ports": []},
            "db:5432",
            "tcp://db.shop.svc:5432",
            id="ExternalName at the port named",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "db.example.com", "selector": {}, "ports": []},
            "x://db",
            "",
            id="ExternalName without a port",
        ),
        pytest.param(
            {"clusterIP": "None", "ports": [{"port": 80, "targetPort": 5432}]},
            "x://db",
            "tcp://db.shop.svc:5432",
            id="headless at the pods' own port",
        ),
        pytest.param(
            {"clusterIP": "None", "ports": [{"port": 80, "targetPort": "sql"}]},
            "x://db",
            "tcp://db.shop.svc:6000",
            id="headless by the port's name",
        ),
        pytest.param(
            {"clusterIP": "None", "ports": []}, "db:7000", "tcp://db.shop.svc:7000", id="headless without ports"
        ),
        pytest.param(
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 80}]}, "x://db", "tcp://db.shop.svc:80", id="never UDP"
        ),
        pytest.param({"ports": [{"port": 53, "protocol": "UDP"}]}, "x://db", "", id="UDP alone cannot be asked"),
        pytest.param(
            {"selector": {}, "ports": [{"port": 5432}]}, "x://db", "tcp://db.shop.svc:5432", id="without a selector"
        ),
    ],
)
def test_what_is_asked_of_a_service_that_does_not_speak_http(build, planned, service, value, url):
    sql = build.container("db", ports=[{"containerPort": 6000, "name": "sql"}])
    behind = build.deployment(sql, name="db", annotations={"apphealth.dev/ignore": "a database"})
    plan = plan_with(build, planned, ("X", value), services=[build.service("db", **service)], extra=[behind])
    assert [d.url for d in plan.dependencies] == [url]
    told = json.loads(plan.delivery)["service_dependencies"]
    assert [d["url"] for d in told.values()] == ([url] if url else [])


@pytest.mark.parametrize(
    ("fields", "service", "url"),
    [
        pytest.param(
            {"env": [{"name": "APPHEALTH_X", "value": ""}]},
            {},
            "http://users.shop.svc:80/z/health/readiness",
            id="the library's",
        ),
        pytest.param(
            {"readinessProbe": {"httpGet": {"path": "/up", "port": "http"}}},
            {},
            "http://users.shop.svc:80/up",
            id="its owner's own",
        ),
        pytest.param(
            {"readinessProbe": {"httpGet": {"path": "/up", "port": 8080, "scheme": "HTTPS"}}},
            {},
            "https://users.shop.svc:80/up",
            id="over TLS",
        ),
        pytest.param(
            {"readinessProbe": {"httpGet": {"path": "/up", "port": 8080, "host": "elsewhere"}}},
            {},
            "tcp://users.shop.svc:80",
            id="not one that asks elsewhere",
        ),
        pytest.param(
            {"readinessProbe": {"tcpSocket": {"port": 8080}}}, {}, "tcp://users.shop.svc:80", id="its owner's by TCP"
        ),
        pytest.param(
            {"readinessProbe": {"httpGet": {"path": "/up", "port": 9999}}},
            {},
            "tcp://users.shop.svc:80",
            id="at a port no Service leads to",
        ),
        pytest.param(
            {"readinessProbe": {"httpGet": {"path": "/up", "port": 8080}}},
            {"clusterIP": "None"},
            "http://users.shop.svc:8080/up",
            id="headless",
        ),
        pytest.param(
            {
                "readinessProbe": {"httpGet": {"path": "/up", "port": 9000}},
                "ports": [{"containerPort": 8080, "name": "http"}, {"containerPort": 9000, "name": "admin"}],
            },
            {"ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": "admin"}]},
            "http://users.shop.svc:81/up",
            id="by the port that leads to it",
        ),
        pytest.param({}, {}, "tcp://users.shop.svc:80", id="health not known"),
    ],
)
def test_what_is_asked_of_a_service_with_a_workload_behind(build, planned, fields, service, url):
    behind = build.deployment(build.container(**fields), name="users")
    rule = {"preset": "auto", "targetRef": {"kind": "Deployment", "name": "users"}}
    plan = plan_with(
        build,
        planned,
        ("X", "http://users"),
        services=[build.service("users", **service)],
        extra=[behind, build.rule("behind", **rule)],
    )
    assert [d.url for d in plan.dependencies] == [url]


@pytest.mark.parametrize("port", [80, 81, 82])
def test_the_port_that_is_used_is_asked_where_it_tells_the_readiness_too(build, planned, port):
    ports = [{"name": f"p{number}", "port": number, "targetPort": "http"} for number in (80, 81, 82)]
    behind = build.deployment(
        build.container(readinessProbe={"httpGet": {"path": "/up", "port": "http"}}), name="users"
    )
    services = [build.service("users", ports=ports)]
    plan = plan_with(build, planned, ("X", f"http://users:{port}"), services=services, extra=[behind])
    assert [d.url for d in plan.dependencies] == [f"http://users.shop.svc:{port}/up"]


@pytest.mark.parametrize(
    ("namespace", "annotations", "url"),
    [
        pytest.param("shop", {}, "http://users.shop.svc:80/up", id="of its own namespace, without the query"),
        pytest.param("data", {}, "tcp://users.data.svc:80", id="of another, which shares nothing"),
        pytest.param("data", {"apphealth.dev/share-health-paths": "false"}, "tcp://users.data.svc:80", id="says so"),
        pytest.param("data", {"apphealth.dev/share-health-paths": "true"}, "http://users.data.svc:80/up", id="shares"),
    ],
)
def test_the_path_of_a_probe_stays_in_its_namespace_and_its_query_with_the_workload(
    build, planned, namespace, annotations, url
):
    probe = {"httpGet": {"path": "/up?token=s3cr3t#x", "port": "http"}}
    behind = build.deployment(build.container(readinessProbe=probe), name="users", namespace=namespace)
    about = {"kind": "Namespace", "metadata": {"name": namespace, "annotations": annotations}}
    plan = plan_with(
        build,
        planned,
        ("X", f"http://users.{namespace}"),
        services=[build.service("users", namespace)],
        extra=[behind, about],
    )
    assert [d.url for d in plan.dependencies] == [url]
    assert "s3cr3t" not in plan.delivery
    assert "s3cr3t" not in repr(plan.record.status.dependencies)


@pytest.mark.parametrize(
    ("spec", "annotations", "url"),
    [
        pytest.param({}, {"apphealth.dev/path-prefix": "/internal"}, "/internal/health/readiness", id="its own prefix"),
        pytest.param({"preset": "spring-boot"}, {}, "/actuator/health/readiness", id="Spring"),
        pytest.param({"preset": "quarkus"}, {}, "/q/health/ready", id="Quarkus"),
        pytest.param({"probes": {"readiness": {"path": "/up"}}}, {}, "/up", id="what a rule says"),
    ],
)
def test_another_application_is_asked_where_it_tells_its_readiness(build, planned, spec, annotations, url):
    behind = build.deployment(name="users", pod_annotations=annotations)
    rule = build.rule("behind", targetRef={"kind": "Deployment", "name": "users"}, **spec)
    services, extra = [build.service("users")], [behind, rule]
    plan = plan_with(build, planned, ("X", "http://users"), services=services, extra=extra)
    assert [d.url for d in plan.dependencies] == [f"http://users.shop.svc:80{url}"]


def test_a_readiness_that_nothing_has_proven_yet_is_not_asked(build, planned):
    """A guess that is wrong would take those out of rotation that require the Service."""
    behind = build.deployment(build.container(env=[{"name": "APPHEALTH_X", "value": ""}]), name="users")
    target = {"kind": "Deployment", "name": "users"}
    rule = build.rule("behind", targetRef=target, preset="auto", verification="Required")
    services, extra = [build.service("users")], [behind, rule]
    plan = plan_with(build, planned, ("X", "http://users"), services=services, extra=extra)
    assert [d.url for d in plan.dependencies] == ["tcp://users.shop.svc:80"]


def test_only_so_many_are_kept_and_the_users_first(build, planned):
    names = [f"s{i:03}" for i in range(100)]
    env = [(f"V{name}", f"http://{name}") for name in names]
    plan = plan_with(build, planned, *env, services=names, spec={"dependencies": {"services": [{"name": "s099"}]}})
    assert len(plan.dependencies) == 64
    assert plan.dependencies[-1].service.name == "s099"
    assert len(plan.mentions) == 100
    assert [f.message for f in plan.findings if f.id == "too-many-dependencies"] == [
        "100 Services are named; only the 64 likeliest count as dependencies"
    ]


@pytest.mark.parametrize(
    ("kind", "selector", "needed"),
    [
        pytest.param("StatefulSet", {"statefulset.kubernetes.io/pod-name": "web-0"}, [], id="of its first pod"),
        pytest.param("StatefulSet", {"app": "web", "statefulset.kubernetes.io/pod-name": "web-12"}, [],
                     id="with labels"),
        pytest.param("StatefulSet", {"app": "web", "apps.kubernetes.io/pod-index": "0"}, [], id="by the index"),
        pytest.param("StatefulSet", {"statefulset.kubernetes.io/pod-name": "db-0"}, ["first"], id="of another's pod"),
        pytest.param("StatefulSet", {"app": "db", "apps.kubernetes.io/pod-index": "0"}, ["first"],
                     id="of another's pod, by the index"),
        pytest.param("Deployment", {"statefulset.kubernetes.io/pod-name": "web-0"}, ["first"], id="no StatefulSet"),
    ],
)  # fmt: skip
def test_a_service_of_one_of_its_own_pods_is_no_dependency(build, planned, kind, selector, needed):
    main = build.container(env=[{"name": "FIRST", "value": "http://first:80"}])
    first = build.service("first", selector=selector)
    assert list(found(planned(build.deployment(main, kind=kind), build.service(), first, build.rule()))) == needed
