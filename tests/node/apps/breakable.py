"""/healthz, /readyz that says 503 for ten seconds, /break and /fix: the app of seed 002."""

import time

from flask import Flask

app = Flask(__name__)
started = time.time()
state = {"healthy": True}


@app.route("/healthz")
def healthz() -> tuple[dict[str, str], int]:
    """Liveness."""
    return ({"status": "ok"}, 200) if state["healthy"] else ({"status": "error"}, 500)


@app.route("/readyz")
def readyz() -> tuple[dict[str, str], int]:
    """Readiness."""
    return ({"status": "starting"}, 503) if time.time() - started < 10 else ({"status": "ready"}, 200)


@app.route("/break")
def break_app() -> dict[str, str]:
    """Fail from now on."""
    state["healthy"] = False
    return {"status": "breaking"}


@app.route("/fix")
def fix_app() -> dict[str, str]:
    """Recover."""
    state["healthy"] = True
    return {"status": "fixing"}


@app.route("/")
def hello_world() -> str:
    """Say hello."""
    return "Hello, World!"
