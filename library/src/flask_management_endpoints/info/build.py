"""Which build this is, from the variables that build systems set (Jenkins, GitHub, GitLab)."""

import os

_GIT = {
    "commit": ("GIT_COMMIT", "GIT_SHA", "GITHUB_SHA", "CI_COMMIT_SHA"),
    "branch": ("GIT_BRANCH", "GITHUB_REF_NAME", "CI_COMMIT_BRANCH"),
}
_BUILD = {"time": ("BUILD_TIME", "BUILD_DATE"), "number": ("BUILD_NUMBER", "GITHUB_RUN_NUMBER", "CI_PIPELINE_IID")}


def facts() -> dict[str, dict[str, str]]:
    """Return ``git`` and ``build``, as far as the environment knows them."""
    found = {"git": _from(_GIT), "build": _from(_BUILD)}
    return {name: values for name, values in found.items() if values}


def _from(variables: dict[str, tuple[str, ...]]) -> dict[str, str]:
    candidates = (
        (key, next((os.environ[name] for name in names if os.environ.get(name)), ""))
        for key, names in variables.items()
    )
    return {key: value for key, value in candidates if value}
