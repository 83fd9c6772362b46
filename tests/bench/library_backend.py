"""Dependencies to measure against: prints its ports as JSON, runs until its standard input ends.

A bare keep-alive HTTP server over asyncio: answers UP at once (``fast``) or after 50 ms (``slow``), counts what it is
asked, and has a port that never answers.
"""

import asyncio
import json
import sys

BODY = b'{"status": "UP"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


async def main(slow: int) -> None:
    asked = 0

    def server(delay: float) -> object:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            while True:
                try:
                    request = await reader.readuntil(b"\r\n\r\n")
                except (asyncio.IncompleteReadError, ConnectionError):
                    break
                path = request.split(b" ", 2)[1]
                body = str(asked).encode() if path == b"/count" else BODY
                if path != b"/count":
                    asked += 1
                    await asyncio.sleep(1.0 if path == b"/slower" else delay)
                writer.write(HEAD % len(body) + body)
            writer.close()

        return serve

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def listen(handler: object) -> str:
        listener = await asyncio.start_server(handler, "127.0.0.1", 0, backlog=512)  # type: ignore[arg-type]
        keep.append(listener)
        return f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"

    keep: list[asyncio.Server] = []
    ports = {
        "BENCH_FAST": json.dumps(await listen(server(0))),
        "BENCH_SLOW": json.dumps([await listen(server(0.05)) for _ in range(slow)]),
        "BENCH_SILENT": (await listen(silent)).partition(":")[2],
    }
    print(json.dumps(ports), flush=True)  # noqa: T201 - how it answers
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(10))
