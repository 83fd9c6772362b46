"""What each rule reports and where it stops: containers in, ids out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

HTTP = "httpGet: {path: /livez, port: http}"


def test_a_good_workload_has_no_findings(judge: Callable) -> None:
    assert judge() == []


MISSING = [
    pytest.param("readinessProbe: null", "{}", {"readiness-missing"}, id="readiness behind a Service"),
    pytest.param("readinessProbe: null", None, set(), id="readiness without a Service"),
    pytest.param("readinessProbe: null\nname: istio-proxy", "{}", set(), id="injected"),
    pytest.param("livenessProbe: null", None, {"liveness-missing"}, id="liveness with a port"),
    pytest.param("{livenessProbe: null, readinessProbe: null, ports: []}", None, set(), id="a worker without ports"),
    pytest.param("{livenessProbe: null, readinessProbe: null, ports: [{containerPort: 53, protocol: UDP}]}",
                 None, set(),
                 id="UDP alone"),
    pytest.param("{livenessProbe: null, readinessProbe: null, ports: []}", "ports: [{port: 80, targetPort: 8080}]",
                 {"liveness-missing", "readiness-missing"}, id="undeclared, and served"),
    pytest.param("readinessProbe: null", "ports: [{port: 80, targetPort: http, name: http-metrics}]", set(),
                 id="a Service for metrics alone"),
    pytest.param("readinessProbe: null",
                 "ports: [{name: metrics, port: 9, targetPort: http}, {port: 80, targetPort: http}]",
                 {"readiness-missing"}, id="a Service for metrics and requests"),
    pytest.param("{readinessProbe: null, ports: [{name: metrics, containerPort: 9090}], livenessProbe: null}",
                 "ports: [{port: 80, targetPort: metrics}]", {"liveness-missing"}, id="a port for metrics"),
    pytest.param("readinessProbe: null", "publishNotReadyAddresses: true", set(),
                 id="addresses that don't wait for it"),
    pytest.param("{readinessProbe: null, livenessProbe: null, command: [sleep, infinity]}", "{}", set(), id="sleep"),
    pytest.param("{readinessProbe: null, livenessProbe: null, command: [/bin/sh, -c],"
                 " args: ['while true; do sleep 9; done']}", "{}", set(), id="a loop of sleeps"),
    pytest.param("{readinessProbe: null, command: [sh, -c, 'sleep 5; exec web']}", "{}", {"readiness-missing"},
                 id="a sleep before the server"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "service", "expected"), MISSING)
def test_missing_probes(judge: Callable, container: str, service: str | None, expected: set[str]) -> None:
    assert {finding.id for finding in judge(container, service=service)} == expected


JAVA = "command: [java, -jar, app.jar]\n"
STARTUP = f"\nstartupProbe: {{{HTTP}, periodSeconds: 2, failureThreshold: 150}}"
START = [
    pytest.param(f"livenessProbe: {{{HTTP}, initialDelaySeconds: 15}}", set(), id="a delay of 15 s"),
    pytest.param(f"livenessProbe: {{{HTTP}, initialDelaySeconds: 16}}", {"startup-delay"}, id="a delay of 16 s"),
    pytest.param(f"livenessProbe: {{{HTTP}, initialDelaySeconds: 16}}{STARTUP}", set(), id="and a startup probe"),
    pytest.param(JAVA, {"startup-delay"}, id="a JVM, and no delay"),
    pytest.param(f"{JAVA}livenessProbe: {{{HTTP}, initialDelaySeconds: 10}}", {"startup-missing"}, id="a short delay"),
    pytest.param(f"{JAVA}livenessProbe: {{{HTTP}, initialDelaySeconds: 40}}", {"startup-delay"}, id="a long delay"),
    pytest.param(f"{JAVA}{STARTUP.strip()}", set(), id="a JVM with a startup probe"),
    pytest.param(f"{JAVA}livenessProbe: null", {"liveness-missing"}, id="a JVM without liveness"),
    pytest.param("image: quay.io/keycloak/keycloak:26@sha256:aa", {"startup-delay"}, id="known by its image"),
    pytest.param("env: [{name: SPRING_PROFILES_ACTIVE, value: prod}]", {"startup-delay"}, id="known by its env"),
    pytest.param(f"readinessProbe: {{{HTTP.replace('livez', 'readyz')}, initialDelaySeconds: 20}}", {"startup-missing"},
                 id="readiness that waits"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "expected"), START)
def test_slow_starts(judge: Callable, container: str, expected: set[str]) -> None:
    assert {finding.id for finding in judge(container)} == expected


def both(liveness: str, readiness: str) -> str:
    return f"livenessProbe: {{{liveness}}}\nreadinessProbe: {{{readiness}}}"


H = "httpGet: {path: /x, port: http"
IDENTICAL = [
    pytest.param(both(f"{H}}}", f"{H}}}"), True, id="the same"),
    pytest.param(both("httpGet: {path: /x, port: 8080}", f"{H}}}"), True, id="one by name, one by number"),
    pytest.param(both(f"{H}, scheme: HTTP}}", f"{H}}}"), True, id="the default scheme written out"),
    pytest.param(both(f"{H}}}, failureThreshold: 3, periodSeconds: 10",
                 f"{H}}}, periodSeconds: 5, failureThreshold: 6"),
                 True, id="equal patience by other numbers"),
    pytest.param(both(f"{H}}}, periodSeconds: 11", f"{H}}}"), False, id="liveness gives up later"),
    pytest.param(both("httpGet: {path: /y, port: http}", f"{H}}}"), False, id="another path"),
    pytest.param(both(f"{H}, httpHeaders: [{{name: X-Probe, value: liveness}}]}}", f"{H}}}"), False,
                 id="other headers"),
    pytest.param(both(f"{H}, scheme: HTTPS}}", f"{H}}}"), False, id="another scheme"),
    pytest.param(both("exec: {command: [/check]}", "exec: {command: [/check]}"), True, id="commands"),
    pytest.param(both("grpc: {port: 8080}", "grpc: {port: 8080, service: x}"), False, id="another gRPC service"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "expected"), IDENTICAL)
def test_identical_probes(judge: Callable, container: str, *, expected: bool) -> None:
    assert ("probes-identical" in {finding.id for finding in judge(container)}) is expected


AGGRESSIVE = [
    pytest.param("periodSeconds: 3, failureThreshold: 3", "gives up after 9 s", id="9 s"),
    pytest.param("periodSeconds: 5, failureThreshold: 3", "", id="15 s, as readiness"),
    pytest.param("periodSeconds: 30, failureThreshold: 1", "first failure", id="failureThreshold 1"),
    pytest.param("periodSeconds: 10, timeoutSeconds: 11", "", id="timeout over period is another finding"),
    pytest.param("periodSeconds: 10, timeoutSeconds: 10", "", id="timeout as period"),
    pytest.param("terminationGracePeriodSeconds: 0", "without time to end", id="no grace"),
    pytest.param("terminationGracePeriodSeconds: 1", "", id="some grace"),
    pytest.param(
        "periodSeconds: 7, failureThreshold: 2", "before readiness takes it out (15 s)", id="before readiness"
    ),
]


@pytest.mark.parametrize(("numbers", "words"), AGGRESSIVE)
def test_aggressive_liveness(judge: Callable, numbers: str, words: str) -> None:
    found = judge(f"livenessProbe: {{{HTTP}, {numbers}}}")
    told = [finding.message for finding in found if finding.id == "liveness-aggressive"]
    assert (words in told[0]) if words else not told


def test_the_grace_period_of_the_pod_counts_unless_the_probe_has_its_own(judge: Callable) -> None:
    pod = "terminationGracePeriodSeconds: 0"
    assert "liveness-aggressive" in {finding.id for finding in judge(pod=pod)}
    own = f"livenessProbe: {{{HTTP}, terminationGracePeriodSeconds: 5}}"
    assert judge(own, pod=pod) == []


ONE_FACT_ONCE = [
    pytest.param(both(f"{H}}}, failureThreshold: 2", f"{H}}}"), None, {"probes-identical"}, id="identical"),
    pytest.param("livenessProbe: {httpGet: {path: /l, port: http}, timeoutSeconds: 20}", None,
                 {"timeout-exceeds-period"}, id="a long timeout"),
    pytest.param(f"{JAVA}readinessProbe: {{{H}}}, initialDelaySeconds: 90}}", None, {"liveness-aggressive"},
                 id="a JVM, and readiness waits"),
    pytest.param(f"{JAVA}readinessProbe: {{{H}}}, initialDelaySeconds: 20}}", None, {"startup-missing"},
                 id="a JVM, and readiness waits less"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "service", "expected"), ONE_FACT_ONCE)
def test_one_fact_is_reported_once(judge: Callable, container: str, service: str | None, expected: set[str]) -> None:
    assert {finding.id for finding in judge(container, service=service)} == expected


LOOPBACK = [
    pytest.param("127.0.0.1", "hostNetwork: true", False, id="the node's own network"),
    pytest.param("localhost", "hostNetwork: true", False, id="by name"),
    pytest.param("::1", "hostNetwork: true", False, id="IPv6"),
    pytest.param("10.0.0.1", "hostNetwork: true", True, id="another address"),
    pytest.param("127.0.0.1", "{}", True, id="a pod with a network of its own"),
]


@pytest.mark.parametrize(("host", "pod", "expected"), LOOPBACK)
def test_a_pod_on_its_nodes_network_is_at_loopback(judge: Callable, host: str, pod: str, *, expected: bool) -> None:
    found = judge(f"readinessProbe: {{tcpSocket: {{port: http, host: '{host}'}}}}", pod=pod)
    assert ("probe-host" in {finding.id for finding in found}) is expected


COMMANDS = [
    pytest.param(["pg_isready -U postgres"], "error", "no program has this name", id="a command as one word"),
    pytest.param(["/bin/sh -c 'curl -f http://x/y'"], "error", "no program has this name", id="a shell as one word"),
    pytest.param(["curl -f", "http://x"], "error", "no program has this name", id="options beside the program"),
    pytest.param(["/opt/my tool/check"], None, "", id="a path with a space"),
    pytest.param(["/opt/my tool/check", "-v"], None, "", id="a path with a space, and options"),
    pytest.param(["curl", "-f", "x", "||", "exit", "1"], "error", "'||' is an argument of curl", id="an operator"),
    pytest.param(["cat", "/tmp/x", "2>&1"], "error", "'2>&1'", id="a redirection"),
    pytest.param(["find", ".", "-exec", "x", ";"], None, "", id="find's own semicolon"),
    pytest.param(["sh", "-c", "curl", "-f", "x"], "error", "runs 'curl' alone", id="words after the script"),
    pytest.param(["sh", "-c", "/check.sh", "--", "x"], "warning", "runs '/check.sh' alone", id="a script's file"),
    pytest.param(["sh", "-c", 'test -f "$1"', "sh", "/x"], None, "", id="parameters that the script uses"),
    pytest.param(["mysqladmin", "ping", "-p$PASSWORD"], "warning", "$PASSWORD", id="a variable without a shell"),
    pytest.param(["mysqladmin", "ping", "-p${PASSWORD}"], "warning", "${PASSWORD}", id="in braces"),
    pytest.param(["mysqladmin", "ping", "-p$(PASSWORD)"], None, "", id="a variable as Kubernetes writes it"),
    pytest.param(["test", "`date`", "=", "x"], "warning", "`date`", id="backquotes without a shell"),
    pytest.param(["grep", "x$", "/f"], None, "", id="a dollar that is none"),
    pytest.param(["awk", "{print $NF}", "/f"], None, "", id="another language's variable"),
    pytest.param(["sh", "-c", "mysqladmin ping -p$PASSWORD"], None, "", id="a variable in a shell"),
    pytest.param(["gosu", "postgres", "sh", "-c", "psql -U $X"], None, "", id="a variable in a wrapped shell"),
    pytest.param(["exit", "0"], "error", "the shell's own", id="what only a shell has"),
    pytest.param(["curl", "-s", "http://x"], "warning", "curl", id="curl of any status"),
    pytest.param(["curl", "-sf", "http://x"], None, "", id="curl -f"),
    pytest.param(["curl", "--fail-with-body", "http://x"], None, "", id="curl --fail-with-body"),
    pytest.param(["curl", "-K", "conf"], None, "", id="curl with a file of options"),
    pytest.param(["sh", "-c", "curl -s x | grep -q ok"], None, "", id="curl into a pipe"),
    pytest.param(["sh", "-c", "curl -s x || exit 1"], "warning", "curl", id="curl or exit"),
    pytest.param(["sh", "-c", "test $(curl -s -w '%{http_code}' x) = 200"], None, "", id="curl in a test"),
    pytest.param(["sh", "-c", "curl -s x > /tmp/y; grep ok /tmp/y"], None, "", id="curl into a file"),
    pytest.param(["pg_isready", "-h", "localhost"], None, "", id="a good one"),
]


@pytest.mark.parametrize(("command", "severity", "words"), COMMANDS)
def test_commands_that_don_t_do_what_they_say(
    judge: Callable, command: list[str], severity: str | None, words: str
) -> None:
    found = judge(f"readinessProbe: {{exec: {{command: {json.dumps(command)}}}}}", service=None)
    told = [finding for finding in found if finding.id == "exec-command"]
    assert [finding.severity.value for finding in told] == ([severity] if severity else [])
    assert not told or words in told[0].message


def test_liveness_that_may_kill_before_readiness_begins_is_aggressive(judge: Callable) -> None:
    waiting = f"readinessProbe: {{{HTTP.replace('livez', 'readyz')}, initialDelaySeconds: 60}}"
    assert {finding.id for finding in judge(waiting)} == {"liveness-aggressive"}
    assert judge(f"{waiting}{STARTUP}") == []


WORTHLESS = [
    pytest.param("{tcpSocket: {port: http}}", "shop/web", True, id="TCP"),
    pytest.param("{tcpSocket: {port: http}}", "docker.io/library/postgres:17", False, id="TCP of a database"),
    pytest.param("{tcpSocket: {port: http}}", "bitnami/redis-cluster", False, id="TCP of a broker"),
    pytest.param("{tcpSocket: {port: 9042}}", "shop/store", False, id="TCP of a well-known port"),
    pytest.param("{tcpSocket: {port: ldap-port}}", "shop/directory", False, id="TCP of a port that says so"),
    pytest.param("{httpGet: {path: /index.html, port: http}}", "shop/web", True, id="a page"),
    pytest.param("{httpGet: {path: '/favicon.ico?x=1', port: http}}", "shop/web", True, id="an icon"),
    pytest.param("{httpGet: {path: /, port: http}}", "shop/web", False, id="the root"),
    pytest.param("{exec: {command: ['true']}}", "shop/web", True, id="true"),
    pytest.param("{exec: {command: [/bin/echo, ok]}}", "shop/web", True, id="echo"),
    pytest.param("{exec: {command: [sh, -c, exit 0]}}", "shop/web", True, id="a shell that does nothing"),
    pytest.param(
        "{exec: {command: [sh, -c, 'echo srvr | nc localhost 2181']}}", "shop/web", False, id="echo into a pipe"
    ),
    pytest.param("{exec: {command: [/app/check]}}", "shop/web", False, id="a program"),
]


@pytest.mark.parametrize(("probe", "image", "expected"), WORTHLESS)
def test_liveness_that_always_succeeds(judge: Callable, probe: str, image: str, *, expected: bool) -> None:
    ports = "[{name: http, containerPort: 8080}, {name: ldap-port, containerPort: 1389}]"
    found = judge(f"livenessProbe: {probe}\nimage: {image}\nports: {ports}")
    assert ("liveness-always-succeeds" in {finding.id for finding in found}) is expected


CASCADES = [
    pytest.param("/actuator/health", "", "warning", id="Spring's aggregate"),
    pytest.param("/shop/actuator/health/", "", "warning", id="below a context path"),
    pytest.param("/actuator/health/liveness", "", None, id="Spring's liveness"),
    pytest.param("/q/health", "", "warning", id="Quarkus"),
    pytest.param("/q/health/live", "", None, id="Quarkus' liveness"),
    pytest.param("/z/health", "", "warning", id="the library"),
    pytest.param("/manage/health", "APPHEALTH_PREFIX=/manage", "warning", id="the library elsewhere"),
    pytest.param("/z/health/liveness", "", None, id="the library's liveness"),
    pytest.param("/ht/", "", "warning", id="django-health-check"),
    pytest.param("/readyz", "", "warning", id="readiness"),
    pytest.param("/health/ready?full=1", "", "warning", id="readiness, with a query"),
    pytest.param("/health", "MICRONAUT_ENVIRONMENTS=k8s", "warning", id="Micronaut"),
    pytest.param("/health", "ASPNETCORE_URLS=http://+:8080", "warning", id="ASP.NET"),
    pytest.param("/health", "", "info", id="who knows"),
    pytest.param("/healthz", "", None, id="healthz"),
    pytest.param("/livez", "", None, id="livez"),
]


@pytest.mark.parametrize(("path", "env", "severity"), CASCADES)
def test_liveness_that_follows_others(judge: Callable, path: str, env: str, severity: str | None) -> None:
    name, _, value = env.partition("=")
    variables = f"env: [{{name: {name}, value: '{value}'}}]" if env else "env: []"
    found = judge(f"livenessProbe: {{httpGet: {{path: '{path}', port: http}}}}\n{variables}")
    told = [finding.severity.value for finding in found if finding.id == "liveness-checks-dependency"]
    assert told == ([severity] if severity else [])


PORTS = [
    pytest.param("livenessProbe: {httpGet: {path: /l, port: web}}", "port-unresolved", "error", id="a name of nobody"),
    pytest.param("livenessProbe: {httpGet: {path: /l, port: 9}}", "port-undeclared", "info",
                 id="a number of nobody"),
    pytest.param("{livenessProbe: {httpGet: {path: /l, port: 9}}, readinessProbe: null, ports: []}", "", "",
                 id="nothing declared"),
    pytest.param("livenessProbe: {httpGet: {path: /l, port: 8080}}", "port-number", "info", id="a number with a name"),
    pytest.param("{livenessProbe: {grpc: {port: 8080}}}", "", "", id="gRPC takes numbers only"),
    pytest.param("{ports: [{containerPort: 8080}], livenessProbe: {httpGet: {path: /l, port: 8080}},"
                 " readinessProbe: null}",
                 "", "", id="a number without a name"),
    pytest.param("{ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}],"
                 " livenessProbe: {tcpSocket: {port: dns}}, image: redis}", "protocol-mismatch", "error", id="UDP"),
    pytest.param("{ports: [{name: http, containerPort: 8080}, {name: grpc-api, containerPort: 9}],"
                 " livenessProbe: {httpGet: {path: /l, port: grpc-api}}}", "protocol-mismatch", "warning",
                              id="HTTP on gRPC"),
    pytest.param("{ports: [{name: http, containerPort: 8080}, {name: https, containerPort: 9}],"
                 " livenessProbe: {httpGet: {path: /l, port: https}}}", "protocol-mismatch", "warning",
                              id="HTTP on TLS"),
    pytest.param("livenessProbe: {httpGet: {path: /l, port: http, scheme: HTTPS}}", "", "",
                 id="TLS on HTTP, in so many words"),
    pytest.param("{ports: [{name: http, containerPort: 8080}, {name: https, containerPort: 9}],"
                 " livenessProbe: {httpGet: {path: /l, port: https, scheme: HTTP}}}", "", "",
                 id="HTTP on TLS, in so many words"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "id_", "severity"), PORTS)
def test_ports(judge: Callable, container: str, id_: str, severity: str) -> None:
    found = judge(container, service=None)
    assert [(finding.id, finding.severity.value) for finding in found] == ([(id_, severity)] if id_ else [])


def test_http_where_the_service_says_grpc(judge: Callable) -> None:
    found = judge(service="ports: [{port: 80, targetPort: http, appProtocol: grpc}]")
    assert [finding.id for finding in found] == ["protocol-mismatch"] * 2


def test_the_port_of_another_container_is_named(judge: Callable) -> None:
    pod = "{initContainers: [{name: side, restartPolicy: Always, image: x, ports: [{name: admin, containerPort: 9}]}]}"
    found = judge("livenessProbe: {httpGet: {path: /l, port: 9}}", pod=pod, service=None)
    told = next(finding.message for finding in found if finding.id == "port-undeclared")
    assert told.endswith("(declared: 8080); the container side declares it")
    assert [finding.severity.value for finding in found if finding.id == "port-undeclared"] == ["warning"]


SERVICES = [
    pytest.param("[{port: 80, targetPort: http}]", [], id="by name"),
    pytest.param("[{port: 8080}]", [], id="by the same number"),
    pytest.param("[{port: 80, targetPort: web}]", ["error"], id="a name of nobody"),
    pytest.param("[{port: 80}]", ["info"], id="a number of nobody"),
    pytest.param("[{port: 80, targetPort: http, protocol: UDP}]", ["error"], id="another protocol"),
    pytest.param("[{port: 80, targetPort: http}, {port: 9, targetPort: nine}]", ["error"], id="one of two"),
]


def test_a_headless_service_leads_to_any_port(judge: Callable) -> None:
    assert judge(service="{clusterIP: None, ports: [{port: 80, targetPort: http}, {port: 9, targetPort: peer}]}") == []


@pytest.mark.parametrize(("ports", "severities"), SERVICES)
def test_services(judge: Callable, ports: str, severities: list[str]) -> None:
    found = [finding for finding in judge(service=f"ports: {ports}") if finding.id == "service-target-mismatch"]
    assert [finding.severity.value for finding in found] == severities


SHAPES = [
    pytest.param("livenessProbe: {}", "handler-count", id="no handler"),
    pytest.param(f"livenessProbe: {{{HTTP}, exec: {{command: [x]}}}}", "handler-count", id="two handlers"),
    pytest.param(f"livenessProbe: {{{HTTP}, exec: null}}", "", id="a handler that is null"),
    pytest.param(f"livenessProbe: {{{HTTP}, successThreshold: 2}}", "success-threshold", id="liveness that wants two"),
    pytest.param("readinessProbe: {httpGet: {path: /r, port: http}, successThreshold: 2}", "", id="readiness may"),
    pytest.param("readinessProbe: {httpGet: {path: /r, port: http}, timeoutSeconds: 20}", "timeout-exceeds-period",
                 id="a long timeout"),
    pytest.param("readinessProbe: {httpGet: {path: /r, port: http, host: 127.0.0.1}}", "probe-host", id="a host"),
    pytest.param("readinessProbe: {tcpSocket: {port: http, host: db}}", "probe-host", id="a host over TCP"),
    pytest.param("readinessProbe: {exec: {command: [/usr/bin/jcmd, '1']}}", "exec-costly", id="jcmd"),
    pytest.param("readinessProbe: {exec: {command: [bash, -c, 'ps aux | grep x']}}", "exec-costly", id="ps in a shell"),
    pytest.param("readinessProbe: {exec: {command: [sh, -c, pg_isready]}}", "", id="a shell"),
    pytest.param("readinessProbe: {exec: {command: [sh, -c, 'pgrep -f \"node server.js\"']}}", "", id="pgrep"),
    pytest.param("readinessProbe: {exec: {command: [curl, -f, 'http://node:8080/python']}}", "",
                 id="a name in an argument"),
    pytest.param("readinessProbe: {exec: {command: [grpc_health_probe, -addr=:8080, -service, java]}}", "",
                 id="an argument"),
    pytest.param("readinessProbe: {exec: {command: [timeout, '5', python3.12, check.py]}}", "exec-costly", id="python"),
    pytest.param("readinessProbe: {exec: {command: [sh, -c, 'test $(find / | wc -l) -gt 1']}}", "exec-costly",
                 id="find in a substitution"),
    pytest.param("readinessProbe: {exec: {command: [ls, /tmp/ready]}}", "", id="one file"),
    pytest.param("readinessProbe: {exec: {command: [pg_isready]}}", "", id="a small program"),
    pytest.param("readinessProbe: {exec: {command: [cat, /tmp/ls]}}", "", id="a file of that name"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "expected"), SHAPES)
def test_shapes(judge: Callable, container: str, expected: str) -> None:
    assert {finding.id for finding in judge(container, service=None)} == ({expected} if expected else set())


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param("{initContainers: [{name: i, livenessProbe: {exec: {command: [x]}}}]}", {"probe-on-init"},
                     id="init"),
        pytest.param("{ephemeralContainers: [{name: i, startupProbe: {exec: {command: [x]}}}]}", {"probe-on-init"},
                     id="ephemeral"),
        pytest.param("{initContainers: [{name: i, restartPolicy: Always, livenessProbe: {exec: {command: [x]}}}]}",
                 set(),
                     id="sidecar"),
    ],
)  # fmt: skip
def test_probes_that_stand_where_none_may(judge: Callable, pod: str, expected: set[str]) -> None:
    assert {finding.id for finding in judge(pod=pod)} == expected


INVALID = [
    pytest.param('livenessProbe: {httpGet: {port: http}, periodSeconds: "10"}', "periodSeconds: is \"10\"", id="text"),
    pytest.param("livenessProbe: {httpGet: {port: http}, periodSeconds: true}", "is true", id="a truth value"),
    pytest.param("livenessProbe: {httpGet: {port: http}, timeoutSeconds: -1}", "is -1", id="negative"),
    pytest.param("livenessProbe: {httpGet: {port: http}, timeoutSeconds: 9999999999}", "from 0 to", id="huge"),
    pytest.param("livenessProbe: {httpGet: {port: http}, periodSecond: 5}", "periodSecond: no such field",
                 id="misspelt"),
    pytest.param("livenessProbe: {httpGet: {port: http, url: /x}}", "httpGet.url: no such field", id="in the handler"),
    pytest.param("livenessProbe: {httpGet: {path: /x}}", "port: is missing", id="no port"),
    pytest.param("livenessProbe: {httpGet: {port: 70000}}", "port: is 70000", id="a port that is none"),
    pytest.param("livenessProbe: {httpGet: {port: [1]}}", "port: is a list", id="a list of ports"),
    pytest.param("livenessProbe: {httpGet: {port: http, scheme: http}}", "HTTP or HTTPS", id="scheme"),
    pytest.param("livenessProbe: {httpGet: {port: http, httpHeaders: {a: b}}}", "a list of name and value",
                 id="headers"),
    pytest.param("livenessProbe: {grpc: {port: http}}", "a number from 1 to 65535", id="gRPC by name"),
    pytest.param("livenessProbe: {exec: {command: /check}}", "must be a list of words", id="command as text"),
    pytest.param("livenessProbe: {exec: check}", "where fields are wanted", id="handler as text"),
    pytest.param("livenessProbe: yes please", "where fields are wanted", id="probe as text"),
    pytest.param("readinessProbe: {httpGet: {port: http}, terminationGracePeriodSeconds: 5}", "never ends a container",
                 id="grace of readiness"),
    pytest.param("livenesProbe: {httpGet: {port: http}}", "livenesProbe: no such field", id="a probe misspelt"),
]  # fmt: skip


@pytest.mark.parametrize(("container", "words"), INVALID)
def test_fields_that_the_api_server_refuses(judge: Callable, container: str, words: str) -> None:
    told = [finding.message for finding in judge(container, service=None) if finding.id == "field-invalid"]
    assert len(told) == 1
    assert words in told[0]
