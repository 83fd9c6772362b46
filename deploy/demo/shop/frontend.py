"""The shop's front page. It asks users-api for the users."""

import os

import requests
from flask import Flask
from switches import add_switches

from flask_management_endpoints import ManagementEndpoints

USERS_API_URL = os.environ.get("USERS_API_URL", "http://localhost:8000")

app = Flask("frontend")
management = ManagementEndpoints(app, no_log=True)
add_switches(app, management)


@app.get("/")
def front_page() -> str:
    """Greet the users."""
    users = requests.get(f"{USERS_API_URL}/users", timeout=2).json()
    return "Welcome to the shop, " + ", ".join(users.values()) + "!\n"
