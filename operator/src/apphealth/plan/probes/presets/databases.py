"""Databases and queues: they speak their own protocols, so the only probe from outside is an open port.

Where commands are allowed and a user names the preset, readiness runs the database's own ping. There is no liveness:
mysqld and mongod open their ports only after crash recovery, RabbitMQ after it has found its peers, and a restart in
the middle of that begins it anew.
"""

from __future__ import annotations

from collections.abc import Callable

from apphealth.api.spec import ProbeType
from apphealth.model.probe import ProbeKind
from apphealth.plan.probes.presets.preset import TCP, Endpoint, Endpoints, Preset
from apphealth.plan.probes.presets.signs import Signs


def _with_ping(*command: str) -> Callable[[str], Endpoints]:
    ways = (Endpoint(ProbeType.EXEC, command=command), TCP) if command else (TCP,)
    return lambda _prefix: {ProbeKind.READINESS: ways}


def _database(name: str, source: str, port: int, ping: tuple[str, ...], *images: str, also: str = "") -> Preset:
    """Return a preset; `also` is another name of its port."""
    ports = (name, also) if also else (name,)
    return Preset(
        name=name,
        source=source,
        endpoints=_with_ping(*ping),
        default_port=port,
        signs=Signs(images=(name, *images), ports=ports),
        port_names=(*ports, *images),
        port_protocols=(name,),
        speaks_http=False,
        certain=True,
    )


POSTGRES = _database(
    "postgres",
    "https://www.postgresql.org/docs/current/app-pg-isready.html",
    5432,
    ("pg_isready", "-h", "127.0.0.1"),
    *("postgresql", "postgis", "timescaledb", "pgvector"),
    also="postgresql",
)
MYSQL = _database(
    "mysql",
    "https://dev.mysql.com/doc/refman/8.4/en/mysqladmin.html: ping succeeds also where access is denied",
    3306,
    ("mysqladmin", "ping", "-h", "127.0.0.1"),
)
MARIADB = _database(
    "mariadb",
    "https://mariadb.com/docs/server/clients-and-utilities/administrative-tools/mariadb-admin",
    3306,
    ("mariadb-admin", "ping", "-h", "127.0.0.1"),
)
REDIS = _database(
    "redis",
    "https://redis.io/docs/latest/commands/ping/",
    6379,
    ("redis-cli", "ping"),
    *("valkey", "redis-stack", "redis-stack-server"),
)
RABBITMQ = _database(
    "rabbitmq",
    "https://www.rabbitmq.com/docs/monitoring#health-checks",
    5672,
    ("rabbitmq-diagnostics", "-q", "ping"),
)
MONGO = _database(
    "mongo",
    "https://www.mongodb.com/docs/manual/reference/command/ping/",
    27017,
    ("mongosh", "--quiet", "--eval", "db.adminCommand('ping')"),
    *("mongodb", "mongodb-community-server"),
    also="mongodb",
)
KAFKA = _database(
    "kafka",
    "https://kafka.apache.org/documentation/#listeners: no health call, and HTTP is a broken request",
    9092,
    (),
    *("cp-kafka", "redpanda"),
)
ZOOKEEPER = _database(
    "zookeeper",
    "https://zookeeper.apache.org/doc/current/zookeeperAdmin.html: four-letter words have to be allowed one by one",
    2181,
    (),
)
MEMCACHED = _database("memcached", "https://docs.memcached.org/protocols/: it has no health call", 11211, ())
CASSANDRA = _database(
    "cassandra",
    "https://cassandra.apache.org/doc/latest/: the port of clients opens once it has joined its peers",
    9042,
    (),
    *("scylla", "dse-server"),
    also="cql",
)
SQL_SERVER = _database(
    "mssql",
    "https://learn.microsoft.com/sql/linux/: it opens its port after recovery",
    1433,
    (),
    "mssql-server",
    also="tds",
)
MOSQUITTO = _database("mosquitto", "https://mosquitto.org/man/mosquitto-conf-5.html", 1883, (), "emqx", also="mqtt")
ACTIVEMQ = _database("activemq", "https://activemq.apache.org/components/classic/", 61616, (), "activemq-artemis")
PRESETS = (
    *(POSTGRES, MYSQL, MARIADB, REDIS, RABBITMQ, MONGO),
    *(KAFKA, ZOOKEEPER, MEMCACHED, CASSANDRA, SQL_SERVER, MOSQUITTO, ACTIVEMQ),
)
