"""The shop's users, who may order. It has no dependencies."""

from flask import Flask
from switches import add_switches

from flask_management_endpoints import ManagementEndpoints

USERS = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "katherine": "Katherine Johnson"}

app = Flask("users-api")
management = ManagementEndpoints(app, no_log=True)
add_switches(app, management)


@app.get("/users")
def users() -> dict[str, str]:
    """List the users by login."""
    return USERS
