"""From an HTTP answer to what it proves: one rule for each `Accept`. Pure."""

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
"""Not now: what an application says while it starts."""
WELL = frozenset({"UP", "DEGRADED"})
"""What the library says with a status of success."""
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,511}")
"""A path as an endpoint may have it."""
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
    """Say what an answer proves.

    Parameters
    ----------
    path
        What was asked.
    control
        For `Accept.DISTINCT`: the answer at a path that nobody serves; None if there was none.
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
            return Try(outcome=Outcome.GOOD, said=str(answer.status), seconds=answer.seconds)


def _enough(accept: Accept, status: int) -> bool:
    return 200 <= status < (400 if accept is Accept.SUCCESS else 300)


def _status(answer: Answer) -> str:
    """Say the status, and where a redirect leads to: its path alone, for the rest may be anybody's secret."""
    if 300 <= answer.status < 400 and answer.location:
        try:
            return f"{answer.status} to {printable(urlsplit(answer.location).path, 80) or '/'}"
        except ValueError:
            pass
    return str(answer.status)


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
    """Yield the probes' endpoints; a link that leads elsewhere than below the index doesn't count."""
    for name, kind in _KINDS.items():
        href = links[name].href if name in links else ""
        if href.startswith(below) and ".." not in href and _PATH.fullmatch(href):
            yield kind, href
