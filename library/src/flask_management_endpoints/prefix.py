"""Where the endpoints are: one spelling for whatever a user writes."""


def normal_prefix(prefix: str | None) -> str:
    """Return ``prefix`` with a slash before and none after it; empty for the root."""
    trimmed = (prefix or "").strip("/")
    return f"/{trimmed}" if trimmed else ""
