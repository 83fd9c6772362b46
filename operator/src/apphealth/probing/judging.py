"""What an HTTP answer proves: one rule for each `Accept`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from apphealth.model.probe import ProbeKind
from apphealth.model.proof import Accept
from apphealth.plan.harm import is_gone
from apphealth.probing.http import Answer
from apphealth.probing.tries import MAX_BODY, NOWHERE, Outcome, Try, printable

UNAVAILABLE = 503
"""The status of an application that is starting."""
WELL = frozenset({"UP", "DEGRADED"})
"""The library's statuses that come with a successful HTTP status."""
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{0,511}")
"""The paths that an endpoint may have."""
MAX_PLAIN = 200
"""Most characters of a text that is read as a word about health."""
MAX_PAGE = 2048
"""Most bytes of an HTML answer of a health endpoint; longer ones are pages for people."""
_WELL = frozenset({
    *("up", "ok", "okay", "healthy", "pass", "passed", "passing", "alive", "live", "ready", "running", "serving"),
    *("success", "available", "server available", "green", "good", "true", "pong", "started", "degraded", "warn"),
})  # fmt: skip
_ILL = frozenset({
    *("down", "unhealthy", "fail", "failed", "failing", "error", "critical", "red", "out_of_service", "not_serving"),
    *("unavailable", "not ready", "notready", "not_ready", "starting", "false", "dead"),
})  # fmt: skip
_STATUS_KEYS = ("status", "state", "health", "healthy", "ok", "ready", "alive", "live", "result", "message")
"""The keys of a JSON object that say how it is, the most telling first."""
_WORD = re.compile(r"[a-z_]+")
_DENIALS = frozenset({"not", "no", "never"})
_PROXIES = re.compile(
    r"nginx|openresty|envoy|haproxy|traefik|caddy|apache(?!-coyote)|varnish|kong|squid|tengine", re.IGNORECASE
)
_FOR_PEOPLE = (b"<form", b"<script", b"password")
_HTML = (b"<!doctype html", b"<html")
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
        For `Accept.DISTINCT` and `HEALTH`: the answer for a path that no application serves; None if there was none.
    """
    if not _enough(accept, answer.status):
        outcome = Outcome.STARTING if answer.status == UNAVAILABLE else Outcome.BAD
        return Try(outcome=outcome, detail=status_of(answer), gone=is_gone(answer.status))
    match accept:
        case Accept.DISTINCT | Accept.HEALTH if why := why_no_health(accept, answer, control):
            return Try(outcome=Outcome.BAD, detail=f"{answer.status}, but {why}")
        case Accept.WELL if not says_well(answer.body):
            return Try(outcome=Outcome.BAD, detail=f"{answer.status}, but nothing says that it is well")
        case Accept.LIBRARY if not _is_health(answer.body):
            return Try(outcome=Outcome.BAD, detail=f"{answer.status}, but not the JSON of flask_management_endpoints")
        case Accept.INDEX:
            return _index(answer, path)
        case _:
            elsewhere = " on another host, which the kubelet takes for success" if 300 <= answer.status < 400 else ""
            return Try(outcome=Outcome.GOOD, detail=status_of(answer) + elsewhere, seconds=answer.seconds)


def _enough(accept: Accept, status: int) -> bool:
    return 200 <= status < (400 if accept is Accept.SUCCESS else 300)


def why_no_health(accept: Accept, answer: Answer, control: Answer | None) -> str:
    """Return why a successful answer is none of a health endpoint; empty if it may be one.

    Parameters
    ----------
    accept
        With `Accept.HEALTH` a page for people is none.
    answer
        A successful one.
    control
        The answer for a path that no application serves; None if there was none.
    """
    well = says_well(answer.body)
    if well is False:
        return "it says that it isn't well"
    if control is not None and 200 <= control.status < 300:
        echoes = NOWHERE.encode() in control.body
        words = well if echoes else says_well(answer.body, among_others=True)
        if not words or says_well(control.body, among_others=True) is not None:
            return f"{control.status} too at a path that nobody serves"
    if accept is Accept.HEALTH and _is_page(answer.body):
        return "with a page for people"
    return ""


def says_well(body: bytes, *, among_others: bool = False) -> bool | None:
    """Return what a body says of the application's health: JSON with a status, or one word; None if it says nothing.

    `among_others`: a good word in a short text is enough. Servers that repeat the path in their answers have such.
    """
    if len(body) > MAX_BODY or not body.strip():
        return None
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        text = body.decode("utf-8", "replace").strip()
        if among_others and len(text) <= MAX_PLAIN and "<" not in text and _good_words(text):
            return True
        return _in_a_word(text)
    if isinstance(value, dict):
        found = [_in_a_word(str(value[key])) for key in _STATUS_KEYS if isinstance(value.get(key), str | bool)]
        return next((one for one in found if one is not None), None)
    return _in_a_word(str(value)) if isinstance(value, str | bool) else None


def _in_a_word(text: str) -> bool | None:
    said = text.strip().strip(".!").lower()
    return said in _WELL if said in _WELL or said in _ILL else None


def _good_words(text: str) -> set[str]:
    """Return the good words of a text, none if it has a bad one."""
    words = set(_WORD.findall(text.lower()))
    return set() if words & (_ILL | _DENIALS) else words & _WELL


def is_proxied(answer: Answer) -> bool:
    """Return whether a program that passes requests on says that it gave the answer."""
    return bool(_PROXIES.search(answer.server))


def _is_page(body: bytes) -> bool:
    head = body[:MAX_BODY].lower()
    if not any(mark in head[:MAX_PAGE] for mark in _HTML):
        return False
    return len(body) > MAX_PAGE or any(mark in head for mark in _FOR_PEOPLE)


def status_of(answer: Answer) -> str:
    """Return the status with the redirects that led to it, and the path of one that was not followed.

    Hosts and queries are left out: they may be anybody's secret.
    """
    status = f"{answer.status} after a redirect to {answer.last}" if answer.redirects else str(answer.status)
    if not (300 <= answer.status < 400 and answer.location):
        return status
    try:
        return f"{status} to {printable(urlsplit(answer.location).path, 80) or '/'}"
    except ValueError:
        return status


def _is_health(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Health).status in WELL
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False


def index_of(answer: Answer, path: str) -> tuple[tuple[ProbeKind, str], ...] | None:
    """Return the endpoints below a path that the library's index names, or None if the answer is no index."""
    try:
        links = msgspec.json.decode(answer.body, type=_Index).links
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return tuple(_endpoints(links, f"{path.rstrip('/')}/"))


def _index(answer: Answer, path: str) -> Try:
    endpoints = index_of(answer, path)
    if endpoints is None:
        return Try(outcome=Outcome.BAD, detail=f"{answer.status}, but no index of flask_management_endpoints")
    if not endpoints:
        return Try(
            outcome=Outcome.BAD, detail=f"{answer.status}, but the index names no endpoint below {printable(path, 80)}"
        )
    return Try(outcome=Outcome.GOOD, detail=str(answer.status), seconds=answer.seconds, endpoints=endpoints)


def _endpoints(links: dict[str, _Link], below: str) -> Iterator[tuple[ProbeKind, str]]:
    """Yield the probes' endpoints; links that don't lead below the index are left out."""
    for name, kind in _KINDS.items():
        href = links[name].href if name in links else ""
        if href.startswith(below) and ".." not in href and _PATH.fullmatch(href):
            yield kind, href
