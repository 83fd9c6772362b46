"""The rule that the user names: `ah/web`, `cah/standard`."""

from __future__ import annotations

import click


def parse_rule_name(text: str) -> tuple[str, str]:
    """Read `cah/standard` as kind and name.

    Raises
    ------
    click.UsageError
        It is no rule's name.
    """
    from apphealth.api.rule import RuleKind

    kinds = {
        RuleKind.APP_HEALTH: ("ah", "apphealth", "apphealths"),
        RuleKind.CLUSTER_APP_HEALTH: ("cah", "clusterapphealth", "clusterapphealths"),
    }
    kind, _, name = text.partition("/")
    found = next((one for one, names in kinds.items() if kind.lower().split(".")[0] in names), None)
    if found is None or not name:
        raise click.UsageError(f"{text!r} is not of the form KIND/NAME; write ah/NAME or cah/NAME")
    return found, name
