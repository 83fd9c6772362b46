"""Container images without a registry and without Docker, for the demo and the tests.

`base` makes a Debian with Python, under the name that ordinary Dockerfiles start from; `wheels` gathers what such a
Dockerfile installs with pip; `build` turns a Dockerfile into an archive that `Cluster.load` takes. All three are cached
by the content of their inputs, and nothing is fetched while a Dockerfile runs.
"""

from .base import BASE_NAMES, base
from .build import build
from .wheels import wheels

__all__ = ["BASE_NAMES", "base", "build", "wheels"]
