"""A key-value store that speaks lines over TCP: `SET key value` and `GET key`. Neither Flask nor HTTP."""

import signal
import socketserver
import sys

VALUES: dict[str, str] = {}


class Conversation(socketserver.StreamRequestHandler):
    """Answers the lines of one client."""

    def handle(self) -> None:
        """Answer until the client hangs up."""
        for line in self.rfile:
            match line.decode().split(maxsplit=2):
                case ["SET", key, value]:
                    VALUES[key] = value.strip()
                    answer = VALUES[key]
                case ["GET", key]:
                    answer = VALUES.get(key, "")
                case _:
                    answer = "what?"
            self.wfile.write(answer.encode() + b"\n")


class Store(socketserver.ThreadingTCPServer):
    """The server."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    # SIGTERM doesn't end the first process of a container unless it has a handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Store(("", 6379), Conversation) as store:
        store.serve_forever()
