"""The ready checks, against real sockets: disk, names, certificates, memcached, MongoDB."""

import socket
import ssl
import struct
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import bson
import pymemcache
import pymongo
import pytest
import trustme

from flask_management_endpoints.checks.outcome import call
from flask_management_endpoints.contrib.memcached import memcached
from flask_management_endpoints.contrib.mongodb import mongodb
from flask_management_endpoints.contrib.system import certificate, disk, dns


@pytest.fixture
def server():
    """Serve ``converse(connection)`` on loopback, each connection in a thread."""
    listeners = []

    def start(converse):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def talk(connection):
            with suppress(OSError, ssl.SSLError), connection:
                converse(connection)

        def serve():
            with suppress(OSError):
                while True:
                    threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"free_percent": 0.0}, "UP"),
        ({"free_percent": 0.0, "free_bytes": 1}, "UP"),
        ({"free_percent": 100.1}, "DOWN"),
        ({"free_percent": 0.0, "free_bytes": 1 << 62}, "DOWN"),
    ],
)
def test_disk(tmp_path, arguments, status):
    result = call(disk(str(tmp_path), **arguments))
    assert result.status == status
    assert {"path", "free", "total"} == set(result.details)


def test_a_disk_that_is_not_there_is_down(tmp_path):
    assert call(disk(str(tmp_path / "gone"))).status == "DOWN"


@pytest.mark.parametrize(("host", "status"), [("localhost", "UP"), ("no-such-host.invalid", "DOWN")])
def test_dns(host, status):
    assert call(dns(host)).status == status


@pytest.mark.parametrize(
    ("days_left", "status", "reason"),
    [(90, "UP", ""), (3, "DEGRADED", "expires in "), (-1, "DOWN", "certificate has expired")],
)
def test_certificate(server, tmp_path, days_left, status, reason):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=days_left))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    port = server(lambda connection: context.wrap_socket(connection, server_side=True).close())
    result = call(certificate("localhost", port, days=14, ca_file=str(tmp_path / "ca.pem")))
    assert result.status == status
    assert reason in (result.reason or "")


def test_a_certificate_that_nobody_vouches_for_is_down(server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    port = server(lambda connection: context.wrap_socket(connection, server_side=True).close())
    assert "CERTIFICATE_VERIFY_FAILED" in (call(certificate("localhost", port)).reason or "")


def speak_memcached(connection):
    while data := connection.recv(4096):
        assert data == b"version\r\n"
        connection.sendall(b"VERSION 1.6.38\r\n")


def test_memcached(server, unused_port):
    for port, status in ((server(speak_memcached), "UP"), (unused_port, "DOWN")):
        with closing(pymemcache.PooledClient(("127.0.0.1", port), timeout=1, connect_timeout=1)) as client:
            assert call(memcached(client)).status == status


def exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError
        data += piece
    return data


def speak_mongodb(connection):
    """Enough of MongoDB's wire protocol for a hello and a ping (OP_QUERY 2004, OP_REPLY 1, OP_MSG 2013)."""
    hello = {"ok": 1.0, "helloOk": True, "isWritablePrimary": True, "minWireVersion": 0, "maxWireVersion": 21,
             "maxBsonObjectSize": 1 << 24, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 1000}  # fmt: skip
    while True:
        size, request, _, code = struct.unpack("<iiii", exactly(connection, 16))
        exactly(connection, size - 16)
        body = bson.encode(hello)
        if code == 2004:
            payload, kind = struct.pack("<iqii", 8, 0, 0, 1) + body, 1
        else:
            payload, kind = struct.pack("<ib", 0, 0) + body, 2013
        connection.sendall(struct.pack("<iiii", 16 + len(payload), 1, request, kind) + payload)


def test_mongodb(server, unused_port):
    for port, status in ((server(speak_mongodb), "UP"), (unused_port, "DOWN")):
        with pymongo.MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=700, directConnection=True) as client:
            assert call(mongodb(client)).status == status
