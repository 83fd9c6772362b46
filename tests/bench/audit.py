"""What a client really asked of the API server, and when: read from the API server's own audit log.

Only the operator's user is logged (and whoever makes a rule), so it costs the same few microseconds a request on both
sides of a comparison, and needs no help from the operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Metadata
  users: ["{user}"]
- level: Metadata
  verbs: [create, update, patch]
  resources: [{{group: apphealth.dev, resources: [clusterapphealths]}}]
- level: None
"""


class Reference(msgspec.Struct, frozen=True, rename="camel"):
    """What a request was about."""

    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class Status(msgspec.Struct, frozen=True):
    """How it was answered."""

    code: int = 0


class User(msgspec.Struct, frozen=True):
    """Who asked."""

    username: str = ""


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """One line of the log."""

    stage: str
    verb: str
    user: User
    request_received_timestamp: datetime
    stage_timestamp: datetime
    request_uri: str = msgspec.field(name="requestURI", default="")
    object_ref: Reference = Reference()
    response_status: Status = Status()

    @property
    def received(self) -> float:
        """When the request came, in seconds since the epoch, to the microsecond."""
        return self.request_received_timestamp.timestamp()

    @property
    def done(self) -> float:
        """When it was answered (a watch: when it ended)."""
        return self.stage_timestamp.timestamp()

    @property
    def label(self) -> str:
        """Verb and resource: `patch deployments`, `patch clusterapphealths/status`, `GET /version`."""
        parts = [part for part in (self.object_ref.resource, self.object_ref.subresource) if part]
        return f"{self.verb} {'/'.join(parts) or self.request_uri.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit log of a cluster."""

    path: Path
    user: str
    """Whose requests count."""

    def write_policy(self, target: Path) -> None:
        """Write the API server's audit policy."""
        target.write_text(_POLICY.format(user=self.user))

    def arguments(self, policy: Path) -> list[str]:
        """Return the API server's flags."""
        return [f"--audit-policy-file={policy}", f"--audit-log-path={self.path}", "--audit-log-maxsize=4000"]

    def mark(self) -> int:
        """Return where the log ends now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def since(self, mark: int) -> list[Entry]:
        """Return what was logged since a mark; a line that is still being written is left out."""
        with self.path.open("rb") as log:
            log.seek(mark)
            lines = log.read().splitlines(keepends=True)
        return [msgspec.json.decode(line, type=Entry) for line in lines if line.endswith(b"\n")]

    def of_user(self, mark: int) -> list[Entry]:
        """Return what the user asked since a mark, answered or under way."""
        return [entry for entry in self.since(mark) if entry.user.username == self.user]


def count(entries: Sequence[Entry]) -> dict[str, int]:
    """Count requests by verb and resource, refused ones apart; the most frequent first."""
    ended = [entry for entry in entries if entry.stage == "ResponseComplete"]
    labels = Counter(
        entry.label + (f" ({entry.response_status.code})" if entry.response_status.code >= 400 else "")
        for entry in ended
    )
    return dict(labels.most_common())
