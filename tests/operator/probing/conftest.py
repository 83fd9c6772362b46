"""Real servers on real sockets, one for each way to answer."""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from apphealth.model.pod import Pod

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Servers:
    """Servers that close with the test."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        """The requests that came, headers included."""
        self._servers: list[asyncio.Server] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def talk(self, talk: Talk, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> int:
        """Serve with a function of one's own; returns the port."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            self._writers.append(writer)
            try:
                await talk(reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                self._tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(serve, host, 0, ssl=tls)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def http(self, answers: Callable[[str], bytes], **where: object) -> int:
        """Serve HTTP: from a path to a raw answer."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(request)
            writer.write(answers(request.split()[1].decode()))
            await writer.drain()

        return await self.talk(talk, **where)  # type: ignore[arg-type]

    async def close(self) -> None:
        for task in set(self._tasks):
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()
        for server in self._servers:
            server.close()
            await server.wait_closed()


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    """Provide servers that close with the test."""
    async with AsyncExitStack() as stack:
        servers = Servers()
        stack.push_async_callback(servers.close)
        yield servers


@pytest.fixture
def make_pod() -> Callable[..., Pod]:
    """Provide a way to make pods: old ones at 127.0.0.1, unless said otherwise."""

    def make(name: str = "web-5d4f-x2x", ip: str = "127.0.0.1", age: float = 3600.0) -> Pod:
        return Pod(name=name, uid=f"uid-{name}", ip=ip, age=age)

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Provide TLS with a certificate that nobody has signed, for a name that isn't ours."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=elsewhere"],
            "-keyout",
            key,
            "-out",
            cert,
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


SERVER = Path(__file__).with_name("grpc_server.py")


@pytest.fixture
def start_grpc() -> Iterator[Callable[..., int]]:
    """Provide a way to start gRPC servers: without `statuses`, one that has no health service. Returns the port."""
    servers = []

    def start(statuses: dict[str, str] | None = None, address: str = "127.0.0.1") -> int:
        command = [sys.executable, SERVER, address, json.dumps(statuses)]
        servers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return int(servers[-1].stdout.readline())

    yield start
    for server in servers:
        server.kill()
        server.communicate()
