"""A pytest fixture for apps with management endpoints.

In ``conftest.py``::

    from flask_management_endpoints.contrib.fixtures import health

It wants a fixture ``app``, as pytest-flask does, or your own.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from flask_management_endpoints.checks.outcome import Result, Status

if TYPE_CHECKING:
    from flask import Flask

    from flask_management_endpoints.health import Health


class HealthOfApp:
    """What the endpoints of an app say, and a way to have a check fail."""

    def __init__(self, app: "Flask", stack: ExitStack) -> None:
        self._health: Health = app.extensions["management_endpoints"]
        self._client = app.test_client()
        self._stack = stack

    def probe(self, name: str = "readiness") -> int:
        """Return the HTTP status of a probe or group."""
        return self._client.get(f"{self._health.prefix}/health/{name}").status_code

    def components(self) -> dict[str, str]:
        """Return the status of every component of ``/health``."""
        body: dict[str, Any] = self._client.get(f"{self._health.prefix}/health").get_json()
        return {name: component["status"] for name, component in body["components"].items()}

    def set(self, name: str, status: str = "DOWN", reason: str = "the test says so") -> None:
        """Have the registered check ``name`` say ``status`` until the test is over.

        Raises
        ------
        KeyError
            When there is no such check.
        """
        result = Result(Status(status), reason)
        self._stack.enter_context(self._health.registry.replaced(name, lambda: result))


@pytest.fixture
def health(app: "Flask") -> Iterator[HealthOfApp]:
    """Return what the endpoints of the fixture ``app`` say."""
    with ExitStack() as stack:
        yield HealthOfApp(app, stack)
