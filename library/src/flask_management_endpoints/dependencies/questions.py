"""Which dependencies to ask for one answer, as jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_management_endpoints.checks.definition import Policy
from flask_management_endpoints.checks.outcome import Result, down
from flask_management_endpoints.dependencies.hops import HEADER, Hops, Identity
from flask_management_endpoints.dependencies.model import Dependency, Timeouts
from flask_management_endpoints.dependencies.urls import BadUrlError, health_url, preferred_scheme, split
from flask_management_endpoints.execution.runner import Job

if TYPE_CHECKING:
    from flask_management_endpoints.dependencies.client import Client


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks: the services that the question came through."""

    hops: Hops = ()


FIRST = Question()
"""Asked by a probe or a person."""


class Questioner:
    """Makes the jobs that ask dependencies.

    One per app: it keeps the connections, and this process's id.
    """

    def __init__(self) -> None:
        self._client: Client | None = None
        self._identity = Identity()

    def client(self) -> "Client":
        """Return the client, which an app without dependencies doesn't even import."""
        if self._client is None:
            from flask_management_endpoints.dependencies.client import Client

            self._client = Client()
            self._client.warm_up()
        return self._client

    def asks(self, dependency: Dependency, question: Question, levels: int) -> bool:
        """Return whether ``dependency`` is asked for this question. A TCP connection asks nobody else in turn."""
        return dependency.kind == "tcp" or self._identity.goes_on(question.hops, levels)

    def job(
        self, dependency: Dependency, url: str | BadUrlError, question: Question, timeouts: Timeouts, policy: Policy
    ) -> Job:
        """Return the job that asks ``dependency`` at ``url``.

        A URL that nothing can be asked at gives a job that says so. Of who asks, the key holds only how far the
        question has come: answers are shared by all, and nobody can invent a key.
        """
        from flask_management_endpoints.dependencies.probe import ask

        client = self.client()
        limits = dependency.timeouts or timeouts
        kind = dependency.kind
        headers = {HEADER: self._identity.header(question.hops)}

        def run(until: float) -> Result:
            if isinstance(url, BadUrlError):
                return down(str(url))
            return ask(client, kind, url, timeouts=limits, until=until, headers=headers)

        depth = 0 if kind == "tcp" else len(question.hops)
        return Job(("dependency", dependency.name, str(url), kind, limits, depth), run, limits.total, policy)


def url_to_ask(dependency: Dependency, config: Mapping[str, Any], prefix: str, check: str | None) -> str | BadUrlError:
    """Return the URL at which ``dependency`` is asked, or what is wrong with it."""
    try:
        if dependency.verbatim or dependency.kind != "actuator":
            split(dependency.url)
            return dependency.url
        url = health_url(dependency.url, scheme=preferred_scheme(config), prefix=prefix, check=check)
        split(url)
    except BadUrlError as error:
        return error
    return url
