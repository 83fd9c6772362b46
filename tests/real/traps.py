"""Servers that mislead, one by each argument: where a careless look finds health, or misses it. They listen on 8000."""

import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><html><script src=/app.js></script><div id=root></div></html>"
UP = b'{"status": "UP"}'
Reply = tuple[int, bytes, str]
NOTHING: Reply = (404, b"nothing here", "")


def serve(answer: Callable[[str], Reply], port: int = 8000, *, version: str = "HTTP/1.1", tls: bool = False) -> None:
    """Serve HTTP: from a path to a status, a body, and where a redirect leads."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = version

        def do_GET(self) -> None:
            status, body, location = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("", port), Handler)
    if tls:
        server.socket = certified().wrap_socket(server.socket, server_side=True)
    server.serve_forever()


def certified() -> ssl.SSLContext:
    """Make a certificate that nobody trusts."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "elsewhere")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=2))
    certificate = builder.sign(key, hashes.SHA256())
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, *form)
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file.name)
    return context


def at(**paths: Reply) -> Callable[[str], Reply]:
    """Answer at these paths, `_` is a slash, and 404 elsewhere."""
    known = {"/" + name.replace("_", "/"): reply for name, reply in paths.items()}
    return lambda path: known.get(path, NOTHING)


def proxied(path: str) -> Reply:
    """Pass the answer of the pod's other container on."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8000{path}", timeout=5) as answer:
            return answer.status, answer.read(), ""
    except urllib.error.HTTPError as error:
        return error.code, error.read(), ""


def calls() -> None:
    """Serve gRPC without the health service."""
    import grpc

    server = grpc.server(ThreadPoolExecutor(2))
    server.add_insecure_port("[::]:8000")
    server.start()
    server.wait_for_termination()


def besides(port: int) -> None:
    """Serve health on a port of its own, and an application on 8000 that has none."""
    threading.Thread(
        target=serve, args=(at(livez=(200, b"ok", ""), readyz=(200, b"ok", "")), port), daemon=True
    ).start()
    serve(at())


def raw() -> None:
    """Accept connections, and close them at the first word, as a database does with HTTP."""
    server = socket.create_server(("", 8000))
    while True:
        connection, _ = server.accept()
        connection.settimeout(5)
        with suppress(OSError):
            connection.recv(16)
        connection.close()


def only_ipv6() -> None:
    """Listen to IPv6 alone, in a cluster of IPv4."""
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind(("::", 8000))
    server.listen()
    while True:
        server.accept()[0].close()


def slowly() -> None:
    """Listen only after a while."""
    time.sleep(25)
    serve(at(readyz=(200, b"ok", "")))


HEALTHZ = at(healthz=(200, b"ok", ""))
TRAPS: dict[str, Callable[[], None]] = {
    "login": lambda: serve(lambda path: (200, b"<form>", "") if path == "/login" else (302, b"", "/login")),
    "login-but-health": lambda: serve(lambda path: (200, UP, "") if path == "/health" else (302, b"", "/login")),
    "page": lambda: serve(lambda _: (200, PAGE, "")),
    "page-and-health": lambda: serve(lambda path: (200, UP, "") if path == "/api/health" else (200, PAGE, "")),
    "not-found-200": lambda: serve(lambda _: (200, b"<h1>404 not found</h1>", "")),
    "echo": lambda: serve(lambda path: (200, f"you asked for {path}".encode(), "")),
    "redirecting-root": lambda: serve(
        lambda path: (302, b"", "/ui/") if path == "/" else at(healthz=(200, b"ok", ""))(path)
    ),
    "old-http": lambda: serve(at(health=(200, b"ok", "")), version="HTTP/1.0"),
    "tls": lambda: serve(HEALTHZ, tls=True),
    "down-200": lambda: serve(at(health=(200, b'{"status": "DOWN"}', ""))),
    "other-port": lambda: besides(8081),
    "health": lambda: serve(at(livez=(200, b"alive: 7", ""), readyz=(200, b"ready: 7", ""))),
    "proxy": lambda: serve(proxied, 9000),
    "calls": calls,
    "raw": raw,
    "ipv6": only_ipv6,
    "slow": slowly,
}
if __name__ == "__main__":
    TRAPS[sys.argv[1]]()
