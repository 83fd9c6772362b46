"""The programs of the corpus: how their charts deploy them, what the charts' own probes ask, and what ours should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "real"
PYTHON = "localhost/real/python:1"
"""The image of the programs from PyPI, and of the traps."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program.

    Attributes
    ----------
    command
        Its command line.
    ports
        The container's ports: number to name, which may be empty.
    readiness, liveness
        What our probes should ask, in short; empty: none.
    upstream
        What the probes of its own chart or documentation ask: readiness; liveness.
    why
        Why ours differ, or what the trap is.
    go
        The Go package that it is built from, with its version.
    image
        The name of its image, for programs that are not in `PYTHON`.
    files
        Files of its image.
    service
        The port that its Service leads to; the first by default.
    more
        Further containers of its pod.
    """

    name: str
    command: Sequence[str]
    readiness: str
    liveness: str = ""
    ports: Mapping[int, str]
    upstream: str = ""
    why: str = ""
    go: str = ""
    image: str = PYTHON
    files: Mapping[str, bytes] = field(default_factory=dict)
    service: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    more: Sequence[Mapping[str, Any]] = ()


def _http(port: int, path: str) -> str:
    return f"GET {port} {path}"


def _shell(*commands: str) -> tuple[str, ...]:
    return ("sh", "-c", " && ".join(commands))


def _go(name: str, package: str, version: str, image: str, *arguments: str, **fields: Any) -> Program:
    program = package.rpartition("/")[2] if not package.endswith(("/v2", "/v7")) else package.split("/")[-2]
    return Program(
        name=name,
        command=(f"/{program}", *arguments),
        go=f"{package}@{version}",
        image=f"localhost/{image}:{version}",
        **fields,
    )


def _built(name: str, image: str, *arguments: str, **fields: Any) -> Program:
    """A program that the local cluster has built anyway."""
    return Program(name=name, command=(f"/{name}", *arguments), image=f"localhost/{image}:1", **fields)


def _trap(name: str, readiness: str, liveness: str = "", *, why: str, **fields: Any) -> Program:
    ports = fields.pop("ports", {8000: ""})
    return Program(
        name=f"trap-{name}",
        command=("python", "traps.py", fields.pop("trap", name)),
        readiness=readiness,
        liveness=liveness,
        ports=ports,
        why=why,
        **fields,
    )


AGGREGATE = "upstream asks one endpoint for both; liveness is not taken from one that may check more"
THIRD_PARTY = (
    _built(
        "prometheus",
        "prom/prometheus",
        "--config.file=/prometheus.yml",
        "--storage.tsdb.path=/data",
        files={"prometheus.yml": b"{}\n"},
        ports={9090: "http"},
        readiness=_http(9090, "/-/ready"),
        liveness=_http(9090, "/-/healthy"),
        upstream="/-/ready; /-/healthy",
    ),
    _built(
        "etcd",
        "etcd-development/etcd",
        "--listen-client-urls=http://0.0.0.0:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--data-dir=/data",
        ports={2379: "client", 2380: "peer"},
        readiness=_http(2379, "/readyz"),
        liveness=_http(2379, "/livez"),
        upstream="/readyz; /livez",
    ),
    _built(
        "coredns",
        "coredns/coredns",
        "-conf=/Corefile",
        files={"Corefile": b".:1053 {\n  health :8080\n  ready :8181\n  whoami\n}\n"},
        ports={1053: "dns-tcp", 8080: "health", 8181: "ready"},
        readiness=_http(8080, "/health"),
        upstream=":8181/ready; :8080/health",
        why="the first port for health wins: /ready on another one is not seen",
    ),
    _go(
        "alertmanager",
        "github.com/prometheus/alertmanager/cmd/alertmanager",
        "v0.28.1",
        "prom/alertmanager",
        "--config.file=/alertmanager.yml",
        "--storage.path=/data",
        "--cluster.listen-address=",
        files={"alertmanager.yml": b"route: {receiver: none}\nreceivers: [{name: none}]\n"},
        ports={9093: "http"},
        readiness=_http(9093, "/-/ready"),
        liveness=_http(9093, "/-/healthy"),
        upstream="/; /",
        why="upstream's chart asks the page; the program has better endpoints",
    ),
    _go(
        "nats",
        "github.com/nats-io/nats-server/v2",
        "v2.11.8",
        "library/nats",
        "-m",
        "8222",
        ports={4222: "nats", 8222: "monitor"},
        readiness=_http(8222, "/healthz?js-server-only=true"),
        liveness=_http(8222, "/healthz?js-enabled-only=true"),
        upstream="/healthz?js-server-only=true; /healthz?js-enabled-only=true",
    ),
    _go(
        "statsd-exporter",
        "github.com/prometheus/statsd_exporter",
        "v0.28.0",
        "prom/statsd-exporter",
        ports={9102: "http", 9125: "statsd-tcp"},
        readiness=_http(9102, "/-/ready"),
        liveness=_http(9102, "/-/healthy"),
        upstream="/-/ready; /-/healthy",
    ),
    _go(
        "go-httpbin",
        "github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin",
        "v2.18.3",
        "mccutchen/go-httpbin",
        ports={8080: "http"},
        readiness="TCP 8080",
        upstream="/status/200; /status/200",
        why="no endpoint for health: upstream's chart asks for a page that always says 200",
    ),
    _go(
        "podinfo",
        "github.com/stefanprodan/podinfo/cmd/podinfo",
        "v1.8.1-0.20250910200901-e86405a8674e",
        "stefanprodan/podinfo",
        "--port=9898",
        ports={9898: "http", 9797: "http-metrics", 9999: "grpc"},
        readiness=_http(9898, "/readyz"),
        upstream="exec: /readyz; exec: /healthz",
        why="/healthz may check more than that the process lives",
    ),
    Program(
        name="pypiserver",
        command=("pypi-server", "run", "-p", "8080", "/tmp"),
        ports={8080: "http"},
        readiness=_http(8080, "/health"),
        upstream="/health; /health",
        why=AGGREGATE,
    ),
    Program(
        name="kinto",
        command=_shell(
            "kinto init --ini $HOME/k.ini --backend memory --cache-backend memory --host 0.0.0.0",
            "kinto start --ini $HOME/k.ini",
        ),
        ports={8888: ""},
        readiness=_http(8888, "/v1/__heartbeat__"),
        liveness=_http(8888, "/v1/__lbheartbeat__"),
        upstream="/v1/__heartbeat__; /v1/__lbheartbeat__",
    ),
    Program(
        name="celery-flower",
        command=("celery", "--broker=memory://", "flower", "--port=5555"),
        ports={5555: "flower"},
        readiness=_http(5555, "/healthcheck"),
        upstream="/healthcheck; /healthcheck",
        why=AGGREGATE,
    ),
    Program(
        name="dask-scheduler",
        command=("dask", "scheduler"),
        ports={8786: "tcp-comm", 8787: "http-dashboard"},
        service=8787,
        readiness=_http(8787, "/health"),
        upstream="/health; /health",
        why=AGGREGATE,
    ),
    Program(
        name="datasette",
        command=("datasette", "serve", "-h", "0.0.0.0", "-p", "8001", "--memory"),
        ports={8001: ""},
        readiness="TCP 8001",
        upstream="/-/versions.json",
        why="no endpoint for health",
    ),
    Program(
        name="jupyter",
        command=("jupyter", "server", "--ip=0.0.0.0", "--port=8888", "--allow-root", "--no-browser"),
        ports={8888: "http"},
        readiness="TCP 8888",
        upstream="TCP",
        why="everything but /api wants a password",
    ),
    Program(
        name="locust",
        command=_shell(
            "printf 'from locust import HttpUser\\nclass U(HttpUser):\\n  host=1\\n' > /tmp/f.py",
            "locust -f /tmp/f.py --web-port 8089",
        ),
        ports={8089: "loc-master-web", 5557: "loc-master-p1"},
        service=8089,
        readiness="TCP 8089",
        upstream="/",
        why="no endpoint for health: upstream asks for its page",
    ),
    Program(
        name="glances",
        command=("glances", "-w", "--disable-autodiscover"),
        ports={61208: ""},
        readiness="TCP 61208",
        upstream="none",
        why="/api/4/status is below a version",
    ),
    Program(
        name="devpi",
        command=_shell(
            "devpi-init --serverdir $HOME/d", "devpi-server --serverdir $HOME/d --host 0.0.0.0 --port 3141"
        ),
        ports={3141: "http"},
        readiness="TCP 3141",
        upstream="/+status",
        why="its endpoint has a name of its own",
    ),
    Program(
        name="wsgidav",
        command=("wsgidav", "--host=0.0.0.0", "--port=8080", "--root=/tmp", "--auth=anonymous"),
        ports={8080: "webdav"},
        readiness="TCP 8080",
        upstream="TCP; TCP",
        why="it serves files",
    ),
    Program(
        name="radicale",
        command=("radicale", "--server-hosts=0.0.0.0:5232", "--storage-filesystem-folder=/tmp/r", "--auth-type=none"),
        ports={5232: "http"},
        readiness="TCP 5232",
        upstream="/.web/",
        why="no endpoint for health",
    ),
    Program(
        name="supervisor",
        command=_shell(
            "printf '[supervisord]\\nnodaemon=true\\nuser=root\\n[inet_http_server]\\nport=*:9001\\n' > /tmp/s",
            "supervisord -c /tmp/s",
        ),
        ports={9001: "http"},
        readiness="TCP 9001",
        upstream="none",
        why="no endpoint for health",
    ),
    Program(
        name="file-server",
        command=("python", "-m", "http.server", "8080"),
        ports={8080: "http"},
        readiness="TCP 8080",
        upstream="/; /",
        why="it serves files, by HTTP/1.0",
    ),
    Program(
        name="marimo",
        command=("marimo", "edit", "--headless", "--no-token", "--host=0.0.0.0", "--port=2718", "--skip-update-check"),
        ports={2718: "http"},
        readiness=_http(2718, "/healthz"),
        upstream="/health",
        why="it has both; /healthz is asked first",
    ),
    Program(
        name="luigi",
        command=("luigid", "--port=8082", "--address=0.0.0.0"),
        ports={8082: ""},
        readiness="TCP 8082",
        upstream="none",
        why="no endpoint for health",
    ),
    Program(
        name="moto",
        command=("moto_server", "-H", "0.0.0.0", "-p", "5000"),
        ports={5000: "http"},
        readiness="TCP 5000",
        upstream="none",
        why="every path is a bucket of S3",
    ),
    Program(
        name="copyparty",
        command=("copyparty", "-i", "0.0.0.0", "-p", "3923"),
        ports={3923: "http"},
        readiness="TCP 3923",
        upstream="none",
        why="it serves files",
    ),
)  # fmt: skip
TRAPS = (
    _trap("login", "TCP 8000", why="every path leads to a login"),
    _trap("login-but-health", _http(8000, "/health"), why="every path but one leads to a login"),
    _trap("page", "TCP 8000", why="a single-page application: 200 and a page at every path"),
    _trap("page-and-health", _http(8000, "/api/health"), why="a single-page application with a health endpoint"),
    _trap("not-found-200", "TCP 8000", why="its page for what isn't there has the status 200"),
    _trap("echo", "TCP 8000", why="it says something else at every path"),
    _trap("redirecting-root", _http(8000, "/healthz"), why="/ is a redirect"),
    _trap("old-http", _http(8000, "/health"), why="HTTP/1.0"),
    _trap("tls", "GET https 8000 /healthz", why="its own certificate, and no name says TLS"),
    _trap("down-200", "TCP 8000", why="it says DOWN, with the status 200"),
    _trap(
        "other-port",
        _http(8081, "/readyz"),
        _http(8081, "/livez"),
        ports={8000: "http", 8081: "healthz"},
        why="health on another port, by its name",
    ),
    _trap(
        "undeclared-port",
        _http(8081, "/readyz"),
        _http(8081, "/livez"),
        trap="other-port",
        env={"HEALTH_PORT": "8081"},
        why="health on a port that only a variable names",
    ),
    _trap(
        "dead-port",
        _http(8000, "/readyz"),
        _http(8000, "/livez"),
        trap="health",
        ports={7777: "http", 8000: "api"},
        why="two ports, nothing listens at the first",
    ),
    _trap(
        "wrong-port",
        _http(8000, "/readyz"),
        _http(8000, "/livez"),
        trap="health",
        ports={8080: ""},
        service=8000,
        why="the declared port is wrong, the Service's is right",
    ),
    _trap(
        "proxy",
        _http(9000, "/readyz"),
        ports={9000: "http"},
        more=({"name": "behind", "image": PYTHON, "command": ["python", "traps.py", "health"],
               "ports": [{"containerPort": 8000}]},),
        why="a sidecar that passes on what the application says: no liveness",
    ),
    _trap("calls", "TCP 8000", ports={8000: "grpc"}, why="gRPC without a health service"),
    _trap("raw", "TCP 8000", ports={8000: "postgres"}, why="a database by the name of its port: it is sent nothing"),
    _trap("ipv6", "", why="it listens to IPv6 alone: nobody in this cluster can reach it"),
    _trap("slow", _http(8000, "/readyz"), why="it listens after 25 seconds"),
)  # fmt: skip
PROGRAMS = (*THIRD_PARTY, *TRAPS)


def manifests(program: Program) -> Iterable[dict[str, Any]]:
    """Yield the objects of a program: its Deployment, without probes, and its Service."""
    labels = {"app": program.name}
    ports = [{"containerPort": number} | ({"name": name} if name else {}) for number, name in program.ports.items()]
    main = {
        "name": "main",
        "image": program.image,
        "command": list(program.command),
        "ports": ports,
        # Programs of one image and settings are asked once for all of them: here each is asked for itself.
        "env": [{"name": key, "value": value} for key, value in {"PROGRAM": program.name, **program.env}.items()],
    }
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [main, *program.more]}},
    }
    metadata = {"name": program.name, "namespace": NAMESPACE}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    target = program.service or next(iter(program.ports))
    served = {"selector": labels, "ports": [{"port": 80, "targetPort": target}]}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": served}


def short(probe: dict[str, Any] | None, ports: dict[str, int]) -> str:
    """Return in short what a probe asks, with the number of its port; empty if there is none."""
    if not probe:
        return ""
    handler: dict[str, Any] = next(probe[name] for name in ("httpGet", "tcpSocket", "grpc") if name in probe)
    number = ports.get(handler["port"], handler["port"])
    if "httpGet" not in probe:
        return f"{'TCP' if 'tcpSocket' in probe else 'gRPC'} {number}"
    return f"GET {'https ' if handler.get('scheme') == 'HTTPS' else ''}{number} {handler['path']}"
