"""The exec probe: ask a health URL, say the answer, exit 0 or 1.

For containers whose platform can't make HTTP probes itself (Docker's HEALTHCHECK, ECS) and for scripts. It starts in
a few dozen milliseconds, because it uses nothing but a few small modules of the standard library.
"""

import socket
import sys
import time

USAGE = """\
usage: python -m flask_management_endpoints check [--timeout SECONDS] [--quiet] URL

Ask a health URL, print its answer, and tell by the exit code:
  0  well: HTTP 200 to 399, and no JSON status but UP or DEGRADED
  1  not well: any other answer, or none in time
  2  the command line is wrong
With Docker:  HEALTHCHECK CMD ["python", "-m", "flask_management_endpoints", "check", "http://127.0.0.1:8000/z/health/readiness"]
"""
USER_AGENT = "flask-management-endpoints/2.0"
MAX_BODY = 64 * 1024
EXIT_WELL, EXIT_UNWELL, EXIT_USAGE = 0, 1, 2


class UsageError(Exception):
    """A command line that can't be understood; the message says why."""


def main(arguments: list[str]) -> int:
    """Run the command line ``arguments`` and return the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        return EXIT_WELL if arguments else EXIT_USAGE
    try:
        url, timeout, quiet = _parse(arguments)
        host, port, target, secure = _parts(url)
    except UsageError as error:
        print(f"error: {error}\n{USAGE}", end="", file=sys.stderr)  # noqa: T201 - it is a command
        return EXIT_USAGE
    well, answer = check(host, port, target, secure=secure, timeout=timeout)
    if not quiet:
        print(answer)  # noqa: T201 - it is a command
    return EXIT_WELL if well else EXIT_UNWELL


def _parse(arguments: list[str]) -> tuple[str, float, bool]:
    rest = list(arguments[1:])
    if arguments[0] != "check":
        raise UsageError(f"{arguments[0]!r} isn't a command; check is")
    timeout, quiet, urls = 3.0, False, []
    while rest:
        word = rest.pop(0)
        if word in ("-q", "--quiet"):
            quiet = True
        elif word in ("-t", "--timeout"):
            timeout = _seconds(rest.pop(0) if rest else "")
        elif word.startswith("--timeout="):
            timeout = _seconds(word.partition("=")[2])
        elif word.startswith("-"):
            raise UsageError(f"{word!r} isn't an option")
        else:
            urls.append(word)
    if len(urls) != 1:
        raise UsageError(f"give one URL, not {len(urls)}")
    return urls[0], timeout, quiet


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86400:
        raise UsageError(f"--timeout is {text!r}; use seconds, more than 0")
    return seconds


def _parts(url: str) -> tuple[str, int, str, bool]:
    """Return host, port, target and whether TLS is wanted.

    Not `urllib`: importing it takes longer than the probe itself.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("http", "https"):
        raise UsageError(f"{url!r} isn't a URL; use http://host:port/path")
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if not colon:
        host, port = authority, "443" if scheme == "https" else "80"
    if not host or not port.isdecimal() or not 0 < int(port) < 65536 or any(character.isspace() for character in url):
        raise UsageError(f"{url!r} names no host, or no port from 1 to 65535")
    return host.strip("[]"), int(port), slash + path or "/", scheme == "https"


def check(host: str, port: int, target: str, *, secure: bool = False, timeout: float = 3.0) -> tuple[bool, str]:
    """Return whether the health URL says that all is well, and its answer or what went wrong, for people.

    The certificate is not verified: a probe asks the very container it runs in, as the kubelet does.
    """
    until = time.monotonic() + timeout
    try:
        with socket.create_connection((host, port), timeout) as connection:
            data = _exchange(_tls(connection, host) if secure else connection, _request(host, port, target), until)
    except TimeoutError:
        return False, f"no answer within {timeout:g} s"
    except OSError as error:
        return False, f"{host}:{port}: {error.strerror or error}"
    return _judge(data)


def _request(host: str, port: int, target: str) -> bytes:
    name = f"[{host}]" if ":" in host else host
    lines = (f"GET {target} HTTP/1.0", f"Host: {name}:{port}", "Connection: close", f"User-Agent: {USER_AGENT}", "", "")
    return "\r\n".join(lines).encode("latin-1", "replace")


def _tls(connection: socket.socket, host: str) -> socket.socket:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=host)


def _exchange(connection: socket.socket, request: bytes, until: float) -> bytes:
    with connection:
        connection.sendall(request)
        data = b""
        while len(data) < MAX_BODY:
            remaining = until - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            connection.settimeout(remaining)
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
            if _is_whole(data):
                break
    return data


def _is_whole(data: bytes) -> bool:
    """Return whether the body is as long as the head says, for servers that keep the connection open."""
    head, separator, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n")[1:] if separator else ():
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return False


def _judge(data: bytes) -> tuple[bool, str]:
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return False, "the answer isn't HTTP"
    status, text = int(words[1]), body.decode(errors="replace").strip()
    return 200 <= status < 400 and _said(text) in (None, "UP", "DEGRADED"), f"{status} {text[:1000]}".strip()


def _said(text: str) -> object:
    """Return the ``status`` of a JSON object, None for anything else."""
    if not text.startswith("{"):
        return None
    import json

    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document.get("status")
