"""A rule: an AppHealth or a ClusterAppHealth as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apphealth.api.spec import AppHealthSpec


class RuleKind(StrEnum):
    """The two kinds of rule."""

    APP_HEALTH = "AppHealth"
    CLUSTER_APP_HEALTH = "ClusterAppHealth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An AppHealth or ClusterAppHealth, parsed and valid."""

    kind: RuleKind
    name: str
    spec: AppHealthSpec
    namespace: str = ""
    """Empty for a ClusterAppHealth."""
    uid: str = ""
    generation: int = 1
    created: str = ""
    """creationTimestamp as RFC 3339 text in UTC, which sorts by age; empty in files."""

    key: RuleKey = field(init=False)
    """The key that identifies this rule in the cluster."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", RuleKey(kind=self.kind, namespace=self.namespace, name=self.name))


@dataclass(frozen=True, slots=True, order=True)
class RuleKey:
    """Identifies a rule in the cluster."""

    kind: RuleKind
    namespace: str
    name: str

    def __str__(self) -> str:
        """`AppHealth/shop/web`, `ClusterAppHealth/standard`."""
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


def parse_rule_key(text: str) -> RuleKey | None:
    """Read a rule's key as `str` spells it, or return None if it is none."""
    match text.split("/"):
        case [RuleKind.APP_HEALTH, namespace, name]:
            return RuleKey(RuleKind.APP_HEALTH, namespace, name)
        case [RuleKind.CLUSTER_APP_HEALTH, name]:
            return RuleKey(RuleKind.CLUSTER_APP_HEALTH, "", name)
    return None
