"""Version 1's module of the access log filter, for those who imported it from here."""

from flask_management_endpoints.prefix import normal_prefix
from flask_management_endpoints.quiet.filters import ProbeFilter

__all__ = ["PrefixFilter"]


class PrefixFilter(ProbeFilter):
    """Drops the access log records of successful requests under ``prefix``."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix
        self.prefixes = frozenset({normal_prefix(prefix)})
