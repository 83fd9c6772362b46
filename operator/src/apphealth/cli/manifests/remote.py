"""Manifests that are in no file: those of a URL, and those that kustomize builds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

KUSTOMIZE = "kustomize://"
"""What precedes the directory of a kustomization among the paths of a command line."""
_URLS = ("http://", "https://")
_TIMEOUT = 30
_BUILD_TIMEOUT = 300
_MAX_ERROR = 500


class UnreadableError(Exception):
    """The manifests can't be read; the message says why."""


def is_remote(path: str) -> bool:
    """Return whether a path of the command line is a URL or a kustomization."""
    return path.startswith((*_URLS, KUSTOMIZE))


def shown(path: str) -> str:
    """Return a path as messages show it."""
    return path.removeprefix(KUSTOMIZE)


def read_remote(path: str, most: int) -> bytes:
    """Read the manifests of a URL or a kustomization.

    Parameters
    ----------
    path
        The URL, or the directory of a kustomization after `KUSTOMIZE`.
    most
        The number of bytes after which reading ends.

    Raises
    ------
    UnreadableError
        The server doesn't answer with status 200, or the kustomization can't be built.
    """
    if path.startswith(KUSTOMIZE):
        return _build(path.removeprefix(KUSTOMIZE))[:most]
    # Importing them takes longer than reading a few files, and every command has these options.
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(path, headers={"User-Agent": "apphealth"}), timeout=_TIMEOUT) as answer:  # noqa: S310 -- HTTP
            content: bytes = answer.read(most)
            return content
    except HTTPError as error:
        raise UnreadableError(f"can't be read: HTTP status {error.code}") from error
    except URLError as error:
        raise UnreadableError(f"can't be read: {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise UnreadableError(f"can't be read: {str(error) or type(error).__name__}") from error


def kustomize_program() -> Sequence[str] | None:
    """Return the command that builds a kustomization; None if none is installed."""
    for program, command in (("kubectl", "kustomize"), ("kustomize", "build")):
        if (path := shutil.which(program)) is not None:
            return (path, command)
    return None


def _build(directory: str) -> bytes:
    program = kustomize_program()
    if program is None:
        raise UnreadableError("can't be built: neither kubectl nor kustomize is installed")
    import subprocess

    try:
        done = subprocess.run([*program, "--", directory], capture_output=True, timeout=_BUILD_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreadableError(f"can't be built: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:_MAX_ERROR]
        raise UnreadableError(f"can't be built: {said.removeprefix('error: ') or f'exit code {done.returncode}'}")
    return done.stdout
