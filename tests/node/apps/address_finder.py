"""Listens only ten seconds after its start; says which probe asked: the program of seed 001."""

import logging
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

log = logging.getLogger("address-finder")
logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%Y/%m/%d %H:%M:%S", level=logging.INFO)


class Handler(BaseHTTPRequestHandler):
    """Answers /health with an empty 200."""

    def do_GET(self) -> None:
        """Answer, and log the probe's name."""
        known = self.path == "/health"
        if known:
            log.info("X-Probe: %s", self.headers.get("X-Probe", ""))
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Leave the log to the line above."""


# The first process of a container isn't ended by SIGTERM unless it says so.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
log.info("app will be ready in 10 sec")
time.sleep(10)
log.info("app is ready")
ThreadingHTTPServer(("", 3000), Handler).serve_forever()
