"""Which dependencies to ask for one answer, as jobs, and which not, because the question comes from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_management_endpoints.checks.definition import Policy
from flask_management_endpoints.checks.outcome import Result, down
from flask_management_endpoints.dependencies.client import Client
from flask_management_endpoints.dependencies.hops import DIRECT, HEADER, Hops, Identity
from flask_management_endpoints.dependencies.model import Dependency, Timeouts
from flask_management_endpoints.dependencies.probe import ask
from flask_management_endpoints.dependencies.urls import BadUrlError, health_url, place, preferred_scheme, split
from flask_management_endpoints.execution.runner import Job


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks: the name we were asked under, and the way the question has come."""

    asked_as: str = ""
    hops: Hops = DIRECT


class Questioner:
    """Makes the jobs that ask dependencies.

    One per app: it keeps the connections, and what this process is called by others.
    """

    def __init__(self) -> None:
        self._client = Client()
        self._identity = Identity()

    def came_from(self, question: Question, url: str) -> bool:
        """Return whether ``url`` is this app itself, or waits for this answer, or nobody must be asked any more."""
        names = self._identity.names(question.asked_as, question.hops)
        ours = Hops((), names)
        return self._identity.goes_no_further(question.hops) or question.hops.visited(url) or ours.visited(url)

    def job(
        self, dependency: Dependency, url: str | BadUrlError, question: Question, timeouts: Timeouts, policy: Policy
    ) -> Job:
        """Return the job that asks ``dependency`` at ``url``.

        A URL that nothing can be asked at gives a job that says so.
        """
        limits = dependency.timeouts or timeouts
        kind = dependency.kind
        hops = question.hops
        names = self._identity.names(question.asked_as, hops)
        self._client.warm_up()

        def run(until: float) -> Result:
            if isinstance(url, BadUrlError):
                return down(str(url))
            headers = {}
            if kind == "actuator":
                headers[HEADER] = hops.through(self._identity.process, [*names, place(url)]).header()
            return ask(self._client, kind, url, timeouts=limits, until=until, headers=headers)

        key = ("dependency", dependency.name, str(url), kind, limits, hops)
        return Job(key, run, limits.total, policy, remembered=not hops)


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
