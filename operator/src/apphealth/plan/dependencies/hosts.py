"""Finding the hosts that a text names: URLs, DSNs, `host:port`, in-cluster names. Linear in the text's length.

Values are untrusted: only so many parts of a value are looked at, each up to `MAX_PART`, and nothing backtracks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from apphealth.plan.dependencies.evidence.keys import meaning_of

MAX_PARTS = 32
"""Parts of one value that are looked at."""
MAX_PART = 512
"""Longest part looked at, in characters: a host name has 253 at most, the rest is path or query."""
MAX_KEY = 64
_MAX_SCHEME = 32
WELL_KNOWN_PORTS = {"http": 80, "https": 443}
_NOT_HOSTS = (
    "file unix sqlite sqlite3 s3 s3a s3n gs gcs wasb wasbs abfs abfss adl docker oci arn spiffe data urn mailto "
    "configmap secret classpath jar git+file jdbc:sqlite jdbc:h2 jdbc:hsqldb jdbc:derby"
)
NOT_HOSTS = frozenset(_NOT_HOSTS.split())
"""Schemes after which stands a bucket, a path, an image or a name, and no host."""
RESOLVERS = frozenset({"dns", "xds", "passthrough", "kubernetes", "k8s"})
"""gRPC's name resolvers: the target stands where a URL has its path, `dns:///users:50051`."""
_PREFIXES = ("dnssrvnoa+", "dnssrv+", "dns+", "dns:", "passthrough:", "ipv4:", "ipv6:", "tcp:")
"""What gRPC's targets, Thanos and ADO.NET write before a host without `//`."""

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")
_KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
_HEX = frozenset("0123456789abcdef:")
_PATH = re.compile("[/?#]")
_SEPARATORS = str.maketrans(",;|\t\n\r\"'`<>", " " * 11)


class Form(Enum):
    """How a text names a host."""

    URL = "URL"
    """With a scheme: `postgres://db`."""
    PAIR = "pair"
    """With a port: `db:5432`. An image's tag looks alike."""
    QUALIFIED = "qualified"
    """With a dot, or an address: `db.shop.svc`, `10.96.0.7`."""
    WORD = "word"
    """Nothing but the word itself. It may well mean something else."""


class Host(NamedTuple):
    """A host that a text names."""

    name: str
    """In lower case; an IPv6 address in its short form, without brackets."""
    port: int | None
    form: Form
    text: str
    """What stood there, any credentials masked."""
    key: str = ""
    """What stood before it: `host` of `host=db`, `--host=db`."""


class _Address(NamedTuple):
    """Where a part leads: what stands between the credentials and the path."""

    text: str
    scheme: str = ""
    """With its `://`; empty where there is none."""
    masked: bool = False
    """There were credentials before it."""
    path: bool = False
    """There is a path after it."""
    sure: bool = False
    """The text around it says that it is a host."""


def hosts(value: str, parts: int = MAX_PARTS) -> Iterator[Host]:
    """Yield the hosts that a value names, looking at `parts` parts of it.

    Parameters
    ----------
    value
        Untrusted text, of any length.
    parts
        Most parts of it that are looked at.
    """
    found = value[: parts * MAX_PART].translate(_SEPARATORS).split(maxsplit=parts)
    secret = "@" in value
    for part in found[:parts]:
        key, rest = _key(part[:MAX_PART])
        host = _host(rest, secret=secret)
        if host is not None and not (key and host.form is Form.WORD and not meaning_of(key).host):
            yield host._replace(key=key) if key else host


def _key(part: str) -> tuple[str, str]:
    """Split `key=value`; a part that only contains an equals sign has no key."""
    key, equals, rest = part.partition("=")
    if not equals or len(key) > MAX_KEY or not key or not _KEY_CHARACTERS.issuperset(key):
        return "", part
    return key.lstrip("-"), rest


def _host(part: str, *, secret: bool) -> Host | None:
    """Read one part of a value; `secret`: the value holds credentials, perhaps cut in two by one of the separators."""
    address = _address(part)
    if address is None:
        return None
    name, port_text = _split(address.text)
    port = int(port_text) if port_text.isdecimal() and port_text.isascii() and len(port_text) <= 5 else None
    if not name or (port_text and port is None) or (port is not None and not 1 <= port <= 65535):
        return None
    dotted = "." in name or ":" in name
    if (address.masked or address.path) and not address.scheme and port is None and not dotted and not address.sure:
        return None  # an e-mail address, a path: not a host
    shown = f"{'***@' if address.masked else ''}{address.text}" if address.masked or not secret else "***"
    form = Form.QUALIFIED if dotted else Form.WORD
    if address.scheme or address.sure:
        form = Form.URL
    elif port is not None:
        form = Form.PAIR
    port = WELL_KNOWN_PORTS.get(address.scheme.removesuffix("://")) if port is None else port
    return Host(name, port, form, f"{address.scheme}{shown}")


def _address(part: str) -> _Address | None:
    """Find where a part leads; None where it says that it leads to no host."""
    prefix, separator, rest = part.partition("://")
    if not separator:
        return _without_scheme(part)
    scheme = _scheme(prefix)
    if scheme in NOT_HOSTS:
        return None
    if scheme in RESOLVERS:
        rest = rest.partition("/")[2]
    _, at, text = _before_path(rest).rpartition("@")
    return _Address(_bare(text), f"{scheme}://", masked=bool(at), sure=True)


def _without_scheme(part: str) -> _Address | None:
    lower = part[:16].lower()
    prefix = ""
    if lower.startswith(_PREFIXES):
        prefix = next(prefix for prefix in _PREFIXES if lower.startswith(prefix))
    if prefix and not part[len(prefix) :].isdecimal():
        return _Address(_bare(_before_path(part[len(prefix) :])), prefix, sure=True)
    if lower.startswith("jdbc:oracle:"):
        _, at, text = part.rpartition("@")
        text = ":".join(_before_path(text.lstrip("/")).split(":")[:2])
        return _Address(text, "jdbc:oracle:", masked=True, sure=True) if at else None
    authority = _before_path(part)
    _, at, text = authority.rpartition("@")
    if text.startswith("tcp(") and ")" in text:  # Go's MySQL driver: user:password@tcp(db:3306)/name
        return _Address(text[4 : text.index(")")], masked=bool(at), sure=True)
    return _Address(_bare(text), masked=bool(at), path=authority != part)


def _bare(text: str) -> str:
    """Take away the brackets of a list around an address, but not those of an IPv6 address."""
    text = text.strip("(){}")
    if "[" not in text and "]" not in text:
        return text
    inside = text[text.rfind("[") + 1 :].partition("]")
    return f"[{inside[0]}]{inside[2]}" if ":" in inside[0] and _ipv6(inside[0]) else text.strip("[]")


def _split(address: str) -> tuple[str, str]:
    """Split an address into name and port; an empty name: it is none."""
    if address.startswith("["):
        inside, _, rest = address[1:].partition("]")
        return (_ipv6(inside), rest[1:]) if rest[:1] in ("", ":") else ("", "")
    if address.count(":") > 1:
        return _ipv6(address), ""
    name, colon, port = address.partition(":")
    if colon and not port:
        return "", ""
    name = name.lower().rstrip(".")
    while name.startswith("_"):  # the service and protocol of an SRV record: _http._tcp.users
        name = name.partition(".")[2]
    return (name if _is_name(name) else ""), port


def _ipv6(text: str) -> str:
    text = text.lower()
    if len(text) > 39 or not _HEX.issuperset(text):
        return ""
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        return ""


def _scheme(prefix: str) -> str:
    """Return the scheme at the end of what stands before `://`, in lower case: a value may have more before it."""
    end = len(prefix)
    while end and prefix[end - 1].isascii() and (prefix[end - 1].isalnum() or prefix[end - 1] in "+.-"):
        end -= 1
    jdbc = "jdbc:" if prefix[:end].lower().endswith("jdbc:") else ""
    return jdbc + prefix[end:][-_MAX_SCHEME:].lower()


def _before_path(text: str) -> str:
    """Return what stands before a path, a query or a fragment."""
    return _PATH.split(text, maxsplit=1)[0]


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 253 and name[0].isalnum() and name[-1].isalnum() and _NAME_CHARACTERS.issuperset(name)
