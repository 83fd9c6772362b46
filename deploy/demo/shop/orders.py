"""The shop's orders. It asks users-api whether a customer exists, and keeps the orders in the store."""

import os
import socket

import requests
from flask import Flask
from switches import add_switches
from werkzeug.exceptions import NotFound

from flask_management_endpoints import ManagementEndpoints

USERS_API_URL = os.environ.get("USERS_API_URL", "http://localhost:8000")
STORE = os.environ.get("STORE", "localhost:6379")

app = Flask("orders")
management = ManagementEndpoints(app, no_log=True)
add_switches(app, management)


@app.get("/orders/<login>")
def last_order(login: str) -> dict[str, str]:
    """Return a user's last order."""
    return {"user": login, "order": _ask_store(f"GET {login}")}


@app.post("/orders/<login>/<thing>")
def order(login: str, thing: str) -> dict[str, str]:
    """Order a thing for a user."""
    if login not in requests.get(f"{USERS_API_URL}/users", timeout=2).json():
        raise NotFound(f"there is no user {login}")
    return {"user": login, "order": _ask_store(f"SET {login} {thing}")}


def _ask_store(command: str) -> str:
    host, _, port = STORE.partition(":")
    with socket.create_connection((host, int(port)), timeout=2) as connection:
        connection.sendall(command.encode() + b"\n")
        return connection.makefile().readline().strip()
