"""What may be shown to anybody: nothing that is called, or looks, like a secret or an internal address; nothing big.

By name and by value, since a password stands as often in a URL, or under a name like ``detail``, as under its own.
It catches the usual, not everything: where ``/health`` can be reached from outside, ``show_details`` is ``"never"``.
"""

import re
from collections.abc import Mapping
from itertools import islice

from flask_management_endpoints.raw import Raw

MAX_TEXT = 200
MAX_DEPTH = 5
MAX_ITEMS = 64
_NAMES = re.compile(
    r"pass|pwd|secret|token|credential|key|private|auth|cookie|session|dsn|conn|cert|salt|signature|error|exception"
    r"|trace|stack|command|machine|webhook",
    re.IGNORECASE,
)
_VALUES = re.compile(
    r"""@ | ://                                         # a login; an address
    | \b(?:basic|bearer|digest|negotiate)\s+\S          # an Authorization header
    | \beyJ[\w-]{5,}                                   # a JSON web token
    | \b(?:AKIA|ASIA|AIza|gh[opsu]_|github_pat_|glpat-|xox[abprs]-|[sr]k[-_]|npm_|pypi-|hf_)[\w-]{8,}  # clouds' keys
    | -----BEGIN                                       # PEM
    | (?:pass(?:word|wd)?|pwd|secret|token|key)\s*[=:]  # a name and a value inside of a text
    | (?<![\w.-])(?=[\d.-]*[a-z])[\w.-]+:\d{2,5}\b(?!:)(?<!\d\d:\d\d)  # host:port, but no time of day
    | \b(?:\d{1,3}\.){3}\d{1,3}\b                     # IPv4
    | \.(?:svc|cluster|local|internal|intranet|lan|corp)\b  # names of an internal network
    | (?-i:(?<![\w+/=-])(?=[\w+/=-]*[a-z])(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*\d)[\w+/=-]{24,})  # random letters and digits
    """,
    re.IGNORECASE | re.VERBOSE,
)


def scrubbed(value: Raw, depth: int = 0) -> Raw:
    """Return what of ``value``, another service's JSON, may be shown to anybody."""
    if isinstance(value, Mapping):
        items = ((key, item) for key, item in value.items() if isinstance(key, str) and presentable(key, item))
        return {key: scrubbed(item, depth + 1) for key, item in islice(items, MAX_ITEMS) if depth < MAX_DEPTH}
    if isinstance(value, list):
        return [scrubbed(item, depth + 1) for item in value[:MAX_ITEMS] if depth < MAX_DEPTH and _plain(item)]
    return value


def presentable(name: str, value: Raw) -> bool:
    """Return whether ``value`` may be shown under ``name``."""
    return not _NAMES.search(name) and _plain(name) and _plain(value)


def _plain(value: Raw) -> bool:
    return not isinstance(value, str) or (len(value) <= MAX_TEXT and not _VALUES.search(value))
