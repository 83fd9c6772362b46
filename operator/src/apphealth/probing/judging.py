"""What an HTTP answer proves: one rule for each `Accept`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from apphealth.model.probe import ProbeKind
from apphealth.model.proof import Accept
from apphealth.probing.http import Answer
from apphealth.probing.tries import Outcome, Try, printable

UNAVAILABLE = 503
"""The status of an application that is starting."""
WELL = frozenset({"UP", "DEGRADED"})
"""The library's statuses that come with a successful HTTP status."""
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,511}")
"""The paths that an endpoint may have."""
_KINDS = {f"health-{kind}": kind for kind in ProbeKind}
"""The index's names for the probes' endpoints."""


class _Health(msgspec.Struct):
    """The library's answer to a probe."""

    status: str


class _Link(msgspec.Struct):
    href: str


class _Index(msgspec.Struct):
    """The library's index."""

    links: dict[str, _Link] = msgspec.field(name="_links")


def judge(accept: Accept, answer: Answer, path: str, control: Answer | None = None) -> Try:
    """Return what an answer proves.

    Parameters
    ----------
    accept, answer
        Which answers are enough, and the one that came.
    path
        The path that was asked for.
    control
        For `Accept.DISTINCT`: the answer for a path that no application serves; None if there was none.
    """
    if not _enough(accept, answer.status):
        outcome = Outcome.STARTING if answer.status == UNAVAILABLE else Outcome.BAD
        return Try(outcome=outcome, said=_status(answer))
    match accept:
        case Accept.DISTINCT if control is not None and 200 <= control.status < 300:
            return Try(
                outcome=Outcome.BAD, said=f"{answer.status}, but {control.status} too at a path that nobody serves"
            )
        case Accept.LIBRARY if not _is_health(answer.body):
            return Try(outcome=Outcome.BAD, said=f"{answer.status}, but not the JSON of flask_management_endpoints")
        case Accept.INDEX:
            return _index(answer, path)
        case _:
            elsewhere = " on another host, which the kubelet takes for success" if 300 <= answer.status < 400 else ""
            return Try(outcome=Outcome.GOOD, said=_status(answer) + elsewhere, seconds=answer.seconds)


def _enough(accept: Accept, status: int) -> bool:
    return 200 <= status < (400 if accept is Accept.SUCCESS else 300)


def _status(answer: Answer) -> str:
    """Return the status with the redirects that led to it, and the path of one that was not followed.

    Hosts and queries are left out: they may be anybody's secret.
    """
    said = f"{answer.status} after a redirect to {answer.last}" if answer.redirects else str(answer.status)
    if not (300 <= answer.status < 400 and answer.location):
        return said
    try:
        return f"{said} to {printable(urlsplit(answer.location).path, 80) or '/'}"
    except ValueError:
        return said


def _is_health(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Health).status in WELL
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False


def _index(answer: Answer, path: str) -> Try:
    try:
        links = msgspec.json.decode(answer.body, type=_Index).links
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Try(outcome=Outcome.BAD, said=f"{answer.status}, but no index of flask_management_endpoints")
    endpoints = tuple(_endpoints(links, f"{path.rstrip('/')}/"))
    if not endpoints:
        return Try(
            outcome=Outcome.BAD, said=f"{answer.status}, but the index names no endpoint below {printable(path, 80)}"
        )
    return Try(outcome=Outcome.GOOD, said=str(answer.status), seconds=answer.seconds, endpoints=endpoints)


def _endpoints(links: dict[str, _Link], below: str) -> Iterator[tuple[ProbeKind, str]]:
    """Yield the probes' endpoints; links that don't lead below the index are left out."""
    for name, kind in _KINDS.items():
        href = links[name].href if name in links else ""
        if href.startswith(below) and ".." not in href and _PATH.fullmatch(href):
            yield kind, href
