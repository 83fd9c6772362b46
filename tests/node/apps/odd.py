"""Servers that aren't Flask, one by each argument; all listen on 8000, and say what was asked."""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

PORT = 8000


class Quiet(BaseHTTPRequestHandler):
    """Answers whatever its subclass says."""

    def answer(self, status: int, *headers: tuple[str, str], body: bytes = b"ok\n") -> None:
        """Answer with a short body."""
        sys.stdout.write(f"asked {self.path}\n")
        sys.stdout.flush()
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Leave the log to `answer`."""


class Always(Quiet):
    """Says 200 to everything, as a single-page application does."""

    def do_GET(self) -> None:
        """Answer."""
        self.answer(200)


class Login(Quiet):
    """Sends everybody to a login page."""

    def do_GET(self) -> None:
        """Answer."""
        self.answer(200 if self.path.startswith("/login") else 302, ("Location", "/login?token=secret"))


class ForceSsl(Quiet):
    """Sends everybody to HTTPS, where nobody listens: a proxy would."""

    def do_GET(self) -> None:
        """Answer."""
        host = self.headers["Host"].rpartition(":")[0]
        self.answer(301, ("Location", f"https://{host}{self.path}"))


class Page(Quiet):
    """Says 200 to everything with one page, but has a health endpoint among them: a single-page application."""

    body = b"<!doctype html><script src=/app.js></script>"

    def do_GET(self) -> None:
        """Answer."""
        self.answer(200, body=b'{"status": "UP"}' if self.path == "/api/health" else self.body)


class Healthy(Quiet):
    """Serves /livez and /readyz."""

    def do_GET(self) -> None:
        """Answer."""
        self.answer(200 if self.path in ("/", "/livez", "/readyz") else 404)


class Echo(BaseRequestHandler):
    """Sends back what it gets."""

    def handle(self) -> None:
        """Answer."""
        while data := self.request.recv(4096):
            self.request.sendall(data)


def http(handler: type[BaseHTTPRequestHandler]) -> None:
    """Serve HTTP."""
    ThreadingHTTPServer(("", PORT), handler).serve_forever()


def slow() -> None:
    """Listen only after a while."""
    time.sleep(12)
    http(Healthy)


def echo() -> None:
    """Serve TCP."""
    ThreadingTCPServer.allow_reuse_address = True
    ThreadingTCPServer(("", PORT), Echo).serve_forever()


def remote_calls(*, healthy: bool) -> None:
    """Serve gRPC, with the health service or without."""
    server = grpc.server(ThreadPoolExecutor(8))
    if healthy:
        servicer = health.HealthServicer()
        servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"[::]:{PORT}")
    server.start()
    server.wait_for_termination()


def work() -> None:
    """Listen to nobody."""
    while True:
        time.sleep(3600)


# The first process of a container isn't ended by SIGTERM unless it says so.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
{
    "always": lambda: http(Always),
    "login": lambda: http(Login),
    "force-ssl": lambda: http(ForceSsl),
    "healthy": lambda: http(Healthy),
    "slow": slow,
    "echo": echo,
    "grpc": lambda: remote_calls(healthy=True),
    "grpc-without-health": lambda: remote_calls(healthy=False),
    "page": lambda: http(Page),
    "worker": work,
}[sys.argv[1]]()
