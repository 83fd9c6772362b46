"""Where a Service may be named, in command lines, files and NetworkPolicies too; and what is no evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apphealth.store.facts import plan_of

HEADLESS = {"clusterIP": "None"}
CORPUS = [
    # a shop in Go, gRPC
    ("PRODUCT_CATALOG_SERVICE_ADDR", "productcatalog:3550", "productcatalog"),
    ("CART_SERVICE_ADDR", "dns:///cart:7070", "cart"),
    ("SHIPPING_TARGET", "xds:///shipping:50051", "shipping"),
    ("DISABLE_PROFILER", "1", ""),
    ("PORT", "8080", ""),
    # Python
    ("DATABASE_URL", "postgresql+psycopg2://shop:s3cret@postgres:5432/shop?sslmode=disable", "postgres"),
    ("SQLALCHEMY_DATABASE_URI", "mysql+pymysql://root:pw@mysql.data/shop", "data/mysql"),
    ("CELERY_BROKER_URL", "amqp://guest:guest@rabbitmq:5672//", "rabbitmq"),
    ("CACHE_URL", "redis://:pw@redis-master.shop.svc.cluster.local:6379/0", "redis-master"),
    ("REDIS_SENTINELS", "redis-0.redis-headless:26379,redis-1.redis-headless:26379", "redis-headless"),
    ("DJANGO_ALLOWED_HOSTS", "web.shop.svc,users.shop.svc", ""),
    ("CORS_ORIGINS", "http://users", ""),
    ("CSRF_TRUSTED_ORIGINS", "http://users:80", ""),
    ("GUNICORN_CMD_ARGS", "--bind=users:80", ""),
    ("NO_PROXY", "localhost,users.shop.svc,10.96.0.7", ""),
    ("no_proxy", "users.shop", ""),
    ("FLASK_APP", "users", ""),
    ("LOG_LEVEL", "cart", ""),
    # Java
    ("SPRING_DATASOURCE_URL", "jdbc:postgresql://postgres/shop", "postgres"),
    ("JAVA_TOOL_OPTIONS", "-Xmx1g -Dusers.base-url=http://users:80 -Dapp.name=cart", "users"),
    ("JDBC", "jdbc:sqlserver://mssql:1433;databaseName=cart;user=sa;password=redis-master", "mssql"),
    ("ORACLE", "jdbc:oracle:thin:scott/tiger@oracle:1521:XE", "oracle"),
    ("SPRING_KAFKA_BOOTSTRAP_SERVERS", "kafka:9092", "kafka"),
    ("KAFKA", "PLAINTEXT://kafka-0.kafka-headless.data:9092", "data/kafka-headless"),
    ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:9092", ""),
    ("ZOOKEEPER_CONNECT", "zookeeper:2181/kafka", "zookeeper"),
    ("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE", "http://eureka:8761/eureka/", "eureka"),
    # Node, .NET, Go, Rails
    ("MONGO_URL", "mongodb://u:p@mongo-0.mongo:27017,mongo-1.mongo:27017/shop?replicaSet=rs0", "mongo"),
    ("NATS_URL", "nats://nats:4222", "nats"),
    ("ConnectionStrings__Shop", "Server=tcp:mssql,1433;Database=cart;User Id=sa", "mssql"),
    ("ConnectionStrings__Redis", "redis-master:6379,password=users,ssl=False", "redis-master"),
    ("PG_DSN", "host=postgres port=5432 user=users password=mysql dbname=cart", "postgres"),
    ("MYSQL_DSN", "root:pw@tcp(mysql.data:3306)/shop?parseTime=true", "data/mysql"),
    ("ELASTICSEARCH_HOSTS", '["http://elasticsearch:9200"]', "elasticsearch"),
    ("MEMCACHE_SERVERS", "memcached", "memcached"),
    # observability
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel.observability:4317", "observability/otel"),
    ("OTEL_SERVICE_NAME", "users", ""),
    ("DD_SERVICE", "users", ""),
    ("JAEGER_AGENT_HOST", "jaeger", "jaeger"),
    # what isn't in this cluster, and what isn't a host
    ("STRIPE_URL", "https://api.stripe.com/v1", ""),
    ("RDS_HOST", "shop.abc.eu-west-1.rds.amazonaws.com", ""),
    ("OTHER_CLUSTER", "http://users.shop.svc.west.example", ""),
    ("BUCKET_URL", "s3://users/images", ""),
    ("IMAGE", "users:80", ""),
    ("SIDECAR_IMAGE", "redis-master:6379", ""),
    ("VERSION", "redis-master:7", ""),
    ("DB_PASSWORD", "http://users", ""),
    ("API_TOKEN", "users:80", ""),
    ("NOTE_URL", "see users for details", ""),
    ("FEATURES_URL", '{"users":true}', ""),
    ("OWNER", "someone@users", ""),
    ("TEMPLATE", "http://${USERS_HOST}:80", ""),
    ("CLASS", "com.redis-headless", ""),
    ("SOCKET", "unix:///var/run/users.sock", ""),
]  # fmt: skip
SERVICES = sorted({named for _, _, named in CORPUS if named} | {"users", "cart"})


def make(build, *containers, extra=(), **options):
    rule = build.rule(preset="http", probes={"readiness": {"path": "/"}})
    return build.world(build.deployment(*containers, name="web"), build.service(), rule, *extra, **options)


def edges(world):
    decided = plan_of(next(w for w in world.workloads.values() if w.name == "web"), world)
    return {(d.service.name, d.port): (d.confidence, *d.evidence) for d in decided.dependencies}


def names(world):
    return [name for name, _ in edges(world)]


def all_services(build):
    ports = {"kafka-headless": 9092, "cart": 7070, "shipping": 50051, "redis-master": 6379, "mssql": 1433,
             "postgres": 5432, "kafka": 9092, "productcatalog": 3550, "zookeeper": 2181}  # fmt: skip
    for service in SERVICES:
        namespace, _, name = service.rpartition("/")
        headless = HEADLESS if "headless" in name or name == "mongo" else {"clusterIP": ""}
        yield build.service(name, namespace or "shop", ports=[{"port": ports.get(name, 80)}], **headless)


@pytest.mark.parametrize(("name", "value", "named"), [pytest.param(*row, id=f"{row[0]}={row[1]}") for row in CORPUS])
def test_what_real_variables_name(build, name, value, named):
    world = make(build, build.container(env=[{"name": name, "value": value}]), extra=all_services(build))
    assert names(world) == ([named.rpartition("/")[2]] if named else [])


@pytest.mark.parametrize(
    ("container", "evidence"),
    [
        pytest.param({"args": ["--upstream=http://db:80"]}, "args of main: http://db:80", id="a flag with its value"),
        pytest.param({"args": ["--db-host", "db"]}, "args of main: db", id="a flag before its value"),
        pytest.param({"command": ["wait-for-it", "db:80"]}, "command of main: db:80", id="a word of the command"),
        pytest.param({"command": ["sh", "-c", "until nc -z db:80; do sleep 1; done\nexec app"]},
                     "command of main: db:80", id="a script"),
        pytest.param({"args": ["--dsn=postgres://u:hunter2@db/x"]}, "args of main: postgres://***@db", id="masked"),
        pytest.param({"args": ["db"]}, "", id="a word alone"),
        pytest.param({"args": ["--name", "db"]}, "", id="a flag that says no host"),
        pytest.param({"args": ["--db-host", "--verbose", "db"]}, "", id="a flag before another flag"),
        pytest.param({"args": ["--listen-address=db:80"]}, "", id="where it listens"),
        pytest.param({"command": ["python3", "db.py"]}, "", id="a script's file"),
        pytest.param({"args": ["--db-host", "db.py"]}, "args of main: db.py", id="a flag that says that it is a host"),
        pytest.param({"args": ["--url=http://db.py"]}, "args of main: http://db.py",
                     id="a URL in a namespace of that name"),
    ],
)  # fmt: skip
def test_command_lines(build, container, evidence):
    extra = [build.service("db"), build.service("db", "py")]
    found = edges(make(build, build.container(**container), extra=extra))
    assert [told for _, *told in found.values()] == ([[evidence]] if evidence else [])


@pytest.mark.parametrize(
    ("env", "args", "expected"),
    [
        pytest.param({"NAME": "db", "X": "tcp://$(NAME):80"}, [], {"env X of main: tcp://db:80"}, id="said before"),
        pytest.param({"X": "tcp://$(NAME):80", "NAME": "db"}, [], set(), id="said after: not for Kubernetes either"),
        pytest.param({"NAME": "db"}, ["--to=$(NAME):80"], {"args of main: db:80"}, id="in arguments"),
        pytest.param({"A": "db", "B": "$(A):80", "C": "$(B)"}, [],
                     {"env B of main: db:80", "env C of main: db:80"}, id="by way of another"),
        pytest.param({"NAME": "db", "X": "tcp://$$(NAME):80"}, [], set(), id="not where it is escaped"),
        pytest.param({"X": "tcp://$(NAME):80"}, [], set(), id="unknown"),
        pytest.param({"X_URL": "$(X_URL):80"}, [], set(), id="itself"),
        pytest.param({"PW": "hunter2", "X": "tcp://u:$(PW)@db:80"}, [],
                     {"env X of main: tcp://***@db:80"}, id="masked"),
    ],
)  # fmt: skip
def test_references_to_other_variables(build, env, args, expected):
    variables = [{"name": name, "value": value} for name, value in env.items()]
    found = edges(make(build, build.container(env=variables, args=args), extra=[build.service("db")]))
    assert {evidence for _, *told in found.values() for evidence in told} == expected


def test_references_to_a_config_map(build):
    main = build.container(envFrom=[{"configMapRef": {"name": "app"}}], env=[{"name": "X", "value": "$(HOST):80"}])
    assert names(make(build, main, extra=[build.service("db")], app={"HOST": "db"})) == ["db"]


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        pytest.param("proxy_pass http://db:80;", 0.9, id="nginx"),
        pytest.param("upstream x {\n  server db:80 max_fails=3;\n}", 0.9, id="nginx upstream"),
        pytest.param("spring.datasource.url=jdbc:postgresql://db/x", 0.9, id="properties"),
        pytest.param("database:\n  host: db\n  port: 80", 0.7, id="YAML"),
        pytest.param("database:\n  host: \"db\"  ", 0.7, id="YAML in quotes"),
        pytest.param("hosts:\n- http://db:80", 0.9, id="a list in YAML"),
        pytest.param('{\n "dbHost": "db",\n "n": 1\n}', 0.7, id="JSON"),
        pytest.param('{"url":"http://db:80"}', 0.9, id="JSON on one line"),
        pytest.param("[database]\nhost = db", 0.7, id="INI"),
        pytest.param("DB_HOST=db\n", 0.7, id="dotenv"),
        pytest.param("<url>http://db:80</url>", 0.9, id="XML"),
        pytest.param("# http://db\n; db:80\n// http://db\n-- db:80\n* db:80\n<!-- http://db -->", None, id="comments"),
        pytest.param("name: db\ntitle = db\ndb\n", None, id="words"),
        pytest.param("password: db:80\nallowed_hosts: db.shop", None, id="other keys"),
    ],
)  # fmt: skip
def test_mounted_files(build, text, confidence):
    main = build.container(volumeMounts=[{"name": "conf", "mountPath": "/etc/app"}])
    volumes = [{"name": "conf", "configMap": {"name": "app"}}]
    extra = [build.service("db"), build.rule("r")]
    world = build.world(build.deployment(main, volumes=volumes), build.service(), *extra, app={"app.conf": text})
    found = [(value, told.partition(": ")[0]) for value, told, *_ in edges(world).values()]
    assert found == ([(confidence, "file app.conf of ConfigMap app in main")] if confidence else [])


@pytest.mark.parametrize(
    ("volumes", "mounts", "expected"),
    [
        pytest.param([{"name": "v", "configMap": {"name": "a"}}], ["v"], ("a",), id="a ConfigMap"),
        pytest.param([{"name": "v", "projected": {"sources": [{"secret": {}}, {"configMap": {"name": "a"}}]}}], ["v"],
                     ("a",), id="projected"),
        pytest.param([{"name": "v", "configMap": {"name": "a"}}], ["v", "v"], ("a",), id="mounted twice"),
        pytest.param([{"name": "v", "configMap": {"name": "a"}}], [], (), id="not mounted here"),
        pytest.param([{"name": "v", "secret": {"secretName": "a"}}], ["v"], (), id="a Secret"),
        pytest.param([{"name": "v", "configMap": {"name": "kube-root-ca.crt"}}], ["v"], (), id="a certificate"),
        pytest.param([{"name": "apphealth", "configMap": {"name": "a"}}], ["apphealth"], (), id="what we deliver"),
        pytest.param([{"name": str(i), "configMap": {"name": str(i)}} for i in range(30)],
                     [str(i) for i in range(30)], tuple(str(i) for i in range(16)), id="no more than so many"),
    ],
)  # fmt: skip
def test_which_config_maps_are_files(build, volumes, mounts, expected):
    mounted = [{"name": name, "mountPath": f"/{i}"} for i, name in enumerate(mounts)]
    workload = build.parse(build.deployment(build.container(volumeMounts=mounted), volumes=volumes))
    assert tuple(files.config_map for files in workload.containers[0].config_files) == expected


@pytest.mark.parametrize(
    ("items", "sub_paths", "expected"),
    [
        pytest.param(None, [""], ["one", "two"], id="all of it"),
        pytest.param(None, ["a.conf"], ["one"], id="one file"),
        pytest.param(None, ["a.conf", "b.conf"], ["one", "two"], id="file by file"),
        pytest.param(None, ["a.conf", ""], ["one", "two"], id="one file, and all elsewhere"),
        pytest.param(None, ["c.conf"], [], id="a file that there isn't"),
        pytest.param([{"key": "b.conf", "path": "etc/x.conf"}], [""], ["two"], id="chosen by the volume"),
        pytest.param([{"key": "b.conf", "path": "etc/x.conf"}], ["etc"], ["two"], id="a folder of the volume"),
        pytest.param([{"key": "b.conf", "path": "etc/x.conf"}], ["a.conf"], [], id="not among the chosen"),
    ],
)
def test_only_files_that_a_container_sees_are_read(build, items, sub_paths, expected):
    mounts = [{"name": "v", "mountPath": f"/{n}", "subPath": path} for n, path in enumerate(sub_paths)]
    volumes = [{"name": "v", "configMap": {"name": "app"} | ({"items": items} if items else {})}]
    workload = build.deployment(build.container(volumeMounts=mounts), volumes=volumes, name="web")
    files = {"a.conf": "url: http://one", "b.conf": "url: http://two"}
    rule = build.rule(preset="http", probes={"readiness": {"path": "/"}})
    world = build.world(workload, build.service("one"), build.service("two"), rule, app=files)
    assert names(world) == expected


@pytest.mark.parametrize(
    ("service", "value", "found"),
    [
        pytest.param({"clusterIP": "10.96.0.9"}, "http://10.96.0.9:80", True, id="IPv4"),
        pytest.param({"clusterIP": "10.96.0.9"}, "10.96.0.9", True, id="IPv4 alone"),
        pytest.param({"clusterIP": "10.96.0.9"}, "http://10.96.0.8:80", False, id="another address"),
        pytest.param({"clusterIP": "fd00::9"}, "http://[FD00:0:0::9]:80", True, id="IPv6"),
        pytest.param({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00::9"]}, "[fd00::9]:80", True,
                     id="both"),
        pytest.param(HEADLESS, "postgres://db-0.db:80/x", True, id="a pod by short name"),
        pytest.param(HEADLESS, "db-0.db.shop:80", True, id="a pod with its namespace"),
        pytest.param(HEADLESS, "db-0.db.shop.svc.cluster.local:80", True, id="a pod in full"),
        pytest.param({}, "db-0.db:80", False, id="no pod of a Service with an address"),
        pytest.param(HEADLESS, "org.db", False, id="no pod of a StatefulSet"),
        pytest.param({"type": "ExternalName", "externalName": "x.example"}, "http://db", True, id="ExternalName"),
        pytest.param({}, "db.shop.svc.cluster.local", True, id="in full"),
        pytest.param({}, "db.shop.svc.corp.example", False, id="another domain"),
    ],
)  # fmt: skip
def test_names_and_addresses(build, service, value, found):
    world = make(build, build.container(env=[{"name": "X", "value": value}]), extra=[build.service("db", **service)])
    assert names(world) == (["db"] if found else [])


@pytest.mark.parametrize("domain", ["corp.example", ".Corp.Example."])
def test_the_domain_of_the_cluster_can_be_another(build, domain):
    env = [{"name": "X", "value": "http://db.shop.svc.corp.example http://cart.shop.svc.cluster.local"}]
    extra = [build.service("db"), build.service("cart")]
    assert names(make(build, build.container(env=env), extra=extra, options={"cluster_domain": domain})) == ["db"]


def test_an_address_is_forgotten_with_its_service(build):
    world = make(build, extra=[build.service("db", clusterIP="10.96.0.9"), build.service("old", clusterIP="10.96.0.8")])
    assert world.addresses["10.96.0.9"].name == "db"
    world.drop_service(("shop", "db"))
    assert "10.96.0.9" not in world.addresses
    assert world.addresses["10.96.0.8"].name == "old"


def test_of_services_with_one_address_the_first_by_name_counts_whatever_came_first(build):
    world = make(build)
    for name in ("c", "a", "b", "b"):
        build.put(world, build.service(name, clusterIP="10.96.0.9"))
    left = ["a", "b", "c"]
    for name in ("b", "a", "c"):
        assert world.addresses["10.96.0.9"].name == left[0]
        world.drop_service(("shop", name))
        left.remove(name)
    assert "10.96.0.9" not in world.addresses
    assert not world._same_address


def policy(egress, pods=None):
    return {"kind": "NetworkPolicy", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"podSelector": pods or {"matchLabels": {"app": "web"}}, "egress": egress}}  # fmt: skip


def to(*, port=None, **peer):
    return [{"to": [peer], "ports": [{"port": port}]} if port else {"to": [peer]}]


DB = {"matchLabels": {"app": "db"}}
DATA = {"matchLabels": {"kubernetes.io/metadata.name": "data"}}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param(policy(to(podSelector=DB)), ["db"], id="pods of a Service"),
        pytest.param(policy(to(podSelector=DB, port="http")), ["db"], id="at a port by name"),
        pytest.param(policy(to(podSelector=DB, port=9)), [], id="at another port"),
        pytest.param(policy(to(podSelector=DB, namespaceSelector=DATA)), ["far"], id="in another namespace"),
        pytest.param(policy(to(podSelector=DB), {"matchLabels": {"app": "cart"}}), [], id="somebody else's"),
        pytest.param(policy(to(podSelector={})), [], id="every pod"),
        pytest.param(policy(to(namespaceSelector=DATA)), [], id="a namespace"),
        pytest.param(policy(to(ipBlock={"cidr": "0.0.0.0/0"})), [], id="addresses"),
        pytest.param(policy([{}]), [], id="everything"),
        pytest.param(policy(to(podSelector={"matchLabels": 7})), [], id="not a selector"),
    ],
)
def test_network_policies(build, given, found):
    near = [build.deployment(name="db"), build.service("db")]
    far = [build.deployment(name="db", namespace="data"), build.service("far", "data", selector={"app": "db"})]
    world = make(build, extra=[*near, *far, given])
    assert edges(world) == {(name, 80): (0.6, "egress of NetworkPolicy web") for name in found}


WORD = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)


@given(st.lists(WORD, max_size=12), st.sampled_from([" ", ", ", ",", " - ", "/", "\n"]))
def test_words_are_no_evidence_whichever_services_there_are(build, words, separator):
    """Neither as a variable, nor in arguments, nor in a file."""
    services = [build.service(word) for word in dict.fromkeys(words) if word.strip("-") == word]
    text = separator.join(words)
    mounted = {"volumeMounts": [{"name": "v", "mountPath": "/etc/app"}]}
    main = build.container(env=[{"name": "MODE", "value": text}], args=[text, "--mode", text], **mounted)
    workload = build.deployment(main, name="web", volumes=[{"name": "v", "configMap": {"name": "app"}}])
    rule = build.rule(preset="http", probes={"readiness": {"path": "/"}})
    assert edges(build.world(workload, rule, *services, app={"notes": text})) == {}
