"""Which build this is: from the variables that build systems set, else from the files that build tools write.

The variables are Jenkins', GitHub's and GitLab's. The files, beside the app or in the working folder, are those that
Spring Boot's ``/info`` reads: ``git.properties`` and ``build-info.properties``. They don't change while the process
runs, so they are read once.
"""

import os
import re
from functools import cache
from pathlib import Path

from flask_management_endpoints.info.attributes import read

_GIT = {
    "commit": ("GIT_COMMIT", "GIT_SHA", "GITHUB_SHA", "CI_COMMIT_SHA"),
    "branch": ("GIT_BRANCH", "GITHUB_REF_NAME", "CI_COMMIT_BRANCH"),
}
_BUILD = {"time": ("BUILD_TIME", "BUILD_DATE"), "number": ("BUILD_NUMBER", "GITHUB_RUN_NUMBER", "CI_PIPELINE_IID")}
_GIT_KEYS = {"git.commit.id": "commit", "git.branch": "branch", "git.commit.time": "time"}
_LINE = re.compile(r"\s*(?P<key>[\w.-]+)\s*[=:]\s*(?P<value>.*?)\s*")


def facts(folder: str = ".") -> dict[str, dict[str, str]]:
    """Return ``git`` and ``build``, as far as the environment and the files in ``folder`` know them."""
    written = _written(folder)
    found = {"git": {**written["git"], **_from(_GIT)}, "build": {**written["build"], **_from(_BUILD)}}
    return {name: values for name, values in found.items() if values}


def _from(variables: dict[str, tuple[str, ...]]) -> dict[str, str]:
    candidates = (
        (key, next((os.environ[name] for name in names if os.environ.get(name)), ""))
        for key, names in variables.items()
    )
    return {key: value for key, value in candidates if value}


@cache
def _written(folder: str) -> dict[str, dict[str, str]]:
    git, build = (_properties(folder, name) for name in ("git.properties", "build-info.properties"))
    return {
        "git": {key: git[name] for name, key in _GIT_KEYS.items() if name in git},
        "build": {key.removeprefix("build."): value for key, value in build.items() if key.startswith("build.")},
    }


def _properties(folder: str, name: str) -> dict[str, str]:
    """Return what a file in Java's format says; nothing if there is none. Colons may be escaped there."""
    text = read(str(Path(folder, name))) or read(name)
    lines = (_LINE.fullmatch(line) for line in text.splitlines() if not line.lstrip().startswith(("#", "!")))
    return {line["key"]: re.sub(r"\\(.)", r"\1", line["value"])[:200] for line in lines if line}
