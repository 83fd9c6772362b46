"""The type of what nobody has looked at yet: a user's configuration, a file, another service's JSON."""

from typing import Any, TypeAlias

Raw: TypeAlias = Any
