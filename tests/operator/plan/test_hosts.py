"""The hosts that a text names, and nothing of the credentials beside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apphealth.plan.dependencies.hosts import Form, hosts

URL, PAIR, QUALIFIED, WORD = Form.URL, Form.PAIR, Form.QUALIFIED, Form.WORD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("db", [("db", None, WORD)], id="a word"),
        pytest.param("db:5432", [("db", 5432, PAIR)], id="host and port"),
        pytest.param("db.data", [("db.data", None, QUALIFIED)], id="with its namespace"),
        pytest.param("db.data.svc.cluster.local:5432", [("db.data.svc.cluster.local", 5432, PAIR)], id="in full"),
        pytest.param("db.data.svc.cluster.local.", [("db.data.svc.cluster.local", None, QUALIFIED)], id="absolute"),
        pytest.param("DB.Data", [("db.data", None, QUALIFIED)], id="in capitals"),
        pytest.param("http://db", [("db", 80, URL)], id="http, its port known"),
        pytest.param("https://db/x?y#z", [("db", 443, URL)], id="https with a path"),
        pytest.param("http://db?x=1", [("db", 80, URL)], id="a query at once"),
        pytest.param("postgres://user:pw@db:5432/x", [("db", 5432, URL)], id="a DSN"),
        pytest.param("redis://:pw@db", [("db", None, URL)], id="a password alone"),
        pytest.param("jdbc:postgresql://db/x", [("db", None, URL)], id="jdbc"),
        pytest.param("url=http://db:80", [("db", 80, URL)], id="after a key"),
        pytest.param("postgres://user:p@ss@db:5432", [("db", 5432, URL)], id="an @ in the password"),
        pytest.param("a:1,b:2;c:3|d:4 e:5\nf:6", [(n, i, PAIR) for i, n in enumerate("abcdef", 1)], id="lists"),
        pytest.param("amqp://u:p@a:5672,b:5672", [("a", 5672, URL), ("b", 5672, PAIR)], id="a list with one scheme"),
        pytest.param(
            "someone@example.com", [("example.com", None, QUALIFIED)], id="an address is a host outside at most"
        ),
        pytest.param("someone@db", [], id="an e-mail address inside"),
        pytest.param("db/path", [], id="a path"),
        pytest.param("/var/lib/db", [], id="an absolute path"),
        pytest.param("db:latest", [], id="an image's tag"),
        pytest.param("db:0", [], id="port 0"),
        pytest.param("db:99999", [], id="port 99999"),
        pytest.param("http://", [], id="a scheme alone"),
        pytest.param("http://$(HOST):80", [], id="a reference"),
        pytest.param("http://[fd00::7]:80", [("fd00::7", 80, URL)], id="an IPv6 address"),
        pytest.param("[FD00:0::7]:5432", [("fd00::7", 5432, PAIR)], id="an IPv6 address in another spelling"),
        pytest.param("fd00::7", [("fd00::7", None, QUALIFIED)], id="an IPv6 address alone"),
        pytest.param(
            "fd00:1111:2222:3333:4444:5555:6666:7777",
            [("fd00:1111:2222:3333:4444:5555:6666:7777", None, QUALIFIED)],
            id="an IPv6 address in full",
        ),
        pytest.param("http://[fd00::7", [("fd00::7", 80, URL)], id="a bracket that is never closed"),
        pytest.param("[fd00::zz]:80", [], id="no IPv6 address"),
        pytest.param("00:11:22:33:44:55", [], id="a MAC address"),
        pytest.param("10.96.0.7:80", [("10.96.0.7", 80, PAIR)], id="an IPv4 address"),
        pytest.param("dns:///db:5432", [("db", 5432, URL)], id="gRPC's dns resolver"),
        pytest.param("dns://10.0.0.10/db:5432", [("db", 5432, URL)], id="the same with a DNS server"),
        pytest.param("dns:db:5432", [("db", 5432, URL)], id="the same in short"),
        pytest.param("xds:///db", [("db", None, URL)], id="gRPC's xds resolver"),
        pytest.param("dns:53", [("dns", 53, PAIR)], id="a host called dns"),
        pytest.param(
            "dnssrv+_grpc._tcp.db.data.svc", [("db.data.svc", None, URL)], id="an SRV record as Thanos has it"
        ),
        pytest.param("_http._tcp.db.data", [("db.data", None, QUALIFIED)], id="an SRV record"),
        pytest.param("mongodb+srv://u:p@db.data/x", [("db.data", None, URL)], id="mongodb with SRV"),
        pytest.param(
            "mongodb://u:p@m-0.m:27017,m-1.m:27017/x?replicaSet=rs",
            [("m-0.m", 27017, URL), ("m-1.m", 27017, PAIR)],
            id="mongodb's replicas",
        ),
        pytest.param("jdbc:oracle:thin:u/p@db:1521:XE", [("db", 1521, URL)], id="oracle by SID"),
        pytest.param("jdbc:oracle:thin:@//db:1521/x", [("db", 1521, URL)], id="oracle by service"),
        pytest.param("jdbc:oracle:thin:@db", [("db", None, URL)], id="oracle in short"),
        pytest.param("jdbc:sqlserver://db:1433;databaseName=x", [("db", 1433, URL)], id="SQL Server by jdbc"),
        pytest.param("jdbc:mysql:loadbalance://a:1,b:2/x", [("a", 1, URL), ("b", 2, PAIR)], id="mysql, balanced"),
        pytest.param("Server=tcp:db,1433;Database=x", [("db", None, URL), ("1433", None, WORD)], id="ADO.NET"),
        pytest.param("host=db port=5432 dbname=x password=y", [("db", None, WORD)], id="libpq's keywords"),
        pytest.param("u:p@tcp(db:3306)/x?parseTime=true", [("db", 3306, URL)], id="Go's mysql"),
        pytest.param("u:p@tcp([fd00::7]:3306)/x", [("fd00::7", 3306, URL)], id="Go's mysql over IPv6"),
        pytest.param(
            '{"a":"http://db:80","b":["c:1"]}',
            [("a", None, WORD), ("db", 80, URL), ("b", None, WORD), ("c", 1, PAIR)],
            id="JSON",
        ),
        pytest.param("[a:1, b:2]", [("a", 1, PAIR), ("b", 2, PAIR)], id="a list in brackets"),
        pytest.param("<url>http://db:80</url>", [("url", None, WORD), ("db", 80, URL)], id="XML"),
        pytest.param("s3://db/x", [], id="a bucket"),
        pytest.param("unix:///run/db.sock", [], id="a socket"),
        pytest.param("sqlite:///db", [], id="a file"),
        pytest.param("jdbc:h2:mem:db", [], id="a database in memory"),
        pytest.param("${DB}:80", [], id="a variable of the shell"),
        pytest.param("-db", [], id="a hyphen first"),
        pytest.param("d_b", [], id="an underscore"),
        pytest.param("", [], id="nothing"),
        pytest.param("x" * 300, [], id="too long for a name"),
    ],
)
def test_a_text_names_hosts(text, expected):
    assert [(host.name, host.port, host.form) for host in hosts(text)] == expected


@pytest.mark.parametrize(
    ("text", "key", "shown"),
    [
        pytest.param("--host=db:80", "host", "db:80", id="a flag"),
        pytest.param("-Xhost=db:80", "Xhost", "db:80", id="an option of Java's"),
        pytest.param("http://u:p@db:80", "", "http://***@db:80", id="credentials"),
        pytest.param("jdbc:oracle:thin:scott/tiger@db:1521:XE", "", "jdbc:oracle:***@db:1521", id="Oracle's"),
    ],
)
def test_a_host_is_shown_with_its_key_and_without_credentials(text, key, shown):
    assert [(host.key, host.text) for host in hosts(text)] == [(key, shown)]


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:hunter2@db:5432/x",
        "postgres://user:p@hunter2@db:5432",
        "postgres://user:hunter2/more@db:5432",
        "postgres://hunter2:12/34@db:5432",
        "redis://:hunter2@db?x=hunter2",
        "postgres://db/x?password=hunter2",
        "postgres://db/x#hunter2",
        "hunter2@db:5432",
        "http://db:80,user:hunter2@db:81",
        "mysql://hunter2:12,34@db:3306",
        "mysql://hunter2:12;34@db:3306",
        "mysql://hunter2:12 34@db:3306",
        "password=hunter2;url=http://db:80",
        "password=hunter2@http://db:80",
        "hunter2:http://db:80",
        "jdbc:hunter2:postgresql://db:80",
        "HTTP://HUNTER2@DB:80",
    ],
)
def test_evidence_never_shows_credentials(text):
    assert all("hunter2" not in host.text.lower() and "12" not in host.text for host in hosts(text))


def test_evidence_shows_the_rest():
    assert [h.text for h in hosts("postgres://u:p@db:5432/x")] == ["postgres://***@db:5432"]
    assert [h.text for h in hosts("http://db/x db2:80")] == ["http://db", "db2:80"]


@given(st.text(alphabet="ab1.:/@[](){},;=-_ %'\"+?#", max_size=400) | st.text(max_size=400))
def test_whatever_stands_there_the_hosts_are_names(text):
    for host in hosts(text):
        assert host.name
        assert host.name == host.name.lower()
        assert not set(host.name) & set("@/ ,;=()[]")
        assert host.port is None or 1 <= host.port <= 65535


@given(st.text(alphabet="ab:/@,; ", max_size=40), st.text(alphabet="ab/,;@:?# ", max_size=20))
def test_no_text_makes_credentials_show(before, after):
    text = f"{before}postgres://user:s3cr3tpw{after}@db:5432/x"
    assert not any("s3cr3tpw" in host.text for host in hosts(text))


@given(
    st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
    st.integers(1, 65535),
    st.sampled_from(
        ["{}:{}", "http://{}:{}/x", "postgresql+psycopg2://u:p@{}:{}/x", "--upstream={}:{}", "dns:///{}:{}"]
    ),
)
def test_an_address_is_read_back(name, port, form):
    assert [(host.name, host.port) for host in hosts(form.format(name, port))] == [(name, port)]


NAME = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z]([-a-z0-9]{0,10}[a-z0-9])?){0,3}", fullmatch=True)


@given(
    st.lists(st.tuples(NAME, st.integers(1, 65535)), min_size=1, max_size=32),
    st.sampled_from([",", ", ", ";", " ", "|", "\n", "\t"]),
    st.sampled_from(["{}:{}", "http://{}:{}", "amqp://u:p@{}:{}/v", "PLAINTEXT://{}:{}", "tcp:{}:{}"]),
)
def test_every_address_of_a_list_is_read_in_its_order(addresses, separator, form):
    text = separator.join(form.format(name, port) for name, port in addresses)
    assert [(host.name, host.port) for host in hosts(text)] == addresses
