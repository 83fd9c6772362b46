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
    ping = Endpoint(ProbeType.EXEC, command=command)
    return lambda _prefix: {ProbeKind.READINESS: (ping, TCP)}


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
PRESETS = (POSTGRES, MYSQL, MARIADB, REDIS, RABBITMQ, MONGO)
